#include "server/reception.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "conc/channel.hpp"
#include "conc/context.hpp"
#include "conc/event_source.hpp"
#include "conc/resume_on.hpp"
#include "conc/sleep.hpp"
#include "conc/task.hpp"
#include "net/address.hpp"
#include "net/listener.hpp"
#include "net/result.hpp"
#include "net/stream.hpp"
#include "server/configuration.hpp"
#include "server/fault/faulty_session.hpp"
#include "server/fault/listener_faults.hpp"
#include "server/limits.hpp"
#include "server/listening.hpp"
#include "server/logging.hpp"
#include "server/logging_options.hpp"
#include "server/session.hpp"
#include "server/session_record.hpp"
#include "server/session_set.hpp"
#include "server/traffic.hpp"
#include "server/worker_loads.hpp"

namespace mynah::server {
namespace {

/// Who a peer is, for limits.per_address: its host, or, of a unix socket, its user; and for the log and the ledger.
struct Peer {
    std::string who;
    std::string text;
};

Peer peer_of(const net::Stream& stream) {
    const net::Address address = stream.peer();
    if (address.family() == net::Address::Family::unnamed) {
        if (const auto credentials = stream.peer_credentials()) {
            const std::string user = "uid=" + std::to_string(credentials->user);
            return {.who = user, .text = "unix:pid=" + std::to_string(credentials->process) + "," + user};
        }
    }
    return {.who = address.host(), .text = address.to_string()};
}

/// For each worker.
std::vector<SessionLimits> session_limits(const Configuration& configuration, Traffic& traffic,
                                          net::Transport transport, std::size_t workers) {
    std::vector<SessionLimits> limits;
    for (std::size_t worker = 0; worker < workers; ++worker) {
        limits.push_back({.idle_timeout = configuration.limits.idle_timeout,
                          .write_timeout = configuration.limits.write_timeout,
                          .linger = configuration.drain.linger,
                          .receive_buffer_bytes = configuration.limits.receive_buffer_bytes,
                          .traffic = &traffic.place(transport, worker)});
    }
    return limits;
}

}  // namespace

/// A connection with its session, from its first byte to its record. The task that runs it keeps it beside its frame,
/// as long as there is the connection. Most are idle: so texts are made only when they are needed.
class Reception::Hosting {
  public:
    Hosting(Reception& reception, Connection connection);
    Hosting(Hosting&& other) noexcept = default;  // before it begins
    Hosting(const Hosting&) = delete;
    Hosting& operator=(const Hosting&) = delete;
    ~Hosting() {
        if (member_) {
            end();
        }
    }

    conc::Task<void> operator()() {
        begin();
        return serve(&connection_.stream, &*member_, limits(), &outcome_);
    }

    /// The same for a connection that has faults.
    conc::Task<void> serve_it_with(SessionFaults* faults) {
        begin();
        return serve_with_faults(&connection_.stream, &*member_, limits(), &outcome_, faults);
    }

  private:
    void begin();
    void end();
    const SessionLimits* limits() const { return reception_.limits_of(local_.transport(), connection_.seat.worker()); }
    std::string peer() const { return unix_peer_ != nullptr ? *unix_peer_ : connection_.stream.peer().to_string(); }

    /// A place that does not move; it is taken in the task.
    class Membership : public std::optional<SessionSet::Member> {
      public:
        Membership() = default;
        Membership(Membership&& /*other*/) noexcept {}
    };

    Reception& reception_;
    Connection connection_;
    std::uint64_t id_;
    std::unique_ptr<const std::string> unix_peer_;  // nobody can ask for it at the end; of TCP the stream remembers it
    net::Address local_;
    std::chrono::system_clock::time_point started_;
    SessionOutcome outcome_;
    Membership member_;  // once it has begun
};

/// The few that have faults keep them beside the rest, so that the others have no room for any.
class Reception::FaultyHosting {
  public:
    FaultyHosting(Hosting hosting, std::unique_ptr<SessionFaults> faults)
        : hosting_(std::move(hosting)), faults_(std::move(faults)) {}

    conc::Task<void> operator()() { return hosting_.serve_it_with(faults_.get()); }

  private:
    Hosting hosting_;
    std::unique_ptr<SessionFaults> faults_;
};

Reception::Reception(Surroundings surroundings)
    : around_(surroundings),
      traffic_(around_.workers.size()),
      tcp_limits_(session_limits(around_.configuration, traffic_, net::Transport::tcp, around_.workers.size())),
      unix_limits_(
          session_limits(around_.configuration, traffic_, net::Transport::unix_stream, around_.workers.size())),
      instance_(instance_name(around_.configuration)),
      limits_({.connections = around_.configuration.limits.connections,
               .per_address = around_.configuration.limits.per_address}),
      loads_(around_.workers.size()),
      accepting_(conc::with_cancel(conc::Context::background())) {}

void Reception::start(std::vector<StreamDoor> doors) {
    for (StreamDoor& door : doors) {
        doors_.emplace_back(std::move(door));
    }
    for (std::size_t worker = 0; worker < around_.workers.size(); ++worker) {
        accepted_.emplace_back(kQueued);
    }
    for (std::size_t worker = 0; worker < around_.workers.size(); ++worker) {
        worker_tasks_.go([this](std::size_t each) { return work(each); }, worker);
    }
    for (Door& door : doors_) {
        listener_tasks_.go([this](Door* each) { return listen(each); }, &door);
    }
}

conc::Task<void> Reception::stop() {
    for (Door& door : doors_) {
        door.listener.remove_file();  // before the last look at who is queued: nobody comes after it
    }
    accepting_.cancel();
    co_await listener_tasks_.wait();
    for (Door& door : doors_) {
        door.listener.close();
    }
    for (const conc::Channel<Accepted>& channel : accepted_) {
        channel.close();
    }
    co_await worker_tasks_.wait();
}

conc::Task<void> Reception::listen(Door* door) {
    net::Listener* const listener = &door->listener;
    if (door->worker) {
        co_await conc::resume_on(*around_.workers[*door->worker]);
    }
    for (int last_accepts = 0; last_accepts < kLastAccepts; last_accepts += accepting_.ctx.err() ? 1 : 0) {
        net::Result<net::Stream> stream = co_await listener->accept(accepting_.ctx);
        if (stream) {
            door->accepted.add(1);
            co_await hand_over(std::move(*stream), door);
            continue;
        }
        if (stream.error() == std::errc::operation_canceled || accepting_.ctx.err()) {
            co_return;
        }
        if (const auto times = failures_.count_one()) {
            log_event(
                LogLevel::warn, "accept failed",
                {{"listener", listener->local().to_string()}, {"reason", stream.error().message()}, {"times", *times}});
        }
        if (!net::is_exhaustion(stream.error())) {
            // The listener itself pauses after a lack of descriptors; whatever else this is must not spin either.
            co_await conc::sleep_for(std::chrono::milliseconds(100));
        }
    }
}

conc::Task<void> Reception::hand_over(net::Stream stream, const Door* door) {
    std::unique_ptr<SessionFaults> faults;
    if (around_.faults != nullptr) {
        faults = faults_of(stream, *door);
        if (!stream.is_open()) {
            co_return;
        }
    }
    const Peer peer = peer_of(stream);
    auto ticket = limits_.admit(peer.who);
    if (!ticket) {
        refuse(ticket.error(), to_string(ticket.error()), peer.text);
        co_return;
    }
    // Named before it is awaited: GCC 12 destroys an aggregate that is made inside the expression twice.
    Accepted accepted{.connection = {.stream = std::move(stream),
                                     .ticket = std::move(*ticket),
                                     .seat = door->worker ? loads_.take(*door->worker) : loads_.take_least()},
                      .faults = std::move(faults)};
    if (door->worker) {
        begin(std::move(accepted));  // accept() has come back on that worker
        co_return;
    }
    const conc::Channel<Accepted> channel = accepted_[accepted.connection.seat.worker()];
    co_await channel.send(std::move(accepted));
}

conc::Task<void> Reception::work(std::size_t worker) {
    const conc::Channel<Accepted> channel = accepted_[worker];
    while (auto accepted = co_await channel.recv()) {
        co_await conc::resume_on(*around_.workers[worker]);
        begin(std::move(*accepted));
    }
}

// Adopted here and not by the session's task, whose first turn another worker may steal.
void Reception::begin(Accepted accepted) {
    if (const auto adopted = accepted.connection.stream.adopt(); !adopted) {
        const bool is_full = adopted.error() == net::Errc::too_many_descriptors;
        refuse(is_full ? Refusal::descriptor : Refusal::internal, adopted.error().message(),
               peer_of(accepted.connection.stream).text);
        return;
    }
    Hosting hosting(*this, std::move(accepted.connection));
    if (accepted.faults != nullptr) {
        sessions_.go(FaultyHosting(std::move(hosting), std::move(accepted.faults)));
    } else {
        sessions_.go(std::move(hosting));
    }
}

/// The connection's faults, where there are any; or none, and the stream is reset as one of them refuses it.
std::unique_ptr<SessionFaults> Reception::faults_of(net::Stream& stream, const Door& door) {
    ListenerFaults* const faults = around_.faults->of_listener(door.configured);
    if (faults == nullptr) {
        return nullptr;
    }
    const std::uint64_t number = faults->number_one();
    if (faults->resets_at_once(number)) {
        stream.reset();
        return nullptr;
    }
    return faults->of_connection(number);
}

Reception::Hosting::Hosting(Reception& reception, Connection connection)
    : reception_(reception),
      connection_(std::move(connection)),
      id_(reception.next_id()),
      local_(connection_.stream.local()),
      started_(std::chrono::system_clock::now()) {
    if (connection_.stream.peer().family() == net::Address::Family::unnamed) {
        unix_peer_ = std::make_unique<const std::string>(peer_of(connection_.stream).text);
    }
}

void Reception::Hosting::begin() {
    log_event(LogLevel::debug, "session begins",
              {{"id", id_}, {"peer", peer()}, {"worker", std::uint64_t{connection_.seat.worker()}}});
    member_.emplace(reception_.around_.sessions, connection_.stream);
}

void Reception::Hosting::end() {
    member_.reset();
    connection_.stream.close();
    SessionRecord record{.id = id_,
                         .instance = reception_.instance_,
                         .transport = std::string(net::to_string(local_.transport())),
                         .peer = peer(),
                         .local = local_.to_string(),
                         .started = started_,
                         .ended = std::chrono::system_clock::now(),
                         .bytes_in = outcome_.bytes_in,
                         .bytes_out = outcome_.bytes_out,
                         .discarded_after_fin = outcome_.discarded_after_fin,
                         .close_reason = outcome_.close_reason,
                         .drain_phase = reception_.around_.phase.load()};
    if (outcome_.probe != nullptr) {
        record.probe = *outcome_.probe;
    }
    if (outcome_.out_of_memory && reception_.failures_.count_one()) {
        log_event(LogLevel::warn, "session failed", {{"peer", record.peer}, {"reason", "out of memory"}});
    }
    reception_.around_.sessions.count_ended(record);
    log_event(LogLevel::debug, "session ended",
              {{"id", record.id},
               {"peer", record.peer},
               {"reason", to_string(record.close_reason)},
               {"bytes_in", record.bytes_in},
               {"bytes_out", record.bytes_out},
               {"discarded_after_fin", record.discarded_after_fin}});
    if (reception_.around_.ledger != nullptr) {
        reception_.around_.ledger->record(std::move(record));
    }
}

const SessionLimits* Reception::limits_of(net::Transport transport, std::size_t worker) const {
    return &(transport == net::Transport::unix_stream ? unix_limits_ : tcp_limits_)[worker];
}

std::vector<AcceptedCount> Reception::accepted() const {
    std::vector<AcceptedCount> counts;
    for (const Door& door : doors_) {
        std::string listener = door.local.to_string();
        const auto same = std::ranges::find(counts, listener, &AcceptedCount::listener);
        if (same != counts.end()) {
            same->connections += door.accepted.get();
        } else {
            counts.push_back({.listener = std::move(listener),
                              .transport = door.local.transport(),
                              .connections = door.accepted.get()});
        }
    }
    return counts;
}

std::uint64_t Reception::refused() const noexcept {
    std::uint64_t sum = 0;
    for (const std::atomic<std::uint64_t>& each : refused_) {
        sum += each.load();
    }
    return sum;
}

void Reception::refuse(Refusal why, std::string_view reason, const std::string& peer) {
    refused_[static_cast<std::size_t>(why)].fetch_add(1, std::memory_order_relaxed);
    if (const auto times = refusals_.count_one()) {
        log_event(LogLevel::warn, "connection refused", {{"reason", reason}, {"peer", peer}, {"times", *times}});
    }
}

}  // namespace mynah::server
