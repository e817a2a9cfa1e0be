// socket_file.hpp -- the file of a unix socket: bound where nobody else listens, removed when it is no longer needed.
//
// What     bind() binds a socket to a path. A file that an ended process left behind is replaced; one on which somebody
//          listens, and one that is no socket, are left alone. remove() takes the file away if it is still the one that
//          bind() made.
// Threads  one owner at a time.
// Errors   address_in_use: somebody listens there; Errc::no_socket: a file that is no socket is in the way; else what
//          the system says.
// Order    those who bind through this header to paths in one folder do so one after the other, under a lock on the
//          folder (flock(2)): between another's bind(2) and listen(2) its socket looks as if it had been left behind.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include <sys/types.h>

#include "net/internal/socket_address.hpp"
#include "net/result.hpp"

namespace mynah::net::internal {

class SocketFile {
  public:
    /// No file.
    SocketFile() = default;
    SocketFile(SocketFile&& other) noexcept : path_(std::exchange(other.path_, {})), made_(other.made_) {}
    SocketFile& operator=(SocketFile&& other) noexcept {
        if (this != &other) {
            remove();
            path_ = std::exchange(other.path_, {});
            made_ = other.made_;
        }
        return *this;
    }
    SocketFile(const SocketFile&) = delete;
    SocketFile& operator=(const SocketFile&) = delete;
    ~SocketFile() { remove(); }

    /// Binds `fd` to the path in `address` and listens. `mode`: the file's permissions; nullopt: what the umask leaves.
    [[nodiscard]] static Result<SocketFile> listen(int fd, const SocketAddress& address, std::optional<mode_t> mode,
                                                   int backlog);

    /// To be called while the socket is open: until then the kernel gives the file's number to no other file.
    void remove() noexcept;

  private:
    struct Identity {
        dev_t device = 0;
        ino_t number = 0;
        friend bool operator==(const Identity&, const Identity&) = default;
    };

    SocketFile(std::string path, Identity made) noexcept : path_(std::move(path)), made_(made) {}
    static Result<Identity> identify(const std::string& path);
    static Result<void> bind(int fd, const SocketAddress& address, const std::string& path);

    std::string path_;  // empty: none
    Identity made_;
};

}  // namespace mynah::net::internal
