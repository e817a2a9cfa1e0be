// result.hpp -- how net reports operating errors.
//
// What     Result<T> is a value or a std::error_code: the system's errno, or net's own Errc where errno has no word.
// Threads  plain values.
// Errors   std::errc::timed_out: the operation's time is over; std::errc::operation_canceled: interrupt(), close() or a
//          cancelled context ended it. EINTR, EAGAIN and SIGPIPE never leave net.
#pragma once

#include <expected>
#include <string>
#include <system_error>

namespace mynah::net {

template <class T>
using Result = std::expected<T, std::error_code>;

enum class Errc {
    too_many_descriptors = 1,  // the driver cannot watch a descriptor of this number: select(2)'s FD_SETSIZE
    no_driver,                 // the calling task's scheduler was not given a net driver
    operation_in_progress,     // another task waits for the same direction of this descriptor
    unresolved_name,           // an address with a name was used where only numbers can be: resolve it first
    wrong_worker,              // the stream belongs to another worker already
    no_socket,                 // a file that is no socket stands where a unix socket is to be bound
};

const std::error_category& error_category() noexcept;

inline std::error_code make_error_code(Errc code) noexcept {
    return {static_cast<int>(code), error_category()};
}

/// The failed Result of an errno value.
inline std::unexpected<std::error_code> fail_errno(int value) noexcept {
    return std::unexpected(std::error_code(value, std::system_category()));
}

inline std::unexpected<std::error_code> fail(std::error_code code) noexcept {
    return std::unexpected(code);
}
inline std::unexpected<std::error_code> fail(Errc code) noexcept {
    return std::unexpected(make_error_code(code));
}
inline std::unexpected<std::error_code> fail(std::errc code) noexcept {
    return std::unexpected(std::make_error_code(code));
}

/// True for EMFILE, ENFILE, ENOBUFS and ENOMEM: the process or the machine has run out; later it may go again.
bool is_exhaustion(const std::error_code& code) noexcept;

}  // namespace mynah::net

template <>
struct std::is_error_code_enum<mynah::net::Errc> : std::true_type {};
