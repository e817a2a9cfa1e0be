// output.hpp -- standard output for tasks.
//
// What     write() shows bytes from a peer: escaped on a terminal, as they are elsewhere; print() shows our own text.
//          Each returns when all of it is written.
// Threads  one task at a time.
// Cancel   not cancelled: a reader that stops reading holds the writer back, as it should.
// Errors   what write(2) says: EPIPE (SIGPIPE must be ignored), ENOSPC, ...
// Cost     two thread hand-overs a write, since a pipe or a terminal may take its time.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "client/terminal_escaper.hpp"
#include "conc/task.hpp"
#include "net/result.hpp"

namespace mynah::client {

class Output {
  public:
    /// `fd` stays the caller's.
    explicit Output(int fd);

    bool is_terminal() const { return is_terminal_; }

    /// `bytes` must stay where they are until it returns.
    conc::Task<net::Result<void>> write(std::span<const std::byte> bytes);

    /// Shows the beginning of a character that the peer never finished.
    conc::Task<net::Result<void>> flush();

    conc::Task<net::Result<void>> print(std::string text);

  private:
    int fd_;
    bool is_terminal_;
    TerminalEscaper escaper_;
};

/// Writes all of `text`, blocking the thread.
net::Result<void> write_all(int fd, std::string_view text);

}  // namespace mynah::client
