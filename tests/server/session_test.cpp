#include "server/session.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "conc/conc.hpp"
#include "conc/select_case.hpp"
#include "net/descriptor.hpp"
#include "net/driver.hpp"
#include "net/probe_frame.hpp"
#include "net/probe_stream.hpp"
#include "server/session_record.hpp"
#include "server/session_set.hpp"
#include "tests/support/run_task.hpp"

namespace mynah::server {
namespace {

using namespace std::chrono_literals;

conc::Options on_select() {
    return {.workers = 1, .event_source = net::driver_factory(net::DriverKind::select)};
}

constexpr SessionLimits kLimits{
    .idle_timeout = 30s, .write_timeout = 30s, .linger = 30s, .receive_buffer_bytes = 65536};

/// A session under test, served by a task of its own, and the peer's blocking end of its connection.
struct Served {
    explicit Served(SessionLimits session_limits = kLimits) : limits(session_limits) {
        std::array<int, 2> ends{};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
        EXPECT_EQ(::fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
        stream = net::Stream::from(net::Descriptor(ends[0]));
        peer = net::Descriptor(ends[1]);
    }

    void start() {
        ended.go([this] { return run(); });
    }

    conc::Task<void> run() {
        const SessionSet::Member member(set, stream);
        entered.close();
        co_await serve(&stream, &member, &limits, &outcome);
    }

    void peer_sends(std::string_view text) const {
        EXPECT_EQ(::send(peer.get(), text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
    }

    /// What the peer receives until the end of the stream, or until `count` bytes are there.
    conc::Task<std::string> peer_receives(std::size_t count) const {
        const auto receive = [this, count] {
            std::string text(count, '\0');
            const ssize_t received = ::recv(peer.get(), text.data(), count, MSG_WAITALL);
            text.resize(received < 0 ? 0 : static_cast<std::size_t>(received));
            return text;
        };
        co_return co_await conc::blocking(receive);
    }

    SessionLimits limits;
    SessionSet set;
    net::Stream stream;
    net::Descriptor peer;
    SessionOutcome outcome;
    conc::Channel<conc::Unit> entered{0};
    conc::WaitGroup ended;
};

conc::Task<void> half_close() {
    Served served;
    served.peer_sends("hello");
    ::shutdown(served.peer.get(), SHUT_WR);
    served.start();
    const std::string back = co_await served.peer_receives(100);
    EXPECT_EQ(back, "hello");
    co_await served.ended.wait();
    EXPECT_EQ(served.outcome.close_reason, CloseReason::end_of_stream);
    EXPECT_EQ(served.outcome.bytes_in, 5U);
    EXPECT_EQ(served.outcome.bytes_out, 5U);
}

TEST(Session, HalfClosedPeerGetsEveryByteThenFin) {
    test::run_task(on_select(), half_close());
}

conc::Task<void> idle() {
    SessionLimits limits = kLimits;
    limits.idle_timeout = 20ms;
    Served served(limits);
    served.start();
    co_await served.ended.wait();
    EXPECT_EQ(served.outcome.close_reason, CloseReason::idle_timeout);
}

TEST(Session, IdlePeerIsClosedAfterTheIdleTimeout) {
    test::run_task(on_select(), idle());
}

conc::Task<void> never_reads() {
    SessionLimits limits = kLimits;
    limits.write_timeout = 50ms;
    Served served(limits);
    served.start();
    const auto flood = [&served] {
        const std::string much(1 << 20, 'x');
        while (::send(served.peer.get(), much.data(), much.size(), MSG_NOSIGNAL) > 0) {
        }
    };
    co_await conc::blocking(flood);  // ends when the session closes the connection
    co_await served.ended.wait();
    EXPECT_EQ(served.outcome.close_reason, CloseReason::write_timeout);
    EXPECT_LT(served.outcome.bytes_out, served.outcome.bytes_in);
    EXPECT_LE(served.outcome.bytes_in - served.outcome.bytes_out, served.limits.receive_buffer_bytes);
}

TEST(Session, PeerThatNeverReadsIsClosedAfterTheWriteTimeoutWithOneBufferHeld) {
    test::run_task(on_select(), never_reads());
}

conc::Task<void> drained_when_quiet() {
    Served served;
    served.peer_sends("before");  // in the kernel when the drain asks: echoed all the same
    served.start();
    co_await served.entered.recv();
    served.set.ask_all_to_close();
    const std::string back = co_await served.peer_receives(100);  // to our FIN
    EXPECT_EQ(back, "before");
    served.peer_sends("too late");
    ::shutdown(served.peer.get(), SHUT_WR);
    co_await served.ended.wait();
    EXPECT_EQ(served.outcome.close_reason, CloseReason::drained);
    EXPECT_EQ(served.outcome.bytes_in, 6U);
    EXPECT_EQ(served.outcome.bytes_out, 6U);
    EXPECT_EQ(served.outcome.discarded_after_fin, 8U);
}

TEST(Session, DrainEchoesWhatIsThereSendsFinAndCountsWhatComesLater) {
    test::run_task(on_select(), drained_when_quiet());
}

conc::Task<void> entered_late() {
    Served served;
    served.set.ask_all_to_close();
    served.peer_sends("queued");
    ::shutdown(served.peer.get(), SHUT_WR);
    served.start();
    const std::string back = co_await served.peer_receives(100);
    EXPECT_EQ(back, "queued");
    co_await served.ended.wait();
    EXPECT_EQ(served.outcome.bytes_out, 6U);
}

TEST(Session, ConnectionServedAfterTheDrainBeganIsEchoedAsWell) {
    test::run_task(on_select(), entered_late());
}

conc::Task<void> lingers() {
    SessionLimits limits = kLimits;
    limits.linger = 20ms;
    Served served(limits);
    served.set.ask_all_to_close();
    served.start();
    co_await served.ended.wait();  // the peer never closes
    EXPECT_EQ(served.outcome.close_reason, CloseReason::linger_expired);
}

TEST(Session, PeerThatDoesNotCloseAfterOurFinIsWaitedForNoLongerThanTheLinger) {
    test::run_task(on_select(), lingers());
}

conc::Task<void> cut_in_linger() {
    Served served;
    served.set.ask_all_to_close();
    served.start();
    co_await served.peer_receives(1);  // our FIN: it lingers now
    served.set.cut_all();
    co_await served.ended.wait();
    EXPECT_EQ(served.outcome.close_reason, CloseReason::cut);
}

TEST(Session, CutEndsALinger) {
    test::run_task(on_select(), cut_in_linger());
}

conc::Task<void> cut_in_send() {
    Served served;
    served.start();
    const auto fill = [&served] {
        const std::string much(1 << 20, 'x');
        std::size_t sent = 0;
        ssize_t count = 0;
        const timeval patience{.tv_sec = 0, .tv_usec = 100'000};  // nobody reads the echo: both queues fill up
        ::setsockopt(served.peer.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
        while ((count = ::send(served.peer.get(), much.data(), much.size(), MSG_NOSIGNAL)) > 0) {
            sent += static_cast<std::size_t>(count);
        }
        return sent;
    };
    const std::size_t sent = co_await conc::blocking(fill);
    served.set.cut_all();
    co_await served.ended.wait();
    EXPECT_EQ(served.outcome.close_reason, CloseReason::cut);
    EXPECT_LE(served.outcome.bytes_in, sent);
    EXPECT_LT(served.outcome.bytes_out, served.outcome.bytes_in);
}

TEST(Session, CutEndsASendThatIsStuck) {
    test::run_task(on_select(), cut_in_send());
}

constexpr net::ProbeStream kProbe{.run = 0xFEDCBA9876543210, .connection = 3};

std::string probe_frames(std::uint32_t payload_bytes) {
    std::vector<std::byte> bytes;
    net::ProbeFrame frame{.run = kProbe.run, .connection = kProbe.connection, .payload_bytes = payload_bytes};
    net::append_probe(frame, bytes);
    frame.sequence = 1;
    frame.offset = bytes.size();
    net::append_probe(frame, bytes);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// The session of a peer that sends these pieces, each once the one before is back.
conc::Task<SessionOutcome> serve_pieces(std::vector<std::string> pieces) {
    Served served;
    served.start();
    for (const std::string& piece : pieces) {
        served.peer_sends(piece);
        const std::string back = co_await served.peer_receives(piece.size());
        EXPECT_EQ(back, piece);
    }
    ::shutdown(served.peer.get(), SHUT_WR);
    co_await served.ended.wait();
    co_return std::move(served.outcome);
}

bool is_recognised(const std::vector<std::string>& pieces) {
    bool recognised = false;
    auto main = [&]() -> conc::Task<void> {
        const SessionOutcome outcome = co_await serve_pieces(pieces);
        recognised = outcome.probe != nullptr;
        EXPECT_TRUE(!recognised || *outcome.probe == kProbe);
    };
    test::run_task(on_select(), main());
    return recognised;
}

TEST(Session, KnowsAStreamOfProbeFramesByItsFirstBytes) {
    const std::string frames = probe_frames(192);
    EXPECT_TRUE(is_recognised({frames}));
    EXPECT_TRUE(is_recognised({frames.substr(0, 100), frames.substr(100)}));
    EXPECT_TRUE(is_recognised({probe_frames(60'000)})) << "more than the first receive brings";
    EXPECT_FALSE(is_recognised({"hello"}));
    EXPECT_FALSE(is_recognised({"x" + frames}));
    EXPECT_FALSE(is_recognised({"x", frames})) << "not at the beginning";
    std::string damaged = frames;
    damaged[20] = static_cast<char>(damaged[20] ^ 1);
    EXPECT_FALSE(is_recognised({damaged}));
}

TEST(Session, DoesNotWaitForAHeaderThatComesInPieces) {
    const std::string frames = probe_frames(192);
    EXPECT_FALSE(is_recognised({frames.substr(0, 63), frames.substr(63)}));
    EXPECT_FALSE(is_recognised({frames.substr(0, 40)}));
    std::vector<std::string> bytes;
    for (const char byte : frames) {
        bytes.emplace_back(1, byte);
    }
    EXPECT_FALSE(is_recognised(bytes));
}

conc::Task<void> probes_after_fin() {
    Served served;
    served.set.ask_all_to_close();
    served.start();
    co_await served.peer_receives(1);  // our FIN
    served.peer_sends(probe_frames(192));
    ::shutdown(served.peer.get(), SHUT_WR);
    co_await served.ended.wait();
    EXPECT_EQ(served.outcome.bytes_in, 0U);
    EXPECT_EQ(served.outcome.discarded_after_fin, 512U);
    EXPECT_TRUE(served.outcome.probe != nullptr && *served.outcome.probe == kProbe);
}

TEST(Session, KnowsProbeFramesThatCameAfterItsFinOnly) {
    test::run_task(on_select(), probes_after_fin());
}

conc::Task<void> asked_one_by_one() {
    Served first;
    SessionSet& set = first.set;
    first.start();
    co_await first.entered.recv();
    EXPECT_EQ(set.open(), 1U);
    EXPECT_TRUE(set.ask_one_to_close());
    EXPECT_FALSE(set.ask_one_to_close());
    ::shutdown(first.peer.get(), SHUT_WR);
    co_await first.ended.wait();
    EXPECT_EQ(set.open(), 0U);
}

TEST(SessionSet, AsksEachSessionOnce) {
    test::run_task(on_select(), asked_one_by_one());
}

TEST(SessionSet, TotalsSumWhatEnded) {
    SessionSet set;
    set.count_ended({.bytes_in = 5, .bytes_out = 4, .discarded_after_fin = 3, .close_reason = CloseReason::cut});
    set.count_ended({.bytes_in = 1, .bytes_out = 1, .close_reason = CloseReason::drained});
    const SessionSet::Totals totals = set.totals();
    EXPECT_EQ(totals.sessions, 2U);
    EXPECT_EQ(totals.bytes_in, 6U);
    EXPECT_EQ(totals.bytes_out, 5U);
    EXPECT_EQ(totals.discarded_after_fin, 3U);
    EXPECT_EQ(totals.count(CloseReason::cut), 1U);
    EXPECT_EQ(totals.count(CloseReason::reset), 0U);
}

}  // namespace
}  // namespace mynah::server
