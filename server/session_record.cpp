#include "server/session_record.hpp"

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "net/probe_stream.hpp"

namespace mynah::server {

std::string_view to_string(CloseReason reason) {
    switch (reason) {
        case CloseReason::end_of_stream:
            return "end_of_stream";
        case CloseReason::reset:
            return "reset";
        case CloseReason::error:
            return "error";
        case CloseReason::idle_timeout:
            return "idle_timeout";
        case CloseReason::write_timeout:
            return "write_timeout";
        case CloseReason::drained:
            return "drained";
        case CloseReason::linger_expired:
            return "linger_expired";
        case CloseReason::cut:
            return "cut";
        case CloseReason::fault:
            return "fault";
    }
    return "unknown";
}

std::string_view to_string(DrainPhase phase) {
    switch (phase) {
        case DrainPhase::serving:
            return "serving";
        case DrainPhase::not_ready:
            return "not_ready";
        case DrainPhase::draining:
            return "draining";
        case DrainPhase::closing:
            return "closing";
        case DrainPhase::stopped:
            return "stopped";
    }
    return "unknown";
}

// Not to be inlined: what it has in registers would be in the frame of every session.
[[gnu::noinline]] void note_beginning(SessionOutcome& outcome, std::span<const std::byte> bytes) {
    if (const auto stream = net::recognise_probe_stream(bytes)) {
        outcome.probe = std::make_unique<const net::ProbeStream>(*stream);
    }
}

}  // namespace mynah::server
