// The contract of a DatagramSocket, over every driver.
#include "net/datagram.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include <sys/socket.h>

#include "conc/scheduler.hpp"
#include "conc/sleep.hpp"
#include "conc/task.hpp"
#include "conc/wait_group.hpp"
#include "net/address.hpp"
#include "net/datagram_batch.hpp"
#include "net/descriptor.hpp"
#include "net/result.hpp"
#include "tests/net/net_test.hpp"
#include "tests/net/plain_datagrams.hpp"

namespace mynah::net::test {
namespace {

using MaybeError = std::optional<std::error_code>;

class DatagramContract : public EachDriver {};
MYNAH_FOR_EACH_DRIVER(DatagramContract);

conc::Task<> lends_and_answers() {
    DatagramSocket socket = bound();
    PlainPeer peer;
    peer.send("hello", socket.local());
    Result<DatagramBatch> batch = co_await socket.receive(kPatience);
    CO_ASSERT_TRUE(batch);
    CO_ASSERT_TRUE(batch->size() == 1);
    EXPECT_EQ(batch->text(0), "hello");
    EXPECT_FALSE(batch->is_truncated(0));
    EXPECT_EQ(batch->peer(0).port(), peer.local().port());
    EXPECT_EQ(batch->peer_port(0), peer.local().port());
    EXPECT_EQ(batch->peer(0).to_string(), "udp://127.0.0.1:" + std::to_string(peer.local().port()));
    const DatagramsSent sent = co_await socket.send(*batch, kPatience);
    EXPECT_TRUE(sent.all());
    EXPECT_EQ(sent.sent, 1U);
    EXPECT_EQ(sent.bytes, 5U);
    EXPECT_EQ(peer.receive(), "hello");
    EXPECT_EQ(peer.from(), socket.local());
}
TEST_P(DatagramContract, ReceiveLendsWhatCameAndSendAnswersIt) {
    run_on(GetParam(), lends_and_answers());
    run_on(GetParam(), lends_and_answers(), 2);
}

conc::Task<> waits() {
    DatagramSocket socket = bound();
    const PlainPeer peer;
    for (const std::string_view text : {"one", "", "three"}) {
        std::thread sender([&] { peer.send(text, socket.local()); });
        const Result<DatagramBatch> batch = co_await socket.receive(kPatience);
        sender.join();
        CO_ASSERT_TRUE(batch);
        CO_ASSERT_TRUE(batch->size() == 1);
        EXPECT_EQ(batch->text(0), text);
    }
}
TEST_P(DatagramContract, ReceiveWaitsAndADatagramMayBeEmpty) {
    run_on(GetParam(), waits());
}

conc::Task<> batches(bool answers) {
    constexpr std::size_t kCount = 200;
    DatagramSocket socket = bound("udp://127.0.0.1:0", {.largest_bytes = 2'000});
    PlainPeer peer;
    for (std::size_t i = 0; i < kCount; ++i) {
        peer.send(std::to_string(i) + std::string(i, 'x'), socket.local());
    }
    std::size_t next = 0;
    std::size_t largest = 0;
    while (next < kCount) {
        Result<DatagramBatch> batch = co_await socket.receive(kPatience);
        CO_ASSERT_TRUE(batch);
        largest = std::max(largest, batch->size());
        for (std::size_t i = 0; i < batch->size(); ++i, ++next) {
            EXPECT_TRUE(batch->text(i) == std::to_string(next) + std::string(next, 'x')) << next;
        }
        if (answers) {
            const DatagramsSent sent = co_await socket.send(*batch, kPatience);
            EXPECT_TRUE(sent.all());
        }
    }
    EXPECT_EQ(largest, DatagramBatch::kMost);
    for (std::size_t i = 0; answers && i < kCount; ++i) {
        const std::optional<std::string> back = peer.receive();
        EXPECT_TRUE(back && *back == std::to_string(i) + std::string(i, 'x')) << i;
    }
}
TEST_P(DatagramContract, WhatHasQueuedComesInGrowingBatchesInOrder) {
    run_on(GetParam(), batches(true));
    run_on(GetParam(), batches(false));
}

conc::Task<> largest(std::string address, int family, std::size_t size) {
    DatagramSocket socket = bound(address);
    PlainPeer peer(family);
    const std::string text = pattern(size);
    // Of several each has to be whole, wherever its room begins.
    for (int i = 0; i < 3; ++i) {
        peer.send(text, socket.local());
    }
    for (std::size_t count = 0; count < 3;) {
        Result<DatagramBatch> batch = co_await socket.receive(kPatience);
        CO_ASSERT_TRUE(batch);
        for (std::size_t i = 0; i < batch->size(); ++i) {
            EXPECT_TRUE(batch->text(i) == text);
            EXPECT_FALSE(batch->is_truncated(i));
        }
        count += batch->size();
        const DatagramsSent sent = co_await socket.send(*batch, kPatience);
        EXPECT_TRUE(sent.all()) << sent.error.message();
    }
    for (int i = 0; i < 3; ++i) {
        EXPECT_TRUE(peer.receive() == text);
    }
}
TEST_P(DatagramContract, TheLargestDatagramsComeWhole) {
    run_on(GetParam(), largest("udp://127.0.0.1:0", AF_INET, 65'507));
    run_on(GetParam(), largest("udp://[::1]:0", AF_INET6, 65'487));
}

conc::Task<> truncated() {
    DatagramSocket socket = bound("udp://127.0.0.1:0", {.largest_bytes = 100});
    const PlainPeer peer;
    peer.send(std::string(100, 'a'), socket.local());
    peer.send(std::string(101, 'b'), socket.local());
    const Result<DatagramBatch> batch = co_await socket.receive(kPatience);
    CO_ASSERT_TRUE(batch);
    CO_ASSERT_TRUE(batch->size() == 2);
    EXPECT_FALSE(batch->is_truncated(0));
    EXPECT_TRUE(batch->is_truncated(1));
    EXPECT_EQ(batch->text(1), std::string(100, 'b'));
}
TEST_P(DatagramContract, ALongerDatagramSaysThatItIsTruncated) {
    run_on(GetParam(), truncated());
}

conc::Task<> times_out() {
    DatagramSocket socket = bound();
    const Result<DatagramBatch> nothing = co_await socket.receive(0ms);
    EXPECT_EQ(nothing.error(), std::errc::timed_out);
    const auto start = conc::now();
    const Result<DatagramBatch> late = co_await socket.receive(30ms);
    EXPECT_EQ(late.error(), std::errc::timed_out);
    EXPECT_GE(conc::now() - start, 30ms);
    const PlainPeer peer;
    peer.send("there", socket.local());
    const Result<DatagramBatch> batch = co_await socket.receive(0ms);
    CO_ASSERT_TRUE(batch);
    EXPECT_EQ(batch->text(0), "there");
}
TEST_P(DatagramContract, ReceiveTimesOutAndTheSocketGoesOn) {
    run_on(GetParam(), times_out());
}

conc::Task<> nobody_there() {
    Address nobody;
    {
        const DatagramSocket gone = bound();
        nobody = gone.local();
    }
    Result<DatagramSocket> socket = DatagramSocket::connect(nobody);
    CO_ASSERT_TRUE(socket);
    EXPECT_EQ(socket->peer(), nobody);
    for (int i = 0; i < 2; ++i) {
        DatagramBatch batch;
        EXPECT_TRUE(batch.add(bytes_of("anybody?")));
        const DatagramsSent sent = co_await socket->send(batch, kPatience);
        EXPECT_TRUE(sent.all()) << sent.error.message();
        const Result<DatagramBatch> refused = co_await socket->receive(kPatience);
        EXPECT_EQ(refused.error(), std::errc::connection_refused);
    }
    // Told by a send as well, which then has not taken place.
    DatagramBatch first;
    DatagramBatch second;
    EXPECT_TRUE(first.add(bytes_of("anybody?")) && second.add(bytes_of("really?")));
    const DatagramsSent sent = co_await socket->send(first, kPatience);
    EXPECT_TRUE(sent.all());
    const DatagramsSent refused = co_await socket->send(second, kPatience);
    EXPECT_EQ(refused.error, std::errc::connection_refused);
    EXPECT_EQ(refused.failed, 1U);
}
TEST_P(DatagramContract, AConnectedSocketHearsThatNobodyListens) {
    run_on(GetParam(), nobody_there());
}

conc::Task<> error_behind_datagrams() {
    DatagramSocket server = bound();
    Result<DatagramSocket> client = DatagramSocket::connect(server.local());
    CO_ASSERT_TRUE(client);
    DatagramBatch answer;
    EXPECT_TRUE(answer.add(bytes_of("last words"), client->local()));
    const DatagramsSent answered = co_await server.send(answer, kPatience);
    EXPECT_TRUE(answered.all());
    const Result<DatagramBatch> words = co_await client->receive(kPatience);
    EXPECT_TRUE(words);
    server.close();
    MaybeError error;
    auto receive = [&]() -> conc::Task<> {
        const Result<DatagramBatch> batch = co_await client->receive(kPatience);
        error = batch ? std::error_code() : batch.error();
    };
    conc::WaitGroup waiting;
    waiting.go(receive);
    co_await conc::yield();  // it waits by now
    EXPECT_FALSE(error);
    DatagramBatch question;
    EXPECT_TRUE(question.add(bytes_of("still there?")));
    const DatagramsSent asked = co_await client->send(question, kPatience);
    EXPECT_TRUE(asked.all());
    co_await waiting.wait();
    EXPECT_EQ(*error, std::errc::connection_refused);
}
TEST_P(DatagramContract, ARefusalWakesTheReceiver) {
    run_on(GetParam(), error_behind_datagrams());
}

conc::Task<> refused_by_kernel() {
    DatagramSocket socket = bound();
    PlainPeer peer;
    peer.send("x", socket.local());
    const Result<DatagramBatch> known = co_await socket.receive(kPatience);
    CO_ASSERT_TRUE(known);
    const std::string too_long(65'508, 'x');
    DatagramBatch batch;
    EXPECT_TRUE(batch.add(bytes_of("first"), known->peer(0)));
    EXPECT_TRUE(batch.add(bytes_of(too_long), known->peer(0)));
    EXPECT_TRUE(batch.add(bytes_of("third"), known->peer(0)));
    const DatagramsSent sent = co_await socket.send(batch, kPatience);
    EXPECT_EQ(sent.sent, 2U);
    EXPECT_EQ(sent.failed, 1U);
    EXPECT_EQ(sent.bytes, 10U);
    EXPECT_EQ(sent.error, std::errc::message_size);
    EXPECT_EQ(peer.receive(), "first");
    EXPECT_EQ(peer.receive(), "third");
}
TEST_P(DatagramContract, WhatTheKernelRefusesDoesNotKeepTheOthers) {
    run_on(GetParam(), refused_by_kernel());
}

/// Two ends whose queue fills up, as no queue of UDP's does on this machine: the loopback delivers at once.
std::array<Descriptor, 2> unix_pair() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()), 0);
    return {Descriptor(ends[0]), Descriptor(ends[1])};
}

DatagramBatch many(std::string_view text) {
    DatagramBatch batch;
    while (batch.add(bytes_of(text))) {
    }
    EXPECT_EQ(batch.size(), DatagramBatch::kMost);
    return batch;
}

conc::Task<> full_queue() {
    std::array<Descriptor, 2> ends = unix_pair();
    const int reader = ends[1].get();
    DatagramSocket socket = DatagramSocket::from(std::move(ends[0]));
    const std::string text(50'000, 'x');
    DatagramsSent last;
    std::size_t sent = 0;
    for (int i = 0; i < 100 && last.all(); ++i) {
        DatagramBatch batch = many(text);
        last = co_await socket.send(batch, 10ms);
        sent += last.sent;
        EXPECT_EQ(last.sent + last.unsent, DatagramBatch::kMost);
    }
    EXPECT_EQ(last.error, std::errc::timed_out);
    EXPECT_GT(last.unsent, 0U);
    // Once there is room the rest goes.
    std::optional<DatagramsSent> waited;
    auto send = [&]() -> conc::Task<> {
        DatagramBatch batch = many(text);
        waited = co_await socket.send(batch, kPatience);
    };
    conc::WaitGroup sending;
    sending.go(send);
    co_await conc::yield();
    EXPECT_FALSE(waited);
    std::string room(text.size(), '\0');
    std::size_t received = 0;
    auto read_some = [&] {
        while (::recv(reader, room.data(), room.size(), MSG_DONTWAIT) > 0) {
            ++received;
        }
        return waited.has_value();
    };
    co_await until(read_some);
    co_await sending.wait();
    read_some();
    EXPECT_TRUE(waited->all());
    EXPECT_EQ(received, sent + DatagramBatch::kMost);
}
TEST_P(DatagramContract, SendWaitsForRoomAndItsTimeoutCountsWhatIsLeft) {
    run_on(GetParam(), full_queue());
}

/// Answers one datagram that a peer sends to `to`, and says where the answer came from.
conc::Task<> answered_from(std::string listen, DatagramOptions options, std::string to, int family, bool to_many) {
    DatagramSocket socket = bound(listen, options);
    PlainPeer peer(family);
    const int yes = 1;
    ::setsockopt(peer.fd(), SOL_SOCKET, SO_BROADCAST, &yes, sizeof(yes));
    const Address target = Address::parse("udp://" + to + ":0")->with_port(socket.local().port());
    peer.send("hello", target);
    Result<DatagramBatch> batch = co_await socket.receive(kPatience);
    CO_ASSERT_TRUE(batch);
    EXPECT_EQ(batch->is_to_many(0), to_many) << to;
    const DatagramsSent sent = co_await socket.send(*batch, kPatience);
    EXPECT_TRUE(sent.all()) << sent.error.message();
    EXPECT_EQ(peer.receive(), "hello");
    if (!to_many) {
        EXPECT_EQ(peer.from(), target);
    }
}
TEST_P(DatagramContract, AnswersLeaveFromTheAddressThatWasAsked) {
    run_on(GetParam(), answered_from("udp://0.0.0.0:0", {}, "127.0.0.2", AF_INET, false));
    run_on(GetParam(), answered_from("udp://[::]:0", {}, "[::1]", AF_INET6, false));
    run_on(GetParam(), answered_from("udp://[::]:0", {.ipv6_only = false}, "127.0.0.3", AF_INET, false));
    run_on(GetParam(), answered_from("udp://[::]:0", {.ipv6_only = false}, "[::1]", AF_INET6, false));
}
TEST_P(DatagramContract, ABroadcastIsSeenToBeOne) {
    run_on(GetParam(), answered_from("udp://0.0.0.0:0", {}, "127.255.255.255", AF_INET, true));
}

conc::Task<> answers_copies() {
    DatagramSocket socket = bound("udp://0.0.0.0:0");
    PlainPeer peer;
    const Address asked = *Address::parse("udp://127.0.0.2:" + std::to_string(socket.local().port()));
    for (const std::string_view text : {"hello", ""}) {
        peer.send(text, asked);
        Result<DatagramBatch> batch = co_await socket.receive(kPatience);
        CO_ASSERT_TRUE(batch);
        DatagramBatch copy = batch->copy(0);
        *batch = DatagramBatch();
        EXPECT_EQ(copy.peer(0).port(), peer.local().port());
        std::ranges::fill(copy.writable_bytes(0), std::byte{'x'});
        const DatagramsSent sent = co_await socket.send(copy, kPatience);
        EXPECT_TRUE(sent.all());
        EXPECT_EQ(peer.receive(), std::string(text.size(), 'x'));
        EXPECT_EQ(peer.from(), asked);
    }
}
TEST_P(DatagramContract, ACopyOutlivesItsBatchAndIsAnsweredLikeIt) {
    run_on(GetParam(), answers_copies());
}

TEST(DatagramSocket, BindSaysWhyNot) {
    const DatagramSocket socket = bound();
    EXPECT_EQ(DatagramSocket::bind(socket.local()).error(), std::errc::address_in_use);
    EXPECT_EQ(DatagramSocket::bind(*Address::parse("udp://localhost:0")).error(), Errc::unresolved_name);
    EXPECT_EQ(DatagramSocket::bind(*Address::parse("tcp://127.0.0.1:0")).error(), std::errc::protocol_not_supported);
    EXPECT_EQ(DatagramSocket::bind(*Address::parse("unix:///x")).error(), std::errc::protocol_not_supported);
    const DatagramSocket shared = bound("udp://127.0.0.1:0", {.reuse_port = true});
    EXPECT_TRUE(DatagramSocket::bind(shared.local(), {.reuse_port = true}));
    EXPECT_EQ(DatagramSocket().local().to_string(), "udp://0.0.0.0:0");
}

TEST(DatagramSocket, CountsWhatTheKernelDropped) {
    const DatagramSocket socket = bound();
    const int least = 1;  // the kernel makes it as small as it can be
    ::setsockopt(socket.fd(), SOL_SOCKET, SO_RCVBUF, &least, sizeof(least));
    const PlainPeer peer;
    constexpr int kSent = 100;
    for (int i = 0; i < kSent; ++i) {
        peer.send(std::string(100, 'x'), socket.local());
    }
    int there = 0;
    for (char byte = 0; ::recv(socket.fd(), &byte, 1, MSG_DONTWAIT) >= 0;) {
        ++there;
    }
    const Result<std::uint64_t> drops = socket.receive_queue_drops();
    ASSERT_TRUE(drops);
    EXPECT_GT(*drops, 0U);
    EXPECT_EQ(*drops + static_cast<std::uint64_t>(there), static_cast<std::uint64_t>(kSent));
}

TEST(DatagramBatch, TakesOnlyWhatCanBeSent) {
    DatagramBatch batch;
    EXPECT_FALSE(batch.add(bytes_of("x"), *Address::parse("udp://localhost:7")));
    EXPECT_FALSE(batch.add(bytes_of("x"), *Address::parse("tcp://127.0.0.1:7")));
    EXPECT_TRUE(batch.empty());
    for (std::size_t i = 0; i < DatagramBatch::kMost; ++i) {
        EXPECT_TRUE(batch.add(bytes_of("x"), *Address::parse("udp://[::1]:7")));
    }
    EXPECT_FALSE(batch.add(bytes_of("x"), *Address::parse("udp://[::1]:7")));
    batch.keep_if([](std::size_t i) { return i % 2 == 1; });
    EXPECT_EQ(batch.size(), DatagramBatch::kMost / 2);
    EXPECT_EQ(batch.peer(0).to_string(), "udp://[::1]:7");
    const DatagramBatch::Host host = batch.peer_host(0);
    EXPECT_EQ(host[15], std::byte{1});
    DatagramBatch other;
    EXPECT_TRUE(other.add(bytes_of("x"), *Address::parse("udp://1.2.3.4:7")));
    EXPECT_EQ(other.peer_host(0)[10], std::byte{0xff});
    EXPECT_EQ(other.peer_host(0)[15], std::byte{4});
}

}  // namespace
}  // namespace mynah::net::test
