#include "client/command_line.hpp"

#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/exit_status.hpp"
#include "client/load/options.hpp"

namespace mynah::client {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

const std::string kAddress = "tcp://127.0.0.1:7007";

template <class T>
T parsed(const std::vector<std::string>& arguments) {
    auto command = parse_command_line(arguments);
    if (!command) {
        ADD_FAILURE() << command.error().error << command.error().output;
        return {};
    }
    if (!std::holds_alternative<T>(*command)) {
        ADD_FAILURE() << "another command";
        return {};
    }
    return std::get<T>(*command);
}

Answer refused(const std::vector<std::string>& arguments) {
    auto command = parse_command_line(arguments);
    if (command) {
        ADD_FAILURE() << "accepted";
        return {};
    }
    return command.error();
}

MATCHER(IsOneLine, "one line") {
    return !arg.empty() && arg.find('\n') == arg.size() - 1;
}

void expect_usage_error(const std::vector<std::string>& arguments, const std::string& part) {
    const Answer answer = refused(arguments);
    EXPECT_EQ(answer.status, ExitStatus::usage);
    EXPECT_EQ(answer.output, "");
    EXPECT_THAT(answer.error, AllOf(StartsWith("mynah: "), HasSubstr(part), IsOneLine()));
}

TEST(CommandLine, ReadsSend) {
    const auto options = parsed<SendOptions>({"send", kAddress, "hello"});
    EXPECT_EQ(options.address.to_string(), kAddress);
    EXPECT_EQ(options.text, "hello");
    EXPECT_EQ(options.timeout, 5s);
    EXPECT_EQ(parsed<SendOptions>({"send", "--timeout", "250ms", kAddress, "hello"}).timeout, 250ms);
    EXPECT_EQ(parsed<SendOptions>({"send", kAddress, "hello", "--timeout=2"}).timeout, 2s);
}

TEST(CommandLine, ADashMeansStandardInput) {
    EXPECT_EQ(parsed<SendOptions>({"send", kAddress, "-"}).text, std::nullopt);
}

TEST(CommandLine, TakesAnyTextAsItIs) {
    for (const char* text :
         {"", " ", "two words", "[a,b]", "ping", "send", "a\nb", "{}", "%%", "'quoted'", "=", "a=b", "-5"}) {
        EXPECT_EQ(parsed<SendOptions>({"send", kAddress, text}).text, text);
    }
    for (const char* text : {"-5", "--timeout", "--", "-h"}) {
        EXPECT_EQ(parsed<SendOptions>({"send", kAddress, "--", text}).text, text);
    }
}

TEST(CommandLine, ReadsChat) {
    const auto options = parsed<ChatOptions>({"chat", "tcp://[::1]:7", "--timeout", "1m"});
    EXPECT_EQ(options.address.to_string(), "tcp://[::1]:7");
    EXPECT_EQ(options.timeout, 1min);
}

TEST(CommandLine, ReadsPing) {
    const auto defaults = parsed<PingOptions>({"ping", kAddress});
    EXPECT_EQ(defaults.count, std::nullopt);
    EXPECT_EQ(defaults.interval, 1s);
    EXPECT_EQ(defaults.probe_bytes, 56U);
    EXPECT_EQ(defaults.timeout, 5s);
    const auto options = parsed<PingOptions>({"ping", kAddress, "-c", "3", "-i", "0.2", "-s", "1400", "-W", "500ms"});
    EXPECT_EQ(options.count, 3U);
    EXPECT_EQ(options.interval, 200ms);
    EXPECT_EQ(options.probe_bytes, 1400U);
    EXPECT_EQ(options.timeout, 500ms);
    const auto longer =
        parsed<PingOptions>({"ping", "--count=3", "--interval=1ms", "--size=1", "--timeout=1s", "tcp://localhost:7"});
    EXPECT_EQ(longer.count, 3U);
    EXPECT_EQ(longer.interval, 1ms);
    EXPECT_EQ(longer.probe_bytes, 1U);
    EXPECT_EQ(longer.timeout, 1s);
}

TEST(CommandLine, TheLastOfTwoFlagsCounts) {
    EXPECT_EQ(parsed<PingOptions>({"ping", kAddress, "-c", "3", "--count", "4"}).count, 4U);
}

TEST(CommandLine, AMistakeIsOneLineThatNamesIt) {
    expect_usage_error({}, "which command?");
    expect_usage_error({"pong"}, "unknown command \"pong\"");
    expect_usage_error({"--frobnicate"}, "unknown flag \"--frobnicate\"");
    expect_usage_error({"send"}, "ADDRESS is required");
    expect_usage_error({"send", kAddress}, "TEXT is required");
    expect_usage_error({"send", kAddress, "a", "b"}, "unexpected argument \"b\"");
    expect_usage_error({"send", kAddress, "a", "--frobnicate"}, "unknown flag \"--frobnicate\"");
    expect_usage_error({"send", kAddress, "a", "-c", "3"}, "unknown flag \"-c\"");
    expect_usage_error({"ping", kAddress, "-c"}, "--count");
    expect_usage_error({"ping"}, "mynah ping --help tells more");
}

TEST(CommandLine, RefusesABadAddress) {
    for (const char* address : {"", "localhost", "127.0.0.1:7007", "tcp://", "tcp://127.0.0.1", "tcp://127.0.0.1:x",
                                "tcp://127.0.0.1:65536", "tcp://::1:7007", "http://localhost:80", "\x1b[2J\nx"}) {
        const Answer answer = refused({"send", address, "hello"});
        EXPECT_EQ(answer.status, ExitStatus::usage) << address;
        EXPECT_THAT(answer.error, AllOf(StartsWith("mynah: "), IsOneLine(), testing::Not(HasSubstr("\x1b"))));
    }
}

TEST(CommandLine, ReadsWhatIsForDatagrams) {
    const std::string udp = "udp://127.0.0.1:7";
    EXPECT_EQ(parsed<SendOptions>({"send", udp, "-"}).datagram_bytes, 1200U);
    EXPECT_EQ(parsed<SendOptions>({"send", udp, "-", "--datagram-bytes", "65507"}).datagram_bytes, 65'507U);
    EXPECT_EQ(parsed<PingOptions>({"ping", udp, "-s", "8"}).probe_bytes, 8U);
    EXPECT_EQ(parsed<PingOptions>({"ping", udp, "-s", "65507"}).probe_bytes, 65'507U);
    EXPECT_EQ(parsed<ChatOptions>({"chat", udp}).address.to_string(), udp);
    EXPECT_EQ(parsed<load::Options>({"load", udp, "-s", "16-65507"}).message_bytes.least, 16U);
}

TEST(CommandLine, RefusesWhatDoesNotFitIntoADatagram) {
    const std::string udp = "udp://127.0.0.1:7";
    expect_usage_error({"send", udp, std::string(65'508, 'x')},
                       "TEXT has 65508 bytes, and a datagram has room for 65507");
    expect_usage_error({"send", udp, "-", "--datagram-bytes", "65508"}, "--datagram-bytes: \"65508\"");
    expect_usage_error({"send", udp, "-", "--datagram-bytes", "0"}, "--datagram-bytes: \"0\"");
    expect_usage_error({"send", kAddress, "-", "--datagram-bytes", "100"}, "--datagram-bytes is for udp:// addresses");
    for (const char* size : {"7", "65508"}) {
        expect_usage_error({"ping", udp, "-s", size}, "--size: over udp:// it is from 8 bytes");
    }
    for (const char* size : {"15", "15-100", "100-65508"}) {
        expect_usage_error({"load", udp, "-s", size}, "--size: over udp:// it is from 16 bytes");
    }
}

TEST(CommandLine, ReadsWhereToWriteAPingsReport) {
    EXPECT_EQ(parsed<PingOptions>({"ping", kAddress}).json_path, "");
    EXPECT_EQ(parsed<PingOptions>({"ping", kAddress, "--json", "out.json"}).json_path, "out.json");
}

TEST(CommandLine, RefusesBadNumbers) {
    for (const char* count : {"", "0", "-1", "1.5", "x", "3x", " 3", "18446744073709551616"}) {
        expect_usage_error({"ping", kAddress, std::string("--count=") + count}, "--count");
    }
    for (const char* size : {"0", "1048577", "64k"}) {
        expect_usage_error({"ping", kAddress, "-s", size}, "--size");
    }
    EXPECT_EQ(parsed<PingOptions>({"ping", kAddress, "-s", "1048576"}).probe_bytes, 1048576U);
    for (const char* duration : {"0", "0s", "soon", "1 s", "9999h"}) {
        expect_usage_error({"ping", kAddress, "-i", duration}, "--interval");
        expect_usage_error({"ping", kAddress, "-W", duration}, "--timeout");
        expect_usage_error({"send", kAddress, "x", "--timeout", duration}, "--timeout");
    }
}

TEST(CommandLine, HelpAndVersionAreAnswersOnStdout) {
    for (const std::string name : {"send", "chat", "ping"}) {
        for (const std::string flag : {"-h", "--help"}) {
            const Answer answer = refused({name, flag});
            EXPECT_EQ(answer.status, ExitStatus::verified);
            EXPECT_EQ(answer.error, "");
            EXPECT_EQ(answer.output, help_text(name));
            EXPECT_THAT(answer.output, AllOf(StartsWith("mynah " + name + " - "), HasSubstr("usage: mynah " + name),
                                             HasSubstr("exit status:"), EndsWith("\n")));
        }
    }
    EXPECT_EQ(refused({"--help"}).output, help_text(""));
    EXPECT_EQ(refused({"ping", kAddress, "-c", "3", "--help"}).output, help_text("ping"));
    EXPECT_THAT(refused({"--version"}).output, AllOf(StartsWith("mynah "), IsOneLine()));
    EXPECT_EQ(refused({"--version"}).status, ExitStatus::verified);
}

TEST(CommandLine, HelpNamesEveryFlag) {
    EXPECT_THAT(std::string(help_text("ping")),
                AllOf(HasSubstr("-c, --count"), HasSubstr("-i, --interval"), HasSubstr("-s, --size"),
                      HasSubstr("-W, --timeout"), HasSubstr("--json")));
    EXPECT_THAT(std::string(help_text("send")), AllOf(HasSubstr("--timeout"), HasSubstr("--datagram-bytes")));
    EXPECT_THAT(std::string(help_text("chat")), HasSubstr("--timeout"));
}

}  // namespace
}  // namespace mynah::client
