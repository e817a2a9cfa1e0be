#include "client/watch/reconciliation.hpp"

#include <cstdint>
#include <expected>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "client/watch/account.hpp"
#include "client/watch/byte_counts.hpp"
#include "client/watch/ledger_file.hpp"
#include "client/watch/reconciliation_report.hpp"
#include "client/watch/records.hpp"

namespace mynah::client::watch {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

/// The connections of a watch, and what they come to.
struct Watched {
    void add(std::uint64_t sent, std::uint64_t echoed, std::uint64_t received) {
        const std::uint64_t number = connections.count() + 1;
        const ConnectionRecord record{.connection = number,
                                      .lane = number,
                                      .bytes = {.sent = sent, .echoed = echoed, .unacknowledged = sent - echoed},
                                      .received = received};
        whole += record.bytes;
        connections.add(record);
    }
    [[nodiscard]] Reconciliation with(const std::vector<LedgerContent>& ledgers) const {
        return reconcile(connections, whole, ledgers);
    }

    Bounded<ConnectionRecord> connections{.limit = 10};
    ByteCounts whole;
};

LedgerRow row(std::uint64_t connection, std::uint64_t in, std::uint64_t out, std::uint64_t discarded = 0) {
    return {.connection = connection,
            .instance = "echo-1",
            .close_reason = "drained",
            .bytes_in = in,
            .bytes_out = out,
            .discarded_after_fin = discarded};
}

LedgerContent ledger(std::vector<LedgerRow> rows, std::string name = "a.db") {
    return {.name = std::move(name), .rows = std::move(rows)};
}

TEST(Reconciliation, AllThatCameBackIsBalanced) {
    Watched watched;
    watched.add(1000, 1000, 1000);
    watched.add(0, 0, 0);  // which nobody can know
    const Reconciliation result = watched.with({ledger({row(1, 1000, 1000)})});
    EXPECT_TRUE(result.is_balanced());
    EXPECT_EQ(result.places, LossPlaces());
    EXPECT_EQ(result.connections.count(), 1U);
    EXPECT_EQ(result.without_row.count(), 0U);
    EXPECT_THAT(ledger_remarks(result), IsEmpty());
}

TEST(Reconciliation, EachByteHasThePlaceWhereItWasLost) {
    Watched watched;
    watched.add(1000, 700, 700);
    const Reconciliation result = watched.with({ledger({row(1, 900, 840, 20)})});
    EXPECT_EQ(
        result.places,
        (LossPlaces{
            .not_echoed = 300, .never_read = 80, .discarded_after_fin = 20, .not_written = 60, .not_received = 140}));
    EXPECT_TRUE(result.places.adds_up());
    EXPECT_TRUE(result.is_balanced());
}

TEST(Reconciliation, RowsOfSeveralLedgersAreOneAccount) {
    Watched watched;
    watched.add(100, 90, 90);
    watched.add(200, 200, 200);
    watched.add(50, 30, 30);
    const Reconciliation result =
        watched.with({ledger({row(1, 90, 90, 10)}), ledger({row(3, 30, 30), row(2, 200, 200)}, "b.db")});
    EXPECT_TRUE(result.is_balanced());
    EXPECT_EQ(result.places, (LossPlaces{.not_echoed = 30, .never_read = 20, .discarded_after_fin = 10}));
    EXPECT_EQ(result.connections.first[2].ledger, "b.db");
    EXPECT_EQ(result.ledgers[1].rows, 2U);
}

TEST(Reconciliation, BytesThatWereAddedStandAgainstTheLosses) {
    Watched watched;
    watched.add(1000, 1000, 1040);  // 40 came twice, from the server
    watched.add(1000, 900, 1000);   // 100 came back changed
    watched.add(1000, 950, 980);    // 50 never reached it, and a proxy invented 30
    const Reconciliation result = watched.with({ledger({row(1, 1000, 1040), row(2, 1000, 1000), row(3, 950, 950)})});
    EXPECT_EQ(result.places, (LossPlaces{.not_echoed = 150,
                                         .never_read = 50,
                                         .came_otherwise = 170,
                                         .added_by_server = 40,
                                         .added_on_the_way = 30}));
    EXPECT_TRUE(result.is_balanced());
    EXPECT_THAT(ledger_text(result), AllOf(HasSubstr("  came back otherwise                      170\n"),
                                           HasSubstr("added on the way                            30\n")));
}

TEST(Reconciliation, WithoutARowNothingIsInvented) {
    Watched watched;
    watched.add(500, 450, 450);
    watched.add(300, 300, 300);
    const Reconciliation result = watched.with({ledger({row(2, 300, 300)})});
    EXPECT_FALSE(result.is_balanced());
    EXPECT_EQ(result.places, (LossPlaces{.not_echoed = 50, .unexplained = 50}));
    EXPECT_THAT(ledger_remarks(result),
                ElementsAre("connection 1 (lane 1): no row in any ledger, 50 bytes unexplained"));
    EXPECT_THAT(ledger_text(result), HasSubstr("1 connection found in 1 ledger, 1 in none: not balanced\n"));
}

TEST(Reconciliation, ARowThatClaimsMoreThanWasSentIsNamedAndDecidesNothing) {
    Watched watched;
    watched.add(100, 80, 80);
    for (const LedgerRow& claim :
         {row(1, 101, 80), row(1, 90, 80, 11), row(1, std::numeric_limits<std::uint64_t>::max(), 80, 2)}) {
        const Reconciliation result = watched.with({ledger({claim})});
        EXPECT_FALSE(result.is_balanced());
        EXPECT_EQ(result.places, (LossPlaces{.not_echoed = 20, .unexplained = 20}));
        ASSERT_EQ(result.contradictions.count(), 1U);
    }
    EXPECT_THAT(ledger_remarks(watched.with({ledger({row(1, 101, 80)})})),
                ElementsAre("ledger a.db, connection 1: the server claims to have read 101 bytes and to have discarded "
                            "0 bytes, and 100 bytes were sent"));
}

TEST(Reconciliation, TwoRowsForOneConnectionContradictEachOther) {
    Watched watched;
    watched.add(100, 80, 80);
    const Reconciliation result = watched.with({ledger({row(1, 80, 80)}), ledger({row(1, 80, 80)}, "b.db")});
    EXPECT_FALSE(result.is_balanced());
    EXPECT_EQ(result.places.unexplained, 20U);
    EXPECT_THAT(ledger_remarks(result), ElementsAre("ledger a.db, connection 1: 2 rows tell of it"));
}

TEST(Reconciliation, ARowOfAConnectionThatWasNeverMadeIsNamed) {
    Watched watched;
    watched.add(100, 100, 100);
    const Reconciliation result = watched.with({ledger({row(1, 100, 100), row(9, 5, 5)}, "a\x1b.db")});
    EXPECT_FALSE(result.is_balanced());
    EXPECT_THAT(ledger_remarks(result),
                ElementsAre("ledger a\\x1b.db, connection 9: this watch has made no such connection"));
}

TEST(Reconciliation, ConnectionsThatNobodyRemembersAreUnexplained) {
    Watched watched;
    watched.connections.limit = 1;
    watched.add(100, 100, 100);
    watched.add(100, 60, 60);
    const Reconciliation result = watched.with({ledger({row(1, 100, 100), row(2, 60, 60)})});
    EXPECT_EQ(result.places, (LossPlaces{.not_echoed = 40, .unexplained = 40}));
    EXPECT_EQ(result.contradictions.count(), 0U);
    EXPECT_EQ(result.beyond, 1U);
}

TEST(Reconciliation, ALedgerThatCannotBeReadMattersWhereRowsAreMissing) {
    Watched watched;
    watched.add(100, 100, 100);
    const LedgerContent missing{.name = "b.db", .rows = std::unexpected("cannot read ledger b.db: gone")};
    EXPECT_TRUE(watched.with({ledger({row(1, 100, 100)}), missing}).is_balanced());
    const Reconciliation result = watched.with({missing});
    EXPECT_FALSE(result.is_balanced());
    EXPECT_THAT(ledger_remarks(result),
                ElementsAre("cannot read ledger b.db: gone", HasSubstr("no row in any ledger")));
}

TEST(Reconciliation, RowsAreMissingForConnectionsThatSent) {
    Watched watched;
    watched.add(100, 100, 100);
    watched.add(0, 0, 0);
    watched.add(5, 0, 0);
    EXPECT_EQ(count_missing(watched.connections, {}), 2U);
    EXPECT_EQ(count_missing(watched.connections, {ledger({row(3, 0, 0)})}), 1U);
    EXPECT_EQ(count_missing(watched.connections, {ledger({row(3, 0, 0)}), ledger({row(1, 0, 0)})}), 0U);
}

TEST(Reconciliation, ListsAreBoundedAndSayWhatTheyLeaveOut) {
    Watched watched;
    watched.connections.limit = 2000;
    std::vector<LedgerRow> rows;
    for (std::uint64_t i = 1; i <= 1500; ++i) {
        watched.add(10, 9, 9);
        if (i > 200) {
            rows.push_back(row(i, 9, 9, 1));
        }
    }
    const Reconciliation result = watched.with({ledger(rows)});
    EXPECT_EQ(result.places, (LossPlaces{.not_echoed = 1500, .discarded_after_fin = 1300, .unexplained = 200}));
    const json document = ledger_json(result);
    EXPECT_EQ(document["connections"]["count"], 1300);
    EXPECT_EQ(document["connections"]["list"].size(), 1000U);
    EXPECT_EQ(document["without_row"]["left_out"], 100);
    EXPECT_THAT(ledger_remarks(result).back(), "190 more like these");
}

TEST(Reconciliation, JsonHasEveryClassAndEveryConnection) {
    Watched watched;
    watched.add(1000, 700, 700);
    watched.add(10, 0, 0);
    const json document = ledger_json(watched.with({ledger({row(1, 900, 840, 20)})}));
    EXPECT_EQ(document["balanced"], false);
    EXPECT_EQ(document["bytes"]["not_echoed"], 310);
    EXPECT_EQ(document["bytes"]["never_read"], 80);
    EXPECT_EQ(document["bytes"]["discarded_after_fin"], 20);
    EXPECT_EQ(document["bytes"]["not_written"], 60);
    EXPECT_EQ(document["bytes"]["not_received"], 140);
    EXPECT_EQ(document["bytes"]["unexplained"], 10);
    EXPECT_EQ(document["sources"][0]["path"], "a.db");
    EXPECT_EQ(document["sources"][0]["error"], nullptr);
    const json& connection = document["connections"]["list"][0];
    EXPECT_EQ(connection["instance"], "echo-1");
    EXPECT_EQ(connection["close_reason"], "drained");
    EXPECT_EQ(connection["bytes_in"], 900);
    EXPECT_EQ(connection["bytes"]["not_written"], 60);
    EXPECT_EQ(document["without_row"]["list"][0]["connection"], 2);
}

TEST(Reconciliation, ThePageEscapesWhatTheLedgersAreCalled) {
    Watched watched;
    watched.add(10, 10, 10);
    EXPECT_THAT(ledger_html(watched.with({ledger({row(1, 10, 10)}, "<b>.db")})),
                AllOf(HasSubstr("&lt;b&gt;.db"), HasSubstr("balanced to the byte"), Not(HasSubstr("<b>"))));
}

}  // namespace
}  // namespace mynah::client::watch
