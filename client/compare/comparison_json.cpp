// comparison_json.cpp -- a comparison for programs: schema mynah-compare/1. What is added later leaves the rest as it
// is.
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "client/compare/comparison.hpp"
#include "client/compare/measurement.hpp"
#include "client/report_values.hpp"

namespace mynah::client::compare {
namespace {

Json side(const std::string& path, const Measurement& measured) {
    return {{"file", path},
            {"address", measured.address},
            {"started", measured.started},
            {"status", measured.status},
            {"sent", measured.sent}};
}

Json rows(const std::vector<Row>& all) {
    Json list = Json::array();
    for (const Row& row : all) {
        list.push_back({{"name", row.name},
                        {"unit", row.unit},
                        {"before", row.before},
                        {"after", row.after},
                        {"change", row.change ? Json(*row.change) : Json(nullptr)},
                        {"p_value", row.p_value ? Json(*row.p_value) : Json(nullptr)},
                        {"judgement", to_string(row.judgement)}});
    }
    return list;
}

}  // namespace

std::string to_json(const Comparison& comparison) {
    Json regressions = Json::array();
    for (const Row* row : comparison.regressions()) {
        regressions.push_back(row->name);
    }
    const Json document{{"schema", "mynah-compare/1"},
                        {"kind", to_string(comparison.before.kind)},
                        {"threshold", comparison.options.threshold},
                        {"significance", kSignificance},
                        {"regressions", std::move(regressions)},
                        {"before", side(comparison.options.before, comparison.before)},
                        {"after", side(comparison.options.after, comparison.after)},
                        {"throughput", rows(comparison.throughput)},
                        {"latency_from", comparison.latency_from},
                        {"latency", rows(comparison.latency)},
                        {"losses", rows(comparison.losses)},
                        {"shift",
                         {{"probability", comparison.shift.probability},
                          {"p_value", comparison.shift.p_value},
                          {"size", size_of(comparison.shift)}}},
                        {"warnings", comparison.warnings}};
    // The names of files need not be UTF-8.
    return dump(document);
}

}  // namespace mynah::client::compare
