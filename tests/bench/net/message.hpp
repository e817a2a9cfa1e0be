// message.hpp -- what is in flight on one connection: sent, then expected back, every byte of it.
//
// What     bytes() is to be sent; take() compares what comes back, piece by piece; next() is another message.
// Threads  none of its own: a Message belongs to its connection.
// Errors   std::runtime_error when a byte comes back that was not sent.
// Cost     one memcmp for each piece. Filled once, with bytes that differ from connection to connection; a message
//          differs from the one before by its number.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>
#include <vector>

namespace mynah::bench {

class Message {
  public:
    Message(std::size_t size, std::size_t connection) : bytes_(size) {
        for (std::size_t at = 0; at < size; ++at) {
            bytes_[at] = static_cast<char>((at * 131 + connection * 29 + 7) & 0xff);
        }
    }

    void next() {
        ++number_;
        received_ = 0;
        std::memcpy(bytes_.data(), &number_, std::min(sizeof number_, bytes_.size()));
    }

    [[nodiscard]] std::span<const char> bytes() const { return bytes_; }
    [[nodiscard]] std::size_t missing() const { return bytes_.size() - received_; }

    /// True when that was the last of it.
    bool take(std::span<const char> echoed) {
        if (echoed.size() > missing() || std::memcmp(echoed.data(), bytes_.data() + received_, echoed.size()) != 0) {
            throw std::runtime_error("the echo differs from what was sent");
        }
        received_ += echoed.size();
        return received_ == bytes_.size();
    }

  private:
    std::vector<char> bytes_;
    std::size_t received_ = 0;
    std::uint64_t number_ = 0;
};

}  // namespace mynah::bench
