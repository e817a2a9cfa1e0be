#include "net/wait_readable.hpp"

#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <sys/select.h>

#include "conc/event_source.hpp"
#include "net/internal/timeval.hpp"
#include "net/result.hpp"

namespace mynah::net {

Result<bool> wait_readable(int fd, conc::Duration timeout) {
    if (fd >= FD_SETSIZE) {
        return fail(Errc::too_many_descriptors);  // FD_SET would write past the set (select(2))
    }
    // Linux's select ignores a descriptor beyond the process's table, where it should say EBADF (select(2), BUGS).
    if (fd < 0 || ::fcntl(fd, F_GETFD) < 0) {
        return fail(std::errc::bad_file_descriptor);
    }
    const conc::TimePoint deadline = internal::deadline_after(conc::Clock::now(), timeout);
    for (;;) {
        // Both are made anew for each call: select overwrites the set, and on Linux the timeval as well.
        fd_set readable;
        FD_ZERO(&readable);
        FD_SET(fd, &readable);
        timeval left{};
        const bool forever = deadline == conc::TimePoint::max();
        if (!forever) {
            left = internal::to_timeval(deadline - conc::Clock::now());
        }
        const int ready = ::select(fd + 1, &readable, nullptr, nullptr, forever ? nullptr : &left);
        if (ready > 0) {
            return FD_ISSET(fd, &readable) != 0;
        }
        if (ready < 0 && errno != EINTR) {
            return fail_errno(errno);
        }
        // 0 is a timeout, unless the timeval was capped; EINTR waits on with the time that is left.
        if (!forever && conc::Clock::now() >= deadline) {
            return false;
        }
    }
}

}  // namespace mynah::net
