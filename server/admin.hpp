// admin.hpp -- the admin listener of a running daemon: what it tells is gathered here.
// What     bind_admin() listens where admin.listen says. An Admin answers from start() to stop(): through the whole
//          drain, so that readiness can be asked for until the end; and measures the workers meanwhile.
// Threads  start and stop: from the daemon's task. The numbers are gathered by the listener's thread, from counters
//          which are written without a lock, or under one for a session's beginning and end: a scrape stops no worker.
// Errors   bind_admin: one line that names the address.
#pragma once

#include <atomic>
#include <deque>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "conc/context.hpp"
#include "conc/event_source.hpp"
#include "conc/scheduler.hpp"
#include "conc/task.hpp"
#include "conc/wait_group.hpp"
#include "server/admin_server.hpp"
#include "server/configuration.hpp"
#include "server/datagram_service.hpp"
#include "server/fault/listener_faults.hpp"
#include "server/ledger.hpp"
#include "server/metrics.hpp"
#include "server/reception.hpp"
#include "server/session_record.hpp"
#include "server/session_set.hpp"
#include "server/worker_probe.hpp"

namespace mynah::server {

/// nullptr: admin.listen is "off".
conc::Task<std::expected<std::unique_ptr<AdminServer>, std::string>> bind_admin(const Configuration* configuration);

class Admin {
  public:
    /// What it tells of; all of it outlives the Admin.
    struct Surroundings {
        const Configuration& configuration;
        const conc::Scheduler& scheduler;
        const std::vector<conc::EventSource*>& workers;
        const std::atomic<DrainPhase>& phase;
        const SessionSet& sessions;
        const Reception& reception;
        const DatagramService& datagrams;
        const Ledger* ledger;  // nullptr: off
        const Faults* faults;  // nullptr: none
    };

    /// `server` may be nullptr: then nothing happens.
    Admin(Surroundings surroundings, std::unique_ptr<AdminServer> server);
    Admin(const Admin&) = delete;
    Admin& operator=(const Admin&) = delete;

    /// Once the services have started.
    void start();

    conc::Task<void> stop();

    [[nodiscard]] Metrics gather() const;

  private:
    Surroundings around_;
    std::string instance_;
    conc::CancelableContext measuring_;
    std::deque<WorkerProbe> probes_;  // by worker
    conc::WaitGroup probe_tasks_;
    std::unique_ptr<AdminServer> server_;  // ends before what its thread reads
};

}  // namespace mynah::server
