// What ends the operations of a DatagramSocket: interrupt, close, the end of the scheduler.
#include <cerrno>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include "conc/go.hpp"
#include "conc/scheduler.hpp"
#include "conc/sleep.hpp"
#include "conc/task.hpp"
#include "conc/wait_group.hpp"
#include "net/address.hpp"
#include "net/datagram.hpp"
#include "net/datagram_batch.hpp"
#include "net/driver.hpp"
#include "net/result.hpp"
#include "tests/net/net_test.hpp"
#include "tests/net/plain_datagrams.hpp"

namespace mynah::net::test {
namespace {

using MaybeError = std::optional<std::error_code>;

class DatagramCancel : public EachDriver {};
MYNAH_FOR_EACH_DRIVER(DatagramCancel);

conc::Task<> receive_error(DatagramSocket& socket, MaybeError& error) {
    const Result<DatagramBatch> batch = co_await socket.receive(kPatience);
    error = batch ? std::error_code() : batch.error();
}

conc::Task<> interrupted() {
    DatagramSocket socket = bound();
    const PlainPeer peer;
    MaybeError error;
    conc::WaitGroup waiting;
    waiting.go(receive_error, std::ref(socket), std::ref(error));
    co_await conc::yield();
    EXPECT_FALSE(error);
    socket.interrupt();
    co_await waiting.wait();
    EXPECT_EQ(*error, std::errc::operation_canceled);
    peer.send("there", socket.local());
    const Result<DatagramBatch> there = co_await socket.receive(kPatience);
    CO_ASSERT_TRUE(there);
    EXPECT_EQ(there->text(0), "there");
    const Result<DatagramBatch> nothing = co_await socket.receive(kPatience);
    EXPECT_EQ(nothing.error(), std::errc::operation_canceled);
    socket.clear_interrupt();
    std::thread sender([&] { peer.send("again", socket.local()); });
    const Result<DatagramBatch> again = co_await socket.receive(kPatience);
    sender.join();
    EXPECT_TRUE(again);
}
TEST_P(DatagramCancel, InterruptEndsAWaitAndDeliversWhatIsThereFirst) {
    run_on(GetParam(), interrupted());
}

conc::Task<> just_in_time() {
    DatagramSocket socket = bound();
    const PlainPeer peer;
    std::optional<std::string> text;
    auto receive = [&]() -> conc::Task<> {
        const Result<DatagramBatch> batch = co_await socket.receive(kPatience);
        text = batch ? std::string(batch->text(0)) : batch.error().message();
    };
    conc::WaitGroup waiting;
    waiting.go(receive);
    co_await conc::yield();
    // In the kernel, and not seen by the driver, when the interrupt comes.
    peer.send("just in time", socket.local());
    socket.interrupt();
    co_await waiting.wait();
    EXPECT_EQ(*text, "just in time");
}
TEST_P(DatagramCancel, InterruptLosesNoDatagram) {
    run_on(GetParam(), just_in_time());
}

conc::Task<> closed() {
    DatagramSocket socket = bound();
    MaybeError first;
    MaybeError second;
    conc::WaitGroup waiting;
    waiting.go(receive_error, std::ref(socket), std::ref(first));
    co_await conc::yield();
    waiting.go(receive_error, std::ref(socket), std::ref(second));
    auto is_told = [&] { return second.has_value(); };
    co_await until(is_told);
    EXPECT_EQ(*second, Errc::operation_in_progress);
    EXPECT_FALSE(first);
    socket.close();
    co_await waiting.wait();
    EXPECT_EQ(*first, std::errc::operation_canceled);
    EXPECT_FALSE(socket.is_open());
    DatagramBatch batch;
    EXPECT_TRUE(batch.add(bytes_of("x"), *Address::parse("udp://127.0.0.1:7")));
    const DatagramsSent sent = co_await socket.send(batch);
    EXPECT_EQ(sent.error, std::errc::operation_canceled);
    EXPECT_EQ(sent.unsent, 1U);
}
TEST_P(DatagramCancel, CloseEndsWhatWaits) {
    run_on(GetParam(), closed());
}

conc::Task<> wait_forever(std::unique_ptr<DatagramSocket> socket) {
    const Result<DatagramBatch> batch = co_await socket->receive();
    ADD_FAILURE() << "came to an end: " << batch.has_value();
}

conc::Task<> leave_waiting() {
    for (int i = 0; i < 5; ++i) {
        conc::go(wait_forever, std::make_unique<DatagramSocket>(bound()));
    }
    co_await conc::yield();
}
TEST_P(DatagramCancel, AbandonedTasksLeaveTheDriverAndCloseTheirSockets) {
    conc::Scheduler scheduler({.workers = 1, .event_source = driver_factory(GetParam())});
    scheduler.run(leave_waiting());
    EXPECT_EQ(scheduler.abandoned().size(), 5U);
}

}  // namespace
}  // namespace mynah::net::test
