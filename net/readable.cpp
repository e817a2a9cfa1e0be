#include "net/readable.hpp"

#include <memory>
#include <system_error>

#include <fcntl.h>

#include "conc/event_source.hpp"
#include "conc/task.hpp"
#include "net/descriptor.hpp"
#include "net/internal/endpoint.hpp"
#include "net/internal/operation_awaiter.hpp"
#include "net/operation.hpp"
#include "net/result.hpp"

namespace mynah::net {
namespace {

using internal::Endpoint;

/// An endpoint around a descriptor of somebody else's, which is never closed here.
class Borrowed {
  public:
    explicit Borrowed(int fd) : endpoint_(std::make_shared<Endpoint>(Descriptor(fd))) {}
    Borrowed(const Borrowed&) = delete;
    Borrowed& operator=(const Borrowed&) = delete;
    ~Borrowed() { endpoint_->fd.release(); }

    const std::shared_ptr<Endpoint>& endpoint() const noexcept { return endpoint_; }

  private:
    std::shared_ptr<Endpoint> endpoint_;
};

class ReadyAwaiter final : public internal::OperationAwaiter {
  public:
    ReadyAwaiter(const std::shared_ptr<Endpoint>& endpoint, Operation::Kind kind, conc::Duration timeout) noexcept
        : OperationAwaiter(endpoint, kind, timeout) {}

    Result<bool> await_resume() noexcept {
        settle();
        if (operation_.error == std::errc::timed_out) {
            return false;
        }
        if (operation_.error) {
            return fail(operation_.error);
        }
        return true;
    }
};

conc::Task<Result<bool>> wait_until_ready(int fd, Operation::Kind kind, conc::Duration timeout) {
    // A driver on select(2) would not always find out: see wait_readable.cpp.
    if (fd < 0 || ::fcntl(fd, F_GETFD) < 0) {
        co_return fail(std::errc::bad_file_descriptor);
    }
    const Borrowed borrowed(fd);
    const Result<bool> ready = co_await ReadyAwaiter(borrowed.endpoint(), kind, timeout);
    co_return ready;
}

}  // namespace

conc::Task<Result<bool>> readable(int fd, conc::Duration timeout) {
    co_return co_await wait_until_ready(fd, Operation::Kind::readable, timeout);
}

conc::Task<Result<bool>> writable(int fd, conc::Duration timeout) {
    co_return co_await wait_until_ready(fd, Operation::Kind::writable, timeout);
}

}  // namespace mynah::net
