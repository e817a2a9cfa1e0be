// session_record.hpp -- what is known of a session once it has ended: one row of the ledger.
// What     SessionRecord is a plain value; CloseReason and DrainPhase are its words, as logs and the ledger spell them.
// Threads  a value: no sharing.
// Bytes    bytes_in were read before our FIN, bytes_out were handed to the kernel; a session that ended well has both
//          equal, unless faults are configured. What the peer sent after our FIN is read, counted in
//          discarded_after_fin, and never echoed.
// Probes   where the first bytes that a session received begin a stream of probe frames, `probe` names it
//          (net/probe_stream.hpp). Only what the first receive brought is looked at.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "net/probe_stream.hpp"

namespace mynah::server {

enum class CloseReason {
    end_of_stream,   // the peer shut its sending side, got every byte back, then our FIN
    reset,           // the peer reset the connection
    error,           // another error of the socket
    idle_timeout,    // nothing arrived for limits.idle_timeout
    write_timeout,   // the peer did not read for limits.write_timeout
    drained,         // closed by the drain at a quiet moment; the peer closed too
    linger_expired,  // closed by the drain at a quiet moment; the peer had not closed when drain.linger ended
    cut,             // still open at drain.timeout, or at the third signal
    fault,           // a configured fault ended it, by an early FIN or by a RST: fault/fault_rule.hpp
};
inline constexpr std::size_t kCloseReasons = 9;

/// The phases of the drain, in their order. See drain.hpp for who moves them.
enum class DrainPhase { serving, not_ready, draining, closing, stopped };

[[nodiscard]] std::string_view to_string(CloseReason reason);
[[nodiscard]] std::string_view to_string(DrainPhase phase);

/// What a session keeps of itself while it lasts: few bytes, as there are many sessions.
struct SessionOutcome {
    std::uint64_t bytes_in = 0;
    std::uint64_t bytes_out = 0;
    std::uint64_t discarded_after_fin = 0;
    std::unique_ptr<const net::ProbeStream> probe = nullptr;  // few have one
    CloseReason close_reason = CloseReason::end_of_stream;
    bool out_of_memory = false;  // why it ended, where close_reason is error
};

/// For the first bytes that a session receives. Throws std::bad_alloc.
void note_beginning(SessionOutcome& outcome, std::span<const std::byte> bytes);

struct SessionRecord {
    std::uint64_t id = 0;        // unique within one run of the daemon
    std::string instance = {};   // which daemon: configuration key `instance`
    std::string transport = {};  // "tcp"
    std::string peer = {};       // "tcp://192.0.2.7:51234"
    std::string local = {};      // "tcp://192.0.2.1:7007"
    std::chrono::system_clock::time_point started = {};
    std::chrono::system_clock::time_point ended = {};
    std::uint64_t bytes_in = 0;
    std::uint64_t bytes_out = 0;
    std::uint64_t discarded_after_fin = 0;
    CloseReason close_reason = CloseReason::end_of_stream;
    DrainPhase drain_phase = DrainPhase::serving;  // the daemon's phase when the session ended
    std::optional<net::ProbeStream> probe = {};

    friend bool operator==(const SessionRecord&, const SessionRecord&) = default;
};

}  // namespace mynah::server
