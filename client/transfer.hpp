// transfer.hpp -- sends a source through an echo server and proves that all of it comes back.
//
// What     run() sends in one task and receives in another, compares, writes what came back to standard output, and
//          says on standard error what is wrong. After the last byte the sending side is closed; then all bytes must
//          come back, and none more. An end of stream is waited for only briefly, as a server may keep the connection
//          until it is idle.
// Threads  run() once, from any task; the Transfer must live until it returns.
// Memory   bytes are kept from when they are read until they are back: at most kWindowChunks + 2 chunks.
// Errors   in the exit status, and on standard error.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <system_error>

#include "client/console.hpp"
#include "client/echo_comparison.hpp"
#include "client/exit_status.hpp"
#include "client/progress.hpp"
#include "client/source.hpp"
#include "conc/channel.hpp"
#include "conc/context.hpp"
#include "conc/task.hpp"
#include "conc/wait_group.hpp"
#include "net/stream.hpp"

namespace mynah::client {

struct TransferOptions {
    std::chrono::nanoseconds timeout;  // how long nothing may come back while something should
    bool ends_line = false;            // a newline after what came back
};

class Transfer {
  public:
    static constexpr std::size_t kWindowChunks = 64;

    Transfer(net::Stream stream, Source source, Console* console, TransferOptions options);

    conc::Task<ExitStatus> run();

  private:
    enum class Ending {
        all_back,     // and nothing more came
        peer_closed,  // end of stream: right, or too early
        broken,       // receive_error_ says why
        timed_out,
        surplus,  // more came back than was sent
        unwritable,
    };

    conc::Task<void> send_everything();
    conc::Task<Ending> receive_everything();
    conc::Task<void> finish_output();
    std::optional<Ending> judge(std::error_code error);

    void take_next_chunk();
    bool is_all_back() const { return sending_over_ && comparison_.exhausted(); }
    bool compare(std::span<const std::byte> bytes);
    std::chrono::nanoseconds time_left() const;
    std::chrono::nanoseconds patience() const;

    ExitStatus report(Ending ending);
    ExitStatus report_lost(Ending ending, std::uint64_t missing);
    std::uint64_t count_missing();

    net::Stream stream_;
    Source source_;
    Console* console_;
    TransferOptions options_;
    Progress progress_;
    conc::CancelableContext scope_;
    conc::WaitGroup tasks_;

    // From the sender to the receiver: each chunk before its first byte is sent, so that whatever comes back has its
    // original waiting here. The capacity is the window. Closed when the sender is done, for whatever reason.
    conc::Channel<Chunk> in_flight_;

    // The sender's, until it has ended.
    bool source_ended_ = false;  // all of it was sent
    std::error_code input_error_;

    // The receiver's.
    EchoComparison comparison_;
    bool sending_over_ = false;  // in_flight_ is closed and drained
    std::chrono::steady_clock::time_point last_progress_;
    std::uint64_t surplus_bytes_ = 0;
    std::error_code receive_error_;
    std::error_code output_error_;
};

}  // namespace mynah::client
