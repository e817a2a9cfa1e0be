// Clients and servers that are not ours: socat and ncat, on either side.
#include "tests/integration/foreign.hpp"

#include <cstddef>
#include <string>

#include <gtest/gtest.h>

#include "tests/integration/daemon.hpp"
#include "tests/integration/drivers.hpp"
#include "tests/integration/process.hpp"

namespace mynah::integration {
namespace {

class Foreign : public WithDriver {};
INSTANTIATE_TEST_SUITE_P(Drivers, Foreign, testing::Values("select", "poll", "epoll", "io_uring"), driver_name);

TEST_P(Foreign, SocatGetsEveryByteBackFromMynahd) {
    Daemon daemon(flags());
    const std::string input = some_bytes(5'000'000);
    const std::string target = "TCP:127.0.0.1:" + std::to_string(daemon.endpoint().port());
    // -t: how long socat waits for the rest after the end of its own input.
    EXPECT_TRUE(filtered(program("socat", {"-t", "60", "-", target}), input) == input);
    EXPECT_EQ(daemon.terminate_and_wait(), 0);
}

TEST_P(Foreign, SocatOverIPv6GetsEveryByteBackFromMynahd) {
    Daemon daemon(Daemon::Options{.arguments = flags(), .listen = {"tcp://[::1]:0"}});
    const std::string input = some_bytes(100'000);
    const std::string target = "TCP6:[::1]:" + std::to_string(daemon.endpoint().port());
    EXPECT_TRUE(filtered(program("socat", {"-t", "60", "-", target}), input) == input);
}

TEST_P(Foreign, NcatGetsEveryByteBackFromMynahd) {
    Daemon daemon(flags());
    const std::string input = some_bytes(1'000'000);
    const std::string port = std::to_string(daemon.endpoint().port());
    EXPECT_TRUE(filtered(program("ncat", {"127.0.0.1", port}), input) == input);
    EXPECT_EQ(daemon.terminate_and_wait(), 0);
}

TEST_P(Foreign, NcatSeesAFinWhenTheDaemonDrains) {
    Daemon daemon(flags());
    Process ncat(program("ncat", {"127.0.0.1", std::to_string(daemon.endpoint().port())}));
    ncat.write_input("hello\n");
    ASSERT_TRUE(ncat.wait_for(Output::standard, "hello\n"));
    daemon.terminate();
    // ncat ends by itself, in order, at the end of the stream; a reset would be an error of its own.
    ncat.end_input();
    const auto ending = ncat.wait();
    ASSERT_TRUE(ending.has_value());
    EXPECT_EQ(ending->code, 0) << ncat.text(Output::error);
    EXPECT_EQ(daemon.wait_for_exit(), 0);
}

// socat's own echo service; it says on stderr which port the kernel has chosen.
class SocatEcho {
  public:
    SocatEcho() : process_(program("socat", {"-d", "-d", "TCP-LISTEN:0,bind=127.0.0.1,fork,reuseaddr", "PIPE"})) {
        static constexpr std::string_view kMark = "listening on AF=2 127.0.0.1:";
        const bool announced = process_.wait_for(Output::error, [](std::string_view text) {
            const std::size_t at = text.find(kMark);
            return at != std::string_view::npos && text.find('\n', at) != std::string_view::npos;
        });
        EXPECT_TRUE(announced) << process_.text(Output::error);
        const std::string text = process_.text(Output::error);
        const std::size_t begin = text.find(kMark) + kMark.size();
        address_ = "tcp://127.0.0.1:" + text.substr(begin, text.find('\n', begin) - begin);
    }

    [[nodiscard]] const std::string& address() const { return address_; }

  private:
    Process process_;
    std::string address_;
};

TEST(ForeignServer, MynahSendsThroughSocatsEcho) {
    const SocatEcho socat;
    const RunResult text = run_mynah({"send", socat.address(), "hello"});
    EXPECT_EQ(text.status, 0) << text.err;
    EXPECT_EQ(text.out, "hello\n");
    const std::string input = some_bytes(300'000);
    const RunResult binary = run_mynah({"send", socat.address(), "-"}, input);
    EXPECT_EQ(binary.status, 0) << binary.err;
    EXPECT_TRUE(binary.out == input);
}

TEST(ForeignServer, MynahPingsSocatsEcho) {
    const SocatEcho socat;
    const RunResult run = run_mynah({"ping", socat.address(), "-c", "3", "-i", "20ms"});
    EXPECT_EQ(run.status, 0) << run.err;
    EXPECT_NE(run.out.find("3 packets transmitted, 3 received"), std::string::npos) << run.out;
}

}  // namespace
}  // namespace mynah::integration
