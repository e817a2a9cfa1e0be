// datagram_lane.hpp -- sends probe frames from one UDP socket, and accounts for every one of them.
//
// What     run() sends a datagram whenever one is due and audits what comes back, from the same socket until the end:
//          nothing tells of a connection's end. An outage is a time without echoes that is longer than the timeout, or
//          that begins when the peer's machine says that nobody listens.
// Threads  all on the worker of the socket.
// Cancel   see Lane.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <system_error>
#include <vector>

#include "client/watch/datagram_auditor.hpp"
#include "client/watch/lane.hpp"
#include "conc/channel.hpp"
#include "conc/event_source.hpp"
#include "conc/task.hpp"
#include "net/address.hpp"
#include "net/datagram.hpp"
#include "net/datagram_batch.hpp"

namespace mynah::client::watch {

class DatagramLane final : public Lane {
  public:
    /// `socket` is connected.
    DatagramLane(Shared shared, std::size_t index, net::DatagramSocket socket);

    conc::Task<void> run() override;
    void check(conc::TimePoint now) override;

  private:
    conc::Task<void> send_frames();
    conc::Task<void> send_frame(conc::TimePoint planned);
    conc::Task<void> receive_frames();
    void audit(const net::DatagramBatch& batch, conc::TimePoint now);
    void failed(std::string_view what, std::error_code error);

    net::DatagramSocket socket_;
    std::optional<DatagramAuditor> auditor_;
    std::uint64_t offset_ = 0;
    std::vector<std::byte> frame_;
    bool is_through_ = false;  // nothing is sent any more
    bool is_over_ = false;     // nor waited for
    std::size_t read_behind_ = 0;
    bool is_failing_ = false;  // the last receive
};

}  // namespace mynah::client::watch
