// The contract of a Stream: receive, send, ends and errors.
#include "net/stream.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conc/scheduler.hpp"
#include "conc/sleep.hpp"
#include "conc/task.hpp"
#include "conc/wait_group.hpp"
#include "net/driver.hpp"
#include "net/lease.hpp"
#include "net/result.hpp"
#include "tests/net/net_test.hpp"

namespace mynah::net::test {
namespace {

class StreamContract : public EachDriver {};
MYNAH_FOR_EACH_DRIVER(StreamContract);

conc::Task<> lends_what_came() {
    Pair pair = connected_pair();
    plain_send(pair.peer, "hello");
    const Result<Lease> lease = co_await pair.stream.receive();
    CO_ASSERT_TRUE(lease);
    EXPECT_EQ(lease->text(), "hello");
}
TEST_P(StreamContract, ReceiveLendsWhatCame) {
    run_on(GetParam(), lends_what_came());
}

conc::Task<> waits_for_bytes() {
    Pair pair = connected_pair();
    for (const std::string_view text : {"one", "two", "three"}) {
        std::thread sender([&] { plain_send(pair.peer, text); });
        const Result<Lease> lease = co_await pair.stream.receive(kPatience);
        sender.join();
        CO_ASSERT_TRUE(lease);
        EXPECT_EQ(lease->text(), text);
    }
}
TEST_P(StreamContract, ReceiveWaitsForBytes) {
    run_on(GetParam(), waits_for_bytes());
}

conc::Task<> empty_at_end() {
    Pair pair = connected_pair();
    plain_send(pair.peer, "last");
    ::shutdown(pair.peer.get(), SHUT_WR);
    const Result<Lease> lease = co_await pair.stream.receive(kPatience);
    CO_ASSERT_TRUE(lease);
    EXPECT_EQ(lease->text(), "last");
    for (int i = 0; i < 3; ++i) {
        const Result<Lease> end = co_await pair.stream.receive(kPatience);
        CO_ASSERT_TRUE(end);
        EXPECT_TRUE(end->empty());
    }
    // The other direction is open still.
    const Result<void> sent = co_await pair.stream.send_all("answer");
    EXPECT_TRUE(sent);
    EXPECT_EQ(plain_receive(pair.peer, 6), "answer");
}
TEST_P(StreamContract, EndOfStreamIsAnEmptyLeaseAndSendingGoesOn) {
    run_on(GetParam(), empty_at_end());
}

conc::Task<> end_while_waiting() {
    Pair pair = connected_pair();
    std::thread closer([&] { pair.peer.reset(); });
    const Result<Lease> end = co_await pair.stream.receive(kPatience);
    closer.join();
    CO_ASSERT_TRUE(end);
    EXPECT_TRUE(end->empty());
}
TEST_P(StreamContract, EndOfStreamWakesTheReceiver) {
    run_on(GetParam(), end_while_waiting());
}

conc::Task<> end_with_the_last_bytes() {
    Pair pair = connected_pair();
    std::string text;
    auto receive = [&]() -> conc::Task<> {
        const Result<std::string> all = co_await receive_all(pair.stream);
        text = all ? *all : all.error().message();
    };
    conc::WaitGroup wait_group;
    wait_group.go(receive);
    co_await conc::yield();  // it waits by now, and is told of both at once
    plain_send(pair.peer, "last words");
    pair.peer.reset();
    co_await wait_group.wait();
    EXPECT_EQ(text, "last words");
}
TEST_P(StreamContract, TheEndMayComeWithTheLastBytes) {
    run_on(GetParam(), end_with_the_last_bytes());
}

conc::Task<> half_close() {
    Pair pair = connected_pair();
    const Result<void> shut = pair.stream.shutdown_send();
    EXPECT_TRUE(shut);
    EXPECT_EQ(plain_receive(pair.peer, 1), "");  // FIN
    plain_send(pair.peer, "still");
    const Result<Lease> lease = co_await pair.stream.receive(kPatience);
    CO_ASSERT_TRUE(lease);
    EXPECT_EQ(lease->text(), "still");
    const Result<void> sent = co_await pair.stream.send_all("no more");
    EXPECT_EQ(sent.error(), std::errc::broken_pipe);  // and no SIGPIPE
}
TEST_P(StreamContract, ShutdownSendEndsOneDirectionOnly) {
    run_on(GetParam(), half_close());
}

conc::Task<> times_out() {
    Pair pair = connected_pair();
    const auto start = conc::now();
    const Result<Lease> lease = co_await pair.stream.receive(50ms);
    EXPECT_EQ(lease.error(), std::errc::timed_out);
    EXPECT_GE(conc::now() - start, 50ms);
    // The stream is as good as before.
    plain_send(pair.peer, "late");
    const Result<Lease> late = co_await pair.stream.receive(kPatience);
    CO_ASSERT_TRUE(late);
    EXPECT_EQ(late->text(), "late");
}
TEST_P(StreamContract, ReceiveTimesOutAndTheStreamGoesOn) {
    run_on(GetParam(), times_out());
}

conc::Task<> zero_timeout_looks() {
    Pair pair = connected_pair();
    const Result<Lease> nothing = co_await pair.stream.receive(0ms);
    EXPECT_EQ(nothing.error(), std::errc::timed_out);
    plain_send(pair.peer, "there");
    const Result<Lease> lease = co_await pair.stream.receive(0ms);
    CO_ASSERT_TRUE(lease);
    EXPECT_EQ(lease->text(), "there");
}
TEST_P(StreamContract, ReceiveWithoutPatienceLooksOnce) {
    run_on(GetParam(), zero_timeout_looks());
}

conc::Task<> note_order(Stream& stream, conc::Duration timeout, int number, std::string& order) {
    const Result<Lease> lease = co_await stream.receive(timeout);
    EXPECT_EQ(lease.error(), std::errc::timed_out);
    order += std::to_string(number);
}

conc::Task<> deadlines_in_order() {
    Pair slow = connected_pair();
    Pair fast = connected_pair();
    Pair middle = connected_pair();
    std::string order;
    conc::WaitGroup wait_group;
    wait_group.go(note_order, std::ref(slow.stream), 120ms, 3, std::ref(order));
    wait_group.go(note_order, std::ref(fast.stream), 30ms, 1, std::ref(order));
    wait_group.go(note_order, std::ref(middle.stream), 70ms, 2, std::ref(order));
    co_await wait_group.wait();
    EXPECT_EQ(order, "123");
}
TEST_P(StreamContract, TheNearestDeadlineComesFirst) {
    run_on(GetParam(), deadlines_in_order());
}

conc::Task<> reset_by_peer() {
    Pair pair = connected_pair();
    std::thread resetter([&] { plain_reset(pair.peer); });
    const Result<Lease> lease = co_await pair.stream.receive(kPatience);
    resetter.join();
    EXPECT_EQ(lease.error(), std::errc::connection_reset);
    const Result<void> sent = co_await pair.stream.send_all("anybody?");
    EXPECT_EQ(sent.error(), std::errc::broken_pipe);
}
TEST_P(StreamContract, AResetIsAnError) {
    run_on(GetParam(), reset_by_peer());
}

conc::Task<> reset_while_sending() {
    Pair pair = connected_pair();
    const std::string much(std::size_t{64} << 20U, 'x');
    std::thread resetter([&] {
        plain_receive(pair.peer, 100'000);
        plain_reset(pair.peer);
    });
    const Result<void> sent = co_await pair.stream.send_all(much, kPatience);
    resetter.join();
    CO_ASSERT_TRUE(!sent);
    EXPECT_TRUE(sent.error() == std::errc::connection_reset || sent.error() == std::errc::broken_pipe)
        << sent.error().message();
}
TEST_P(StreamContract, AResetInMidSendIsAnError) {
    run_on(GetParam(), reset_while_sending());
}

conc::Task<> cuts_the_peer() {
    Pair pair = connected_pair();
    pair.stream.reset();
    char byte = 0;
    EXPECT_EQ(::recv(pair.peer.get(), &byte, 1, 0), -1);
    EXPECT_EQ(errno, ECONNRESET);
    co_return;
}
TEST_P(StreamContract, ResetSendsRst) {
    run_on(GetParam(), cuts_the_peer());
}

conc::Task<> large_send() {
    Pair pair = connected_pair();
    const std::string much = pattern(std::size_t{16} << 20U);
    std::string received;
    std::thread slow_reader([&] {
        // Small reads keep the send queue full most of the time, so that many sends are short.
        while (received.size() < much.size()) {
            const std::string some = plain_receive(pair.peer, 30'000);
            if (some.empty()) {
                break;
            }
            received += some;
        }
    });
    const Result<void> sent = co_await pair.stream.send_all(much, kPatience);
    EXPECT_TRUE(sent);
    EXPECT_TRUE(pair.stream.shutdown_send());
    slow_reader.join();
    EXPECT_TRUE(received == much);
}
TEST_P(StreamContract, SendAllSendsAllToASlowReader) {
    run_on(GetParam(), large_send());
}

conc::Task<> send_times_out() {
    Pair pair = connected_pair();
    const std::string much(std::size_t{64} << 20U, 'x');
    const Result<void> sent = co_await pair.stream.send_all(much, 50ms);
    EXPECT_EQ(sent.error(), std::errc::timed_out);
}
TEST_P(StreamContract, SendAllTimesOutWhereThePeerDoesNotRead) {
    run_on(GetParam(), send_times_out());
}

conc::Task<> progress_renews() {
    Pair pair = connected_pair();
    limit_send_queue(pair.stream);
    limit_receive_queue(pair.peer);  // by itself it may grow until it holds the whole
    const std::string much(std::size_t{16} << 20U, 'x');
    constexpr auto kTimeout = 400ms;
    const auto start = conc::now();
    std::thread reader([&] {
        // The whole takes longer than the timeout; no pause does.
        constexpr std::size_t kPieces = 12;
        for (std::size_t i = 0; i < kPieces; ++i) {
            plain_receive(pair.peer, much.size() / kPieces);
            std::this_thread::sleep_for(60ms);
        }
        plain_receive(pair.peer, much.size() % kPieces);
    });
    const Result<void> sent = co_await pair.stream.send_all(much, kTimeout);
    const auto took = conc::now() - start;
    reader.join();
    EXPECT_TRUE(sent) << sent.error().message();
    EXPECT_GT(took, kTimeout) << "too fast to show anything";
}
TEST_P(StreamContract, ProgressRenewsTheTimeoutOfSendAll) {
    run_on(GetParam(), progress_renews());
}

conc::Task<> sends_nothing() {
    Pair pair = connected_pair();
    const Result<void> sent = co_await pair.stream.send_all("");
    EXPECT_TRUE(sent);
}
TEST_P(StreamContract, SendAllOfNothingSucceeds) {
    run_on(GetParam(), sends_nothing());
}

conc::Task<> echo(Stream& stream) {
    for (;;) {
        const Result<Lease> lease = co_await stream.receive(kPatience);
        CO_ASSERT_TRUE(lease);
        if (lease->empty()) {
            break;
        }
        const Result<void> sent = co_await stream.send_all(lease->bytes(), kPatience);
        CO_ASSERT_TRUE(sent);
    }
    EXPECT_TRUE(stream.shutdown_send());
}

conc::Task<> echoes_much() {
    Pair pair = connected_pair();
    const std::string much = pattern(std::size_t{8} << 20U);
    std::string answer;
    std::thread writer([&] {
        plain_send(pair.peer, much);
        ::shutdown(pair.peer.get(), SHUT_WR);
    });
    std::thread reader([&] { answer = plain_receive(pair.peer, much.size() + 1); });
    co_await echo(pair.stream);
    writer.join();
    reader.join();
    EXPECT_TRUE(answer == much);
}
TEST_P(StreamContract, EchoesByteForByte) {
    run_on(GetParam(), echoes_much());
}

conc::Task<> sends_pattern(Stream& stream, const std::string& text) {
    const Result<void> sent = co_await stream.send_all(text, kPatience);
    EXPECT_TRUE(sent);
    EXPECT_TRUE(stream.shutdown_send());
}

conc::Task<> both_directions() {
    Pair pair = connected_pair();
    Stream other = Stream::from(Descriptor(::fcntl(pair.peer.get(), F_DUPFD_CLOEXEC, 0)));
    ::fcntl(other.fd(), F_SETFL, O_NONBLOCK);
    pair.peer.reset();
    const std::string there = pattern(std::size_t{4} << 20U);
    const std::string back = pattern(std::size_t{3} << 20U);
    conc::WaitGroup wait_group;
    wait_group.go(sends_pattern, std::ref(pair.stream), std::cref(there));
    wait_group.go(sends_pattern, std::ref(other), std::cref(back));
    std::optional<Result<std::string>> got_there;
    auto receive_there = [&]() -> conc::Task<> { got_there = co_await receive_all(other); };
    wait_group.go(receive_there);
    const Result<std::string> got_back = co_await receive_all(pair.stream);
    co_await wait_group.wait();
    CO_ASSERT_TRUE(got_back);
    CO_ASSERT_TRUE(*got_there);
    EXPECT_TRUE(*got_back == back);
    EXPECT_TRUE(**got_there == there);
}
TEST_P(StreamContract, OneTaskReceivesWhileAnotherSends) {
    run_on(GetParam(), both_directions());
}

conc::Task<> grows_buffers() {
    Pair pair = connected_pair();
    pair.stream.set_receive_options({.initial_bytes = 1024, .maximum_bytes = 4096});
    constexpr std::size_t kRoundBytes = 16'384;
    std::vector<std::size_t> sizes;
    for (int round = 0; round < 4; ++round) {
        plain_send(pair.peer, pattern(kRoundBytes));
        for (std::size_t total = 0; total < kRoundBytes;) {
            const Result<Lease> lease = co_await pair.stream.receive(kPatience);
            CO_ASSERT_TRUE(lease);
            CO_ASSERT_TRUE(!lease->empty());
            sizes.push_back(lease->capacity());
            total += lease->size();
        }
    }
    // How many come of each size is the driver's: some receive ahead of who asks.
    EXPECT_TRUE(std::is_sorted(sizes.begin(), sizes.end()));
    sizes.erase(std::unique(sizes.begin(), sizes.end()), sizes.end());
    EXPECT_THAT(sizes, testing::ElementsAre(1024U, 2048U, 4096U));
}
TEST_P(StreamContract, BuffersGrowToTheirMaximumWhileTheyComeBackFull) {
    run_on(GetParam(), grows_buffers());
}

conc::Task<> tells_facts() {
    Pair pair = connected_pair();
    sockaddr_in name{};
    socklen_t length = sizeof(name);
    ::getsockname(pair.peer.get(), static_cast<sockaddr*>(static_cast<void*>(&name)), &length);
    EXPECT_EQ(pair.stream.peer(), Address(Address::Family::ipv4, "127.0.0.1", ntohs(name.sin_port)));
    EXPECT_EQ(pair.stream.local().host(), "127.0.0.1");
    EXPECT_NE(pair.stream.local().port(), 0);
    plain_send(pair.peer, "12345");
    const auto count = pair.stream.unread_bytes();
    CO_ASSERT_TRUE(count);
    EXPECT_EQ(*count, 5U);
    EXPECT_TRUE(pair.stream.set_no_delay(true));
    EXPECT_TRUE(pair.stream.is_open());
    pair.stream.close();
    EXPECT_FALSE(pair.stream.is_open());
    EXPECT_EQ(pair.stream.unread_bytes().error(), std::errc::operation_canceled);
    EXPECT_EQ(pair.stream.local(), Address());
}
TEST_P(StreamContract, TellsAddressesAndUnreadBytes) {
    run_on(GetParam(), tells_facts());
}

conc::Task<> busy_neighbour(Stream& stream, bool& stop, int& rounds) {
    while (!stop) {
        const Result<Lease> lease = co_await stream.receive(kPatience);
        CO_ASSERT_TRUE(lease);
        const Result<void> sent = co_await stream.send_all(lease->bytes(), kPatience);
        CO_ASSERT_TRUE(sent);
        ++rounds;
    }
}

conc::Task<> stays_fair() {
    Pair pair = connected_pair();
    // A stream whose every receive and every send can be done at once, for as long as it pleases.
    plain_send(pair.peer, std::string(200'000, 'x'));
    pair.stream.set_receive_options({.initial_bytes = 1024, .maximum_bytes = 1024});
    bool stop = false;
    int rounds = 0;
    conc::WaitGroup wait_group;
    wait_group.go(busy_neighbour, std::ref(pair.stream), std::ref(stop), std::ref(rounds));
    int most = 0;
    int before = 0;
    const auto went_on = [&] {
        most = std::max(most, rounds - std::exchange(before, rounds));
        return rounds >= 100;
    };
    co_await until(went_on);
    EXPECT_LE(most, 32) << "one stream kept the worker to itself";
    stop = true;
    co_await wait_group.wait();
}
TEST_P(StreamContract, ABusyStreamLetsOthersRun) {
    run_on(GetParam(), stays_fair());
}

conc::Task<> two_receivers() {
    Pair pair = connected_pair();
    conc::WaitGroup wait_group;
    std::string first;
    auto receive_first = [&]() -> conc::Task<> {
        const Result<Lease> lease = co_await pair.stream.receive(kPatience);
        first = lease ? std::string(lease->text()) : lease.error().message();
    };
    wait_group.go(receive_first);
    co_await conc::yield();
    const Result<Lease> second = co_await pair.stream.receive(kPatience);
    EXPECT_EQ(second.error(), Errc::operation_in_progress);
    plain_send(pair.peer, "for the first");
    co_await wait_group.wait();
    EXPECT_EQ(first, "for the first");
}
TEST_P(StreamContract, ASecondReceiverIsRefused) {
    run_on(GetParam(), two_receivers());
}

conc::Task<> ipv6() {
    Pair pair = connected_pair("tcp://[::1]:0");
    EXPECT_EQ(pair.stream.peer().host(), "::1");
    plain_send(pair.peer, "six");
    const Result<Lease> lease = co_await pair.stream.receive(kPatience);
    CO_ASSERT_TRUE(lease);
    EXPECT_EQ(lease->text(), "six");
}
TEST_P(StreamContract, SpeaksIPv6) {
    run_on(GetParam(), ipv6());
}

TEST(Stream, NoStreamCancelsEveryOperation) {
    auto body = []() -> conc::Task<> {
        Stream none;
        const Result<Lease> lease = co_await none.receive();
        EXPECT_EQ(lease.error(), std::errc::operation_canceled);
        const Result<void> sent = co_await none.send_all("x");
        EXPECT_EQ(sent.error(), std::errc::operation_canceled);
        EXPECT_EQ(none.adopt().error(), std::errc::operation_canceled);
        none.close();
        none.interrupt();
    };
    run_on(DriverKind::select, body());
}

TEST(Stream, WithoutADriverOperationsSaySo) {
    auto body = []() -> conc::Task<> {
        Pair pair = connected_pair();
        const Result<Lease> lease = co_await pair.stream.receive();
        EXPECT_EQ(lease.error(), Errc::no_driver);
        EXPECT_EQ(pair.stream.adopt().error(), Errc::no_driver);
    };
    conc::Scheduler scheduler({.workers = 1});
    scheduler.run(body());
}

}  // namespace
}  // namespace mynah::net::test
