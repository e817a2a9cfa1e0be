#include "client/ping.hpp"

#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "client/command_line.hpp"
#include "client/connection.hpp"
#include "client/console.hpp"
#include "client/exit_status.hpp"
#include "client/ping_link.hpp"
#include "client/pinger.hpp"
#include "conc/context.hpp"
#include "conc/task.hpp"

namespace mynah::client {

conc::Task<ExitStatus> run_ping(PingOptions options, Console* console, conc::Context interrupted) {
    auto stream = co_await connect_unless_cancelled(options.address, options.timeout, interrupted);
    if (!stream) {
        // Who interrupted it knows.
        if (stream.error() != std::errc::operation_canceled) {
            console->complain(fmt::format("cannot connect to {}: {}", options.address.to_string(),
                                          describe_connect_error(stream.error(), options.timeout)));
        }
        co_return ExitStatus::unreachable;
    }
    Pinger pinger(std::move(options), console, std::move(interrupted));
    co_return co_await pinger.run(std::move(*stream));
}

}  // namespace mynah::client
