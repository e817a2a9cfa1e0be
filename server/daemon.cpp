#include "server/daemon.hpp"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sys/resource.h>

#include "conc/channel.hpp"
#include "conc/event_source.hpp"
#include "conc/scheduler.hpp"
#include "conc/task.hpp"
#include "conc/wait_group.hpp"
#include "net/signals.hpp"
#include "server/admin.hpp"
#include "server/admin_address.hpp"
#include "server/admin_server.hpp"
#include "server/command_line.hpp"
#include "server/configuration.hpp"
#include "server/datagram_service.hpp"
#include "server/drain.hpp"
#include "server/fault/listener_faults.hpp"
#include "server/ledger.hpp"
#include "server/listening.hpp"
#include "server/logging.hpp"
#include "server/logging_options.hpp"
#include "server/reception.hpp"
#include "server/session_record.hpp"
#include "server/session_set.hpp"

namespace mynah::server {
namespace {

/// stdout carries one line per listener, then `ready`; scripts read the port from it. `admin`: nullptr where it is off.
void announce(const std::vector<std::string>& addresses, const AdminServer* admin) {
    for (const std::string& address : addresses) {
        std::printf("listening %s\n", address.c_str());
        log_event(LogLevel::info, "listening", {{"address", address}});
    }
    if (admin != nullptr) {
        const std::string url = admin_url(admin->local());
        std::printf("admin %s\n", url.c_str());
        log_event(LogLevel::info, "admin", {{"address", url}});
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

/// What is open before anybody is told that mynahd is ready.
struct Doors {
    Listening listening;
    std::unique_ptr<AdminServer> admin;  // nullptr: off
};

conc::Task<std::expected<Doors, std::string>> open_doors(const Configuration* configuration, std::size_t workers) {
    auto listening = co_await listen_on_all(configuration, workers);
    if (!listening) {
        co_return std::unexpected(std::move(listening.error()));
    }
    auto admin = co_await bind_admin(configuration);
    if (!admin) {
        co_return std::unexpected(std::move(admin.error()));
    }
    Doors doors{.listening = std::move(*listening), .admin = std::move(*admin)};
    co_return std::expected<Doors, std::string>(std::move(doors));
}

}  // namespace

conc::Task<int> run_daemon(const Configuration* configuration, const std::vector<conc::EventSource*>* workers,
                           const conc::Scheduler* scheduler, net::SignalReceiver* receiver) {
    auto doors = co_await open_doors(configuration, workers->size());
    if (!doors) {
        std::fprintf(stderr, "mynahd: %s\n", doors.error().c_str());
        co_return kExitFailure;
    }
    conc::Channel<int> signals(16);
    conc::WaitGroup signal_task;
    signal_task.go(forward_signals, receiver, signals.sender());

    std::atomic<DrainPhase> phase{DrainPhase::serving};
    SessionSet sessions;
    std::optional<Ledger> ledger;
    conc::WaitGroup ledger_task;
    if (configuration->ledger.sqlite_path) {
        ledger.emplace(*configuration->ledger.sqlite_path);
        ledger_task.go([&ledger] { return ledger->run(); });
    }
    std::optional<Faults> faults;
    if (!configuration->faults.empty()) {
        faults.emplace(configuration->faults, configuration->listen);
    }
    Reception reception({.configuration = *configuration,
                         .sessions = sessions,
                         .ledger = ledger ? &*ledger : nullptr,
                         .phase = phase,
                         .workers = *workers,
                         .faults = faults ? &*faults : nullptr});
    DatagramService datagrams({.configuration = *configuration,
                               .ledger = ledger ? &*ledger : nullptr,
                               .phase = phase,
                               .workers = *workers,
                               .next_id = [&reception] { return reception.next_id(); },
                               .faults = faults ? &*faults : nullptr});
    announce(doors->listening.addresses, doors->admin.get());
    reception.start(std::move(doors->listening.streams));
    datagrams.start(std::move(doors->listening.datagrams));
    Admin admin({.configuration = *configuration,
                 .scheduler = *scheduler,
                 .workers = *workers,
                 .phase = phase,
                 .sessions = sessions,
                 .reception = reception,
                 .datagrams = datagrams,
                 .ledger = ledger ? &*ledger : nullptr,
                 .faults = faults ? &*faults : nullptr},
                std::move(doors->admin));
    admin.start();

    Drain drain(configuration->drain, signals.receiver(), reception, sessions, phase, &datagrams);
    co_await drain.run();
    if (ledger) {
        ledger->close();
        co_await ledger_task.wait();
        log_event(LogLevel::info, "ledger flushed", {{"rows", ledger->written()}, {"lost", ledger->lost()}});
    }
    receiver->cancel();
    co_await signal_task.wait();
    if (faults) {
        faults->report();
    }
    drain.stopped();
    co_await admin.stop();
    co_return sessions.totals().count(CloseReason::cut) > 0 ? kExitCut : kExitDrained;
}

void raise_descriptor_limit(const Configuration& configuration) {
    // The standard ones, log, ledger, signals, resolver; and the admin listener's.
    const rlim_t own = 32 + (configuration.admin.listen ? AdminServer::kMostConnections : 0);
    constexpr rlim_t kEachWorker = 4;  // its wake-up and what its driver has
    const rlim_t workers = worker_count(configuration);
    // A name may stand for several addresses, so this is what it usually takes.
    const rlim_t listeners = configuration.listen.size() * (configuration.listener.reuse_port ? workers : 1);
    const rlim_t wanted = configuration.limits.connections + own + workers * kEachWorker + listeners;
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted) {
        return;
    }
    const rlim_t before = limit.rlim_cur;
    limit.rlim_cur = std::min(wanted, limit.rlim_max);
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        limit.rlim_cur = before;
    }
    if (limit.rlim_cur < wanted) {
        log_event(LogLevel::warn, "descriptor limit is lower than limits.connections needs",
                  {{"limit", std::uint64_t{limit.rlim_cur}},
                   {"needed", std::uint64_t{wanted}},
                   {"connections", configuration.limits.connections}});
    }
}

}  // namespace mynah::server
