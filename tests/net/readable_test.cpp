// readable() and writable() park a task; wait_readable() blocks the thread with select(2).
#include "net/readable.hpp"

#include <array>
#include <csignal>
#include <string>
#include <system_error>
#include <thread>

#include <fcntl.h>
#include <sys/select.h>
#include <unistd.h>

#include "conc/event_source.hpp"
#include "conc/sleep.hpp"
#include "conc/task.hpp"
#include "conc/wait_group.hpp"
#include "net/driver.hpp"
#include "net/lease.hpp"
#include "net/result.hpp"
#include "net/wait_readable.hpp"
#include "tests/net/interrupting_signals.hpp"
#include "tests/net/net_test.hpp"

namespace mynah::net::test {
namespace {

struct Pipe {
    Pipe() {
        std::array<int, 2> ends{};
        EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
        out = Descriptor(ends[0]);
        in = Descriptor(ends[1]);
    }
    void put(char byte) const { EXPECT_EQ(::write(in.get(), &byte, 1), 1); }

    Descriptor out;
    Descriptor in;
};

class ReadableContract : public EachDriver {};
MYNAH_FOR_EACH_DRIVER(ReadableContract);

conc::Task<> parks_until_readable() {
    const Pipe pipe;
    const Result<bool> late = co_await readable(pipe.out.get(), 20ms);
    CO_ASSERT_TRUE(late);
    EXPECT_FALSE(*late);
    const Result<bool> not_now = co_await readable(pipe.out.get(), 0ms);
    CO_ASSERT_TRUE(not_now);
    EXPECT_FALSE(*not_now);
    std::thread writer([&] { pipe.put('x'); });
    const Result<bool> ready = co_await readable(pipe.out.get(), kPatience);
    writer.join();
    CO_ASSERT_TRUE(ready);
    EXPECT_TRUE(*ready);
    const Result<bool> still = co_await readable(pipe.out.get(), 0ms);
    CO_ASSERT_TRUE(still);
    EXPECT_TRUE(*still);
}
TEST_P(ReadableContract, ParksUntilThereIsSomething) {
    run_on(GetParam(), parks_until_readable());
}

conc::Task<> writable_pipe() {
    const Pipe pipe;
    ::fcntl(pipe.in.get(), F_SETFL, O_NONBLOCK);
    const Result<bool> empty = co_await writable(pipe.in.get(), kPatience);
    CO_ASSERT_TRUE(empty);
    EXPECT_TRUE(*empty);
    const std::string block(65536, 'x');
    while (::write(pipe.in.get(), block.data(), block.size()) > 0) {
    }
    const Result<bool> full = co_await writable(pipe.in.get(), 20ms);
    CO_ASSERT_TRUE(full);
    EXPECT_FALSE(*full);
}
TEST_P(ReadableContract, WritableWaitsForRoom) {
    run_on(GetParam(), writable_pipe());
}

conc::Task<> bad_descriptor() {
    for (const int fd : {-1, 900}) {  // 900 is nobody's
        const Result<bool> bad = co_await readable(fd, kPatience);
        CO_ASSERT_TRUE(!bad);
        EXPECT_EQ(bad.error(), std::errc::bad_file_descriptor);
    }
}
TEST_P(ReadableContract, ABadDescriptorIsAnError) {
    run_on(GetParam(), bad_descriptor());
}

// epoll(7) forgets a file that is closed, and says nothing: the wait ends with its timeout.
conc::Task<> closed_behind_its_back(DriverKind kind) {
    const bool is_told = kind != DriverKind::epoll;
    Pair pair = connected_pair();
    const Pipe pipe;
    Descriptor doomed(::fcntl(pipe.out.get(), F_DUPFD_CLOEXEC, 0));
    std::string text;
    auto receive = [&]() -> conc::Task<> {
        const Result<Lease> lease = co_await pair.stream.receive(kPatience);
        text = lease ? std::string(lease->text()) : lease.error().message();
    };
    auto wait = [&]() -> conc::Task<> {
        const Result<bool> ready = co_await readable(doomed.get(), is_told ? conc::Duration(kPatience) : 50ms);
        if (is_told) {
            CO_ASSERT_TRUE(!ready);
            EXPECT_EQ(ready.error(), std::errc::bad_file_descriptor);
        } else {
            CO_ASSERT_TRUE(ready);
            EXPECT_FALSE(*ready);
        }
        plain_send(pair.peer, "unharmed");
    };
    conc::WaitGroup wait_group;
    wait_group.go(receive);
    wait_group.go(wait);
    co_await conc::yield();
    doomed.reset();
    co_await wait_group.wait();
    EXPECT_EQ(text, "unharmed");
}
TEST_P(ReadableContract, ADescriptorThatIsClosedMeanwhileHarmsNobodyElse) {
    run_on(GetParam(), closed_behind_its_back(GetParam()));
}

TEST(WaitReadable, ThreeOutcomes) {
    const Pipe pipe;
    const auto start = conc::Clock::now();
    const Result<bool> late = wait_readable(pipe.out.get(), 30ms);
    ASSERT_TRUE(late);
    EXPECT_FALSE(*late);
    EXPECT_GE(conc::Clock::now() - start, 30ms);
    pipe.put('x');
    const Result<bool> ready = wait_readable(pipe.out.get());
    ASSERT_TRUE(ready);
    EXPECT_TRUE(*ready);
    EXPECT_EQ(wait_readable(-1, 0ms).error(), std::errc::bad_file_descriptor);
    EXPECT_EQ(wait_readable(900, 0ms).error(), std::errc::bad_file_descriptor);
}

TEST(WaitReadable, EndOfFileIsReadable) {
    Pipe pipe;
    pipe.in.reset();
    const Result<bool> ready = wait_readable(pipe.out.get(), kPatience);
    ASSERT_TRUE(ready);
    EXPECT_TRUE(*ready);
}

TEST(WaitReadable, RefusesWhatFdSetCannotHold) {
    EXPECT_EQ(wait_readable(FD_SETSIZE, 0ms).error(), Errc::too_many_descriptors);
    EXPECT_EQ(wait_readable(1'000'000, 0ms).error(), Errc::too_many_descriptors);
    EXPECT_EQ(wait_readable(FD_SETSIZE - 1, 0ms).error(), std::errc::bad_file_descriptor);
}

TEST(WaitReadable, SignalsNeitherEndNorLengthenTheWait) {
    const Pipe pipe;
    const InterruptingSignals signals;
    const auto start = conc::Clock::now();
    const Result<bool> late = wait_readable(pipe.out.get(), 100ms);
    const auto took = conc::Clock::now() - start;
    ASSERT_TRUE(late) << late.error().message();
    EXPECT_FALSE(*late);
    EXPECT_GE(took, 100ms);
    EXPECT_LT(took, kPatience);
    EXPECT_GT(signals.count(), 0);
}

}  // namespace
}  // namespace mynah::net::test
