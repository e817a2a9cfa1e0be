// fleet.hpp -- three mynahd behind HAProxy, which are replaced one after the other.
//
// What     Fleet starts them; replace() sends one away in order, as config/haproxy.cfg says, and starts it again at its
//          address; crash() kills one. Totals adds up what those have logged that left in order.
// Threads  that of the test.
// Errors   what does not go as it should fails the test.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "tests/integration/daemon.hpp"
#include "tests/integration/endpoint.hpp"
#include "tests/integration/haproxy.hpp"

namespace mynah::integration {

class Fleet {
  public:
    static constexpr std::size_t kServers = 3;
    static constexpr std::chrono::milliseconds kInterval{100};  // at which HAProxy asks

    struct Totals {
        std::uint64_t bytes_in = 0;
        std::uint64_t bytes_out = 0;
        std::uint64_t discarded = 0;
        std::uint64_t drained = 0;
    };

    // All are up.
    Fleet();

    [[nodiscard]] const Endpoint& endpoint() const { return haproxy_->endpoint(); }
    [[nodiscard]] const Haproxy& haproxy() const { return *haproxy_; }
    [[nodiscard]] Daemon& server(std::size_t index) { return *daemons_.at(index); }

    // The rule of config/haproxy.cfg, and enough for a machine that has other work to do.
    [[nodiscard]] static std::chrono::milliseconds grace();

    // One server leaves, and comes back. Its grace ends when HAProxy sends it nothing any more, which is what the grace
    // is for; with a second signal, as the rest of it would only be waited for.
    void replace(std::size_t server);
    // One is killed, and comes back.
    void crash(std::size_t server);
    // All leave; nobody is there any more.
    void finish();

    [[nodiscard]] const Totals& totals() const { return totals_; }
    // From the moment when a server was not ready any more to the last connection that it got, the longest of all:
    // zero where none came.
    [[nodiscard]] std::chrono::microseconds last_connection() const { return latest_; }

  private:
    void start(std::size_t server, const std::string& listen, const std::string& admin);
    void restart(std::size_t server);
    [[nodiscard]] bool becomes(std::size_t server, std::string_view status) const;
    void note_end(std::size_t server);

    std::array<std::unique_ptr<Daemon>, kServers> daemons_;
    std::unique_ptr<Haproxy> haproxy_;
    Totals totals_;
    std::chrono::microseconds latest_{0};
};

}  // namespace mynah::integration
