// session_set.hpp -- the sessions that are open, so that a drain can reach them, and the totals of those that ended.
// What     a session enters before its first receive and leaves after its last operation. The drain asks them to close,
//          one by one or all, and in the end cuts whoever is left.
// Threads  every member, from any worker; each takes one short lock.
// Lifetime must outlive its Members.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>

#include "net/stream.hpp"
#include "server/session_record.hpp"

namespace mynah::server {

class SessionSet {
  public:
    /// One session's membership; lives in its frame, beside its stream.
    class Member {
      public:
        Member(SessionSet& set, net::Stream& stream);
        ~Member();
        Member(const Member&) = delete;
        Member& operator=(const Member&) = delete;

        /// The drain has ended this session where it was.
        bool is_cut() const noexcept { return cut_.load(std::memory_order_acquire); }

      private:
        friend class SessionSet;
        SessionSet& set_;
        net::Stream& stream_;
        Member* previous_ = nullptr;  // links and asked_ are guarded by the set's mutex
        Member* next_ = nullptr;
        bool asked_ = false;
        std::atomic<bool> cut_{false};
    };

    struct Totals {
        std::uint64_t sessions = 0;
        std::uint64_t bytes_in = 0;
        std::uint64_t bytes_out = 0;
        std::uint64_t discarded_after_fin = 0;
        std::array<std::uint64_t, kCloseReasons> by_reason{};

        std::uint64_t count(CloseReason reason) const { return by_reason[static_cast<std::size_t>(reason)]; }
    };

    SessionSet() = default;
    SessionSet(const SessionSet&) = delete;
    SessionSet& operator=(const SessionSet&) = delete;

    std::size_t open() const;

    /// Asks one session that was not asked yet to close at its next quiet moment; false when there is none.
    bool ask_one_to_close();

    /// Asks all of them, and whoever enters from now on.
    void ask_all_to_close();

    /// Closes all streams, and those of whoever enters from now on, wherever their sessions are.
    void cut_all();

    void count_ended(const SessionRecord& record);
    Totals totals() const;

  private:
    void enter(Member& member);
    void leave(Member& member);
    static void ask(Member& member);
    static void cut(Member& member);

    // Invariant: members_ links every member that entered and did not leave; the newest is first.
    mutable std::mutex mutex_;
    Member* members_ = nullptr;    // guarded by mutex_, like all that follows
    Member* not_asked_ = nullptr;  // where ask_one_to_close goes on: this member and those behind it may be unasked
    std::size_t open_ = 0;
    bool asking_ = false;
    bool cutting_ = false;
    Totals totals_;
};

}  // namespace mynah::server
