// conversation.hpp -- sends what is typed and shows what comes back, each in its own time.
//
// What     run() ends when the peer closes; or, after the end of input, when as many bytes have come back as were sent.
//          Nothing is compared: the peer may say what it likes. While input is open, silence is no fault.
// Threads  run() once, from any task; the Conversation must live until it returns.
// Memory   one buffer for each direction: a peer that does not read stops the reading of input.
// Errors   in the exit status, and on standard error.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <system_error>

#include "client/console.hpp"
#include "client/exit_status.hpp"
#include "client/source.hpp"
#include "conc/channel.hpp"
#include "conc/task.hpp"
#include "conc/wait_group.hpp"
#include "net/stream.hpp"

namespace mynah::client {

class Conversation {
  public:
    /// `timeout`: how long, after the end of input, nothing may come back while something should.
    Conversation(net::Stream stream, Console* console, std::chrono::nanoseconds timeout);

    conc::Task<ExitStatus> run();

  private:
    enum class Ending { all_back, peer_closed, broken, timed_out, unwritable };

    conc::Task<void> talk();
    conc::Task<Ending> listen();
    std::optional<Ending> judge(std::error_code error);
    std::chrono::nanoseconds patience() const;
    ExitStatus report(Ending ending);

    net::Stream stream_;
    Source source_;
    Console* console_;
    std::chrono::nanoseconds timeout_;
    conc::WaitGroup tasks_;

    // From the talker to the listener, when input is over: how many bytes were sent in all.
    conc::Channel<std::uint64_t> total_;

    // The talker's, until it has ended.
    std::uint64_t sent_bytes_ = 0;
    bool input_ended_ = false;
    std::error_code input_error_;

    // The listener's.
    std::optional<std::uint64_t> awaited_total_;  // set once input is over
    std::uint64_t returned_bytes_ = 0;
    std::error_code receive_error_;
    std::error_code output_error_;
};

}  // namespace mynah::client
