// listener.hpp -- a listening TCP socket.                            Go: net.TCPListener
//
// What     bind() listens; accept() yields connections one by one.
// Threads  one task at a time accepts; close() and local() from any worker. The first accept() makes its worker the
//          listener's home.
// Resume   on the home worker; at once where a connection is queued.
// Cancel   a cancelled context, or close(), ends accept() with operation_canceled. With a cancelled context accept()
//          still yields connections that are queued, and reports operation_canceled only where it would have to wait:
//          so a drain takes what is queued and stops. No connection is lost by a cancel.
// Errors   EMFILE and the like (is_exhaustion) are returned once; the next accept() pauses for `exhaustion_pause`
//          before it tries again, so that a loop which just goes on neither spins nor ends. Connections that died in
//          the queue (ECONNABORTED, ...) are skipped.
// Cost     one system call a connection.
#pragma once

#include <chrono>
#include <memory>

#include "conc/task.hpp"
#include "net/address.hpp"
#include "net/result.hpp"
#include "net/stream.hpp"

namespace mynah::conc {
class Context;
}

namespace mynah::net {

struct ListenOptions {
    int backlog = 4096;         // the kernel caps it at net.core.somaxconn
    bool reuse_address = true;  // SO_REUSEADDR: bind while old connections are in TIME_WAIT
    bool reuse_port = false;    // SO_REUSEPORT
    bool ipv6_only = true;      // a listener on [::] does not take IPv4
    conc::Duration exhaustion_pause = std::chrono::milliseconds(100);
};

class Listener {
  public:
    using Options = ListenOptions;

    /// No listener.
    Listener();
    Listener(Listener&& other) noexcept;
    Listener& operator=(Listener&& other) noexcept;
    ~Listener();

    /// unresolved_name for an address with a name; else what socket, bind and listen say.
    [[nodiscard]] static Result<Listener> bind(const Address& address, Options options = {});

    /// The stream has no home yet: whoever serves it adopts it (Stream::adopt, or its first await).
    conc::Task<Result<Stream>> accept(conc::Context ctx);

    /// Without a context: until close().
    conc::Task<Result<Stream>> accept();

    /// With the port that the kernel chose, where 0 was asked for.
    Address local() const;

    /// Stops listening; connections that are queued are reset by the kernel.
    void close() noexcept;

    int fd() const noexcept;

  private:
    Listener(std::shared_ptr<internal::Endpoint> endpoint, Options options) noexcept;

    std::shared_ptr<internal::Endpoint> endpoint_;
    Options options_;
};

}  // namespace mynah::net
