// source.hpp -- what a transfer sends: a text, or standard input to its end.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "client/input.hpp"
#include "conc/task.hpp"
#include "net/result.hpp"

namespace mynah::client {

class Source {
  public:
    /// Without a text: `input`, which must outlive this.
    Source(std::optional<std::string> text, Input* input) : text_(std::move(text)), input_(input) {}

    /// The next bytes, at most kChunkBytes where they are read; none at the end; operation_canceled after stop().
    conc::Task<net::Result<std::vector<std::byte>>> next();

    /// Ends the wait for input. A text is not cut short.
    void stop() { input_->stop(); }

    static constexpr std::size_t kChunkBytes = std::size_t{64} * 1024;  // what a pipe holds

  private:
    std::optional<std::string> text_;
    Input* input_;
    bool over_ = false;
};

}  // namespace mynah::client
