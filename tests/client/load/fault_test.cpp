#include "client/load/fault.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <gtest/gtest.h>

#include "client/load/pattern.hpp"

namespace mynah::client::load {
namespace {

constexpr std::size_t kPosition = Pattern::kPeriod - 5;  // the ring begins anew among the bytes
constexpr std::uint64_t kReceived = 1000;
constexpr std::uint64_t kOutstanding = 1000;

class Faults : public testing::Test {
  protected:
    std::vector<std::byte> bytes(std::size_t position, std::size_t count) const {
        const auto window = pattern_.window(position, count);
        return {window.begin(), window.end()};
    }
    Fault of(std::span<const std::byte> returned) const {
        return diagnose(pattern_, kPosition, returned, kReceived, kOutstanding);
    }

    Pattern pattern_;
};

TEST_F(Faults, AByteThatWasChangedLeavesTheRestInStep) {
    for (const std::size_t count :
         {std::size_t{1}, std::size_t{2}, std::size_t{15}, std::size_t{16}, std::size_t{900}}) {
        std::vector<std::byte> returned = bytes(kPosition, count);
        returned[0] ^= std::byte{0x20};
        const Fault fault = of(returned);
        EXPECT_EQ(fault.kind, FaultKind::changed) << count;
        EXPECT_EQ(fault.bytes, 1U) << count;
        EXPECT_EQ(fault.sent ^ fault.returned, 0x20U);
    }
}

TEST_F(Faults, BytesThatWereLostAreCounted) {
    for (const std::size_t lost : {1U, 2U, 64U, 900U}) {
        const Fault fault = of(bytes(Pattern::advance(kPosition, lost), 100));
        EXPECT_EQ(fault.kind, FaultKind::lost) << lost;
        EXPECT_EQ(fault.bytes, lost);
    }
}

TEST_F(Faults, BytesThatCameBeforeAreCounted) {
    for (const std::size_t repeated : {1U, 2U, 64U, 900U}) {
        const Fault fault = of(bytes(kPosition - repeated, 100));
        EXPECT_EQ(fault.kind, FaultKind::repeated) << repeated;
        EXPECT_EQ(fault.bytes, repeated);
    }
}

TEST_F(Faults, WhatWasNeverSentIsForeign) {
    EXPECT_EQ(of(std::vector<std::byte>(100)).kind, FaultKind::foreign);
    EXPECT_EQ(of(bytes(Pattern::advance(kPosition, kOutstanding), 100)).kind, FaultKind::foreign) << "not sent yet";
    EXPECT_EQ(of(bytes(kPosition - kReceived - 1, 100)).kind, FaultKind::foreign) << "before the beginning";
    EXPECT_EQ(of(bytes(30'000, 100)).kind, FaultKind::foreign) << "of another connection";
}

TEST_F(Faults, DescriptionsSayWhereAndWhat) {
    Fault fault{
        .kind = FaultKind::changed, .connection = 3, .offset = 1234, .bytes = 2, .sent = 0x0A, .returned = 0xFF};
    EXPECT_EQ(describe(fault), "connection 3, offset 1234: 2 bytes changed (sent 0x0a, got 0xff)");
    fault.kind = FaultKind::lost;
    fault.bytes = 1;
    EXPECT_EQ(describe(fault), "connection 3, offset 1234: 1 byte lost (sent 0x0a, got 0xff)");
    fault.kind = FaultKind::repeated;
    EXPECT_EQ(describe(fault), "connection 3, offset 1234: 1 byte came twice (sent 0x0a, got 0xff)");
    fault.kind = FaultKind::foreign;
    EXPECT_EQ(describe(fault), "connection 3, offset 1234: bytes that were never sent here (sent 0x0a, got 0xff)");
    fault.kind = FaultKind::surplus;
    fault.bytes = 7;
    EXPECT_EQ(describe(fault), "connection 3, offset 1234: 7 bytes more than were sent");
}

}  // namespace
}  // namespace mynah::client::load
