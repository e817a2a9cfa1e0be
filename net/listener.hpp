// listener.hpp -- a listening TCP or unix stream socket.             Go: net.TCPListener, net.UnixListener
//
// What     bind() listens; accept() yields connections one by one. A unix socket's file that an ended process left
//          behind is replaced; close() removes the file where it is still ours.
// Threads  one task at a time accepts; close() and local() from any worker. The first accept() makes its worker the
//          listener's home.
// Resume   on the home worker; at once where a connection is queued.
// Cancel   a cancelled context, or close(), ends accept() with operation_canceled. With a cancelled context accept()
//          still yields connections that are queued, and reports operation_canceled only where it would have to wait:
//          so a drain takes what is queued and stops. No connection is lost by a cancel.
// Errors   EMFILE and the like (is_exhaustion) are returned once; the next accept() pauses for `exhaustion_pause`
//          before it tries again, so that a loop which just goes on neither spins nor ends. Connections that died in
//          the queue (ECONNABORTED, ...) are skipped.
//          bind: address_in_use also where somebody listens on a unix path; Errc::no_socket where a file that is no
//          socket stands there, which is never removed.
// Cost     one system call a connection: what TcpOptions say is inherited from the listener.
#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include <sys/types.h>

#include "conc/task.hpp"
#include "net/address.hpp"
#include "net/internal/socket_file.hpp"
#include "net/result.hpp"
#include "net/socket_options.hpp"
#include "net/stream.hpp"

namespace mynah::conc {
class Context;
}

namespace mynah::net {

struct ListenOptions {
    int backlog = 4096;                    // the kernel caps it at net.core.somaxconn
    bool reuse_address = true;             // SO_REUSEADDR: bind while old connections are in TIME_WAIT
    bool reuse_port = false;               // SO_REUSEPORT: several sockets on one address share its connections
    bool ipv6_only = true;                 // a listener on [::] does not take IPv4
    std::optional<mode_t> unix_mode = {};  // permissions of a unix socket's file; nullopt: what the umask leaves
    TcpOptions tcp = {};
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

    /// unresolved_name for an address with a name, protocol_not_supported for udp; else what the system says.
    [[nodiscard]] static Result<Listener> bind(const Address& address, Options options = {});

    /// The stream has no home yet: whoever serves it adopts it (Stream::adopt, or its first await).
    conc::Task<Result<Stream>> accept(conc::Context ctx);

    /// Without a context: until close().
    conc::Task<Result<Stream>> accept();

    /// With the port that the kernel chose, where 0 was asked for.
    Address local() const;

    /// Removes the file of a unix socket, so that nobody new connects; who is queued can still be accepted.
    void remove_file() noexcept { file_.remove(); }

    /// Stops listening; connections that are queued are reset by the kernel.
    void close() noexcept;

    int fd() const noexcept;

  private:
    Listener(std::shared_ptr<internal::Endpoint> endpoint, Options options, internal::SocketFile file) noexcept;

    std::shared_ptr<internal::Endpoint> endpoint_;
    Options options_;
    internal::SocketFile file_;
};

}  // namespace mynah::net
