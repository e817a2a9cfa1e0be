#include "client/source.hpp"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <span>
#include <vector>

#include "conc/task.hpp"
#include "net/result.hpp"

namespace mynah::client {

conc::Task<net::Result<std::vector<std::byte>>> Source::next() {
    std::vector<std::byte> bytes;
    if (over_) {
        co_return bytes;
    }
    if (text_) {
        over_ = true;
        std::ranges::copy(std::as_bytes(std::span(*text_)), std::back_inserter(bytes));
        co_return bytes;
    }
    bytes.resize(kChunkBytes);
    const auto count = co_await input_->read(bytes);
    if (!count) {
        co_return net::fail(count.error());
    }
    // Once is enough for the end: after Ctrl-D a terminal would give more.
    over_ = *count == 0;
    bytes.resize(*count);
    co_return bytes;
}

}  // namespace mynah::client
