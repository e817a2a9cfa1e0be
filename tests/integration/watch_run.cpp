#include "tests/integration/watch_run.hpp"

#include <chrono>
#include <csignal>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <signal.h>

#include "tests/integration/patience.hpp"
#include "tests/integration/process.hpp"

namespace mynah::integration {
namespace {

using nlohmann::json;

std::vector<std::string> arguments(const std::string& address, const std::string& report,
                                   std::vector<std::string> more) {
    std::vector<std::string> all{"watch", address, "-d", "1h", "--json", report};
    all.insert(all.end(), more.begin(), more.end());
    return all;
}

std::uint64_t sum_of_fates(const json& bytes) {
    std::uint64_t sum = 0;
    for (const char* fate : {"echoed", "unacknowledged", "reset", "silent", "corrupted"}) {
        sum += bytes[fate].get<std::uint64_t>();
    }
    return sum;
}

void check_sums(const json& report) {
    EXPECT_EQ(report["schema"], "mynah-watch/1");
    const json& whole = report["bytes"];
    EXPECT_EQ(whole["sent"], sum_of_fates(whole)) << whole;
    EXPECT_EQ(report["connections"]["left_out"], 0);
    for (const auto& [name, bytes] : whole.items()) {
        std::uint64_t sum = 0;
        for (const json& connection : report["connections"]["list"]) {
            EXPECT_EQ(connection["bytes"]["sent"], sum_of_fates(connection["bytes"])) << connection;
            EXPECT_EQ(connection["run"], report["run"]);
            sum += connection["bytes"][name].get<std::uint64_t>();
        }
        EXPECT_EQ(bytes, sum) << name;
    }
    if (report["verdict"] == "clean") {
        EXPECT_GE(report["sent_again"], whole["unacknowledged"]) << "it was not sent again, and is not missed";
    }
    // The last frame of a connection may have gone out in part.
    const auto frame_bytes = report["parameters"]["frame_bytes"].get<std::uint64_t>();
    std::uint64_t frames = 0;
    for (const json& connection : report["connections"]["list"]) {
        const auto sent = connection["bytes"]["sent"].get<std::uint64_t>();
        EXPECT_EQ(connection["frames_sent"], (sent + frame_bytes - 1) / frame_bytes) << connection;
        frames += connection["frames_sent"].get<std::uint64_t>();
    }
    EXPECT_EQ(report["frames"]["sent"], frames);
}

}  // namespace

std::vector<std::string> WatchReport::losses() const {
    std::vector<std::string> all;
    for (const nlohmann::json& loss : json["losses"]["list"]) {
        all.push_back(loss["kind"].get<std::string>() + " " + std::to_string(loss["offset"].get<std::uint64_t>()) +
                      " " + std::to_string(loss["bytes"].get<std::uint64_t>()));
    }
    return all;
}

WatchRun::WatchRun(const std::string& address, std::vector<std::string> more)
    : process_({.program = MYNAH_MYNAH_PROGRAM,
                .arguments = arguments(address, folder_.path("report.json"), std::move(more)),
                .environment = {},
                .directory = {},
                .max_descriptors = std::nullopt,
                .core = std::nullopt}) {}

WatchReport WatchRun::end(bool interrupt) {
    if (interrupt) {
        process_.send_signal(SIGINT);
    }
    WatchReport report;
    const auto ending = process_.wait(patience(std::chrono::seconds(60)));
    EXPECT_TRUE(ending.has_value() && ending->code.has_value()) << "it did not end";
    report.status = ending ? ending->code.value_or(-1) : -1;
    report.out = process_.text(Output::standard);
    report.err = process_.text(Output::error);
    report.json = json::parse(folder_.read("report.json"), nullptr, false);
    if (report.json.is_discarded()) {
        ADD_FAILURE() << "no report: " << report.err;
        return report;
    }
    EXPECT_EQ(report.json["status"], report.status);
    check_sums(report.json);
    return report;
}

}  // namespace mynah::integration
