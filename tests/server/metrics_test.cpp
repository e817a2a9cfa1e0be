#include "server/metrics.hpp"

#include <chrono>
#include <cstddef>
#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/address.hpp"
#include "net/driver.hpp"
#include "server/datagram_service.hpp"
#include "server/fault/fault_counts.hpp"
#include "server/fault/fault_rule.hpp"
#include "server/limits.hpp"
#include "server/session_record.hpp"
#include "server/worker_probe.hpp"

namespace mynah::server {
namespace {

using testing::HasSubstr;
using testing::Not;

bool has_line(const std::string& text, const std::string& line) {
    return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

Metrics some_metrics() {
    Metrics metrics{
        .version = "1.2.3",
        .instance = "echo-1",
        .phase = DrainPhase::draining,
        .open = 7,
        .accepted = {{.listener = "tcp://127.0.0.1:7007", .transport = net::Transport::tcp, .connections = 9},
                     {.listener = "unix://@x", .transport = net::Transport::unix_stream, .connections = 2}},
        .tcp = {.bytes_in = 1'234'567'890'123, .bytes_out = 1'234'567'890'122},
        .unix_stream = {.bytes_in = 5, .bytes_out = 4},
        .tasks = 11,
        .hogs = 1};
    metrics.refused[static_cast<std::size_t>(Refusal::per_address)] = 3;
    metrics.sessions.by_reason[static_cast<std::size_t>(CloseReason::cut)] = 6;
    metrics.sessions.discarded_after_fin = 77;
    metrics.process.started = std::chrono::system_clock::time_point(std::chrono::milliseconds(1'700'000'000'500));
    metrics.process.cpu_seconds = 1.5;
    metrics.process.resident_bytes = 4096;
    Metrics::Worker worker{.driver = net::DriverKind::epoll, .connections = 4};
    worker.delays.by_bucket[0] = 2;
    worker.delays.by_bucket[3] = 1;
    worker.delays.by_bucket.back() = 1;
    worker.delays.sum_seconds = 12.5;
    metrics.workers = {worker, {.driver = net::DriverKind::select, .connections = 3}};
    return metrics;
}

TEST(Metrics, EachNumberStandsUnderItsNameAndLabels) {
    const std::string text = metrics_text(some_metrics());
    for (const char* line : {"mynahd_build_info{version=\"1.2.3\",name=\"echo-1\"} 1",
                             "process_start_time_seconds 1700000000.5",
                             "process_cpu_seconds_total 1.5",
                             "process_resident_memory_bytes 4096",
                             "mynahd_drain_phase{phase=\"draining\"} 1",
                             "mynahd_drain_phase{phase=\"serving\"} 0",
                             "mynahd_connections_open 7",
                             "mynahd_connections_accepted_total{listener=\"tcp://127.0.0.1:7007\",transport=\"tcp\"} 9",
                             "mynahd_connections_accepted_total{listener=\"unix://@x\",transport=\"unix\"} 2",
                             "mynahd_connections_refused_total{reason=\"limits.per_address\"} 3",
                             "mynahd_connections_refused_total{reason=\"descriptor\"} 0",
                             "mynahd_sessions_ended_total{reason=\"cut\"} 6",
                             "mynahd_received_bytes_total{transport=\"tcp\"} 1234567890123",
                             "mynahd_sent_bytes_total{transport=\"tcp\"} 1234567890122",
                             "mynahd_received_bytes_total{transport=\"unix\"} 5",
                             "mynahd_received_bytes_total{transport=\"udp\"} 0",
                             "mynahd_discarded_bytes_total{transport=\"stream\"} 77",
                             "mynahd_workers 2",
                             "mynahd_tasks 11",
                             "mynahd_task_hogs_total 1",
                             "mynahd_worker_info{worker=\"0\",driver=\"epoll\"} 1",
                             "mynahd_worker_info{worker=\"1\",driver=\"select\"} 1",
                             "mynahd_worker_connections{worker=\"0\"} 4"}) {
        EXPECT_TRUE(has_line(text, line)) << line << " is missing in\n" << text;
    }
}

TEST(Metrics, BucketsOfDelaysAreCumulative) {
    const std::string text = metrics_text(some_metrics());
    for (const char* line :
         {"mynahd_worker_delay_seconds_bucket{worker=\"0\",le=\"0.0001\"} 2",
          "mynahd_worker_delay_seconds_bucket{worker=\"0\",le=\"0.0005\"} 2",
          "mynahd_worker_delay_seconds_bucket{worker=\"0\",le=\"0.001\"} 3",
          "mynahd_worker_delay_seconds_bucket{worker=\"0\",le=\"10\"} 3",
          "mynahd_worker_delay_seconds_bucket{worker=\"0\",le=\"+Inf\"} 4",
          "mynahd_worker_delay_seconds_count{worker=\"0\"} 4", "mynahd_worker_delay_seconds_sum{worker=\"0\"} 12.5",
          "mynahd_worker_delay_seconds_count{worker=\"1\"} 0"}) {
        EXPECT_TRUE(has_line(text, line)) << line << " is missing in\n" << text;
    }
}

TEST(Metrics, DatagramsLedgerAndFaultsAreThereWhereTheyAreOn) {
    Metrics metrics = some_metrics();
    EXPECT_THAT(metrics_text(metrics), Not(HasSubstr("mynahd_fault")));
    EXPECT_THAT(metrics_text(metrics), Not(HasSubstr("mynahd_datagrams")));
    EXPECT_THAT(metrics_text(metrics), Not(HasSubstr("mynahd_ledger")));
    DatagramTotals datagrams{.received = 10, .echoed = 8, .bytes_in = 100, .bytes_out = 80, .bytes_late = 3};
    datagrams.dropped[static_cast<std::size_t>(DatagramDrop::guard)] = 2;
    metrics.datagrams = datagrams;
    metrics.ledger = Metrics::Ledger{.written = 5, .lost = 6, .queued = 7};
    metrics.faults = FaultCounts{};
    metrics.faults->add(FaultKind::drop, 4, 99);
    const std::string text = metrics_text(metrics);
    for (const char* line :
         {"mynahd_datagrams_received_total 10", "mynahd_datagrams_echoed_total 8",
          "mynahd_datagrams_dropped_total{reason=\"guard\"} 2", "mynahd_datagrams_dropped_total{reason=\"late\"} 0",
          "mynahd_received_bytes_total{transport=\"udp\"} 100", "mynahd_sent_bytes_total{transport=\"udp\"} 80",
          "mynahd_discarded_bytes_total{transport=\"udp\"} 3", "mynahd_ledger_rows_written_total 5",
          "mynahd_ledger_rows_lost_total 6", "mynahd_ledger_rows_queued 7", "mynahd_faults_total{kind=\"drop\"} 4",
          "mynahd_faults_total{kind=\"reset\"} 0", "mynahd_fault_bytes_total{kind=\"drop\"} 99"}) {
        EXPECT_TRUE(has_line(text, line)) << line << " is missing in\n" << text;
    }
}

// Prometheus joins what follows a name's HELP and TYPE to that name: so each has both, once, before its values.
TEST(Metrics, EachNameHasItsHelpAndTypeOnceAndBeforeItsValues) {
    Metrics metrics = some_metrics();
    metrics.datagrams = DatagramTotals{};
    metrics.ledger = Metrics::Ledger{};
    metrics.faults = FaultCounts{};
    std::istringstream lines(metrics_text(metrics));
    std::string help;
    std::string type;
    std::size_t names = 0;
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string first;
        std::string second;
        std::string third;
        words >> first >> second >> third;
        if (second == "HELP") {
            EXPECT_NE(third, help) << "twice";
            help = third;
            ++names;
        } else if (second == "TYPE") {
            EXPECT_EQ(third, help);
            type = third;
        } else {
            EXPECT_TRUE(first.starts_with(type)) << line << " stands under " << type;
        }
    }
    EXPECT_EQ(names, 26U);
}

TEST(Metrics, ValuesOfLabelsAreEscaped) {
    Metrics metrics;
    metrics.instance = "a\"b\\c\nd";
    EXPECT_THAT(metrics_text(metrics), HasSubstr("name=\"a\\\"b\\\\c\\nd\"} 1\n"));
}

}  // namespace
}  // namespace mynah::server
