// records.hpp -- what is written down while a watch goes on: connections, outages, events.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "client/watch/byte_counts.hpp"
#include "conc/event_source.hpp"
#include "net/address.hpp"

namespace mynah::client::watch {

/// How a connection ended.
enum class Ending : std::uint8_t {
    finished,   // we ended it, and all was back
    fin,        // the peer ended it cleanly before that
    reset,      // it was reset, or failed in another way that is no clean end
    timeout,    // what was sent was not back in time, and we gave it up
    abandoned,  // the user did not want to wait
};
std::string_view name_of(Ending ending) noexcept;

struct ConnectionRecord {
    std::uint64_t connection = 0;  // from 1, in the order in which they were made
    std::size_t lane = 0;          // from 1: what one connection after the other carries
    net::Address local = {};
    net::Address peer = {};
    conc::TimePoint opened = {};
    conc::TimePoint closed = {};
    conc::TimePoint last_echo = {};  // or when it was opened
    Ending ending = Ending::finished;
    std::string error = {};  // the system's words, where it has any
    ByteCounts bytes = {};
    std::uint64_t received = 0;    // bytes, whatever they were
    std::uint64_t sent_again = 0;  // bytes
    std::uint64_t frames_sent = 0;
    std::uint64_t frames_echoed = 0;  // wholly, and as they were sent
};

/// A lane's time without service: from the last moment at which it worked until the next echo.
struct Outage {
    std::size_t lane = 0;
    std::uint64_t before = 0;  // the connection that ended
    std::uint64_t after = 0;   // and the one that worked again; 0: none did
    Ending ending = Ending::fin;
    conc::TimePoint began = {};
    conc::TimePoint ended = {};  // the end of the watch, if nothing worked again before it
    conc::Duration length() const noexcept { return ended - began; }
};

struct Event {
    conc::TimePoint at = {};
    std::string_view kind =
        {};  // "connected", "refused", "fin", "connection_reset", "timeout", "abandoned", "outage", or an incident's
    std::size_t lane = 0;
    std::uint64_t connection = 0;  // 0: none
    std::uint64_t offset = 0;      // of an incident
    std::uint64_t bytes = 0;       // of an incident
    std::string text = {};         // what a person should read of it
    bool is_loss = false;          // it spoils the verdict
};

}  // namespace mynah::client::watch
