#include "server/daemon.hpp"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <expected>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <sys/resource.h>

#include "conc/channel.hpp"
#include "conc/event_source.hpp"
#include "conc/task.hpp"
#include "conc/wait_group.hpp"
#include "net/address.hpp"
#include "net/listener.hpp"
#include "net/resolve.hpp"
#include "net/signals.hpp"
#include "server/command_line.hpp"
#include "server/configuration.hpp"
#include "server/drain.hpp"
#include "server/ledger.hpp"
#include "server/logging.hpp"
#include "server/logging_options.hpp"
#include "server/reception.hpp"
#include "server/session_record.hpp"
#include "server/session_set.hpp"

namespace mynah::server {
namespace {

/// The machine does not have the address, or its whole family: "localhost" may name [::1] where IPv6 is off.
bool is_absent(std::error_code error) {
    return error == std::errc::address_not_available || error == std::errc::address_family_not_supported;
}

/// All listeners of one configured address, or why there is none.
conc::Task<std::expected<std::vector<net::Listener>, std::string>> listen_on(std::string text) {
    const auto failed = [&text](std::string_view reason) {
        return std::unexpected("cannot listen on " + text + ": " + std::string(reason));
    };
    const auto address = net::Address::parse(text);
    if (!address) {
        co_return failed(address.error());
    }
    const auto numeric = co_await net::resolve(*address);
    if (!numeric) {
        co_return failed(numeric.error().message());
    }
    std::vector<net::Listener> listeners;
    std::error_code unusable;
    for (auto each = numeric->begin(); each != numeric->end(); ++each) {
        if (std::find(numeric->begin(), each, *each) != each) {
            continue;  // some resolvers name an address twice
        }
        auto listener = net::Listener::bind(*each);
        if (listener) {
            listeners.push_back(std::move(*listener));
        } else if (is_absent(listener.error())) {
            unusable = listener.error();
        } else {
            co_return failed(listener.error().message());
        }
    }
    if (listeners.empty()) {
        co_return failed(unusable.message());
    }
    co_return listeners;
}

conc::Task<std::expected<std::vector<net::Listener>, std::string>> listen_on_all(std::vector<std::string> addresses) {
    std::vector<net::Listener> all;
    for (const std::string& address : addresses) {
        auto listeners = co_await listen_on(address);
        if (!listeners) {
            co_return std::unexpected(std::move(listeners.error()));
        }
        std::move(listeners->begin(), listeners->end(), std::back_inserter(all));
    }
    co_return all;
}

/// stdout carries one line per listener, then `ready`; scripts read the port from it.
void announce(const std::vector<net::Listener>& listeners) {
    for (const net::Listener& listener : listeners) {
        std::printf("listening %s\n", listener.local().to_string().c_str());
        log_event(LogLevel::info, "listening", {{"address", listener.local().to_string()}});
    }
    std::puts("ready");
    std::fflush(stdout);
}

conc::Task<void> forward_signals(net::SignalReceiver* receiver, conc::Sender<int> signals) {
    while (true) {
        const auto signal = co_await receiver->next();
        if (!signal) {
            co_return;
        }
        log_event(LogLevel::info, "signal", {{"number", *signal}});
        (void)signals.try_send(*signal);  // more signals than it holds mean no more than three
    }
}

}  // namespace

conc::Task<int> run_daemon(const Configuration* configuration, const std::vector<conc::EventSource*>* workers) {
    net::SignalReceiver receiver({SIGTERM, SIGINT});
    auto listeners = co_await listen_on_all(configuration->listen);
    if (!listeners) {
        std::fprintf(stderr, "mynahd: %s\n", listeners.error().c_str());
        co_return kExitFailure;
    }
    conc::Channel<int> signals(16);
    conc::WaitGroup signal_task;
    signal_task.go(forward_signals, &receiver, signals.sender());

    std::atomic<DrainPhase> phase{DrainPhase::serving};
    SessionSet sessions;
    std::optional<Ledger> ledger;
    conc::WaitGroup ledger_task;
    if (configuration->ledger.sqlite_path) {
        ledger.emplace(*configuration->ledger.sqlite_path);
        ledger_task.go([&ledger] { return ledger->run(); });
    }
    Reception reception({.configuration = *configuration,
                         .sessions = sessions,
                         .ledger = ledger ? &*ledger : nullptr,
                         .phase = phase,
                         .workers = *workers});
    announce(*listeners);
    reception.start(std::move(*listeners));

    Drain drain(configuration->drain, signals.receiver(), reception, sessions, phase);
    co_await drain.run();
    if (ledger) {
        ledger->close();
        co_await ledger_task.wait();
        log_event(LogLevel::info, "ledger flushed", {{"rows", ledger->written()}, {"lost", ledger->lost()}});
    }
    receiver.cancel();
    co_await signal_task.wait();
    drain.stopped();
    co_return sessions.totals().count(CloseReason::cut) > 0 ? kExitCut : kExitDrained;
}

void raise_descriptor_limit(const Configuration& configuration) {
    constexpr rlim_t kOwn = 64;  // listeners, wake-ups, log, ledger
    const rlim_t wanted = configuration.limits.connections + kOwn;
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted) {
        return;
    }
    limit.rlim_cur = std::min(wanted, limit.rlim_max);
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < wanted) {
        log_event(LogLevel::warn, "descriptor limit is lower than limits.connections needs",
                  {{"limit", std::uint64_t{limit.rlim_cur}}, {"needed", std::uint64_t{wanted}}});
    }
}

}  // namespace mynah::server
