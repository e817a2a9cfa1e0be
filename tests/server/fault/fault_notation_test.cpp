#include "server/fault/fault_notation.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/fault/fault_rule.hpp"

namespace mynah::server {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

TEST(FaultNotation, EveryKeyReachesItsPlace) {
    const auto rule = parse_fault("duplicate,listener=tcp://[::1]:7,mean=1KiB,length=10,seed=3");
    ASSERT_TRUE(rule) << rule.error();
    EXPECT_EQ(*rule, (FaultRule{.kind = FaultKind::duplicate,
                                .listener = "tcp://[::1]:7",
                                .spacing = FaultSpacing::mean,
                                .distance = 1024,
                                .length = 10,
                                .seed = 3}));
    const auto delay = parse_fault("delay,every=5,duration=250ms");
    ASSERT_TRUE(delay) << delay.error();
    EXPECT_EQ(delay->duration, 250ms);
    EXPECT_EQ(delay->spacing, FaultSpacing::every);
    const auto refuse = parse_fault("refuse,at=2,by=fin");
    ASSERT_TRUE(refuse) << refuse.error();
    EXPECT_FALSE(refuse->with_reset);
}

TEST(FaultNotation, WhatIsShownIsReadBackAsItWas) {
    for (const std::string_view text :
         {"delay,every=3,duration=1s,seed=1", "stall,at=0,duration=0s,seed=1", "fin,mean=9,seed=2", "reset,at=7,seed=1",
          "short_write,listener=tcp://a:1,at=7,length=2,seed=1", "corrupt,at=7,length=2,seed=1",
          "drop,at=7,length=2,seed=1", "duplicate,at=7,length=2,seed=1", "reorder,every=7,length=2,seed=1",
          "refuse,every=7,by=reset,seed=1", "refuse,every=7,by=fin,seed=18446744073709551615"}) {
        const auto rule = parse_fault(text);
        ASSERT_TRUE(rule) << rule.error();
        EXPECT_EQ(show_fault(*rule), text);
    }
}

TEST(FaultNotation, EachMistakeSaysWhatIsWrongAndWhatIsAccepted) {
    const auto expect = [](std::string_view text, const char* said) {
        const auto rule = parse_fault(text);
        ASSERT_FALSE(rule) << text;
        EXPECT_THAT(rule.error(), HasSubstr(said)) << text;
    };
    expect("", "\"\" is not known; choose delay");
    expect("corupt,at=1", "\"corupt\" is not known; choose delay, stall");
    expect("corrupt", "where? give one of mean=N, every=N or at=N");
    expect("corrupt,at=1,every=2", "exclude each other");
    expect("corrupt,at=1,at=2", "at is given twice");
    expect("corrupt,at", "at needs a value");
    expect("corrupt,at=x", "at: \"x\" is not a number of bytes");
    expect("corrupt,every=0", "every: \"0\" is out of range");
    expect("corrupt,mean=0", "mean: \"0\" is out of range");
    expect("corrupt,lenght=1", "did you mean length?");
    expect("corrupt,at=1,", "\"\" is no key of a fault");
    expect("corrupt,at=1,length=0", "length: \"0\" is out of range");
    expect("duplicate,at=1,length=65KiB", "length: \"65KiB\" is out of range");
    expect("reorder,at=1,length=65", "length: \"65\" is out of range");
    expect("fin,at=1,length=2", "length has no meaning for fin");
    expect("fin,at=1,duration=2s", "duration has no meaning for fin");
    expect("fin,at=1,by=fin", "by has no meaning for fin");
    expect("refuse,at=1,by=luck", "by: \"luck\" is not known; choose reset or fin");
    expect("delay,at=1", "for how long?");
    expect("delay,at=1,duration=0s", "duration: \"0s\" is out of range");
    expect("corrupt,at=1,seed=-1", "seed: \"-1\" is not a whole number");
    expect("corrupt,at=1,listener=", "listener is empty");
}

TEST(FaultNotation, WhatMakesNoSenseOverATransportIsRefused) {
    const auto check = [](std::string_view text, const std::vector<std::string>& listen) {
        const auto rule = parse_fault(text);
        EXPECT_TRUE(rule) << rule.error();
        const auto checked = check_fault(*rule, listen);
        return checked ? std::string() : checked.error();
    };
    const std::string tcp = "tcp://127.0.0.1:0";
    const std::string udp = "udp://127.0.0.1:0";
    const std::string path = "unix:///x";
    for (const std::string_view kind : {"stall", "fin", "reset", "short_write"}) {
        const std::string text = std::string(kind) + ",at=1";
        EXPECT_EQ(check(text, {tcp}), "");
        EXPECT_THAT(check(text, {udp}), HasSubstr("makes no sense over udp://127.0.0.1:0: datagrams are no stream"));
    }
    for (const std::string_view text : {"delay,at=1,duration=1s", "corrupt,at=1", "drop,at=1", "duplicate,at=1"}) {
        EXPECT_EQ(check(text, {tcp, udp, path}), "");
    }
    EXPECT_THAT(check("reset,at=1", {path}), HasSubstr("a unix socket has no RST"));
    EXPECT_THAT(check("refuse,at=1", {path}), HasSubstr("by=fin is possible"));
    EXPECT_EQ(check("refuse,at=1,by=fin", {path}), "");
    EXPECT_THAT(check("refuse,at=1", {udp}), HasSubstr("datagrams have no connection"));
    EXPECT_THAT(check("reorder,at=1", {tcp}), HasSubstr("a stream keeps its order"));
    EXPECT_EQ(check("reorder,at=1", {udp}), "");
    EXPECT_THAT(check("fin,at=1", {tcp, udp}), HasSubstr("name another with listener=ADDRESS"));
    EXPECT_EQ(check("fin,at=1,listener=" + tcp, {tcp, udp}), "");
    EXPECT_THAT(check("fin,at=1,listener=tcp://other:1", {tcp}), HasSubstr("is none of the addresses to listen on"));
    EXPECT_THAT(check("drop,at=0", {tcp, udp}), HasSubstr("at=0 is no place over udp://127.0.0.1:0"));
    EXPECT_THAT(check("refuse,at=0", {tcp}), HasSubstr("connections are counted from 1"));
    EXPECT_EQ(check("fin,at=0", {tcp}), "");
}

}  // namespace
}  // namespace mynah::server
