// mynah send: what it prints, byte for byte, and its exit status against servers good and bad.
#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "tests/integration/daemon.hpp"
#include "tests/integration/echo_client.hpp"
#include "tests/integration/endpoint.hpp"
#include "tests/integration/patience.hpp"
#include "tests/integration/scripted_server.hpp"

namespace mynah::integration {
namespace {

std::string all_bytes() {
    std::string bytes;
    for (int value = 0; value < 256; ++value) {
        bytes.push_back(static_cast<char>(value));
    }
    return bytes;
}

TEST(Send, TextIsPrintedOnALine) {
    Daemon daemon;
    const RunResult run = run_mynah({"send", daemon.endpoint().text(), "hello"});
    EXPECT_EQ(run.status, 0);
    EXPECT_EQ(run.out, "hello\n");
    EXPECT_EQ(run.err, "");
    EXPECT_EQ(daemon.terminate_and_wait(), 0);
}

TEST(Send, TextOverIPv6AndByName) {
    Daemon daemon(Daemon::Options{.arguments = {}, .listen = {"tcp://[::1]:0", "tcp://127.0.0.1:0"}});
    EXPECT_EQ(run_mynah({"send", daemon.endpoint(0).text(), "six"}).out, "six\n");
    const std::string by_name = "tcp://localhost:" + std::to_string(daemon.endpoint(1).port());
    const RunResult run = run_mynah({"send", by_name, "named"});
    EXPECT_EQ(run.status, 0) << run.err;
    EXPECT_EQ(run.out, "named\n");
}

TEST(Send, StandardInputComesBackByteForByte) {
    Daemon daemon;
    for (const std::string& input : {std::string(), std::string("no newline at the end"), all_bytes(),
                                     std::string("\x1b[31mred\x1b[0m\r\n\0\n", 15)}) {
        const RunResult run = run_mynah({"send", daemon.endpoint().text(), "-"}, input);
        EXPECT_EQ(run.status, 0);
        EXPECT_TRUE(run.out == input) << run.out.size() << " bytes came back of " << input.size();
        EXPECT_EQ(run.err, "");
    }
}

TEST(Send, SixteenMebibytesOfBinaryThroughAPipe) {
    std::string input(std::size_t{16} << 20U, '\0');
    fill_pattern(input, 42, 0);
    Daemon daemon;
    const RunResult run = run_mynah({"send", daemon.endpoint().text(), "-"}, input, patience(std::chrono::seconds(60)));
    EXPECT_EQ(run.status, 0);
    EXPECT_EQ(run.out.size(), input.size());
    EXPECT_TRUE(run.out == input);
    EXPECT_EQ(run.err, "");
    EXPECT_EQ(daemon.terminate_and_wait(), 0);
}

TEST(Send, ByteThatDiffersIsExitStatusOne) {
    const ScriptedServer liar(echo_with_last_byte_changed);
    const RunResult text = run_mynah({"send", liar.address(), "hello"});
    EXPECT_EQ(text.status, 1);
    EXPECT_EQ(text.out, "helln\n") << "what came back is printed, right or wrong";
    EXPECT_FALSE(text.err.empty());
    EXPECT_EQ(run_mynah({"send", liar.address(), "-"}, "some input").status, 1);
}

TEST(Send, BytesThatAreLostAreExitStatusOne) {
    const ScriptedServer loses([](int connection) {
        const std::string bytes = receive_some(connection);
        send_all(connection, bytes.substr(0, bytes.size() / 2));
        ::shutdown(connection, SHUT_WR);
        read_and_never_answer(connection);
    });
    const RunResult run = run_mynah({"send", loses.address(), "hello!"});
    EXPECT_EQ(run.status, 1);
    EXPECT_EQ(run.out, "hel\n");
}

TEST(Send, BytesTooManyAreExitStatusOne) {
    const ScriptedServer adds([](int connection) {
        send_all(connection, receive_some(connection) + " and more");
        ::shutdown(connection, SHUT_WR);
        read_and_never_answer(connection);
    });
    EXPECT_EQ(run_mynah({"send", adds.address(), "hello"}).status, 1);
}

TEST(Send, ConnectionThatIsResetIsAFailure) {
    const ScriptedServer resets([](int connection) {
        receive_some(connection, 1);
        const linger at_once{.l_onoff = 1, .l_linger = 0};
        ::setsockopt(connection, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    });
    const RunResult run = run_mynah({"send", resets.address(), "hello"});
    EXPECT_EQ(run.status, 1);
    EXPECT_EQ(lines_of(run.err).size(), 1U) << run.err;
}

TEST(Send, RefusedPortIsExitStatusThree) {
    std::string address;
    {
        const LoopbackListener closed_soon = listen_on_loopback();
        address = closed_soon.endpoint.text();
    }
    const RunResult run = run_mynah({"send", address, "hello"});
    EXPECT_EQ(run.status, 3);
    EXPECT_EQ(run.out, "");
    EXPECT_EQ(lines_of(run.err).size(), 1U) << run.err;
    EXPECT_NE(run.err.find(address), std::string::npos) << run.err;
}

TEST(Send, SilentServerIsExitStatusThree) {
    const ScriptedServer silent(read_and_never_answer);
    const RunResult run = run_mynah({"send", silent.address(), "hello", "--timeout", "300ms"});
    EXPECT_EQ(run.status, 3);
    EXPECT_TRUE(run.out.empty() || run.out == "\n") << "nothing came back, yet there is: " << run.out;
    EXPECT_EQ(lines_of(run.err).size(), 1U) << run.err;
}

TEST(Send, UsageMistakesAreOneLineAndExitStatusTwo) {
    const std::vector<std::vector<std::string>> mistakes{
        {},
        {"sned", "tcp://127.0.0.1:7007", "x"},
        {"send"},
        {"send", "tcp://127.0.0.1:7007"},
        {"send", "127.0.0.1:7007", "x"},
        {"send", "tcp://127.0.0.1:99999", "x"},
        {"send", "tcp://127.0.0.1:7007", "x", "y"},
        {"send", "tcp://127.0.0.1:7007", "x", "--timeout", "soon"},
        {"ping", "tcp://127.0.0.1:7007", "-c", "none"},
        {"ping", "tcp://127.0.0.1:7007", "-s", "0"},
        {"chat", "tcp://127.0.0.1:7007", "--unknown"},
    };
    for (const std::vector<std::string>& arguments : mistakes) {
        const RunResult run = run_mynah(arguments);
        const std::string shown = arguments.empty() ? "(none)" : arguments.front();
        EXPECT_EQ(run.status, 2) << shown;
        EXPECT_EQ(run.out, "") << shown;
        EXPECT_EQ(lines_of(run.err).size(), 1U) << shown << ": " << run.err;
    }
}

TEST(Send, HelpAndVersionGoToStandardOutput) {
    EXPECT_TRUE(run_mynah({"--version"}).out.starts_with("mynah "));
    for (const std::vector<std::string>& arguments :
         {std::vector<std::string>{"--help"}, {"send", "--help"}, {"chat", "--help"}, {"ping", "--help"}}) {
        const RunResult run = run_mynah(arguments);
        EXPECT_EQ(run.status, 0);
        EXPECT_NE(run.out.find("usage: mynah"), std::string::npos) << run.out;
        EXPECT_EQ(run.err, "");
    }
}

}  // namespace
}  // namespace mynah::integration
