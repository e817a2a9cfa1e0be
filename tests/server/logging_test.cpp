#include "server/logging.hpp"

#include <array>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <signal.h>
#include <sys/poll.h>
#include <sys/types.h>
#include <unistd.h>

#include "server/logging_options.hpp"

namespace mynah::server {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;

class Pipe {
  public:
    Pipe() { EXPECT_EQ(::pipe2(ends_.data(), O_CLOEXEC), 0); }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;
    ~Pipe() {
        close_reader();
        close_writer();
    }

    [[nodiscard]] int writer() const { return ends_[1]; }
    /// The smallest that Linux gives, one page: it polls full as soon as it holds a single line.
    void shrink() const { EXPECT_GT(::fcntl(ends_[1], F_SETPIPE_SZ, 4096), 0); }
    void close_reader() { close_end(ends_[0]); }
    void close_writer() { close_end(ends_[1]); }

    /// What is in the pipe until its writer is closed.
    [[nodiscard]] std::string read_to_end() {
        close_writer();
        std::string text;
        std::array<char, 4096> buffer{};
        ssize_t got = 0;
        while ((got = ::read(ends_[0], buffer.data(), buffer.size())) > 0) {
            text.append(buffer.data(), static_cast<std::size_t>(got));
        }
        return text;
    }

    /// What is in the pipe now.
    [[nodiscard]] std::string read_some() {
        std::array<char, 4096> buffer{};
        const ssize_t got = ::read(ends_[0], buffer.data(), buffer.size());
        return got > 0 ? std::string(buffer.data(), static_cast<std::size_t>(got)) : std::string();
    }

    /// Until the writer has no more room.
    void wait_until_full() const {
        pollfd polled{.fd = ends_[1], .events = POLLOUT, .revents = 0};
        while (::poll(&polled, 1, 0) == 1) {
            std::this_thread::yield();
        }
    }

  private:
    static void close_end(int& end) {
        if (end >= 0) {
            ::close(std::exchange(end, -1));
        }
    }

    std::array<int, 2> ends_{-1, -1};
};

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::size_t start = 0;
    for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', start)) {
        lines.push_back(text.substr(start, end - start));
        start = end + 1;
    }
    EXPECT_EQ(start, text.size()) << "the last line is not whole";
    return lines;
}

/// What is logged while `act` runs.
template <class Act>
std::vector<std::string> logged(LogOptions options, Act act) {
    Pipe pipe;
    {
        const Logging logging({.log = options, .descriptor = pipe.writer()});
        act();
    }
    return lines_of(pipe.read_to_end());
}

TEST(Logging, TextHasTimeLevelEventAndFields) {
    const auto lines = logged({}, [] { log_event(LogLevel::info, "drain", {{"phase", "draining"}, {"open", 12}}); });
    ASSERT_EQ(lines.size(), 1U);
    EXPECT_THAT(lines[0],
                MatchesRegex("[0-9]+-[0-9]+-[0-9]+T[0-9]+:[0-9]+:[0-9]+\\.[0-9]{6}Z info drain phase=draining "
                             "open=12"));
}

TEST(Logging, JsonHasTheSameAsMembers) {
    const auto lines = logged({.level = LogLevel::info, .format = LogFormat::json}, [] {
        log_event(LogLevel::warn, "drain", {{"phase", "draining"}, {"open", 12}, {"last", true}, {"share", 0.5}});
    });
    ASSERT_EQ(lines.size(), 1U);
    const auto object = nlohmann::ordered_json::parse(lines[0]);
    EXPECT_THAT(object["time"], MatchesRegex("[0-9]+-[0-9]+-[0-9]+T[0-9]+:[0-9]+:[0-9]+\\.[0-9]{6}Z"));
    EXPECT_EQ(object["level"], "warn");
    EXPECT_EQ(object["event"], "drain");
    EXPECT_EQ(object["phase"], "draining");
    EXPECT_EQ(object["open"], 12);
    EXPECT_EQ(object["last"], true);
    EXPECT_EQ(object["share"], 0.5);
    EXPECT_EQ(object.begin().key(), "time");
}

TEST(Logging, WritesNothingBelowItsLevel) {
    const auto at = [](LogLevel level) {
        return logged({.level = level, .format = LogFormat::text},
                      [] {
                          log_event(LogLevel::debug, "d");
                          log_event(LogLevel::info, "i");
                          log_event(LogLevel::warn, "w");
                          log_event(LogLevel::error, "e");
                          log_event(LogLevel::off, "o");
                      })
            .size();
    };
    EXPECT_EQ(at(LogLevel::debug), 4U);
    EXPECT_EQ(at(LogLevel::info), 3U);
    EXPECT_EQ(at(LogLevel::warn), 2U);
    EXPECT_EQ(at(LogLevel::error), 1U);
    EXPECT_EQ(at(LogLevel::off), 0U);
}

TEST(Logging, LogEnabledTellsWhetherItWould) {
    EXPECT_FALSE(log_enabled(LogLevel::error));
    Pipe pipe;
    const Logging logging({.log = {.level = LogLevel::warn}, .descriptor = pipe.writer()});
    EXPECT_FALSE(log_enabled(LogLevel::info));
    EXPECT_TRUE(log_enabled(LogLevel::warn));
    EXPECT_FALSE(log_enabled(LogLevel::off));
}

TEST(Logging, WithoutOneEventsGoNowhere) {
    log_event(LogLevel::error, "nobody listens");
    const auto lines = logged({}, [] {});
    EXPECT_TRUE(lines.empty());
}

TEST(Logging, ThereIsOneAtATime) {
    Pipe pipe;
    const Logging logging({.log = {}, .descriptor = pipe.writer()});
    EXPECT_THROW(Logging({.log = {}, .descriptor = pipe.writer()}), std::logic_error);
    EXPECT_TRUE(log_enabled(LogLevel::info)) << "the refused one must not take the log along";
}

TEST(Logging, NoBytesCanForgeALineOrATerminalsOrders) {
    std::string every;
    for (int byte = 0; byte < 256; ++byte) {
        every += static_cast<char>(byte);
    }
    const std::string forged = "x\n2026-01-01T00:00:00.000000Z info drain phase=stopped \x1b[2J\xe2\x80\xae";
    for (const LogFormat format : {LogFormat::text, LogFormat::json}) {
        const auto lines = logged({.level = LogLevel::info, .format = format}, [&] {
            log_event(LogLevel::info, "peer", {{"bytes", every}, {"forged", forged}});
            log_event(LogLevel::info, forged, {});
        });
        ASSERT_EQ(lines.size(), 2U);
        for (const std::string& line : lines) {
            for (const char character : line) {
                ASSERT_TRUE(character >= ' ' && character <= '~') << line;
            }
        }
        if (format == LogFormat::json) {
            EXPECT_EQ(nlohmann::json::parse(lines[0])["forged"], forged) << "valid UTF-8 is kept";
            EXPECT_THAT(nlohmann::json::parse(lines[0])["bytes"].get<std::string>(), HasSubstr("\\x7f\\x80\\x81"));
        }
    }
}

TEST(Logging, LongValuesAreBounded) {
    const std::string huge(1'000'000, 'x');
    for (const LogFormat format : {LogFormat::text, LogFormat::json}) {
        const std::string line = format_event(format, LogLevel::info, "peer", {{"bytes", huge}});
        EXPECT_LT(line.size(), 1200U);
        EXPECT_THAT(line, HasSubstr("xxx..."));
    }
}

TEST(FormatEvent, TextQuotesWhatWouldBlurTheFields) {
    const auto text = [](LogFields fields) { return format_event(LogFormat::text, LogLevel::info, "e", fields); };
    EXPECT_EQ(text({{"a", "plain"}}), "info e a=plain");
    EXPECT_EQ(text({{"a", ""}}), "info e a=\"\"");
    EXPECT_EQ(text({{"a", "b c"}}), "info e a=\"b c\"");
    EXPECT_EQ(text({{"a", "b=c"}}), "info e a=\"b=c\"");
    EXPECT_EQ(text({{"a", "say \"hi\""}}), "info e a=\"say \\\"hi\\\"\"");
    EXPECT_EQ(text({{"a", "tcp://[::1]:7007"}}), "info e a=tcp://[::1]:7007");
}

TEST(FormatEvent, NumbersOfEverySizeAreExact) {
    const std::string text = "t";
    const LogFields fields{{"small", std::numeric_limits<std::int64_t>::min()},
                           {"large", std::numeric_limits<std::uint64_t>::max()},
                           {"short", static_cast<unsigned short>(7)},
                           {"yes", true},
                           {"view", std::string_view("v")},
                           {"text", text}};
    EXPECT_EQ(format_event(LogFormat::text, LogLevel::debug, "e", fields),
              "debug e small=-9223372036854775808 large=18446744073709551615 short=7 yes=true view=v text=t");
    EXPECT_EQ(format_event(LogFormat::json, LogLevel::debug, "e", fields),
              R"("level":"debug","event":"e","small":-9223372036854775808,"large":18446744073709551615,"short":7,)"
              R"("yes":true,"view":"v","text":"t")");
}

TEST(Logging, TheLinesOfAThreadKeepTheirOrderAndAreWhole) {
    constexpr int kThreads = 3;
    constexpr int kLines = 300;
    Pipe pipe;
    std::string text;
    std::thread reader;
    {
        const Logging logging({.log = {}, .descriptor = pipe.writer()});
        reader = std::thread([&pipe, &text] {
            while (text.find("last") == std::string::npos) {
                text += pipe.read_some();
            }
        });
        std::vector<std::thread> writers;
        writers.reserve(kThreads);
        for (int i = 0; i < kThreads; ++i) {
            writers.emplace_back([i] {
                for (int line = 0; line < kLines; ++line) {
                    log_event(LogLevel::info, "line", {{"thread", i}, {"number", line}});
                }
            });
        }
        for (std::thread& writer : writers) {
            writer.join();
        }
        log_event(LogLevel::info, "last");
        reader.join();
        EXPECT_EQ(logging.dropped(), 0U);
    }
    std::array<int, kThreads> next{};
    for (const std::string& line : lines_of(text + pipe.read_to_end())) {
        for (int i = 0; i < kThreads; ++i) {
            if (line.find("thread=" + std::to_string(i)) != std::string::npos) {
                auto& expected = next[static_cast<std::size_t>(i)];
                EXPECT_TRUE(line.ends_with("number=" + std::to_string(expected++))) << line;
            }
        }
    }
    EXPECT_THAT(next, testing::Each(kLines));
}

TEST(Logging, ABlockedDescriptorStallsNobodyAndItsLossIsCounted) {
    constexpr std::uint64_t kLines = 2'000;
    Pipe pipe;
    pipe.shrink();
    std::optional<Logging> logging(
        std::in_place,
        Logging::Options{
            .log = {}, .descriptor = pipe.writer(), .queue_lines = 16, .close_wait = std::chrono::milliseconds(0)});
    // Nobody reads: if log_event waited for the pipe, this would not end.
    for (std::uint64_t line = 0; line < kLines; ++line) {
        log_event(LogLevel::info, "line", {{"number", line}});
    }
    pipe.wait_until_full();
    // All but the line in the pipe, the one that waits for it, and the queue.
    EXPECT_GE(logging->dropped(), kLines - 18);
    logging.reset();  // and neither does the end wait beyond close_wait
    EXPECT_EQ(lines_of(pipe.read_to_end()).size(), 1U);
}

TEST(Logging, WhatWasDroppedIsSaidAtTheEnd) {
    constexpr std::uint64_t kLines = 2'000;
    Pipe pipe;
    pipe.shrink();
    std::optional<Logging> logging(
        std::in_place,
        Logging::Options{
            .log = {}, .descriptor = pipe.writer(), .queue_lines = 16, .close_wait = std::chrono::minutes(1)});
    for (std::uint64_t line = 0; line < kLines; ++line) {
        log_event(LogLevel::info, "line", {{"number", line}});
    }
    pipe.wait_until_full();
    const std::uint64_t dropped = logging->dropped();
    EXPECT_GT(dropped, 0U);
    std::string text;
    std::thread reader([&pipe, &text] {
        while (text.find("log_dropped") == std::string::npos || !text.ends_with('\n')) {
            text += pipe.read_some();
        }
    });
    logging.reset();
    reader.join();
    const auto lines = lines_of(text);
    EXPECT_EQ(lines.size(), kLines - dropped + 1) << "each line is either written or counted";
    EXPECT_THAT(lines[lines.size() - 2], HasSubstr("number=1999")) << "the oldest go first";
    EXPECT_TRUE(lines.back().ends_with("warn log_dropped lines=" + std::to_string(dropped))) << lines.back();
}

TEST(Logging, ADescriptorThatNobodyReadsAnyMoreKillsNobody) {
    Pipe pipe;
    pipe.close_reader();
    {
        const Logging logging({.log = {}, .descriptor = pipe.writer()});
        log_event(LogLevel::info, "into the void");
    }
    // Here, and not ended by SIGPIPE: neither by the line's write nor by that of log_dropped.
    sigset_t pending;
    ASSERT_EQ(::sigpending(&pending), 0);
    EXPECT_EQ(::sigismember(&pending, SIGPIPE), 0);
}

TEST(Logging, ADescriptorThatDoesNotBlockLosesNothing) {
    Pipe pipe;
    pipe.shrink();
    ASSERT_EQ(::fcntl(pipe.writer(), F_SETFL, O_NONBLOCK), 0);
    std::string text;
    std::thread reader;
    {
        const Logging logging({.log = {}, .descriptor = pipe.writer()});
        for (int line = 0; line < 500; ++line) {
            log_event(LogLevel::info, "line", {{"number", line}});
        }
        log_event(LogLevel::info, "last");
        pipe.wait_until_full();
        reader = std::thread([&pipe, &text] {
            while (text.find("last") == std::string::npos) {
                text += pipe.read_some();
            }
        });
        reader.join();
        EXPECT_EQ(logging.dropped(), 0U);
    }
    EXPECT_EQ(lines_of(text + pipe.read_to_end()).size(), 501U);
}

}  // namespace
}  // namespace mynah::server
