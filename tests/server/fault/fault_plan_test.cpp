#include "server/fault/fault_plan.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <ostream>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/fault/fault_counts.hpp"
#include "server/fault/fault_notation.hpp"
#include "server/fault/fault_places.hpp"
#include "server/fault/fault_rule.hpp"

namespace mynah::server {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct Event {
    FaultKind kind;
    std::size_t echoed;  // bytes that went out before it

    friend bool operator==(const Event&, const Event&) = default;
    friend void PrintTo(const Event& event, std::ostream* out) {
        *out << to_string(event.kind) << " after " << event.echoed;
    }
};

struct Echoed {
    std::string output;
    std::vector<Event> events;
    FaultCounts counts;

    friend bool operator==(const Echoed&, const Echoed&) = default;
};

std::vector<FaultRule> rules_of(const std::vector<std::string>& texts) {
    std::vector<FaultRule> rules;
    for (const std::string& text : texts) {
        const auto rule = parse_fault(text);
        EXPECT_TRUE(rule) << rule.error();
        rules.push_back(*rule);
    }
    return rules;
}

/// Carries out a plan as a session does.
class Carrier {
  public:
    Carrier(const std::vector<FaultRule>& rules, std::uint64_t number) : plan_(rules, number) {}

    /// False: the connection has ended.
    bool take(std::string_view chunk) {
        while (const auto action = plan_.next(chunk.size())) {
            switch (action->what) {
                case FaultAction::What::pass:
                    pass(chunk.substr(0, action->bytes), *action);
                    chunk.remove_prefix(action->bytes);
                    break;
                case FaultAction::What::repeat:
                    repeat(action->rule);
                    break;
                case FaultAction::What::pause:
                    echoed_.events.push_back({action->kind, echoed_.output.size()});
                    break;
                case FaultAction::What::end:
                    echoed_.events.push_back({action->kind, echoed_.output.size()});
                    return false;
            }
        }
        return true;
    }

    Echoed finish(bool ended) {
        while (const auto action = ended ? std::nullopt : plan_.finish()) {
            repeat(action->rule);
        }
        echoed_.counts = plan_.take_counts();
        return echoed_;
    }

  private:
    void pass(std::string_view piece, const FaultAction& action) {
        EXPECT_GT(piece.size(), 0U);
        for (const char byte : piece) {
            if (!action.dropped) {
                const char sent = static_cast<char>(static_cast<std::uint8_t>(byte) ^ action.mask);
                echoed_.output += sent;
                for (const std::size_t rule : action.kept) {
                    kept_[rule] += sent;
                }
            }
        }
    }

    void repeat(std::size_t rule) {
        echoed_.output += kept_[rule];
        kept_[rule].clear();
    }

    FaultPlan plan_;
    Echoed echoed_;
    std::map<std::size_t, std::string> kept_;
};

Echoed carry(const std::vector<FaultRule>& rules, std::string_view input, std::uint64_t number = 1) {
    Carrier carrier(rules, number);
    const bool ended = !(carrier.take({}) && carrier.take(input));
    return carrier.finish(ended);
}

Echoed carry_in_chunks(const std::vector<FaultRule>& rules, std::string_view input, std::uint64_t number,
                       std::mt19937_64& random) {
    Carrier carrier(rules, number);
    bool ended = !carrier.take({});
    const std::size_t most = 1 + random() % 200;
    while (!ended && !input.empty()) {
        const std::size_t size = std::min<std::size_t>(1 + random() % most, input.size());
        ended = !carrier.take(input.substr(0, size));
        input.remove_prefix(size);
    }
    return carrier.finish(ended);
}

/// The same told byte by byte, with no plan: what each rule does at each offset.
class ByteByByte {
  public:
    ByteByByte(const std::vector<FaultRule>& rules, std::uint64_t number) {
        for (const FaultRule& rule : rules) {
            const bool is_point = rule.kind == FaultKind::fin || rule.kind == FaultKind::reset ||
                                  rule.kind == FaultKind::delay || rule.kind == FaultKind::stall;
            each_.push_back({rule.kind, FaultPlaces(rule, number, 0, is_point ? 1 : rule.length), {}});
        }
    }

    Echoed echo(std::string_view input) {
        for (std::size_t offset = 0; offset <= input.size(); ++offset) {
            if (!stands(offset, offset < input.size())) {
                return echoed_;
            }
            if (offset < input.size()) {
                pass(input[offset], offset);
            }
        }
        for (Each& each : each_) {
            if (each.kind == FaultKind::duplicate && each.places.current().begin < input.size()) {
                repeat(each);
            }
        }
        return echoed_;
    }

  private:
    struct Each {
        FaultKind kind;
        FaultPlaces places;
        std::string kept;
    };

    /// What comes before the byte at this offset; false: the end.
    bool stands(std::size_t offset, bool has_byte) {
        for (Each& each : each_) {
            if (each.places.current().end == offset) {
                if (each.kind == FaultKind::duplicate) {
                    repeat(each);
                }
                each.places.advance();
            }
        }
        for (const bool pauses : {false, true}) {
            for (const Each& each : each_) {
                const bool is_pause = each.kind == FaultKind::delay || each.kind == FaultKind::stall;
                const bool is_end = each.kind == FaultKind::fin || each.kind == FaultKind::reset;
                if (each.places.current().begin != offset || !(pauses ? is_pause && has_byte : is_end)) {
                    continue;
                }
                echoed_.events.push_back({each.kind, echoed_.output.size()});
                echoed_.counts.add(each.kind, 1, 0);
                if (is_end) {
                    return false;
                }
            }
        }
        return true;
    }

    void pass(char byte, std::size_t offset) {
        const auto is_in = [offset](const Each& each, FaultKind kind) {
            return each.kind == kind && each.places.current().begin <= offset;
        };
        bool dropped = false;
        bool corrupted = false;
        bool alone = false;
        for (const Each& each : each_) {
            if (each.places.current().begin == offset) {
                const bool is_span = each.kind == FaultKind::drop || each.kind == FaultKind::corrupt ||
                                     each.kind == FaultKind::short_write;
                echoed_.counts.add(each.kind, is_span ? 1 : 0, 0);
            }
            dropped = dropped || is_in(each, FaultKind::drop);
            alone = alone || is_in(each, FaultKind::short_write);
        }
        echoed_.counts.add(FaultKind::drop, 0, dropped ? 1 : 0);
        if (dropped) {
            return;
        }
        for (const Each& each : each_) {
            if (!corrupted && is_in(each, FaultKind::corrupt)) {
                corrupted = true;
                byte = static_cast<char>(static_cast<std::uint8_t>(byte) ^ (1 + each.places.current().draw % 255));
            }
        }
        echoed_.counts.add(FaultKind::corrupt, 0, corrupted ? 1 : 0);
        echoed_.counts.add(FaultKind::short_write, 0, alone ? 1 : 0);
        echoed_.output += byte;
        for (Each& each : each_) {
            if (is_in(each, FaultKind::duplicate)) {
                each.kept += byte;
            }
        }
    }

    void repeat(Each& each) {
        echoed_.output += each.kept;
        echoed_.counts.add(FaultKind::duplicate, 1, each.kept.size());
        each.kept.clear();
    }

    std::vector<Each> each_;
    Echoed echoed_;
};

const std::string kAlphabet = "abcdefghijklmnopqrstuvwxyz";

TEST(FaultPlan, ARefusalByFinEndsItsConnectionBeforeTheFirstByte) {
    const std::vector<FaultRule> rules = rules_of({"refuse,every=2,by=fin", "refuse,at=3,by=reset"});
    EXPECT_EQ(carry(rules, "abc", 1).output, "abc");
    const Echoed refused = carry(rules, "abc", 2);
    EXPECT_EQ(refused.output, "");
    EXPECT_THAT(refused.events, ElementsAre(Event{FaultKind::refuse, 0}));
    EXPECT_EQ(refused.counts.faults_of(FaultKind::refuse), 1U);
    EXPECT_EQ(carry(rules, "abc", 3).output, "abc") << "one that is reset at once has no bytes";
}

TEST(FaultPlan, WithoutPlacesPassesEverything) {
    const Echoed echoed = carry(rules_of({"drop,at=100", "fin,at=100", "duplicate,at=100"}), kAlphabet);
    EXPECT_EQ(echoed.output, kAlphabet);
    EXPECT_THAT(echoed.events, IsEmpty());
    EXPECT_EQ(echoed.counts, FaultCounts{});
}

TEST(FaultPlan, DropsSpans) {
    const Echoed echoed = carry(rules_of({"drop,every=10,length=3"}), kAlphabet);
    EXPECT_EQ(echoed.output, "abcdefghijnopqrstxyz");
    EXPECT_EQ(echoed.counts.faults_of(FaultKind::drop), 2U);
    EXPECT_EQ(echoed.counts.bytes_of(FaultKind::drop), 6U);
}

TEST(FaultPlan, RepeatsASpanOnceItIsComplete) {
    EXPECT_EQ(carry(rules_of({"duplicate,at=3,length=2"}), "abcdefg").output, "abcdedefg");
    EXPECT_EQ(carry(rules_of({"duplicate,at=3,length=2"}), "abcde").output, "abcdede");
}

TEST(FaultPlan, RepeatsWhatThereIsOfASpanThatTheStreamsEndCutsShort) {
    const Echoed echoed = carry(rules_of({"duplicate,at=3,length=10"}), "abcdefg");
    EXPECT_EQ(echoed.output, "abcdefgdefg");
    EXPECT_EQ(echoed.counts.faults_of(FaultKind::duplicate), 1U);
    EXPECT_EQ(echoed.counts.bytes_of(FaultKind::duplicate), 4U);
}

TEST(FaultPlan, ChangesEachByteOfACorruptSpanAndNoOther) {
    const Echoed echoed = carry(rules_of({"corrupt,at=3,length=4"}), kAlphabet);
    ASSERT_EQ(echoed.output.size(), kAlphabet.size());
    for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
        EXPECT_EQ(echoed.output[i] != kAlphabet[i], i >= 3 && i < 7) << i;
    }
    EXPECT_EQ(echoed.counts.bytes_of(FaultKind::corrupt), 4U);
}

TEST(FaultPlan, DroppedBytesAreNeitherChangedNorRepeated) {
    const Echoed echoed =
        carry(rules_of({"drop,at=2,length=2", "corrupt,at=2,length=2", "duplicate,at=0,length=6"}), "abcdefg");
    EXPECT_EQ(echoed.output, "abefabefg");
    EXPECT_EQ(echoed.counts.bytes_of(FaultKind::corrupt), 0U);
    EXPECT_EQ(echoed.counts.bytes_of(FaultKind::duplicate), 4U);
}

TEST(FaultPlan, EndsAsSoonAsTheBytesBeforeHavePassed) {
    const auto rules = rules_of({"fin,at=3"});
    FaultPlan plan(rules, 1);
    EXPECT_FALSE(plan.next(0));
    EXPECT_EQ(plan.next(3)->bytes, 3U);
    const auto end = plan.next(0);
    ASSERT_TRUE(end);
    EXPECT_EQ(end->what, FaultAction::What::end);
    EXPECT_THAT(carry(rules_of({"reset,at=0"}), "abc").events, ElementsAre(Event{FaultKind::reset, 0}));
}

TEST(FaultPlan, DelaysTheByteThatItStandsBefore) {
    const auto rules = rules_of({"delay,at=3,duration=1s"});
    FaultPlan plan(rules, 1);
    EXPECT_EQ(plan.next(3)->bytes, 3U);
    EXPECT_FALSE(plan.next(0)) << "there is nothing to delay yet";
    const auto pause = plan.next(1);
    ASSERT_TRUE(pause);
    EXPECT_EQ(pause->what, FaultAction::What::pause);
    EXPECT_EQ(pause->duration, std::chrono::seconds(1));
    EXPECT_EQ(plan.next(1)->what, FaultAction::What::pass);
}

/// Rules of all kinds that leave enough of the stream to tell something.
std::vector<FaultRule> random_rules(std::mt19937_64& random) {
    static const std::vector<std::string> kKinds{"corrupt,",           "drop,",  "duplicate,", "short_write,",
                                                 "delay,duration=1s,", "stall,", "corrupt,",   "drop,",
                                                 "duplicate,",         "fin,",   "reset,"};
    std::vector<std::string> texts;
    const std::size_t count = 1 + random() % 6;
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t kind = random() % kKinds.size();
        std::string text = kKinds[kind];
        if (kind >= 9) {
            text += "at=" + std::to_string(random() % 8'000);
        } else {
            text += (random() % 2 == 0 ? "mean=" : "every=") + std::to_string(1 + random() % 500);
        }
        if (kind != 4 && kind != 5 && kind < 9) {
            text += ",length=" + std::to_string(1 + random() % 60);
        }
        texts.push_back(text + ",seed=" + std::to_string(random() % 100));
    }
    return rules_of(texts);
}

TEST(FaultPlan, DoesTheSameHoweverTheBytesAreChunked) {
    std::mt19937_64 random(42);
    std::string input(5'000, '\0');
    for (char& byte : input) {
        byte = static_cast<char>(random());
    }
    for (int round = 0; round < 300; ++round) {
        const std::vector<FaultRule> rules = random_rules(random);
        std::string shown;
        for (const FaultRule& rule : rules) {
            shown += show_fault(rule) + "\n";
        }
        const std::uint64_t number = 1 + random() % 5;
        const Echoed expected = ByteByByte(rules, number).echo(input);
        const Echoed whole = carry(rules, input, number);
        EXPECT_EQ(whole.events, expected.events) << shown;
        EXPECT_EQ(whole.counts, expected.counts) << shown;
        ASSERT_TRUE(whole.output == expected.output) << shown;
        for (int chunking = 0; chunking < 5; ++chunking) {
            ASSERT_TRUE(carry_in_chunks(rules, input, number, random) == expected) << shown;
        }
    }
}

}  // namespace
}  // namespace mynah::server
