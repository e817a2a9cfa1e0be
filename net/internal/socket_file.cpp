#include "net/internal/socket_file.hpp"

#include <cerrno>
#include <chrono>
#include <optional>
#include <string>
#include <system_error>
#include <thread>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "net/address.hpp"
#include "net/descriptor.hpp"
#include "net/internal/socket_address.hpp"
#include "net/result.hpp"

namespace mynah::net::internal {
namespace {

/// Holds the lock on a folder, if it can be had: one that we may not read, or that somebody keeps locked, is gone
/// without.
class FolderLock {
  public:
    explicit FolderLock(const std::string& path) {
        constexpr int kTries = 200;
        constexpr auto kPause = std::chrono::milliseconds(5);
        const std::string folder = path.substr(0, path.rfind('/') + 1);
        folder_ = Descriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        for (int i = 0; i < kTries && folder_ && ::flock(folder_.get(), LOCK_EX | LOCK_NB) != 0; ++i) {
            std::this_thread::sleep_for(kPause);
        }
    }

  private:
    Descriptor folder_;  // closing it ends the lock
};

enum class Found { live, stale, vanished };

/// Whether somebody listens on the socket at `address`: unix(7) refuses a connection where nobody does.
Result<Found> probe(const SocketAddress& address) {
    const Descriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) {
        return fail_errno(errno);
    }
    if (::connect(fd.get(), &address.any, address.length) == 0) {
        return Found::live;
    }
    switch (errno) {
        case ECONNREFUSED:
            return Found::stale;
        case ENOENT:
            return Found::vanished;
        case EACCES:
        case EPERM:
            return fail_errno(errno);
        default:
            return Found::live;  // its queue is full (EAGAIN), or it is of another type (EPROTOTYPE)
    }
}

}  // namespace

Result<SocketFile::Identity> SocketFile::identify(const std::string& path) {
    struct stat status{};
    if (::lstat(path.c_str(), &status) != 0) {
        return fail_errno(errno);
    }
    if (!S_ISSOCK(status.st_mode)) {
        return fail(Errc::no_socket);
    }
    return Identity{.device = status.st_dev, .number = status.st_ino};
}

Result<void> SocketFile::bind(int fd, const SocketAddress& address, const std::string& path) {
    constexpr int kTries = 16;  // somebody who does not take the lock may come in between
    for (int i = 0; i < kTries; ++i) {
        if (::bind(fd, &address.any, address.length) == 0) {
            return {};
        }
        if (errno != EADDRINUSE) {
            return fail_errno(errno);
        }
        const Result<Identity> before = identify(path);
        if (!before) {
            if (before.error() == std::errc::no_such_file_or_directory) {
                continue;
            }
            return fail(before.error());
        }
        const Result<Found> found = probe(address);
        if (!found) {
            return fail(found.error());
        }
        if (*found == Found::live) {
            break;
        }
        // Only what was probed may be removed.
        const Result<Identity> now = identify(path);
        if (*found == Found::stale && now && *now == *before && ::unlink(path.c_str()) != 0 && errno != ENOENT) {
            return fail_errno(errno);
        }
    }
    return fail(std::errc::address_in_use);
}

Result<SocketFile> SocketFile::listen(int fd, const SocketAddress& address, std::optional<mode_t> mode, int backlog) {
    std::string path = address.to_address().host();
    const FolderLock lock(path);
    if (const Result<void> bound = bind(fd, address, path); !bound) {
        return fail(bound.error());
    }
    const Result<Identity> made = identify(path);
    if (!made) {
        return fail(made.error());
    }
    SocketFile file(path, *made);
    // Before anybody can connect, which takes a listen(2).
    if (mode && ::chmod(path.c_str(), *mode) != 0) {
        return fail_errno(errno);
    }
    if (::listen(fd, backlog) != 0) {
        return fail_errno(errno);
    }
    return file;
}

void SocketFile::remove() noexcept {
    if (path_.empty()) {
        return;
    }
    struct stat status{};
    if (::lstat(path_.c_str(), &status) == 0 && status.st_dev == made_.device && status.st_ino == made_.number) {
        (void)::unlink(path_.c_str());  // where it fails the next to listen there removes it
    }
    path_.clear();
}

}  // namespace mynah::net::internal
