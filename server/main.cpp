#include <cerrno>
#include <csignal>
#include <cstdio>
#include <exception>
#include <expected>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "conc/event_source.hpp"
#include "conc/scheduler.hpp"
#include "net/address.hpp"
#include "net/driver.hpp"
#include "net/signals.hpp"
#include "server/command_line.hpp"
#include "server/configuration.hpp"
#include "server/daemon.hpp"
#include "server/logging.hpp"
#include "server/logging_options.hpp"

namespace {

using namespace mynah;

std::expected<void, std::string> check_address(std::string_view text) {
    const auto address = net::Address::parse(text);
    if (!address) {
        return std::unexpected(address.error());
    }
    return {};
}

net::DriverKind driver_kind(server::DriverChoice choice) {
    switch (choice) {
        case server::DriverChoice::automatic:
            return net::DriverKind::automatic;
        case server::DriverChoice::select:
            return net::DriverKind::select;
        case server::DriverChoice::poll:
            return net::DriverKind::poll;
        case server::DriverChoice::epoll:
            return net::DriverKind::epoll;
        case server::DriverChoice::io_uring:
            return net::DriverKind::io_uring;
    }
    return net::DriverKind::automatic;
}

/// A descriptor 0, 1 or 2 that the caller closed would be given to a socket, and the log would go to a peer.
void open_standard_descriptors() {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
        if (::fcntl(fd, F_GETFD) < 0 && ::open("/dev/null", O_RDWR) != fd) {
            throw std::system_error(errno, std::system_category(), "cannot open /dev/null");
        }
    }
}

int serve(const server::Configuration& configuration) {
    // It outlives the run: between its end and the last lines here a signal would end mynahd.
    net::SignalReceiver receiver({SIGTERM, SIGINT});
    const server::Logging logging({.log = configuration.log});
    server::raise_descriptor_limit(configuration);
    if (configuration.driver == server::DriverChoice::automatic) {
        if (const auto available = net::check_io_uring(); !available) {
            server::log_event(server::LogLevel::info, "auto will do without io_uring", {{"reason", available.error()}});
        }
    }
    // The daemon sends each connection to a worker of its choice, so it keeps the sources that the scheduler makes.
    std::vector<conc::EventSource*> workers;
    const auto make_driver = net::driver_factory(driver_kind(configuration.driver));
    conc::Scheduler scheduler({.workers = server::worker_count(configuration), .event_source = [&] {
                                   auto source = make_driver();
                                   workers.push_back(source.get());
                                   return source;
                               }});
    const int status = scheduler.run(server::run_daemon(&configuration, &workers, &scheduler, &receiver));
    // The drain is over: a late signal must not change what it reports.
    std::signal(SIGTERM, SIG_IGN);
    std::signal(SIGINT, SIG_IGN);
    return status;
}

}  // namespace

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);  // a closed stdout or stderr must not end the service
    try {
        open_standard_descriptors();
        const std::vector<std::string> arguments(argv + 1, argv + argc);
        const auto outcome = server::parse_command_line(arguments, {.environment = {}, .check_address = check_address});
        if (!outcome) {
            std::fprintf(stderr, "mynahd: %s\n", outcome.error().message.c_str());
            return outcome.error().exit_status;
        }
        if (outcome->output) {
            std::fputs(outcome->output->c_str(), stdout);
            return std::fflush(stdout) == 0 ? server::kExitDrained : server::kExitFailure;
        }
        return serve(outcome->configuration);
    } catch (const std::exception& exception) {
        std::fprintf(stderr, "mynahd: %s\n", exception.what());
        return server::kExitFailure;
    }
}
