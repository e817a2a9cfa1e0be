#include "client/ping.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "client/command_line.hpp"
#include "client/connection.hpp"
#include "client/console.hpp"
#include "client/datagram_ping_link.hpp"
#include "client/datagram_probes.hpp"
#include "client/exit_status.hpp"
#include "client/outstanding_probes.hpp"
#include "client/ping_json.hpp"
#include "client/ping_link.hpp"
#include "client/pinger.hpp"
#include "client/report_file.hpp"
#include "client/stream_ping_link.hpp"
#include "client/stream_probes.hpp"
#include "conc/context.hpp"
#include "conc/task.hpp"
#include "net/address.hpp"
#include "net/result.hpp"

namespace mynah::client {
namespace {

// A server that is gone is not asked more often than this whether it is back.
constexpr std::chrono::nanoseconds kShortestRetry = std::chrono::milliseconds(100);

/// What is one way for streams and another for datagrams.
struct Way {
    std::unique_ptr<PingLink> link;
    std::unique_ptr<OutstandingProbes> probes;
};

/// `scope`: that of the link.
conc::Task<net::Result<Way>> open_way(PingOptions options, conc::Context interrupted, conc::Context scope) {
    const PingLinkOptions link_options{.address = options.address,
                                       .probe_bytes = options.probe_bytes,
                                       .timeout = options.timeout,
                                       .retry = std::max(options.interval, kShortestRetry)};
    Way way;
    if (options.address.transport() == net::Transport::udp) {
        auto socket =
            co_await open_datagrams_unless_cancelled(options.address, options.timeout, std::move(interrupted));
        if (!socket) {
            co_return net::fail(socket.error());
        }
        const auto run = static_cast<std::uint32_t>(std::random_device{}());
        way.link = std::make_unique<DatagramPingLink>(link_options, run, std::move(*socket), std::move(scope));
        way.probes = std::make_unique<DatagramProbes>(run, options.probe_bytes, options.timeout);
    } else {
        auto stream = co_await connect_unless_cancelled(options.address, options.timeout, std::move(interrupted));
        if (!stream) {
            co_return net::fail(stream.error());
        }
        way.link = std::make_unique<StreamPingLink>(link_options, std::move(*stream), std::move(scope));
        way.probes = std::make_unique<StreamProbes>(options.timeout);
    }
    co_return std::move(way);
}

conc::Task<PingReport> ping(PingOptions options, Console* console, conc::Context interrupted) {
    const auto scope = conc::with_cancel(conc::Context::background());
    auto way = co_await open_way(options, interrupted, scope.ctx);
    if (way) {
        Pinger pinger(std::move(options), std::move(way->probes), console, std::move(interrupted));
        (void)co_await pinger.run(way->link.get(), scope.cancel);
        co_return pinger.take_report();
    }
    PingReport report;
    report.started = std::chrono::system_clock::now();
    report.interrupted = way.error() == std::errc::operation_canceled;
    report.error = fmt::format("cannot connect to {}: {}", options.address.to_string(),
                               describe_connect_error(way.error(), options.timeout));
    report.options = std::move(options);
    // Who interrupted it knows.
    if (!report.interrupted) {
        console->complain(report.error);
    }
    co_return report;
}

}  // namespace

conc::Task<ExitStatus> run_ping(PingOptions options, Console* console, conc::Context interrupted) {
    ReportFile json(options.json_path);  // before the ping, which may take long
    if (!are_well({&json}, *console)) {
        co_return ExitStatus::usage;
    }
    const PingReport report = co_await ping(std::move(options), console, std::move(interrupted));
    json.write([&report] { return to_json(report); });
    co_return are_well({&json}, *console) ? report.status : ExitStatus::mismatch;
}

}  // namespace mynah::client
