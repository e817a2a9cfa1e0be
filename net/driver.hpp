// driver.hpp -- who does a worker's input and output.
//
// What     each worker owns one Driver: it takes Operations, sleeps for the worker, and resumes the tasks that wait.
// Threads  on the home worker only, but for what EventSource allows from any thread; after the workers have stopped,
//          withdraw() and forget() from the thread that destroys what is left.
// Resume   on the home worker, through EventSource::complete.
// Errors   in the Operation: bad_file_descriptor where somebody closed the descriptor meanwhile and said nothing, but
//          epoll is not told of that and waits on. A factory throws std::system_error where the machine gives no
//          descriptor for the wake-up.
// Cost     an operation that can be done at once costs its system call and nothing else.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>

#include "conc/event_source.hpp"
#include "net/operation.hpp"

namespace mynah::net {

enum class DriverKind : std::uint8_t {
    automatic,  // select, then epoll as soon as a descriptor would reach FD_SETSIZE
    select,     // select(2): descriptors below FD_SETSIZE (1,024), others are refused
    poll,       // poll(2): any descriptor
    epoll,      // epoll(7): any descriptor, at a cost that does not grow with their number
};

class Driver;

namespace internal {
class OperationAwaiter;

/// What a stream keeps of its driver: it outlives the driver, and then says so.
struct DriverLink {
    Driver* driver = nullptr;
};
}  // namespace internal

class Driver : public conc::EventSource {
  public:
    Driver();
    ~Driver() override;

    /// Begins `operation`. True: finished already, its results are in it and nobody is resumed. False: it is pending,
    /// and `operation.task`, which the caller sets before it gives up control, is resumed once it has finished.
    virtual bool submit(Operation& operation) = 0;

    /// Ends a pending operation: with what is there already, if that needs no wait, else with operation_canceled.
    /// Does nothing where it has finished.
    virtual void cancel(Operation& operation) = 0;

    /// Takes a pending operation out and resumes nobody.
    virtual void withdraw(Operation& operation) noexcept = 0;

    /// Whether this driver can watch `fd`; too_many_descriptors where not.
    virtual std::error_code admit(int fd) = 0;

    /// Ends what is pending on `fd` with operation_canceled and drops all that is known of it. To be called before
    /// close(2): the number may come back as another file.
    virtual void forget(int fd) noexcept = 0;

    /// The system call that does the waiting at this moment: "select", "poll" or "epoll".
    virtual std::string_view name() const noexcept = 0;

    /// The driver of the worker that runs the calling task; nullptr outside of tasks, or where the scheduler has none.
    static Driver* current() noexcept;

    const std::shared_ptr<internal::DriverLink>& link() const noexcept { return link_; }

  protected:
    /// Resumes the task that waits for `operation`, which is pending no longer.
    void resume(Operation& operation) noexcept;

  private:
    friend class internal::OperationAwaiter;
    std::shared_ptr<internal::DriverLink> link_;
};

/// "auto", "select", "poll" or "epoll"; else one line that says what is wrong.
[[nodiscard]] std::expected<DriverKind, std::string> parse_driver(std::string_view text);

/// The name that parse_driver reads.
std::string_view to_string(DriverKind kind) noexcept;

/// For conc::Options::event_source.
conc::EventSourceFactory driver_factory(DriverKind kind);

}  // namespace mynah::net
