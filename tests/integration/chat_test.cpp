// mynah chat, through pipes and on a terminal.
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "tests/integration/daemon.hpp"
#include "tests/integration/endpoint.hpp"
#include "tests/integration/process.hpp"
#include "tests/integration/scripted_server.hpp"

namespace mynah::integration {
namespace {

Process::Options chat_process(const std::string& address, bool terminal) {
    return {.program = MYNAH_MYNAH_PROGRAM,
            .arguments = {"chat", address},
            .environment = {"TERM=xterm"},
            .directory = {},
            .max_descriptors = std::nullopt,
            .core = std::nullopt,
            .terminal = terminal};
}

void expect_exit(Process& process, int status) {
    const auto ending = process.wait();
    ASSERT_TRUE(ending.has_value()) << process.text(Output::standard) << process.text(Output::error);
    EXPECT_EQ(ending->code, status) << process.text(Output::error);
}

TEST(Chat, LinesComeBackOneByOneThroughPipes) {
    Daemon daemon;
    Process chat(chat_process(daemon.endpoint().text(), false));
    chat.write_input("one\n");
    ASSERT_TRUE(chat.wait_for(Output::standard, "one\n"));
    chat.write_input("two\n");
    ASSERT_TRUE(chat.wait_for(Output::standard, "two\n"));
    chat.write_input("the end, without a newline");
    chat.end_input();
    expect_exit(chat, 0);
    EXPECT_EQ(chat.text(Output::standard), "one\ntwo\nthe end, without a newline");
    EXPECT_EQ(chat.text(Output::error), "");
}

TEST(Chat, BytesAreExactInAPipe) {
    Daemon daemon;
    std::string input = "\x1b]0;title\x07\x1b[2J\xff\xfe\x80\r\n";
    input.push_back('\0');
    input += "\n";
    Process chat(chat_process(daemon.endpoint().text(), false));
    chat.write_input(input);
    chat.end_input();
    expect_exit(chat, 0);
    EXPECT_TRUE(chat.text(Output::standard) == input);
}

TEST(Chat, LinesComeBackOnATerminal) {
    Daemon daemon;
    Process chat(chat_process(daemon.endpoint().text(), true));
    chat.write_input("hello\n");
    ASSERT_TRUE(chat.wait_for(Output::standard, "hello")) << chat.text(Output::standard) << chat.text(Output::error);
    chat.write_input("again\n");
    ASSERT_TRUE(chat.wait_for(Output::standard, "again"));
    chat.end_input();
    expect_exit(chat, 0);
}

// A server that answers every line with bytes that would take over a terminal.
void answer_with_escapes(int connection) {
    for (std::string line = receive_some(connection); !line.empty(); line = receive_some(connection)) {
        if (!send_all(connection,
                      "\x1b]0;owned\x07\x1b[2J\x9b"
                      "31m\x08\rdone\n")) {
            return;
        }
    }
}

TEST(Chat, EscapeBytesOfThePeerAreHarmlessOnATerminal) {
    const ScriptedServer server(answer_with_escapes);
    Process chat(chat_process(server.address(), true));
    chat.write_input("hello\n");
    ASSERT_TRUE(chat.wait_for(Output::standard, "done")) << chat.text(Output::standard) << chat.text(Output::error);
    const std::string shown = chat.text(Output::standard);
    EXPECT_NE(shown.find("\\x1b]0;owned\\x07\\x1b[2J"), std::string::npos) << shown;
    EXPECT_EQ(shown.find("\x1b]0;"), std::string::npos);
    EXPECT_EQ(shown.find("\x1b[2J"), std::string::npos);
    EXPECT_EQ(shown.find('\x07'), std::string::npos);
    EXPECT_EQ(shown.find('\x08'), std::string::npos);
    EXPECT_EQ(shown.find('\x9b'), std::string::npos);
}

TEST(Chat, EscapeBytesOfThePeerAreExactInAPipe) {
    const ScriptedServer server(answer_with_escapes);
    Process chat(chat_process(server.address(), false));
    chat.write_input("hello\n");
    ASSERT_TRUE(chat.wait_for(Output::standard, "done\n"));
    EXPECT_EQ(chat.text(Output::standard),
              "\x1b]0;owned\x07\x1b[2J\x9b"
              "31m\x08\rdone\n");
}

TEST(Chat, PeerThatHangsUpEndsTheChatWithExitStatusOne) {
    const ScriptedServer server([](int connection) { receive_some(connection); });
    Process chat(chat_process(server.address(), false));
    chat.write_input("hello\n");
    expect_exit(chat, 1);
    EXPECT_EQ(lines_of(chat.text(Output::error)).size(), 1U) << chat.text(Output::error);
}

TEST(Chat, RefusedPortIsExitStatusThree) {
    std::string address;
    {
        const LoopbackListener closed_soon = listen_on_loopback();
        address = closed_soon.endpoint.text();
    }
    Process chat(chat_process(address, false));
    expect_exit(chat, 3);
}

TEST(Chat, DrainOfTheServerEndsTheChat) {
    Daemon daemon;
    Process chat(chat_process(daemon.endpoint().text(), false));
    chat.write_input("one\n");
    ASSERT_TRUE(chat.wait_for(Output::standard, "one\n"));
    EXPECT_EQ(daemon.terminate_and_wait(), 0);
    const auto ending = chat.wait();
    ASSERT_TRUE(ending.has_value());
    EXPECT_TRUE(ending->code.has_value());
}

}  // namespace
}  // namespace mynah::integration
