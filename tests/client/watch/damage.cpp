#include "tests/client/watch/damage.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "client/watch/byte_counts.hpp"
#include "tests/client/watch/probe_stream.hpp"

namespace mynah::client::watch::testing_support {

Damage::Damage(const Bytes& sent, unsigned seed) : sent_(sent), random_(seed) {
    for (std::size_t i = 0; i < sent.size(); ++i) {
        stream_.push_back({.value = sent[i], .offset = i});
    }
}

std::size_t Damage::draw(std::size_t least, std::size_t most) {
    return std::uniform_int_distribution<std::size_t>(least, most)(random_);
}

void Damage::put(std::size_t at, std::vector<Origin> more) {
    stream_.insert(stream_.begin() + static_cast<std::ptrdiff_t>(at), more.begin(), more.end());
}

std::string Damage::do_harm(std::size_t faults, std::size_t spacing) {
    // From behind, so that the places before stay where they are.
    std::string done;
    std::size_t end = stream_.size() - spacing;
    for (std::size_t i = 0; i < faults && end > 2 * spacing; ++i) {
        const std::size_t most = std::min<std::size_t>(end - spacing, draw(0, 3) == 0 ? 1500 : 60);
        const std::size_t room =
            draw(0, 2) == 0 ? end - spacing - most : std::min<std::size_t>(end - spacing - most, 40);
        const std::size_t begin = end - most - draw(0, room);
        done += harm_at(begin, most);
        end = begin - spacing;
        if (end <= spacing || end > stream_.size()) {
            break;
        }
    }
    return done;
}

/// To at most so many bytes of what was sent.
std::string Damage::harm_at(std::size_t begin, std::size_t most) {
    const std::size_t count = draw(1, most);
    const auto first = stream_.begin() + static_cast<std::ptrdiff_t>(begin);
    const auto behind = first + static_cast<std::ptrdiff_t>(count);
    const std::string where = std::to_string(count) + " at " + std::to_string(begin) + "; ";
    switch (draw(0, 4)) {
        case 0:
            first->value ^= static_cast<std::byte>(draw(1, 255));
            return "change 1 at " + std::to_string(begin) + "; ";
        case 1:
            std::for_each(first, behind, [this](Origin& byte) { byte.value ^= static_cast<std::byte>(draw(1, 255)); });
            return "change " + where;
        case 2:
            stream_.erase(first, behind);
            return "drop " + where;
        case 3:
            put(begin + count, std::vector<Origin>(first, behind));
            return "repeat " + where;
        default: {
            std::vector<Origin> strange;
            for (const std::byte byte :
                 ProbeStream(draw(1, 1000)).frames(draw(1, 3), static_cast<std::uint32_t>(draw(0, 300)))) {
                strange.push_back({.value = byte, .offset = std::nullopt, .is_misdelivered = true});
            }
            put(begin, strange);
            return "misdeliver " + std::to_string(strange.size()) + " at " + std::to_string(begin) + "; ";
        }
    }
}

Bytes Damage::received() const {
    Bytes bytes;
    for (const Origin& byte : stream_) {
        bytes.push_back(byte.value);
    }
    return bytes;
}

ByteCounts Damage::counts() const {
    ByteCounts counts{.sent = sent_.size()};
    std::uint64_t next = 0;  // the first place of which nothing has come
    for (const Origin& byte : stream_) {
        if (!byte.offset) {
            counts.misdelivered += byte.is_misdelivered ? 1U : 0U;
        } else if (*byte.offset < next) {
            ++counts.duplicated;
        } else {
            counts.silent += *byte.offset - next;
            (byte.value == sent_[static_cast<std::size_t>(*byte.offset)] ? counts.echoed : counts.corrupted) += 1;
            next = *byte.offset + 1;
        }
    }
    counts.unacknowledged = sent_.size() - next;
    return counts;
}

}  // namespace mynah::client::watch::testing_support
