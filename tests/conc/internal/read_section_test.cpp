#include "conc/internal/read_section.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "conc/internal/atomic.hpp"

namespace mynah::conc::internal {
namespace {

/// Only another thread's seal, at this very moment, keeps it from sealing.
Ticket seal_now() {
    for (;;) {
        if (const std::optional<Ticket> ticket = seal()) {
            return *ticket;
        }
    }
}

TEST(ReadSection, ASealPassesWhereNobodyReads) {
    const Ticket ticket = seal_now();
    EXPECT_TRUE(sealed(ticket));
    EXPECT_TRUE(passed(ticket));
    EXPECT_LT(ticket, seal_now());
}

TEST(ReadSection, ASectionHoldsBackTheSealsMadeMeanwhile) {
    auto section = std::make_unique<ReadSection>();
    const Ticket ticket = seal_now();
    EXPECT_FALSE(passed(ticket));
    EXPECT_FALSE(passed_soon(ticket));
    section.reset();
    EXPECT_TRUE(passed(ticket));
}

TEST(ReadSection, ASectionDoesNotHoldBackAnEarlierSeal) {
    const Ticket before = seal_now();
    const ReadSection section;
    EXPECT_TRUE(passed(before));
    EXPECT_FALSE(passed(seal_now()));
}

TEST(ReadSection, TheOutermostOfNestedSectionsCounts) {
    auto outer = std::make_unique<ReadSection>();
    Ticket ticket = 0;
    {
        const ReadSection inner;
        ticket = seal_now();
    }
    EXPECT_FALSE(passed(ticket));
    outer.reset();
    EXPECT_TRUE(passed(ticket));
}

TEST(ReadSection, AnotherThreadsSectionHoldsASealBack) {
    Atomic<bool> reading{false};
    Atomic<bool> leave{false};
    std::thread reader([&] {
        const ReadSection section;
        reading.store(true);
        while (!leave.load()) {
            std::this_thread::yield();
        }
    });
    while (!reading.load()) {
        std::this_thread::yield();
    }
    const Ticket ticket = seal_now();
    EXPECT_FALSE(passed_soon(ticket));
    leave.store(true);
    reader.join();
    EXPECT_TRUE(passed(ticket));
}

TEST(ReadSection, AClosingTicketWaitsForASealThatBeginsLater) {
    const Ticket ticket = closing_ticket();
    EXPECT_FALSE(sealed(ticket));
    seal_now();
    EXPECT_FALSE(sealed(ticket));  // it might have begun before
    seal_now();
    EXPECT_TRUE(sealed(ticket));
}

TEST(ReadSection, SlotsOfThreadsThatEndedServeNewOnes) {
    const auto read_once = [] { const ReadSection section; };
    std::thread(read_once).join();
    const std::size_t slots = reader_slots();
    for (int i = 0; i < 50; ++i) {
        std::thread(read_once).join();
    }
    EXPECT_EQ(reader_slots(), slots);
}

/// Reads while its thread's other thread-locals are gone: it was made before the thread's first section.
struct ReadsAtTheEnd {
    Atomic<int>* sections = nullptr;
    ~ReadsAtTheEnd() {
        for (int i = 0; i < 2; ++i) {
            const ReadSection section;
            const ReadSection nested;
            sections->fetch_add(passed(seal_now()) ? 0 : 1);
        }
    }
};

TEST(ReadSection, AThreadMayReadWhileItEnds) {
    Atomic<int> sections{0};
    std::size_t slots = 0;
    for (int i = 0; i < 20; ++i) {
        std::thread([&sections] {
            thread_local ReadsAtTheEnd late;
            late.sections = &sections;
            const ReadSection section;
        }).join();
        slots = i == 0 ? reader_slots() : slots;
    }
    EXPECT_EQ(sections.load(), 40);
    EXPECT_EQ(reader_slots(), slots);
    EXPECT_TRUE(passed(seal_now()));
}

// The protocol as the map uses it: whoever reads a pointer in a section finds what it points to. AddressSanitizer sees
// a read after the delete, ThreadSanitizer one that the delete does not come after.
TEST(ReadSection, WhatASectionSeesIsNotFreedUnderIt) {
    constexpr int kRounds = 3000;
    Atomic<int*> shared{nullptr};
    Atomic<bool> done{false};
    auto current = std::make_unique<int>(0);
    shared.store(current.get());
    std::vector<std::thread> readers;
    for (int i = 0; i < 3; ++i) {
        readers.emplace_back([&] {
            for (int last = 0; !done.load(kRelaxed);) {
                const ReadSection section;
                const int value = *shared.load(kAcquire);
                EXPECT_GE(value, last);
                last = value;
            }
        });
    }
    for (int round = 1; round <= kRounds; ++round) {
        auto next = std::make_unique<int>(round);
        shared.store(next.get(), kRelease);
        const Ticket ticket = seal_now();
        while (!passed(ticket)) {
            std::this_thread::yield();
        }
        *current = -1;
        current = std::move(next);
    }
    done.store(true);
    for (std::thread& reader : readers) {
        reader.join();
    }
}

}  // namespace
}  // namespace mynah::conc::internal
