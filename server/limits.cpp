#include "server/limits.hpp"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <expected>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace mynah::server {

std::string_view to_string(Refusal refusal) {
    switch (refusal) {
        case Refusal::connections:
            return "limits.connections";
        case Refusal::per_address:
            return "limits.per_address";
        case Refusal::descriptor:
            return "descriptor";
        case Refusal::internal:
            return "internal";
    }
    return "unknown";
}

ConnectionLimits::~ConnectionLimits() {
    const std::lock_guard lock(mutex_);
    if (open_ != 0) {
        // A Ticket that outlives its limits would write into freed memory: stop while it can still be told why.
        std::fputs("mynahd: ConnectionLimits destroyed while connections are open\n", stderr);
        std::abort();
    }
}

std::expected<ConnectionLimits::Ticket, Refusal> ConnectionLimits::admit(std::string_view host) {
    HostCount* counted = nullptr;
    const std::lock_guard lock(mutex_);
    if (open_ >= options_.connections) {
        return std::unexpected(Refusal::connections);
    }
    if (options_.per_address != 0) {
        const auto entry = by_host_.try_emplace(std::string(host), 0).first;
        // The entry was there already if it is at the limit, as the limit is at least one: no zero is left behind.
        if (entry->second >= options_.per_address) {
            return std::unexpected(Refusal::per_address);
        }
        ++entry->second;
        counted = &*entry;
    }
    ++open_;
    return Ticket(*this, counted);
}

std::uint64_t ConnectionLimits::open() const {
    const std::lock_guard lock(mutex_);
    return open_;
}

std::uint64_t ConnectionLimits::open(std::string_view host) const {
    const std::lock_guard lock(mutex_);
    const auto entry = by_host_.find(host);
    return entry == by_host_.end() ? 0 : entry->second;
}

void ConnectionLimits::release(HostCount* host) {
    const std::lock_guard lock(mutex_);
    --open_;
    if (host != nullptr && --host->second == 0) {
        by_host_.erase(by_host_.find(host->first));
    }
}

}  // namespace mynah::server
