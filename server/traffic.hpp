// traffic.hpp -- the bytes of all sessions, as they go: also of those that are still open.
// What     each worker counts in a place of its own, one for each transport. A session counts on its home worker, as
//          its operations bring it back there: so each place has one writer, and a message costs no atomic operation.
// Threads  place: before the tasks that use it; of: from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "net/address.hpp"
#include "server/count.hpp"

namespace mynah::server {

class Traffic {
  public:
    /// Workers do not share a cache line.
    struct alignas(64) Place {
        Count bytes_in;
        Count bytes_out;
    };
    struct Totals {
        std::uint64_t bytes_in = 0;
        std::uint64_t bytes_out = 0;
    };

    explicit Traffic(std::size_t workers) : tcp_(workers), unix_(workers) {}
    Traffic(const Traffic&) = delete;
    Traffic& operator=(const Traffic&) = delete;

    /// Of a stream's transport: tcp or unix_stream.
    Place& place(net::Transport transport, std::size_t worker) {
        return transport == net::Transport::unix_stream ? unix_[worker] : tcp_[worker];
    }

    Totals of(net::Transport transport) const {
        Totals totals;
        for (const Place& place : transport == net::Transport::unix_stream ? unix_ : tcp_) {
            totals.bytes_in += place.bytes_in.get();
            totals.bytes_out += place.bytes_out.get();
        }
        return totals;
    }

  private:
    std::vector<Place> tcp_;  // by worker
    std::vector<Place> unix_;
};

}  // namespace mynah::server
