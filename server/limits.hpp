// limits.hpp -- who may connect: the count of open connections, in all and by peer address.
// What     admit(host) gives a Ticket, or the limit that refuses; the connection counts for as long as its Ticket
//          lives.
// Threads  every member, from any worker; a Ticket may die on another worker than the one that admitted it.
// Errors   refusal is a value.
// Lifetime the ConnectionLimits must outlive its Tickets.
// Cost     one short lock, held for a hash lookup at most (no lookup when no per-address limit is set).
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace mynah::server {

enum class Refusal {
    connections,
    per_address,
    descriptor,  // the driver cannot watch a descriptor of this number: select(2), beyond FD_SETSIZE
    internal,    // something else kept the connection from its worker
};
inline constexpr std::size_t kRefusals = 4;

/// The configuration key of the limit, "limits.connections" or "limits.per_address"; or "descriptor", "internal".
[[nodiscard]] std::string_view to_string(Refusal refusal);

class ConnectionLimits {
  public:
    struct Options {
        std::uint64_t connections;  // at most so many at once
        std::uint64_t per_address;  // at most so many of one host; 0: no such limit
    };

  private:
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
    };
    using Hosts = std::unordered_map<std::string, std::uint64_t, Hash, std::equal_to<>>;
    using HostCount = Hosts::value_type;  // stays where it is until it is erased

  public:
    class [[nodiscard]] Ticket {
      public:
        Ticket(Ticket&& other) noexcept : limits_(std::exchange(other.limits_, nullptr)), host_(other.host_) {}
        Ticket& operator=(Ticket&& other) noexcept {
            Ticket taken(std::move(other));  // gives up at its end what this one held
            std::swap(limits_, taken.limits_);
            std::swap(host_, taken.host_);
            return *this;
        }
        Ticket(const Ticket&) = delete;
        Ticket& operator=(const Ticket&) = delete;
        ~Ticket() {
            if (limits_ != nullptr) {
                limits_->release(host_);
            }
        }

      private:
        friend class ConnectionLimits;
        Ticket(ConnectionLimits& limits, HostCount* host) noexcept : limits_(&limits), host_(host) {}

        ConnectionLimits* limits_;  // null once moved from
        HostCount* host_;           // null without a per-address limit
    };

    explicit ConnectionLimits(Options options) : options_(options) {}
    ConnectionLimits(const ConnectionLimits&) = delete;
    ConnectionLimits& operator=(const ConnectionLimits&) = delete;
    ~ConnectionLimits();

    /// `host` is the peer's address without its port, in one canonical spelling; admit() refuses with `connections` or
    /// `per_address` only.
    [[nodiscard]] std::expected<Ticket, Refusal> admit(std::string_view host);

    [[nodiscard]] std::uint64_t open() const;
    [[nodiscard]] std::uint64_t open(std::string_view host) const;  // 0 when there is no per-address limit

  private:
    void release(HostCount* host);

    // Invariants: open_ counts the live Tickets; with a per-address limit, by_host_ sums to open_ and holds no zero, so
    // that it never has more entries than there are connections.
    const Options options_;
    mutable std::mutex mutex_;
    std::uint64_t open_ = 0;  // guarded by mutex_
    Hosts by_host_;           // guarded by mutex_
};

}  // namespace mynah::server
