// interrupt() and close() of a Stream, at each of its waits; and what is left when tasks are abandoned.
#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <sys/socket.h>

#include "conc/go.hpp"
#include "conc/scheduler.hpp"
#include "conc/sleep.hpp"
#include "conc/task.hpp"
#include "conc/wait_group.hpp"
#include "net/driver.hpp"
#include "net/lease.hpp"
#include "net/result.hpp"
#include "net/stream.hpp"
#include "tests/net/net_test.hpp"

namespace mynah::net::test {
namespace {

class StreamCancel : public EachDriver {};
MYNAH_FOR_EACH_DRIVER(StreamCancel);

using MaybeError = std::optional<std::error_code>;

conc::Task<> receive_error(Stream& stream, MaybeError& error) {
    const Result<Lease> lease = co_await stream.receive(kPatience);
    error = lease ? std::error_code() : lease.error();
}

conc::Task<> send_error(Stream& stream, const std::string& text, MaybeError& error) {
    const Result<void> sent = co_await stream.send_all(text, kPatience);
    error = sent ? std::error_code() : sent.error();
}

conc::Task<> interrupt_waiting() {
    Pair pair = connected_pair();
    MaybeError error;
    conc::WaitGroup wait_group;
    wait_group.go(receive_error, std::ref(pair.stream), std::ref(error));
    co_await conc::yield();  // it waits by now: there is one worker
    EXPECT_FALSE(error);
    pair.stream.interrupt();
    co_await wait_group.wait();
    EXPECT_EQ(*error, std::errc::operation_canceled);
    EXPECT_TRUE(pair.stream.is_open());
}
TEST_P(StreamCancel, InterruptEndsAReceiveThatWaits) {
    run_on(GetParam(), interrupt_waiting());
}

conc::Task<> interrupt_before() {
    Pair pair = connected_pair();
    plain_send(pair.peer, "first");
    pair.stream.interrupt();
    const Result<Lease> lease = co_await pair.stream.receive(kPatience);
    CO_ASSERT_TRUE(lease);
    EXPECT_EQ(lease->text(), "first");
    const Result<Lease> nothing = co_await pair.stream.receive(kPatience);
    EXPECT_EQ(nothing.error(), std::errc::operation_canceled);
    // Also where the stream is known to be drained: bytes that came since are delivered.
    plain_send(pair.peer, "second");
    const Result<Lease> more = co_await pair.stream.receive(kPatience);
    CO_ASSERT_TRUE(more);
    EXPECT_EQ(more->text(), "second");
    ::shutdown(pair.peer.get(), SHUT_WR);
    const Result<Lease> end = co_await pair.stream.receive(kPatience);
    CO_ASSERT_TRUE(end);
    EXPECT_TRUE(end->empty());
}
TEST_P(StreamCancel, AnInterruptedStreamDeliversWhatIsThereFirst) {
    run_on(GetParam(), interrupt_before());
}

conc::Task<> bytes_then_interrupt() {
    Pair pair = connected_pair();
    std::optional<std::string> text;
    auto receive = [&]() -> conc::Task<> {
        const Result<Lease> lease = co_await pair.stream.receive(kPatience);
        text = lease ? std::string(lease->text()) : lease.error().message();
    };
    conc::WaitGroup wait_group;
    wait_group.go(receive);
    co_await conc::yield();
    // The bytes are in the kernel, and the driver has not seen them when the interrupt comes.
    plain_send(pair.peer, "just in time");
    pair.stream.interrupt();
    co_await wait_group.wait();
    EXPECT_EQ(*text, "just in time");
}
TEST_P(StreamCancel, InterruptLosesNoBytes) {
    run_on(GetParam(), bytes_then_interrupt());
}

conc::Task<> clear() {
    Pair pair = connected_pair();
    pair.stream.interrupt();
    const Result<Lease> nothing = co_await pair.stream.receive(kPatience);
    EXPECT_EQ(nothing.error(), std::errc::operation_canceled);
    pair.stream.clear_interrupt();
    std::thread sender([&] { plain_send(pair.peer, "again"); });
    const Result<Lease> lease = co_await pair.stream.receive(kPatience);
    sender.join();
    CO_ASSERT_TRUE(lease);
    EXPECT_EQ(lease->text(), "again");
}
TEST_P(StreamCancel, ClearInterruptLetsReceiveWaitAgain) {
    run_on(GetParam(), clear());
}

conc::Task<> interrupt_is_not_for_sends() {
    Pair pair = connected_pair();
    limit_send_queue(pair.stream);
    pair.stream.interrupt();
    const std::string much = pattern(std::size_t{4} << 20U);
    std::string received;
    std::thread reader([&] { received = plain_receive(pair.peer, much.size()); });
    const Result<void> sent = co_await pair.stream.send_all(much, kPatience);
    reader.join();
    EXPECT_TRUE(sent);
    EXPECT_TRUE(received == much);
}
TEST_P(StreamCancel, InterruptLeavesSendsAlone) {
    run_on(GetParam(), interrupt_is_not_for_sends());
}

conc::Task<> close_waiting() {
    Pair pair = connected_pair();
    limit_send_queue(pair.stream);
    const std::string much(std::size_t{64} << 20U, 'x');
    MaybeError received;
    MaybeError sent;
    conc::WaitGroup wait_group;
    wait_group.go(receive_error, std::ref(pair.stream), std::ref(received));
    wait_group.go(send_error, std::ref(pair.stream), std::cref(much), std::ref(sent));
    for (int i = 0; i < 3; ++i) {
        co_await conc::yield();
    }
    EXPECT_FALSE(received);
    EXPECT_FALSE(sent);
    pair.stream.close();
    co_await wait_group.wait();
    EXPECT_EQ(*received, std::errc::operation_canceled);
    EXPECT_EQ(*sent, std::errc::operation_canceled);
    const Result<Lease> after = co_await pair.stream.receive();
    EXPECT_EQ(after.error(), std::errc::operation_canceled);
}
TEST_P(StreamCancel, CloseEndsWhatWaits) {
    run_on(GetParam(), close_waiting());
}

conc::Task<> destroy_waiting() {
    MaybeError error;
    conc::WaitGroup wait_group;
    Pair pair = connected_pair();
    auto stream = std::make_unique<Stream>(std::move(pair.stream));
    wait_group.go(receive_error, std::ref(*stream), std::ref(error));
    co_await conc::yield();
    stream.reset();
    co_await wait_group.wait();
    EXPECT_EQ(*error, std::errc::operation_canceled);
    EXPECT_EQ(plain_receive(pair.peer, 1), "");
}
TEST_P(StreamCancel, DestroyingTheHandleEndsWhatWaits) {
    run_on(GetParam(), destroy_waiting());
}

conc::Task<> reuse() {
    for (int i = 0; i < 50; ++i) {
        Pair pair = connected_pair();
        const int fd = pair.stream.fd();
        // Leaves the driver with a watched descriptor that is known to be drained, and closes it.
        plain_send(pair.peer, "old");
        const Result<Lease> old = co_await pair.stream.receive(kPatience);
        CO_ASSERT_TRUE(old);
        const Result<Lease> nothing = co_await pair.stream.receive(1ms);
        EXPECT_EQ(nothing.error(), std::errc::timed_out);
        pair.stream.close();
        Pair next = connected_pair();
        if (next.stream.fd() != fd) {
            // The listener or the peer has got the number; move the stream to it.
            const int moved = ::fcntl(next.stream.fd(), F_DUPFD_CLOEXEC, fd);
            next.stream = Stream::from(Descriptor(moved));
        }
        plain_send(next.peer, "new");
        const Result<Lease> lease = co_await next.stream.receive(0ms);
        CO_ASSERT_TRUE(lease);  // with what was known of the old one it would have waited
        EXPECT_EQ(lease->text(), "new");
    }
}
TEST_P(StreamCancel, AReusedDescriptorStartsAfresh) {
    run_on(GetParam(), reuse());
}

conc::Task<> close_from_interrupter() {
    Stream::Interrupter interrupter;
    {
        Pair pair = connected_pair();
        const Result<Lease> nothing = co_await pair.stream.receive(0ms);
        EXPECT_FALSE(nothing);
        interrupter = pair.stream.interrupter();
    }
    interrupter.interrupt();  // the stream is gone: nothing happens
}
TEST_P(StreamCancel, AnInterrupterMayOutliveItsStream) {
    run_on(GetParam(), close_from_interrupter());
}

// Tasks that still wait when the main task ends are destroyed where they are: their operations must leave the driver,
// and their streams must be closed (the leak listener looks), also where one task's stream is what another waits for.
std::atomic<std::size_t> waiting{0};

conc::Task<> wait_forever(Stream& stream) {
    ++waiting;
    const Result<Lease> lease = co_await stream.receive();
    ADD_FAILURE() << "came to an end: " << lease.has_value();
}

conc::Task<> own_and_wait(Pair pair) {
    co_await wait_forever(pair.stream);
}

conc::Task<> own_and_lend(Pair pair) {
    for (int i = 0; i < 3; ++i) {
        auto own = [](std::shared_ptr<Pair> shared) -> conc::Task<> { co_await wait_forever(shared->stream); };
        conc::go(own, std::make_shared<Pair>(connected_pair()));
    }
    conc::go(wait_forever, std::ref(pair.stream));
    limit_send_queue(pair.stream);
    const std::string much(std::size_t{16} << 20U, 'x');
    ++waiting;
    const Result<void> sent = co_await pair.stream.send_all(much);
    ADD_FAILURE() << "came to an end: " << sent.has_value();
}

constexpr std::size_t kFamilies = 5;
constexpr std::size_t kTasks = kFamilies * 6;

conc::Task<> leave_tasks() {
    waiting = 0;
    for (std::size_t i = 0; i < kFamilies; ++i) {
        conc::go(own_and_wait, connected_pair());
        conc::go(own_and_lend, connected_pair());
    }
    co_await until([] { return waiting == kTasks; });
}

TEST_P(StreamCancel, AbandonedTasksLeaveTheDriverAndCloseTheirStreams) {
    for (const std::size_t workers : {1U, 2U}) {
        conc::Scheduler scheduler({.workers = workers, .event_source = driver_factory(GetParam())});
        scheduler.run(leave_tasks());
        EXPECT_EQ(scheduler.abandoned().size(), kTasks);
    }
}

// The borrower is older than the owner, so the owner is destroyed first: its stream's close() must not queue a task
// that is about to be destroyed as well.
conc::Task<> borrow(Stream& stream) {
    co_await wait_forever(stream);
}

conc::Task<> own_younger(std::unique_ptr<Pair> pair) {
    ++waiting;
    co_await conc::sleep_for(kPatience);
    pair.reset();
}

conc::Task<> leave_borrowers() {
    waiting = 0;
    for (std::size_t i = 0; i < kFamilies; ++i) {
        auto pair = std::make_unique<Pair>(connected_pair());
        conc::go(borrow, std::ref(pair->stream));
        conc::go(own_younger, std::move(pair));
    }
    co_await until([] { return waiting == kFamilies * 2; });
}

TEST_P(StreamCancel, AbandonedOwnersMayGoBeforeTheirBorrowers) {
    for (const std::size_t workers : {1U, 2U}) {
        conc::Scheduler scheduler({.workers = workers, .event_source = driver_factory(GetParam())});
        scheduler.run(leave_borrowers());
        EXPECT_EQ(scheduler.abandoned().size(), kFamilies * 2);
    }
}

}  // namespace
}  // namespace mynah::net::test
