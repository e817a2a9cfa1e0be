#include "server/admin.hpp"

#include <cstddef>
#include <expected>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "conc/blocking.hpp"
#include "conc/context.hpp"
#include "conc/event_source.hpp"
#include "conc/task.hpp"
#include "conc/task_info.hpp"
#include "net/address.hpp"
#include "net/resolve.hpp"
#include "server/admin_address.hpp"
#include "server/admin_guard.hpp"
#include "server/admin_http.hpp"
#include "server/admin_pages.hpp"
#include "server/admin_server.hpp"
#include "server/configuration.hpp"
#include "server/limits.hpp"
#include "server/metrics.hpp"
#include "server/process_usage.hpp"
#include "server/worker_probe.hpp"

namespace mynah::server {
namespace {

using Bound = std::expected<std::unique_ptr<AdminServer>, std::string>;

std::vector<std::string> answered_hosts(const Configuration::Admin& admin) {
    std::vector<std::string> hosts = admin.hosts;
    hosts.push_back(parse_admin_address(*admin.listen)->host());
    return hosts;
}

}  // namespace

conc::Task<Bound> bind_admin(const Configuration* configuration) {
    const Configuration::Admin& admin = configuration->admin;
    if (!admin.listen) {
        co_return Bound(nullptr);
    }
    const auto failed = [&admin](std::string_view reason) {
        return std::unexpected("cannot listen on " + *admin.listen + " for admin.listen: " + std::string(reason));
    };
    const auto numeric = co_await net::resolve(*parse_admin_address(*admin.listen));
    if (!numeric) {
        co_return failed(numeric.error().message());
    }
    std::error_code unusable;
    for (const net::Address& address : *numeric) {
        if (!admin.is_public && !is_loopback(address)) {
            co_return failed(admin_url(address) + " is not a loopback address, and admin.public is false");
        }
        auto server = AdminServer::bind(address);
        if (server) {
            co_return Bound(std::move(*server));
        }
        unusable = server.error();
        // "localhost" may name [::1] where IPv6 is off; whatever else fails should be seen.
        if (unusable != std::errc::address_not_available && unusable != std::errc::address_family_not_supported) {
            break;
        }
    }
    co_return failed(unusable.message());
}

Admin::Admin(Surroundings surroundings, std::unique_ptr<AdminServer> server)
    : around_(surroundings),
      instance_(instance_name(around_.configuration)),
      measuring_(conc::with_cancel(conc::Context::background())),
      server_(std::move(server)) {}

void Admin::start() {
    if (server_ == nullptr) {
        return;
    }
    for (conc::EventSource* const worker : around_.workers) {
        WorkerProbe& probe = probes_.emplace_back(*worker);
        probe_tasks_.go([](WorkerProbe* each, conc::Context until) { return each->run(std::move(until)); }, &probe,
                        measuring_.ctx);
    }
    const auto pages = std::make_shared<AdminPages>(
        AdminPages::Sources{.phase = around_.phase,
                            .metrics = [this] { return metrics_text(gather()); },
                            .count_tasks = [this] { return around_.scheduler.task_count(); },
                            .dump_tasks =
                                [this] {
                                    std::ostringstream out;
                                    conc::dump_tasks(around_.scheduler, out);
                                    return std::move(out).str();
                                },
                            .version = "mynahd " MYNAH_VERSION});
    server_->start(std::make_unique<AdminHttp>(AdminGuard(answered_hosts(around_.configuration.admin)),
                                               [pages](std::string_view path) { return pages->page(path); }));
}

// The thread may be in the middle of a dump, and wait for the worker that runs this.
conc::Task<void> Admin::stop() {
    if (server_ == nullptr) {
        co_return;
    }
    const auto stop = [this] { server_->stop(); };
    co_await conc::blocking(stop);
    measuring_.cancel();
    co_await probe_tasks_.wait();
}

Metrics Admin::gather() const {
    Metrics metrics{.version = MYNAH_VERSION,
                    .instance = instance_,
                    .phase = around_.phase.load(),
                    .open = around_.sessions.open(),
                    .accepted = around_.reception.accepted(),
                    .sessions = around_.sessions.totals(),
                    .tcp = around_.reception.traffic().of(net::Transport::tcp),
                    .unix_stream = around_.reception.traffic().of(net::Transport::unix_stream),
                    .tasks = around_.scheduler.task_count(),
                    .hogs = around_.scheduler.hog_count(),
                    .process = process_usage()};
    for (std::size_t i = 0; i < kRefusals; ++i) {
        metrics.refused[i] = around_.reception.refused(static_cast<Refusal>(i));
    }
    if (!around_.datagrams.is_idle()) {
        metrics.datagrams = around_.datagrams.totals();
    }
    if (around_.ledger != nullptr) {
        metrics.ledger = Metrics::Ledger{
            .written = around_.ledger->written(), .lost = around_.ledger->lost(), .queued = around_.ledger->queued()};
    }
    if (around_.faults != nullptr) {
        metrics.faults = around_.faults->counters().snapshot();
    }
    const std::vector<std::size_t> loads = around_.reception.loads();
    for (std::size_t i = 0; i < probes_.size(); ++i) {
        metrics.workers.push_back(
            {.driver = probes_[i].driver(), .connections = loads[i], .delays = probes_[i].delays()});
    }
    return metrics;
}

}  // namespace mynah::server
