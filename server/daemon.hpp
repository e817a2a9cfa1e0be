// daemon.hpp -- mynahd's main task: listens, says so, serves until it is told to stop, drains.
#pragma once

#include <vector>

#include "conc/event_source.hpp"
#include "conc/scheduler.hpp"
#include "conc/task.hpp"
#include "net/signals.hpp"
#include "server/configuration.hpp"

namespace mynah::server {

/// Returns the exit status: kExitDrained, kExitCut, or kExitFailure where it cannot listen (one line on stderr says
/// why). `workers` are the event sources of the scheduler's workers, in their order; `scheduler` is the one that runs
/// the task; `receiver` has the signals that ask for the drain. All must outlive it.
conc::Task<int> run_daemon(const Configuration* configuration, const std::vector<conc::EventSource*>* workers,
                           const conc::Scheduler* scheduler, net::SignalReceiver* receiver);

/// Raises the soft limit on descriptors to what the configured connections need, as far as the hard limit allows, and
/// warns where that is not enough.
void raise_descriptor_limit(const Configuration& configuration);

}  // namespace mynah::server
