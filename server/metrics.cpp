#include "server/metrics.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <prometheus/client_metric.h>
#include <prometheus/metric_family.h>
#include <prometheus/metric_type.h>
#include <prometheus/text_serializer.h>

#include "net/address.hpp"
#include "net/driver.hpp"
#include "server/datagram_service.hpp"
#include "server/fault/fault_counts.hpp"
#include "server/fault/fault_rule.hpp"
#include "server/limits.hpp"
#include "server/reception.hpp"
#include "server/session_record.hpp"
#include "server/traffic.hpp"
#include "server/worker_probe.hpp"

namespace mynah::server {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;
using Families = std::vector<MetricFamily>;

/// One name, with its values by label.
class Family {
  public:
    Family(Families& families, MetricType type, std::string_view name, std::string_view help) : families_(families) {
        family_.name = name;
        family_.help = help;
        family_.type = type;
    }
    Family(const Family&) = delete;
    Family& operator=(const Family&) = delete;
    ~Family() { families_.push_back(std::move(family_)); }

    Family& add(double value, Labels labels = {}) {
        ClientMetric metric;
        metric.label = std::move(labels);
        metric.counter.value = value;  // the family's type says which of both counts
        metric.gauge.value = value;
        family_.metric.push_back(std::move(metric));
        return *this;
    }
    Family& add(std::uint64_t value, Labels labels = {}) { return add(static_cast<double>(value), std::move(labels)); }

    Family& add(const DelayCounts& delays, Labels labels) {
        ClientMetric metric;
        metric.label = std::move(labels);
        std::uint64_t count = 0;
        for (std::size_t i = 0; i < delays.by_bucket.size(); ++i) {
            count += delays.by_bucket[i];
            const bool is_last = i == kDelayBounds.size();
            metric.histogram.bucket.push_back(
                {.cumulative_count = count,
                 .upper_bound = is_last ? std::numeric_limits<double>::infinity() : kDelayBounds.at(i)});
        }
        metric.histogram.sample_count = count;
        metric.histogram.sample_sum = delays.sum_seconds;
        family_.metric.push_back(std::move(metric));
        return *this;
    }

  private:
    Families& families_;
    MetricFamily family_;
};

Family counter(Families& families, std::string_view name, std::string_view help) {
    return {families, MetricType::Counter, name, help};
}

Family gauge(Families& families, std::string_view name, std::string_view help) {
    return {families, MetricType::Gauge, name, help};
}

std::string text_of(std::string_view word) {
    return std::string(word);
}

void add_drain(Families& families, const Metrics& metrics) {
    Family phase = gauge(families, "mynahd_drain_phase", "1 for the phase that the drain is in, 0 for the others.");
    for (const DrainPhase each :
         {DrainPhase::serving, DrainPhase::not_ready, DrainPhase::draining, DrainPhase::closing, DrainPhase::stopped}) {
        phase.add(each == metrics.phase ? 1.0 : 0.0, {{"phase", text_of(to_string(each))}});
    }
}

void add_connections(Families& families, const Metrics& metrics) {
    gauge(families, "mynahd_connections_open", "Connections that have a session.").add(std::uint64_t{metrics.open});
    {
        Family accepted = counter(families, "mynahd_connections_accepted_total",
                                  "Connections that were taken from a listener's queue, refused ones among them.");
        for (const AcceptedCount& each : metrics.accepted) {
            accepted.add(each.connections,
                         {{"listener", each.listener}, {"transport", text_of(net::to_string(each.transport))}});
        }
    }
    {
        Family refused = counter(families, "mynahd_connections_refused_total",
                                 "Connections that were closed at once, by the limit or the failure that was why.");
        for (std::size_t i = 0; i < kRefusals; ++i) {
            refused.add(metrics.refused[i], {{"reason", text_of(to_string(static_cast<Refusal>(i)))}});
        }
    }
    Family ended = counter(families, "mynahd_sessions_ended_total", "Sessions that have ended, by why.");
    for (std::size_t i = 0; i < kCloseReasons; ++i) {
        ended.add(metrics.sessions.by_reason[i], {{"reason", text_of(to_string(static_cast<CloseReason>(i)))}});
    }
}

void add_bytes(Families& families, const Metrics& metrics) {
    const DatagramTotals datagrams = metrics.datagrams.value_or(DatagramTotals{});
    const auto add = [&](std::string_view name, std::string_view help, std::uint64_t tcp, std::uint64_t unix_stream,
                         std::uint64_t udp) {
        counter(families, name, help)
            .add(tcp, {{"transport", "tcp"}})
            .add(unix_stream, {{"transport", "unix"}})
            .add(udp, {{"transport", "udp"}});
    };
    add("mynahd_received_bytes_total", "Bytes that were received to be echoed, those of open sessions among them.",
        metrics.tcp.bytes_in, metrics.unix_stream.bytes_in, datagrams.bytes_in);
    add("mynahd_sent_bytes_total", "Bytes that were echoed: handed to the kernel.", metrics.tcp.bytes_out,
        metrics.unix_stream.bytes_out, datagrams.bytes_out);
    counter(families, "mynahd_discarded_bytes_total",
            "Bytes that came after our FIN, or after the drain had stopped the datagrams; of ended sessions.")
        .add(metrics.sessions.discarded_after_fin, {{"transport", "stream"}})
        .add(datagrams.bytes_late, {{"transport", "udp"}});
}

void add_datagrams(Families& families, const Metrics& metrics) {
    if (!metrics.datagrams) {
        return;
    }
    counter(families, "mynahd_datagrams_received_total", "Datagrams that were received.")
        .add(metrics.datagrams->received);
    counter(families, "mynahd_datagrams_echoed_total", "Datagrams that were sent back.").add(metrics.datagrams->echoed);
    Family dropped = counter(families, "mynahd_datagrams_dropped_total",
                             "Datagrams that were not echoed, by why; the kernel's (receive_queue) were not received.");
    for (std::size_t i = 0; i < kDatagramDrops; ++i) {
        dropped.add(metrics.datagrams->dropped[i], {{"reason", text_of(to_string(static_cast<DatagramDrop>(i)))}});
    }
}

void add_ledger(Families& families, const Metrics& metrics) {
    if (!metrics.ledger) {
        return;
    }
    counter(families, "mynahd_ledger_rows_written_total", "Rows that are in the ledger.").add(metrics.ledger->written);
    counter(families, "mynahd_ledger_rows_lost_total", "Rows that a failing or slow ledger has cost.")
        .add(metrics.ledger->lost);
    gauge(families, "mynahd_ledger_rows_queued", "Rows that wait to be written.").add(metrics.ledger->queued);
}

void add_faults(Families& families, const Metrics& metrics) {
    if (!metrics.faults) {
        return;
    }
    const auto add = [&](std::string_view name, std::string_view help, const auto& by_kind) {
        Family family = counter(families, name, help);
        for (std::size_t i = 0; i < kFaultKinds; ++i) {
            family.add(by_kind[i], {{"kind", text_of(to_string(static_cast<FaultKind>(i)))}});
        }
    };
    add("mynahd_faults_total", "Faults that were committed on purpose.", metrics.faults->faults);
    add("mynahd_fault_bytes_total", "Bytes that these changed, removed or added.", metrics.faults->bytes);
}

void add_workers(Families& families, const Metrics& metrics) {
    gauge(families, "mynahd_workers", "Threads that serve.").add(std::uint64_t{metrics.workers.size()});
    gauge(families, "mynahd_tasks", "Tasks that live.").add(std::uint64_t{metrics.tasks});
    counter(families, "mynahd_task_hogs_total", "Times that a task has kept its worker for 10 ms or longer.")
        .add(metrics.hogs);
    Family info = gauge(families, "mynahd_worker_info", "1; what each worker waits with.");
    Family connections = gauge(families, "mynahd_worker_connections", "Connections that each worker has.");
    Family delays(families, MetricType::Histogram, "mynahd_worker_delay_seconds",
                  "How late a task goes on that sleeps on the worker, ten times a second.");
    for (std::size_t i = 0; i < metrics.workers.size(); ++i) {
        const Metrics::Worker& worker = metrics.workers[i];
        const std::string number = std::to_string(i);
        info.add(1.0, {{"worker", number}, {"driver", text_of(net::to_string(worker.driver))}});
        connections.add(std::uint64_t{worker.connections}, {{"worker", number}});
        delays.add(worker.delays, {{"worker", number}});
    }
}

void add_process(Families& families, const Metrics& metrics) {
    gauge(families, "mynahd_build_info", "1; which mynahd this is.")
        .add(1.0, {{"version", metrics.version}, {"name", metrics.instance}});
    gauge(families, "process_start_time_seconds", "When the process began, in seconds since 1970.")
        .add(std::chrono::duration<double>(metrics.process.started.time_since_epoch()).count());
    counter(families, "process_cpu_seconds_total", "Processor time, the system's among it.")
        .add(metrics.process.cpu_seconds);
    gauge(families, "process_resident_memory_bytes", "Memory that is resident.").add(metrics.process.resident_bytes);
}

}  // namespace

std::string metrics_text(const Metrics& metrics) {
    Families families;
    add_process(families, metrics);
    add_drain(families, metrics);
    add_connections(families, metrics);
    add_bytes(families, metrics);
    add_datagrams(families, metrics);
    add_ledger(families, metrics);
    add_faults(families, metrics);
    add_workers(families, metrics);
    return prometheus::TextSerializer().Serialize(families);
}

}  // namespace mynah::server
