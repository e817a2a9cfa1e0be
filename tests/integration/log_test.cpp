// What mynahd writes to stderr: JSON that parses, and never a byte of a peer's as it came.
#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/integration/daemon.hpp"
#include "tests/integration/echo_client.hpp"
#include "tests/integration/endpoint.hpp"
#include "tests/integration/scripted_server.hpp"

namespace mynah::integration {
namespace {

using End = EchoConnection::End;

const std::string kHostileBytes = std::string("\x1b]0;owned\x07\x1b[31m\r\nfaked level=error\n\x9b\xff{\"a\":") + '\0';

void talk_with_hostile_bytes(const Daemon& daemon) {
    const Socket socket = connect_to(daemon.endpoint(), Connect::blocking);
    ASSERT_TRUE(send_all(socket.fd(), kHostileBytes));
    std::string back;
    while (back.size() < kHostileBytes.size()) {
        const std::string part = receive_some(socket.fd());
        ASSERT_FALSE(part.empty());
        back += part;
    }
    EXPECT_EQ(back, kHostileBytes);
}

void expect_no_raw_bytes(const std::string& log) {
    EXPECT_EQ(log.find('\x1b'), std::string::npos);
    EXPECT_EQ(log.find("owned\x07"), std::string::npos);
    for (const std::string& line : lines_of(log)) {
        EXPECT_FALSE(line.starts_with("faked")) << line;
        EXPECT_TRUE(std::ranges::all_of(line, [](char c) { return c >= ' ' && c <= '~'; })) << line;
    }
}

TEST(Log, JsonLinesAllParseThroughADrain) {
    const ScratchFolder scratch;
    const std::string in_the_way = scratch.write("a \"file\"\n\x1b[31m", "") + "/ledger.sqlite";
    Daemon daemon(
        Daemon::Options{.arguments = {"--log-format", "json", "--log-level", "debug", "--max-connections", "3"},
                        .ledger = "sqlite:" + in_the_way});
    talk_with_hostile_bytes(daemon);
    EchoFleet fleet;
    fleet.add(daemon.endpoint(), {.total_bytes = 10}, 10);
    ASSERT_TRUE(fleet.run_until(
        [&] { return fleet.all([](const EchoConnection& c) { return c.is_all_echoed() || c.end() != End::none; }); }));
    daemon.terminate();
    ASSERT_TRUE(
        fleet.run_until([&] { return fleet.all([](const EchoConnection& c) { return c.end() != End::none; }); }));
    EXPECT_EQ(daemon.wait_for_exit(), 0);

    std::vector<std::string> phases;
    const std::string log = daemon.log();
    EXPECT_GE(lines_of(log).size(), 4U);
    for (const std::string& line : lines_of(log)) {
        const auto object = nlohmann::json::parse(line, nullptr, false);
        ASSERT_TRUE(object.is_object()) << line;
        EXPECT_TRUE(object.contains("time") && object.contains("level") && object.contains("event")) << line;
        if (object.value("event", "") == "drain" && object.contains("phase") && object["phase"] != "serving") {
            phases.push_back(object["phase"]);
        }
    }
    EXPECT_EQ(phases, (std::vector<std::string>{"not_ready", "draining", "closing", "stopped"}));
    expect_no_raw_bytes(log);
}

TEST(Log, TextLinesCarryNoRawBytesOfAPeer) {
    Daemon daemon({"--log-level", "debug"});
    for (int i = 0; i < 3; ++i) {
        talk_with_hostile_bytes(daemon);
    }
    EXPECT_EQ(daemon.terminate_and_wait(), 0);
    expect_no_raw_bytes(daemon.log());
}

TEST(Log, EchoingIsSilentAtTheDefaultLevel) {
    Daemon daemon;
    const std::size_t before = lines_of(daemon.log()).size();
    EchoFleet fleet;
    fleet.add(daemon.endpoint(), {.total_bytes = 1'000, .half_close = true}, 200);
    ASSERT_TRUE(
        fleet.run_until([&] { return fleet.all([](const EchoConnection& c) { return c.end() == End::fin; }); }));
    EXPECT_EQ(daemon.terminate_and_wait(), 0);
    EXPECT_LE(lines_of(daemon.log()).size(), before + 20) << "a peer drives the log";
}

TEST(Log, LevelOffSaysNothing) {
    Daemon daemon({"--log-level", "off"});
    EXPECT_EQ(daemon.terminate_and_wait(), 0);
    EXPECT_EQ(daemon.log(), "");
}

}  // namespace
}  // namespace mynah::integration
