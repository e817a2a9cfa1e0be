// datagram_exchange.hpp -- sends a source over UDP, one datagram after the other, and proves that each comes back.
//
// What     run() sends a datagram, waits for it, compares, writes what came back to standard output, and only then
//          sends the next: at most one is on its way. It says on standard error what is wrong, and ends with the first
//          datagram that does not come back.
//          What comes is told apart by its bytes, as nothing may be added to them. What equals the datagram that is
//          awaited is its answer. What differs, and equals one of the last kRemembered that were answered, is a
//          duplicate of that one: told, and kept from standard output. Anything else is the answer, changed.
//          Of equal datagrams the first copy counts as the answer, whichever it answers: then one more comes than was
//          sent, and that is the duplicate. For it the socket listens a moment longer after the last.
// Threads  run() once, from any task; the exchange must live until it returns.
// Errors   in the exit status, and on standard error.
// Cost     a round trip for each datagram; holds the last kRemembered.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <system_error>
#include <vector>

#include "client/console.hpp"
#include "client/exit_status.hpp"
#include "client/source.hpp"
#include "conc/event_source.hpp"
#include "conc/task.hpp"
#include "net/datagram.hpp"
#include "net/datagram_batch.hpp"

namespace mynah::client {

struct DatagramExchangeOptions {
    std::string target;                // for messages
    std::chrono::nanoseconds timeout;  // for a datagram to come back
    std::size_t datagram_bytes;        // the most that is sent in one, but for a text, which is one datagram
    bool is_text = false;              // an empty one is a datagram too; a newline follows what came back
};

class DatagramExchange {
  public:
    static constexpr std::size_t kRemembered = 16;

    DatagramExchange(net::DatagramSocket socket, Source source, Console* console, DatagramExchangeOptions options);

    conc::Task<ExitStatus> run();

  private:
    conc::Task<void> exchange_everything();
    conc::Task<bool> exchange(std::span<const std::byte> datagram);
    conc::Task<bool> send(std::span<const std::byte> datagram);
    conc::Task<bool> await_answer(std::span<const std::byte> datagram);
    conc::Task<bool> take(std::span<const std::byte> bytes, std::span<const std::byte> awaited);
    conc::Task<void> listen_for_more();
    conc::Task<void> finish_output();

    bool is_duplicate(std::span<const std::byte> bytes);
    void compare(std::span<const std::byte> returned, std::span<const std::byte> sent);
    ExitStatus report();

    net::DatagramSocket socket_;
    Source source_;
    Console* console_;
    DatagramExchangeOptions options_;

    std::uint64_t sent_ = 0;  // datagrams
    std::uint64_t answered_ = 0;
    std::uint64_t sent_bytes_ = 0;
    std::size_t last_bytes_ = 0;                     // of the datagram under way
    conc::Duration slowest_{0};                      // round trip
    net::DatagramBatch came_;                        // what has been received,
    std::size_t looked_at_ = 0;                      // and how many of it have been looked at
    std::deque<std::vector<std::byte>> remembered_;  // answered ones, the last at the end
    std::uint64_t changed_ = 0;                      // datagrams
    std::uint64_t duplicates_ = 0;
    std::uint64_t surplus_ = 0;  // that nobody had sent, after the last answer
    std::string first_change_;
    std::uint64_t first_duplicate_ = 0;  // of which datagram, from 1
    std::error_code failure_;            // of sending or receiving: timed_out where nothing came
    std::error_code input_error_;
    std::error_code output_error_;
};

}  // namespace mynah::client
