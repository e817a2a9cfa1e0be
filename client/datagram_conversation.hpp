// datagram_conversation.hpp -- sends what is typed, a line a datagram, and shows what comes back, each in its own time.
//
// What     run() ends once input is over and as many datagrams have come back as were sent, or when one is refused.
//          Nothing is compared: the peer may say what it likes. While input is open, silence is no fault. A line that
//          is longer than a datagram goes in several; what is left at the end of input goes without its newline.
// Threads  run() once, from any task; the conversation must live until it returns.
// Memory   the line that is being typed, up to what a datagram holds.
// Errors   in the exit status, and on standard error.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "client/console.hpp"
#include "client/exit_status.hpp"
#include "client/source.hpp"
#include "conc/channel.hpp"
#include "conc/task.hpp"
#include "conc/wait_group.hpp"
#include "net/datagram.hpp"

namespace mynah::client {

class DatagramConversation {
  public:
    /// `timeout`: how long, after the end of input, nothing may come back while something should.
    DatagramConversation(net::DatagramSocket socket, Console* console, std::chrono::nanoseconds timeout);

    conc::Task<ExitStatus> run();

  private:
    conc::Task<void> talk();
    conc::Task<bool> send_lines(bool all);
    conc::Task<void> listen();
    std::chrono::nanoseconds patience() const;
    ExitStatus report();

    net::DatagramSocket socket_;
    std::string target_;
    Source source_;
    Console* console_;
    std::chrono::nanoseconds timeout_;
    conc::WaitGroup tasks_;

    // From the talker to the listener, when input is over: how many datagrams were sent in all.
    conc::Channel<std::uint64_t> total_;

    // The talker's, until it has ended.
    std::vector<std::byte> typed_;  // and not sent yet
    std::uint64_t sent_ = 0;
    std::error_code input_error_;
    std::error_code send_error_;

    // The listener's.
    std::optional<std::uint64_t> awaited_total_;  // set once input is over
    std::uint64_t returned_ = 0;
    std::error_code receive_error_;
    std::error_code output_error_;
};

}  // namespace mynah::client
