// uring_engine.hpp -- operations handed to the kernel: io_uring(7).
//
// What     accept and receive stay asked for ("multishot"): one request serves a listener or a stream until it ends.
//          What arrives while nobody waits is kept for the next operation; once that is a few results the request is
//          taken back, so that a peer which is not read stops being read. A stream that fills larger buffers than 4 KiB
//          is asked for each of them: one more request costs little there, and more than one ahead would be much. A
//          send is one request, again for what was left of it. Everything else is tried, waits for readiness, and is
//          tried again.
// Cancel   a read's request has no buffer of ours: it goes on, or is taken back, behind the operation's end. A send
//          ends only with its completion, as the kernel reads from the caller's buffer until then.
// Bounds   what the kernel receives ahead for a stream fits into the buffers of 4 KiB that it picks from: 64 KiB of
//          them, unless so many streams receive that they need more (uring_buffers.hpp).
// Cost     all that tasks ask for between two waits is begun by one system call, which also waits for what comes next.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <system_error>
#include <vector>

#include "net/descriptor.hpp"
#include "net/internal/engine.hpp"
#include "net/internal/uring.hpp"
#include "net/internal/uring_buffers.hpp"
#include "net/internal/uring_mark.hpp"
#include "net/lease.hpp"
#include "net/operation.hpp"

namespace mynah::net::internal {

/// Invariants:
/// - slots_[fd].reader and .writer are the operations pending on fd. pending_ counts all that are pending; more than
///   those, where a send goes on after forget(fd).
/// - A direction has at most one request that counts: the one with the serial of its Watch. Completions with another
///   serial belong to a file that had this number before, or to a wait that nobody waits for any more.
/// - Nothing stays in the queue of requests when a descriptor is closed: the kernel looks it up as it begins.
/// - in_flight_ counts the requests that have begun, or are about to, and whose last completion has not been seen.
class UringEngine final : public Engine {
  public:
    /// Throws std::system_error: see Uring.
    UringEngine(Driver& driver, WakeUp& wake_up);
    ~UringEngine() override;

    void start() override;
    void stop() noexcept override;
    void poll(std::optional<conc::TimePoint> until) override;
    bool armed() const noexcept override { return pending_ > 0; }
    bool submit(Operation& operation) override;
    void cancel(Operation& operation) override;
    void withdraw(Operation& operation) noexcept override;
    std::error_code admit(int fd) override;
    void forget(int fd) noexcept override;
    std::string_view name() const noexcept override { return "io_uring"; }

  private:
    using Tag = UringMark::Tag;

    /// One direction of a descriptor, as the kernel watches it for us.
    struct Watch {
        std::uint32_t serial = 0;  // of the request; 0: none
        Tag tag = Tag::cancel;     // receive and accept bring one result after another, poll_... is for once
        std::uint8_t group = 0;    // of a receive
        bool ending = false;       // it was taken back, and its last completion has not been seen
        bool drained = false;      // of datagrams: fewer came than were asked for, and no event has come since

        std::uint64_t mark(int fd) const noexcept {
            return UringMark{.tag = tag, .group = group, .fd = fd, .serial = serial}.pack();
        }
    };

    /// What a request has brought while nobody waited, in its order.
    struct Arrived {
        Lease lease;          // empty: a clean end of stream, unless one of those below is set
        Descriptor accepted;  // of a listener
        std::error_code error;
    };

    struct Slot {
        Operation* reader = nullptr;
        Operation* writer = nullptr;
        Watch reading;
        Watch writing;
        std::vector<Arrived> arrived;
        std::uint32_t taken = 0;  // so many of them are gone

        bool has_arrived() const noexcept { return taken < arrived.size(); }
    };

    Slot& slot_of(const Operation& operation) noexcept { return slots_[static_cast<std::size_t>(operation.fd)]; }

    void sleep(conc::TimePoint end);

    // Operations begin (uring_engine.cpp).
    bool begin(Operation& operation);
    bool begin_read(Slot& slot, Operation& operation);
    bool begin_send(Operation& operation);
    bool begin_polled(Slot& slot, Operation& operation);
    bool take_now(Operation& operation);
    bool take_arrived(Operation& operation);
    void pend(Operation*& place, Operation& operation);

    // Requests (uring_requests.cpp).
    static std::uint8_t group_of(std::size_t receive_bytes) noexcept;
    std::uint32_t next_serial() noexcept { return last_serial_ = std::max(last_serial_ + 1, 1U); }
    io_uring_sqe& request() noexcept;
    void ask_read(int fd, Slot& slot);
    void ask_send(Operation& operation) noexcept;
    void ask_poll(int fd, Slot& slot, Tag tag) noexcept;
    void ask_wake() noexcept;
    void ask_again(int fd, Slot& slot);
    void take_back(std::uint64_t mark) noexcept;
    void take_back_all() noexcept;
    void take_back_read(int fd, Slot& slot) noexcept;
    void take_back_poll(int fd, Watch& watch) noexcept;
    UringBuffers& buffers_of(std::uint8_t group);

    // Completions, and the ends of operations (uring_completions.cpp).
    unsigned reap() noexcept;
    void catch_up() noexcept;
    void on_completion(const Uring::Completion& completion);
    void on_read(const Uring::Completion& completion);
    std::optional<Arrived> result_of(const UringMark& mark, const Uring::Completion& completion);
    Arrived received(const UringMark& mark, const Uring::Completion& completion);
    void on_arrival(int fd, Slot& slot, Arrived arrived);
    void on_send(Operation& operation, int result);
    void on_poll(const UringMark& mark, int result);
    void on_wake(unsigned flags);
    static void give(Operation& operation, Arrived arrived);
    void expire(conc::TimePoint time);
    void end_late(Operation& operation) override;
    void end(Operation& operation, std::error_code error);
    void detach(Operation& operation) noexcept;
    void finish(Operation& operation) noexcept;
    void fail(Operation& operation, std::error_code error) noexcept;

    static constexpr std::size_t kMostArrived = 4;
    static constexpr std::uint8_t kLargestAheadGroup = 2;  // 4 KiB
    static constexpr std::size_t kGroups = 11;             // 1 KiB to 1 MiB, by powers of two: see buffer_pool.hpp

    std::unique_ptr<Uring> ring_;  // none between stop() and start()
    std::array<std::unique_ptr<UringBuffers>, kGroups> buffers_;
    std::array<std::size_t, kGroups> receiving_{};  // how many requests pick from each
    bool started_ = false;
    std::vector<Slot> slots_;  // by descriptor
    std::size_t pending_ = 0;
    std::size_t in_flight_ = 0;
    std::uint32_t last_serial_ = 0;
    Operation* withdrawn_ = nullptr;  // the send whose completion withdraw() waits for
};

}  // namespace mynah::net::internal
