// admin_server.hpp -- the admin listener: one thread beside the workers, that no peer can hold up.
// What     bind() listens; start() begins to answer, and stop() ends that. Requests are collected from all connections
//          by one poll(2), and answered one by one once their heads are complete, so that nobody is waited for.
// Threads  bind, start, stop: one at a time. AdminHttp is used by the thread alone.
// Bounds   kMostConnections, each with the bounds of an AdminConnection. When all places are taken, the one for which
//          nothing was answered for longest goes.
// Errors   bind: what the system says. A lack of descriptors is waited out.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <optional>
#include <thread>

#include "net/address.hpp"
#include "net/descriptor.hpp"
#include "net/listener.hpp"
#include "net/result.hpp"
#include "server/admin_connection.hpp"
#include "server/admin_http.hpp"

namespace mynah::server {

class AdminServer {
  public:
    static constexpr std::size_t kMostConnections = 32;

    /// Listens on a numeric address.
    [[nodiscard]] static net::Result<std::unique_ptr<AdminServer>> bind(const net::Address& address);

    AdminServer(const AdminServer&) = delete;
    AdminServer& operator=(const AdminServer&) = delete;
    ~AdminServer() { stop(); }

    /// With the port that the kernel chose, where 0 was asked for.
    net::Address local() const { return listener_.local(); }

    /// Whatever `http` refers to must last until stop().
    void start(std::unique_ptr<AdminHttp> http);

    /// Closes every connection, whatever it is about, and the listener.
    void stop();

  private:
    using Clock = AdminConnection::Clock;

    AdminServer(net::Listener listener, net::Descriptor wake);

    void run();
    void wait();
    int milliseconds_to_wait() const;
    void accept_some();
    void make_room();

    net::Listener listener_;
    net::Descriptor wake_;  // an eventfd: stop() has been called
    std::unique_ptr<AdminHttp> http_;
    std::list<AdminConnection> connections_;             // by the thread alone, like all that follows
    std::optional<Clock::time_point> pause_until_ = {};  // no descriptor was free
    bool has_queued_ = false;                            // the listener
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace mynah::server
