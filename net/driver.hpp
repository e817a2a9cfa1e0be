// driver.hpp -- who does a worker's input and output.
//
// What     each worker owns one Driver: it takes Operations, sleeps for the worker, and resumes the tasks that wait.
// Threads  on the home worker only, but for what EventSource allows from any thread; after the workers have stopped,
//          withdraw() and forget() from the thread that destroys what is left.
// Cancel   an operation that the kernel works on (io_uring's sends) ends only once the kernel has let go of its buffer.
// Resume   on the home worker, through EventSource::complete.
// Errors   in the Operation: bad_file_descriptor where somebody closed the descriptor meanwhile and said nothing, but
//          epoll and io_uring are not told of that and wait on (io_uring holds the file meanwhile). A factory throws
//          std::system_error where the machine gives no descriptor for the wake-up.
// Cost     an operation that can be done at once costs its system call and nothing else.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "conc/event_source.hpp"
#include "net/internal/wake_up.hpp"
#include "net/operation.hpp"

namespace mynah::net {

enum class DriverKind : std::uint8_t {
    automatic,  // select, then the best of what follows that the machine allows
    select,     // select(2): descriptors below FD_SETSIZE (1,024), others are refused
    poll,       // poll(2): any descriptor
    epoll,      // epoll(7): any descriptor, at a cost that does not grow with their number
    io_uring,   // io_uring(7): as epoll, and many operations share a system call; Linux 6.1, where it is not forbidden
};

class Driver;

namespace internal {
class Engine;
class OperationAwaiter;

/// What a stream keeps of its driver: it outlives the driver, and then says so.
struct DriverLink {
    Driver* driver = nullptr;
};
}  // namespace internal

class Driver final : public conc::EventSource {
  public:
    /// Throws std::system_error where the machine does not have what `kind` needs.
    explicit Driver(DriverKind kind);

    /// With an engine of the caller's, for tests.
    using EngineFactory = std::function<std::unique_ptr<internal::Engine>(Driver&, internal::WakeUp&)>;
    explicit Driver(const EngineFactory& make_engine);
    ~Driver() override;

    // EventSource.
    void start() override;
    void stop() noexcept override;
    void poll(std::optional<conc::TimePoint> until) override;
    void wake() noexcept override { wake_up_.wake(); }
    void serve_next() noexcept override;
    bool armed() const noexcept override;
    std::optional<conc::TimePoint> next_deadline() const noexcept override;

    /// Begins `operation`. True: finished already, its results are in it and nobody is resumed. False: it is pending,
    /// and `operation.task`, which the caller sets before it gives up control, is resumed once it has finished.
    bool submit(Operation& operation);

    /// Ends a pending operation: with what is there already, if that needs no wait, else with operation_canceled.
    /// Does nothing where it has finished.
    void cancel(Operation& operation);

    /// Takes a pending operation out and resumes nobody. From then on neither we nor the kernel touch its buffer.
    void withdraw(Operation& operation) noexcept;

    /// Whether this driver can watch `fd`; too_many_descriptors where not.
    std::error_code admit(int fd);

    /// Ends what is pending on `fd` with operation_canceled and drops all that is known of it. To be called before
    /// close(2): the number may come back as another file.
    void forget(int fd) noexcept;

    /// The system call that does the waiting at this moment: "select", "poll", "epoll" or "io_uring".
    std::string_view name() const noexcept;

    /// The driver of the worker that runs the calling task; nullptr outside of tasks, or where the scheduler has none.
    static Driver* current() noexcept;

    const std::shared_ptr<internal::DriverLink>& link() const noexcept { return link_; }

  private:
    friend class internal::Engine;
    friend class internal::OperationAwaiter;

    /// Resumes the task that waits for `operation`, which is pending no longer.
    void resume(Operation& operation) noexcept;

    /// True: something that was pending has finished on the way.
    bool move_on();

    internal::WakeUp wake_up_;
    std::unique_ptr<internal::Engine> engine_;
    bool may_move_on_;
    std::shared_ptr<internal::DriverLink> link_;
};

/// Why this machine gives no io_uring as the driver needs it, in one line; nothing where it does.
[[nodiscard]] std::expected<void, std::string> check_io_uring();

/// "auto", "select", "poll", "epoll" or "io_uring"; else one line that says what is wrong.
[[nodiscard]] std::expected<DriverKind, std::string> parse_driver(std::string_view text);

/// The name that parse_driver reads.
std::string_view to_string(DriverKind kind) noexcept;

/// For conc::Options::event_source.
conc::EventSourceFactory driver_factory(DriverKind kind);

}  // namespace mynah::net
