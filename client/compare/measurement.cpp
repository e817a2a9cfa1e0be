#include "client/compare/measurement.hpp"

#include <cerrno>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "client/command_line_values.hpp"
#include "client/compare/statistics.hpp"

namespace mynah::client::compare {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMostBytes = std::size_t{256} << 20U;

/// Looks up values by paths such as "/latency/from_sent"; keeps the first that is missing or of the wrong type.
class Fields {
  public:
    explicit Fields(const Json& document) : document_(document) {}

    std::uint64_t count(const std::string& path) {
        const Json* value = find(path);
        if (value == nullptr || !value->is_number_unsigned()) {
            note(path, "no whole number");
            return 0;
        }
        return value->get<std::uint64_t>();
    }

    double number(const std::string& path) {
        const Json* value = find(path);
        if (value == nullptr || !value->is_number()) {
            note(path, "no number");
            return 0;
        }
        return value->get<double>();
    }

    std::string text(const std::string& path) {
        const Json* value = find(path);
        if (value == nullptr || !value->is_string()) {
            note(path, "no text");
            return {};
        }
        return value->get<std::string>();
    }

    /// Whether it is there and true.
    bool truth(const std::string& path) const {
        const Json* value = find(path);
        return value != nullptr && value->is_boolean() && value->get<bool>();
    }

    bool has(const std::string& path) const { return find(path) != nullptr; }

    Sample sample(const std::string& path);

    /// Each member of an object, as text.
    void conditions(const std::string& path, std::map<std::string, std::string>& all) {
        const Json* object = find(path);
        if (object == nullptr || !object->is_object()) {
            note(path, "no object");
            return;
        }
        for (const auto& [name, value] : object->items()) {
            all.emplace(name, value.dump(-1, ' ', true, Json::error_handler_t::replace));
        }
    }

    const std::optional<std::string>& error() const { return error_; }

  private:
    const Json* find(const std::string& path) const {
        const Json::json_pointer pointer(path);
        return document_.contains(pointer) ? &document_.at(pointer) : nullptr;
    }

    void note(const std::string& path, std::string_view what) {
        if (!error_) {
            error_ = find(path) == nullptr ? fmt::format("{} is missing", path) : fmt::format("{} is {}", path, what);
        }
    }

    const Json& document_;
    std::optional<std::string> error_;
};

Sample Fields::sample(const std::string& path) {
    Sample sample{.buckets = {}, .largest = static_cast<std::int64_t>(count(path + "/max"))};
    const std::uint64_t expected = count(path + "/count");
    const Json* buckets = find(path + "/buckets");
    if (buckets == nullptr || !buckets->is_array()) {
        note(path + "/buckets", "no array");
        return sample;
    }
    for (const Json& each : *buckets) {
        if (!each.is_array() || each.size() != 3 || !each[0].is_number_unsigned() || !each[1].is_number_unsigned() ||
            !each[2].is_number_unsigned()) {
            note(path + "/buckets", "no list of [lowest, highest, count]");
            return sample;
        }
        const Bucket bucket{.lowest = each[0].get<std::int64_t>(),
                            .highest = each[1].get<std::int64_t>(),
                            .count = each[2].get<std::uint64_t>()};
        if (bucket.highest < bucket.lowest ||
            (!sample.buckets.empty() && bucket.lowest <= sample.buckets.back().highest)) {
            note(path + "/buckets", "not in ascending order");
        }
        sample.buckets.push_back(bucket);
    }
    if (sample.count() != expected) {
        note(path + "/buckets", "damaged: its counts are not those of " + path + "/count");
    }
    return sample;
}

/// Connections that were never made are losses as well.
void read_load(Fields& fields, Measurement& measured) {
    measured.sent = fields.count("/messages/sent");
    measured.messages_per_second = fields.number("/rates/messages_per_s");
    measured.bytes_per_second = fields.number("/rates/bytes_per_s");
    if (fields.has("/latency/from_planned")) {
        measured.from_planned = fields.sample("/latency/from_planned");
    }
    for (const std::string_view fate : {"mismatched", "lost", "timed_out"}) {
        measured.losses.push_back({.name = fmt::format("messages {}", fate == "timed_out" ? "timed out" : fate),
                                   .count = fields.count(fmt::format("/messages/{}", fate)),
                                   .of = measured.sent,
                                   .is_independent = true});
    }
    const std::uint64_t wanted = fields.count("/connections/wanted");
    const std::uint64_t connected = fields.count("/connections/connected");
    measured.losses.push_back({.name = "connections failed",
                               .count = wanted > connected ? wanted - connected : 0,
                               .of = wanted,
                               .is_independent = true});
}

void read_watch(Fields& fields, Measurement& measured) {
    const double elapsed = fields.number("/elapsed_s");
    const auto per_second = [elapsed](std::uint64_t count) {
        return elapsed > 0 ? static_cast<double>(count) / elapsed : 0.0;
    };
    measured.sent = fields.count("/frames/sent");
    measured.messages_per_second = per_second(fields.count("/frames/echoed"));
    measured.bytes_per_second = per_second(fields.count("/bytes/echoed"));
    measured.verdict = fields.text("/verdict");
    measured.from_planned = fields.sample("/latency/from_planned");
    measured.outages = fields.count("/outages/count");
    measured.outage_seconds = fields.number("/outages/total_s");
    const std::uint64_t sent = fields.count("/bytes/sent");
    for (const char* fate :
         {"unacknowledged", "reset", "silent", "corrupted", "duplicated", "misdelivered", "reordered", "foreign"}) {
        measured.losses.push_back(
            {.name = fmt::format("bytes {}", fate), .count = fields.count(fmt::format("/bytes/{}", fate)), .of = sent});
    }
    measured.losses.push_back({.name = "bytes unrepaired", .count = fields.count("/unrepaired"), .of = sent});
}

/// Another server is why one compares; the rest of the parameters should be the same.
void read_conditions(Fields& fields, Measurement& measured) {
    measured.address = fields.text("/parameters/address");
    fields.conditions("/parameters", measured.conditions);
    measured.conditions.erase("address");
    std::map<std::string, std::string> machine;
    fields.conditions("/machine", machine);
    for (const char* name : {"host", "processor", "processors"}) {
        measured.conditions.emplace(name, machine[name]);
    }
}

std::optional<ReportKind> kind_of(const Json& document) {
    if (!document.is_object() || !document.contains("schema")) {
        return std::nullopt;
    }
    if (document["schema"] == "mynah-load/1") {
        return ReportKind::load;
    }
    return document["schema"] == "mynah-watch/1" ? std::optional(ReportKind::watch) : std::nullopt;
}

struct CloseFile {
    void operator()(std::FILE* file) const { (void)std::fclose(file); }
};

}  // namespace

std::string_view to_string(ReportKind kind) {
    return kind == ReportKind::load ? "load" : "watch";
}

std::expected<Measurement, std::string> parse_measurement(std::string_view text, const std::string& path) {
    const auto failed = [&path](std::string_view why) {
        return std::unexpected(fmt::format("{}: {}", printable(path), printable(why)));
    };
    const Json document = Json::parse(text, nullptr, false);
    if (document.is_discarded()) {
        return failed("no report: it is not JSON");
    }
    const auto kind = kind_of(document);
    if (!kind) {
        return failed("no report: its schema is neither mynah-load/1 nor mynah-watch/1");
    }
    Measurement measured;
    measured.kind = *kind;
    Fields fields(document);
    measured.started = fields.text("/started");
    measured.status = static_cast<int>(fields.count("/status"));
    measured.is_interrupted = fields.truth("/interrupted");
    measured.from_sent = fields.sample("/latency/from_sent");
    if (*kind == ReportKind::load) {
        read_load(fields, measured);
    } else {
        read_watch(fields, measured);
    }
    read_conditions(fields, measured);
    if (fields.error()) {
        return failed("no sound report: " + *fields.error());
    }
    return measured;
}

std::expected<Measurement, std::string> read_measurement(const std::string& path) {
    const auto failed = [&path](int error) {
        return std::unexpected(
            fmt::format("cannot read {}: {}", printable(path), std::generic_category().message(error)));
    };
    const std::unique_ptr<std::FILE, CloseFile> file(std::fopen(path.c_str(), "re"));
    if (!file) {
        return failed(errno);
    }
    std::string text;
    std::string piece(std::size_t{1} << 20U, '\0');
    while (text.size() <= kMostBytes) {
        const std::size_t count = std::fread(piece.data(), 1, piece.size(), file.get());
        if (count == 0) {
            break;
        }
        text.append(piece, 0, count);
    }
    if (std::ferror(file.get()) != 0) {
        return failed(errno);
    }
    if (text.size() > kMostBytes) {
        return failed(EFBIG);
    }
    return parse_measurement(text, path);
}

}  // namespace mynah::client::compare
