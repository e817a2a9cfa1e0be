#include "client/connection.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "client/console.hpp"
#include "client/duration.hpp"
#include "conc/task.hpp"
#include "net/address.hpp"
#include "net/connect.hpp"
#include "net/stream.hpp"

namespace mynah::client {

std::string describe_connect_error(std::error_code error, std::chrono::nanoseconds timeout) {
    if (error == std::errc::timed_out) {
        return fmt::format("timed out after {}", format_duration(timeout));
    }
    return error.message();
}

conc::Task<std::optional<net::Stream>> connect_or_complain(net::Address address, std::chrono::nanoseconds timeout,
                                                           Console* console) {
    auto stream = co_await net::connect(address, timeout);
    if (!stream) {
        console->complain(fmt::format("cannot connect to {}: {}", address.to_string(),
                                      describe_connect_error(stream.error(), timeout)));
        co_return std::nullopt;
    }
    co_return std::move(*stream);
}

}  // namespace mynah::client
