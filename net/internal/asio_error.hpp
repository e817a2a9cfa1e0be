// asio_error.hpp -- Asio's error codes as the rest of net reports them.
#pragma once

#include <system_error>

#include <asio/error.hpp>

namespace mynah::net::internal {

/// Asio has a system category of its own, which compares equal to no std::errc. Others (resolver errors) stay.
inline std::error_code from_asio(const std::error_code& error) noexcept {
    const bool is_errno = error.category() == asio::error::get_system_category();
    return is_errno ? std::error_code(error.value(), std::system_category()) : error;
}

}  // namespace mynah::net::internal
