// input.hpp -- standard input for tasks: a file, a pipe or a terminal.
//
// What     read() yields bytes as they come, 0 at the end; stop() ends a read that waits. The descriptor is waited
//          for and read on the blocking pool: no worker ever waits for a disk or for a person, and the flags of a
//          terminal that is shared with the shell stay as they are.
// Threads  one task reads; stop() from any thread.
// Cancel   through stop(); a read that is under way is awaited, not dropped.
// Errors   what poll(2) and read(2) say; operation_canceled after stop(), where nothing is there to be read. The
//          constructor throws std::system_error where there is no descriptor left.
// Cost     two thread hand-overs a read.
#pragma once

#include <cstddef>
#include <span>

#include "conc/task.hpp"
#include "net/descriptor.hpp"
#include "net/result.hpp"

namespace mynah::client {

class Input {
  public:
    /// `fd` stays the caller's.
    explicit Input(int fd);

    conc::Task<net::Result<std::size_t>> read(std::span<std::byte> buffer);

    void stop() noexcept;

  private:
    net::Result<std::size_t> wait_and_read(std::span<std::byte> buffer) const;

    int fd_;
    net::Descriptor stopped_;  // an eventfd, readable from stop() on
};

}  // namespace mynah::client
