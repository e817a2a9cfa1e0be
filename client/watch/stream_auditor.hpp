// stream_auditor.hpp -- what became of every byte that one connection has sent.
//
// What     It is told of all that is sent, and given all that comes back, in pieces of any size. As long as that is the
//          same it counts. Where it is not, it keeps what comes until it can tell what has happened, which is when 48
//          bytes are in step again, wherever in the stream; then each byte has its class (ByteCounts), and each case is
//          an Incident. What was sent must be probe frames (net/probe_frame.hpp), back to back, of `run` and
//          `connection`: their frames are told by that from those of other connections.
//
//          Changed bytes count one by one, also within a header. Of a span that is missing, or there twice, the length
//          is exact, wherever it begins and ends; where several are in one place, each, if 32 bytes between them are
//          as they were sent. Nearer to each other, they may count as one: the sums are right all the same.
// Threads  one at a time; it does no I/O and knows no time but what it is told.
// Errors   none; end() may be called once, and nothing after it but the questions.
// Memory   what is outstanding, history_bytes before it, and unexplained_bytes at most.
// Cost     one memcmp for what is as it should be; a search through the window for what is not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "client/watch/alignment.hpp"
#include "client/watch/byte_counts.hpp"
#include "client/watch/expected_bytes.hpp"
#include "client/watch/incident.hpp"
#include "conc/event_source.hpp"

namespace mynah::client::watch {

/// How a connection came to its end, as far as we can tell.
enum class StreamEnd : std::uint8_t {
    fin,      // the peer ended it cleanly
    reset,    // it was reset
    silence,  // neither: we gave up waiting
};

class StreamAuditor {
  public:
    struct Limits {
        std::size_t history_bytes = 65'536;       // what comes twice is known as far back
        std::size_t unexplained_bytes = 262'144;  // more than one frame
    };

    StreamAuditor(std::uint64_t run, std::uint64_t connection) : StreamAuditor(run, connection, Limits()) {}
    StreamAuditor(std::uint64_t run, std::uint64_t connection, Limits limits);

    /// To be told before the peer can have them.
    void sent(std::span<const std::byte> bytes);
    /// The last `count` of them were never handed to the kernel after all.
    void take_back_sent(std::size_t count);
    void received(std::span<const std::byte> bytes, conc::TimePoint now);
    void end(StreamEnd how, conc::TimePoint now);

    /// It is known of all bytes before this offset what became of them.
    std::uint64_t decided() const noexcept { return high_; }
    /// Of the others there are so many.
    std::uint64_t outstanding() const noexcept { return expected_.end() - high_; }
    /// Bytes that came and have no explanation yet.
    std::size_t unexplained() const noexcept { return unexplained_.size(); }

    const ByteCounts& counts() const noexcept { return counts_; }
    /// What was noticed since the last call, in the order in which it was.
    std::vector<Incident> take_incidents();

  private:
    /// Bytes that come again, as long as they follow each other.
    struct Repeat {
        std::uint64_t offset = 0;
        std::uint64_t duplicated = 0;
        std::uint64_t reordered = 0;
    };
    struct Gap {
        std::uint64_t begin;
        std::uint64_t end;
    };

    void accept(std::size_t count);
    void repeat(std::uint64_t position, std::uint64_t count);
    void close_repeat();
    void settle(bool is_end);
    void take_out_misdelivered();
    std::size_t look_back() const noexcept;
    void take_back(std::size_t count);

    void account(const Piece& piece);
    std::uint64_t account_old(std::span<const std::byte> bytes, std::uint64_t position);
    void account_fresh(std::span<const std::byte> bytes);
    void skip_to(std::uint64_t position);
    std::uint64_t moved_back(std::uint64_t begin, std::uint64_t end) const noexcept;
    bool is_in_gap(std::uint64_t position) const noexcept;
    void note(IncidentKind kind, std::uint64_t offset, std::uint64_t bytes, std::uint64_t other = 0);
    void add_foreign(std::uint64_t bytes);

    std::uint64_t run_;
    std::uint64_t connection_;
    Limits limits_;
    ExpectedBytes expected_;

    // Invariants: cursor_ <= high_ but within settle(); between calls, what came next would belong to cursor_. Where
    // that is before high_, bytes come again. unexplained_ is empty, or begins with a byte that differs from cursor_'s.
    std::uint64_t cursor_ = 0;
    std::uint64_t high_ = 0;        // all before it are decided
    std::uint64_t fresh_run_ = 0;   // bytes in step right before high_, if cursor_ is there
    std::optional<Repeat> repeat_;  // that may go on
    std::vector<Gap> gaps_;         // silent bytes within the history
    std::vector<std::byte> unexplained_;

    ByteCounts counts_;
    std::vector<Incident> incidents_;
    conc::TimePoint now_;
};

}  // namespace mynah::client::watch
