#include "server/fault/listener_faults.hpp"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "server/fault/fault_counts.hpp"
#include "server/fault/fault_notation.hpp"
#include "server/fault/fault_places.hpp"
#include "server/fault/fault_plan.hpp"
#include "server/fault/fault_rule.hpp"
#include "server/logging.hpp"
#include "server/logging_options.hpp"

namespace mynah::server {

ListenerFaults::ListenerFaults(std::vector<FaultRule> rules, FaultCounters& counters)
    : rules_(std::move(rules)), counters_(counters) {}

bool ListenerFaults::resets_at_once(std::uint64_t number) {
    const bool resets = std::ranges::any_of(rules_, [number](const FaultRule& rule) {
        return rule.kind == FaultKind::refuse && rule.with_reset && is_fault_place(rule, number);
    });
    counters_.add(FaultKind::refuse, resets ? 1 : 0, 0);
    return resets;
}

std::unique_ptr<SessionFaults> ListenerFaults::of_connection(std::uint64_t number) const {
    return std::make_unique<SessionFaults>(SessionFaults{.plan = FaultPlan(rules_, number), .counters = &counters_});
}

Faults::Faults(std::span<const FaultRule> rules, std::span<const std::string> listen) {
    for (const FaultRule& rule : rules) {
        log_event(LogLevel::warn, "faults are on", {{"fault", show_fault(rule)}});
    }
    for (const std::string& listener : listen) {
        std::vector<FaultRule> applying;
        std::ranges::copy_if(rules, std::back_inserter(applying), [&listener](const FaultRule& rule) {
            return rule.listener.empty() || rule.listener == listener;
        });
        auto& faults = listeners_.emplace_back();
        if (!applying.empty()) {
            faults.emplace(std::move(applying), counters_);
        }
    }
}

void Faults::report() const {
    using enum FaultKind;
    const FaultCounts counts = counters_.snapshot();
    log_event(LogLevel::info, "faults",
              {{"delay", counts.faults_of(delay)},
               {"stall", counts.faults_of(stall)},
               {"stall_bytes", counts.bytes_of(stall)},
               {"fin", counts.faults_of(fin)},
               {"fin_bytes", counts.bytes_of(fin)},
               {"reset", counts.faults_of(reset)},
               {"reset_bytes", counts.bytes_of(reset)},
               {"short_write", counts.faults_of(short_write)},
               {"short_write_bytes", counts.bytes_of(short_write)},
               {"corrupt", counts.faults_of(corrupt)},
               {"corrupt_bytes", counts.bytes_of(corrupt)},
               {"drop", counts.faults_of(drop)},
               {"drop_bytes", counts.bytes_of(drop)},
               {"duplicate", counts.faults_of(duplicate)},
               {"duplicate_bytes", counts.bytes_of(duplicate)},
               {"reorder", counts.faults_of(reorder)},
               {"refuse", counts.faults_of(refuse)}});
}

}  // namespace mynah::server
