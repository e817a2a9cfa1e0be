#include "client/watch/reconciliation_report.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "client/chart.hpp"
#include "client/command_line_values.hpp"
#include "client/counted.hpp"
#include "client/page.hpp"
#include "client/watch/reconciliation.hpp"

namespace mynah::client::watch {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kRemarked = 10;  // of each kind

/// A class of bytes.
struct Line {
    std::string_view name;
    std::string_view key;
    std::uint64_t bytes;
    bool is_shown_always;
};

std::vector<Line> lines_of(const LossPlaces& places) {
    return {{"never read by the server", "never_read", places.never_read, true},
            {"discarded after its FIN", "discarded_after_fin", places.discarded_after_fin, true},
            {"read, not written back", "not_written", places.not_written, true},
            {"written, not received", "not_received", places.not_received, true},
            {"came back otherwise", "came_otherwise", places.came_otherwise, false},
            {"unexplained", "unexplained", places.unexplained, true}};
}

std::vector<Line> additions_of(const LossPlaces& places) {
    return {{"added by the server", "added_by_server", places.added_by_server, false},
            {"added on the way", "added_on_the_way", places.added_on_the_way, false}};
}

std::string row(std::string_view name, std::uint64_t bytes) {
    return fmt::format("{:<28}{:>18}\n", name, grouped(bytes));
}

std::string summary(const Reconciliation& reconciliation) {
    return fmt::format("{} found in {}, {} in none: {}", count_of(reconciliation.connections.count(), "connection"),
                       count_of(reconciliation.ledgers.size(), "ledger"), reconciliation.without_row.count(),
                       reconciliation.is_balanced() ? "balanced to the byte" : "not balanced");
}

Json places_json(const LossPlaces& places) {
    Json all{{"not_echoed", places.not_echoed}};
    for (const Line& line : lines_of(places)) {
        all[std::string(line.key)] = line.bytes;
    }
    for (const Line& line : additions_of(places)) {
        all[std::string(line.key)] = line.bytes;
    }
    return all;
}

Json connection_json(const Reconciled& one) {
    return {{"connection", one.connection},
            {"ledger", one.ledger},
            {"instance", one.row.instance},
            {"close_reason", one.row.close_reason},
            {"sent", one.sent},
            {"bytes_in", one.row.bytes_in},
            {"discarded_after_fin", one.row.discarded_after_fin},
            {"bytes_out", one.row.bytes_out},
            {"received", one.received},
            {"echoed", one.echoed},
            {"bytes", places_json(one.places)}};
}

template <class T, class Convert>
Json list_json(const Bounded<T>& all, Convert convert) {
    Json list = Json::array();
    for (const T& one : all.first) {
        list.push_back(convert(one));
    }
    return {{"count", all.count()}, {"left_out", all.left_out}, {"list", std::move(list)}};
}

template <class T, class Describe>
void remark_on(const Bounded<T>& all, std::vector<std::string>& remarks, Describe describe) {
    for (std::size_t i = 0; i < std::min(all.first.size(), kRemarked); ++i) {
        remarks.push_back(describe(all.first[i]));
    }
    if (all.count() > kRemarked) {
        remarks.push_back(fmt::format("{} more like these", all.count() - kRemarked));
    }
}

}  // namespace

std::string ledger_text(const Reconciliation& reconciliation) {
    std::string text =
        fmt::format("{:<28}{:>18}\n", "ledger", "bytes") + row("not echoed", reconciliation.places.not_echoed);
    for (const Line& line : lines_of(reconciliation.places)) {
        if (line.is_shown_always || line.bytes > 0) {
            text += row(fmt::format("  {}", line.name), line.bytes);
        }
    }
    for (const Line& line : additions_of(reconciliation.places)) {
        if (line.bytes > 0) {
            text += row(line.name, line.bytes);
        }
    }
    return text + summary(reconciliation) + "\n";
}

Json ledger_json(const Reconciliation& reconciliation) {
    Json sources = Json::array();
    for (const LedgerSource& ledger : reconciliation.ledgers) {
        sources.push_back({{"path", ledger.name},
                           {"rows", ledger.rows},
                           {"error", ledger.error.empty() ? Json(nullptr) : Json(ledger.error)}});
    }
    const auto without_row = [](const WithoutRow& one) {
        return Json{{"connection", one.connection},
                    {"lane", one.lane},
                    {"sent", one.sent},
                    {"echoed", one.echoed},
                    {"unexplained", one.sent - one.echoed}};
    };
    const auto contradiction = [](const Contradiction& one) {
        return Json{{"connection", one.connection}, {"ledger", one.ledger}, {"text", one.text}};
    };
    return {{"balanced", reconciliation.is_balanced()},
            {"bytes", places_json(reconciliation.places)},
            {"sources", std::move(sources)},
            {"connections", list_json(reconciliation.connections, connection_json)},
            {"without_row", list_json(reconciliation.without_row, without_row)},
            {"without_record", reconciliation.beyond},
            {"contradictions", list_json(reconciliation.contradictions, contradiction)}};
}

std::string ledger_html(const Reconciliation& reconciliation) {
    std::string html = "<h2>Ledger</h2>\n<div class=\"scroll\"><table>\n<tr><th>bytes</th><th></th></tr>\n" +
                       fact("not echoed", grouped(reconciliation.places.not_echoed));
    for (const Line& line : lines_of(reconciliation.places)) {
        html += fact(line.name, grouped(line.bytes));
    }
    for (const Line& line : additions_of(reconciliation.places)) {
        html += fact(line.name, grouped(line.bytes));
    }
    html += fmt::format("</table></div>\n<p>{}</p>\n", summary(reconciliation));
    html += "<div class=\"scroll\"><table>\n<tr><th>ledger</th><th>rows</th><th></th></tr>\n";
    for (const LedgerSource& ledger : reconciliation.ledgers) {
        html += fmt::format("<tr><td>{}</td><td>{}</td><td class=\"text\">{}</td></tr>\n", escape_html(ledger.name),
                            grouped(ledger.rows), escape_html(ledger.error));
    }
    return html + "</table></div>\n";
}

std::vector<std::string> ledger_remarks(const Reconciliation& reconciliation) {
    std::vector<std::string> remarks;
    for (const LedgerSource& ledger : reconciliation.ledgers) {
        if (!ledger.error.empty() && reconciliation.without_row.count() > 0) {
            remarks.push_back(ledger.error);
        }
    }
    remark_on(reconciliation.without_row, remarks, [](const WithoutRow& one) {
        return fmt::format("connection {} (lane {}): no row in any ledger, {} unexplained", one.connection, one.lane,
                           count_bytes(one.sent - one.echoed));
    });
    remark_on(reconciliation.contradictions, remarks, [](const Contradiction& one) {
        return fmt::format("ledger {}, connection {}: {}", printable(one.ledger), one.connection, one.text);
    });
    if (reconciliation.beyond > 0) {
        remarks.push_back(fmt::format("{} were not compared with the ledgers, as there were too many to remember",
                                      count_of(reconciliation.beyond, "connection")));
    }
    return remarks;
}

}  // namespace mynah::client::watch
