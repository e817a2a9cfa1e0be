// Streams over unix sockets: paths, abstract names, files that were left behind.
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <latch>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "conc/sleep.hpp"
#include "conc/task.hpp"
#include "conc/wait_group.hpp"
#include "net/address.hpp"
#include "net/connect.hpp"
#include "net/descriptor.hpp"
#include "net/internal/socket_address.hpp"
#include "net/lease.hpp"
#include "net/listener.hpp"
#include "net/result.hpp"
#include "net/stream.hpp"
#include "tests/net/net_test.hpp"

namespace mynah::net::test {
namespace {

namespace fs = std::filesystem;

class Folder {
  public:
    Folder() {
        std::string pattern = (fs::temp_directory_path() / "mynah-net-XXXXXX").string();
        EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
        root_ = pattern;
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder() { fs::remove_all(root_); }

    std::string path(const std::string& name = "echo.sock") const { return root_ + "/" + name; }
    Address address(const std::string& name = "echo.sock") const { return {Address::Family::path, path(name), 0}; }

  private:
    std::string root_;
};

Address abstract(const std::string& name) {
    return {Address::Family::abstract, "mynah-test-" + std::to_string(::getpid()) + name, 0};
}

/// Leaves the file of a socket behind on which nobody listens any more, as a process does that was killed.
void leave_behind(const Address& address) {
    const auto where = internal::SocketAddress::from(address);
    const Descriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::bind(fd.get(), &where->any, where->length), 0);
    EXPECT_EQ(::listen(fd.get(), 1), 0);
}

class UnixContract : public EachDriver {};
MYNAH_FOR_EACH_DRIVER(UnixContract);

conc::Task<> echoes(Address address) {
    Result<Listener> listener = Listener::bind(address);
    CO_ASSERT_TRUE(listener);
    EXPECT_EQ(listener->local(), address);
    Result<Stream> client = co_await connect(address, kPatience);
    CO_ASSERT_TRUE(client);
    Result<Stream> server = co_await listener->accept();
    CO_ASSERT_TRUE(server);
    EXPECT_EQ(client->peer(), address);
    EXPECT_EQ(server->local(), address);
    EXPECT_EQ(server->peer().family(), Address::Family::unnamed);
    const Result<PeerCredentials> credentials = server->peer_credentials();
    CO_ASSERT_TRUE(credentials);
    EXPECT_EQ(credentials->process, ::getpid());
    EXPECT_EQ(credentials->user, ::getuid());
    const std::string text = pattern(1'000'000);
    conc::WaitGroup sending;
    auto send = [&]() -> conc::Task<> {
        const Result<void> sent = co_await client->send_all(text, kPatience);
        EXPECT_TRUE(sent);
        EXPECT_TRUE(client->shutdown_send());
    };
    sending.go(send);
    const Result<std::string> all = co_await receive_all(*server);
    co_await sending.wait();
    EXPECT_TRUE(all && *all == text);
}
TEST_P(UnixContract, ConnectsAndEchoesAtAPath) {
    const Folder folder;
    run_on(GetParam(), echoes(folder.address()));
}
TEST_P(UnixContract, ConnectsAndEchoesAtAnAbstractName) {
    run_on(GetParam(), echoes(abstract("echo")));
}

conc::Task<> refused(Address nobody, std::errc expected) {
    const Result<Stream> stream = co_await connect(nobody, kPatience);
    CO_ASSERT_TRUE(!stream);
    EXPECT_EQ(stream.error(), expected) << stream.error().message();
}
TEST_P(UnixContract, ConnectingWhereNobodyListensIsAnError) {
    const Folder folder;
    run_on(GetParam(), refused(folder.address(), std::errc::no_such_file_or_directory));
    leave_behind(folder.address());
    run_on(GetParam(), refused(folder.address(), std::errc::connection_refused));
    run_on(GetParam(), refused(abstract("nobody"), std::errc::connection_refused));
}

conc::Task<> full_queue(Address address) {
    Result<Listener> listener = Listener::bind(address, {.backlog = 0});
    CO_ASSERT_TRUE(listener);
    std::vector<Stream> queued;
    Result<Stream> last = co_await connect(address, 30ms);
    for (; last; last = co_await connect(address, 30ms)) {
        queued.push_back(*std::move(last));
        CO_ASSERT_TRUE(queued.size() < 100);
    }
    EXPECT_EQ(last.error(), std::errc::timed_out) << last.error().message();
    std::optional<bool> connected;
    conc::WaitGroup connecting;
    auto wait_for_room = [&]() -> conc::Task<> {
        const Result<Stream> late = co_await connect(address, kPatience);
        connected = late.has_value();
    };
    connecting.go(wait_for_room);
    co_await conc::sleep_for(5ms);  // it waits, or comes later: it has to get in either way
    EXPECT_FALSE(connected);
    const Result<Stream> first = co_await listener->accept();
    EXPECT_TRUE(first);
    co_await connecting.wait();
    EXPECT_EQ(connected, true);
}
TEST_P(UnixContract, ConnectWaitsForRoomInAFullQueue) {
    run_on(GetParam(), full_queue(abstract("full")));
}

conc::Task<> times_out(Address address) {
    Result<Listener> listener = Listener::bind(address);
    CO_ASSERT_TRUE(listener);
    Result<Stream> client = co_await connect(address, kPatience);
    CO_ASSERT_TRUE(client);
    const Result<Lease> nothing = co_await client->receive(10ms);
    EXPECT_EQ(nothing.error(), std::errc::timed_out);
    const std::string much(std::size_t{64} << 20U, 'x');
    const Result<void> stuck = co_await client->send_all(much, 10ms);
    EXPECT_EQ(stuck.error(), std::errc::timed_out);
}
TEST_P(UnixContract, TimeoutsEndWhatWaits) {
    run_on(GetParam(), times_out(abstract("timeouts")));
}

TEST(UnixListener, ReplacesAFileThatWasLeftBehind) {
    const Folder folder;
    leave_behind(folder.address());
    ASSERT_TRUE(fs::is_socket(folder.path()));
    const Result<Listener> listener = Listener::bind(folder.address());
    ASSERT_TRUE(listener) << listener.error().message();
    EXPECT_TRUE(plain_connect(folder.address()));
}

TEST(UnixListener, LeavesASocketAloneOnWhichSomebodyListens) {
    const Folder folder;
    const Result<Listener> first = Listener::bind(folder.address());
    ASSERT_TRUE(first);
    const Result<Listener> second = Listener::bind(folder.address());
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error(), std::errc::address_in_use);
    EXPECT_TRUE(plain_connect(folder.address()));
    const Result<Listener> name = Listener::bind(abstract("twice"));
    ASSERT_TRUE(name);
    EXPECT_EQ(Listener::bind(abstract("twice")).error(), std::errc::address_in_use);
}

TEST(UnixListener, LeavesADatagramSocketAlone) {
    const Folder folder;
    const auto where = internal::SocketAddress::from(folder.address());
    const Descriptor other(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::bind(other.get(), &where->any, where->length), 0);
    EXPECT_EQ(Listener::bind(folder.address()).error(), std::errc::address_in_use);
    EXPECT_TRUE(fs::is_socket(folder.path()));
}

TEST(UnixListener, NeverRemovesAFileThatIsNoSocket) {
    const Folder folder;
    std::ofstream(folder.path()) << "a letter";
    EXPECT_EQ(Listener::bind(folder.address()).error(), Errc::no_socket);
    std::ifstream letter(folder.path());
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(letter), {}), "a letter");
    fs::create_directory(folder.path("folder"));
    EXPECT_EQ(Listener::bind(folder.address("folder")).error(), Errc::no_socket);
    // A link that leads nowhere, or to a socket, is no socket of ours either.
    fs::create_symlink("nowhere", folder.path("link"));
    EXPECT_EQ(Listener::bind(folder.address("link")).error(), Errc::no_socket);
    EXPECT_TRUE(fs::is_symlink(folder.path("link")));
    EXPECT_EQ(Listener::bind(folder.address("no/such/folder")).error(), std::errc::no_such_file_or_directory);
}

TEST(UnixListener, CloseRemovesItsFile) {
    const Folder folder;
    Listener listener = *Listener::bind(folder.address());
    Listener moved = std::move(listener);
    EXPECT_TRUE(fs::exists(folder.path()));
    moved.close();
    EXPECT_FALSE(fs::exists(folder.path()));
    moved.close();
    {
        const Listener destroyed = *Listener::bind(folder.address());
    }
    EXPECT_FALSE(fs::exists(folder.path()));
}

TEST(UnixListener, CloseLeavesAFileThatSomebodyElseHasPutThere) {
    const Folder folder;
    Listener first = *Listener::bind(folder.address());
    ASSERT_TRUE(fs::remove(folder.path()));
    const Listener second = *Listener::bind(folder.address());
    first.close();
    EXPECT_TRUE(plain_connect(folder.address()));
}

TEST(UnixListener, RemoveFileLeavesWhoIsQueued) {
    const Folder folder;
    Listener listener = *Listener::bind(folder.address());
    const Descriptor queued = plain_connect(folder.address());
    ASSERT_TRUE(queued);
    listener.remove_file();
    EXPECT_FALSE(plain_connect(folder.address()));
    EXPECT_TRUE(Descriptor(::accept4(listener.fd(), nullptr, nullptr, SOCK_CLOEXEC)));
}

TEST(UnixListener, SetsPermissionsWhateverTheUmaskIs) {
    const Folder folder;
    const auto mode_of = [&](const char* name) { return fs::status(folder.path(name)).permissions(); };
    const mode_t before = ::umask(077);
    const Listener as_told = *Listener::bind(folder.address("told"), {.unix_mode = 0662});
    const Listener by_umask = *Listener::bind(folder.address("umask"));
    ::umask(before);
    EXPECT_EQ(mode_of("told"), fs::perms(0662));
    EXPECT_EQ(mode_of("umask"), fs::perms(0700));
}

/// Threads, each as if it were a daemon of its own: one gets the path, the others learn that it is in use.
void start_together(std::size_t daemons) {
    const Folder folder;
    leave_behind(folder.address());
    std::vector<Result<Listener>> results(daemons);
    {
        std::latch all_there(static_cast<std::ptrdiff_t>(daemons));
        std::vector<std::jthread> starting;
        for (Result<Listener>& result : results) {
            starting.emplace_back([&] {
                all_there.arrive_and_wait();
                result = Listener::bind(folder.address());
            });
        }
    }
    std::size_t listening = 0;
    for (const Result<Listener>& result : results) {
        listening += result ? 1U : 0U;
        EXPECT_TRUE(result || result.error() == std::errc::address_in_use) << result.error().message();
    }
    EXPECT_EQ(listening, 1U);
    EXPECT_TRUE(plain_connect(folder.address()));
}

TEST(UnixListener, OfManyWhoStartAtOnceOneListens) {
    constexpr int kRounds = 100;
    for (int i = 0; i < kRounds && !testing::Test::HasFailure(); ++i) {
        start_together(8);
    }
}

conc::Task<> named_peer() {
    const Folder folder;
    Result<Listener> listener = Listener::bind(folder.address());
    CO_ASSERT_TRUE(listener);
    const auto from = internal::SocketAddress::from(folder.address(std::string(60, 'c')));
    const auto where = internal::SocketAddress::from(folder.address());
    const Descriptor client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::bind(client.get(), &from->any, from->length), 0);
    EXPECT_EQ(::connect(client.get(), &where->any, where->length), 0);
    const Result<Stream> server = co_await listener->accept();
    CO_ASSERT_TRUE(server);
    EXPECT_EQ(server->peer(), folder.address(std::string(60, 'c')));
}
TEST_P(UnixContract, APeersPathIsItsAddress) {
    run_on(GetParam(), named_peer());
}

}  // namespace
}  // namespace mynah::net::test
