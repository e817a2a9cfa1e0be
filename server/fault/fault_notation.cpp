#include "server/fault/fault_notation.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "server/configuration_values.hpp"
#include "server/escape.hpp"
#include "server/fault/fault_rule.hpp"

namespace mynah::server {
namespace {

constexpr CountRange kDistance{.least = 1, .most = 1ULL << 40U};
constexpr CountRange kOffset{.least = 0, .most = 1ULL << 40U};
constexpr CountRange kSpanBytes{.least = 1, .most = 1ULL << 20U};
constexpr CountRange kHeldBytes{.least = 1, .most = 64ULL << 10U};
constexpr CountRange kOvertaking{.least = 1, .most = 64};
constexpr CountRange kSeed{.least = 0, .most = std::numeric_limits<std::uint64_t>::max()};
constexpr DurationRange kDelay{.least = std::chrono::milliseconds(1), .most = std::chrono::hours(24)};
constexpr DurationRange kStall{.least = std::chrono::milliseconds(0), .most = std::chrono::hours(24)};
constexpr std::array<std::string_view, 2> kRefusals{"reset", "fin"};

bool has_length(FaultKind kind) {
    switch (kind) {
        case FaultKind::short_write:
        case FaultKind::corrupt:
        case FaultKind::drop:
        case FaultKind::duplicate:
        case FaultKind::reorder:
            return true;
        default:
            return false;
    }
}

bool has_duration(FaultKind kind) {
    return kind == FaultKind::delay || kind == FaultKind::stall;
}

/// A stream's span that is repeated is held in memory meanwhile, and datagrams that are overtaken are.
CountRange lengths_of(FaultKind kind) {
    switch (kind) {
        case FaultKind::duplicate:
            return kHeldBytes;
        case FaultKind::reorder:
            return kOvertaking;
        default:
            return kSpanBytes;
    }
}

/// Stores what was parsed, or passes the reason on with the key before it.
template <class Member, class T>
std::optional<std::string> store(Member& member, std::string_view key, const Parsed<T>& parsed) {
    if (!parsed) {
        return std::string(key) + ": " + parsed.error();
    }
    member = static_cast<Member>(*parsed);
    return std::nullopt;
}

std::string no_meaning(std::string_view key, FaultKind kind) {
    return std::string(key) + " has no meaning for " + std::string(to_string(kind));
}

/// Reads the keys of one rule, each once.
class RuleReader {
  public:
    explicit RuleReader(FaultKind kind) { rule_.kind = kind; }

    /// What is wrong with it, if anything is.
    std::optional<std::string> read(std::string_view part) {
        const std::size_t equals = part.find('=');
        const std::string_view key = part.substr(0, equals);
        const auto known = std::ranges::find(kFaultKeys, key);
        if (known == kFaultKeys.end()) {
            const std::string_view best = nearest(key, kFaultKeys);
            return in_quotes(key) + " is no key of a fault; " +
                   (best.empty() ? "choose " + alternatives(kFaultKeys) : "did you mean " + std::string(best) + "?");
        }
        if (equals == std::string_view::npos) {
            return std::string(key) + " needs a value: " + std::string(key) + "=VALUE";
        }
        bool& given = given_[static_cast<std::size_t>(known - kFaultKeys.begin())];
        if (std::exchange(given, true)) {
            return std::string(key) + " is given twice";
        }
        return read_value(key, part.substr(equals + 1));
    }

    Parsed<FaultRule> finish() {
        if (!spaced_) {
            return std::unexpected(std::string(to_string(rule_.kind)) + ": where? give one of mean=N, every=N or at=N");
        }
        if (rule_.kind == FaultKind::delay && rule_.duration.count() == 0) {
            return std::unexpected("delay: for how long? give duration=DURATION, such as duration=250ms");
        }
        return std::move(rule_);
    }

  private:
    std::optional<std::string> read_value(std::string_view key, std::string_view value) {
        const auto spacing = std::ranges::find(kFaultSpacingNames, key);
        if (spacing != kFaultSpacingNames.end()) {
            return read_spacing(static_cast<FaultSpacing>(spacing - kFaultSpacingNames.begin()), key, value);
        }
        if (key == "listener") {
            rule_.listener = value;
            return value.empty() ? std::optional("listener is empty; leave it out for all of them") : std::nullopt;
        }
        if (key == "length") {
            return has_length(rule_.kind) ? store(rule_.length, key, parse_byte_count(value, lengths_of(rule_.kind)))
                                          : no_meaning(key, rule_.kind);
        }
        if (key == "duration") {
            const DurationRange accepted = rule_.kind == FaultKind::delay ? kDelay : kStall;
            return has_duration(rule_.kind) ? store(rule_.duration, key, parse_duration(value, accepted))
                                            : no_meaning(key, rule_.kind);
        }
        if (key == "by") {
            bool with_fin = false;
            const auto mistake = rule_.kind == FaultKind::refuse ? store(with_fin, key, parse_word(value, kRefusals))
                                                                 : no_meaning(key, rule_.kind);
            rule_.with_reset = !with_fin;
            return mistake;
        }
        return store(rule_.seed, key, parse_count(value, kSeed));
    }

    std::optional<std::string> read_spacing(FaultSpacing spacing, std::string_view key, std::string_view value) {
        if (spaced_) {
            return "mean, every and at exclude each other; give one of them";
        }
        spaced_ = true;
        rule_.spacing = spacing;
        return store(rule_.distance, key, parse_byte_count(value, spacing == FaultSpacing::at ? kOffset : kDistance));
    }

    FaultRule rule_;
    std::array<bool, kFaultKeys.size()> given_{};
    bool spaced_ = false;
};

/// Why the kind makes no sense over the listener's transport; empty where it does.
std::string_view objection(const FaultRule& rule, std::string_view listener) {
    const bool is_udp = listener.starts_with("udp:");
    const bool is_unix = listener.starts_with("unix:");
    switch (rule.kind) {
        case FaultKind::delay:
        case FaultKind::corrupt:
        case FaultKind::drop:
        case FaultKind::duplicate:
            return {};
        case FaultKind::stall:
        case FaultKind::fin:
        case FaultKind::short_write:
            return is_udp ? "datagrams are no stream" : std::string_view();
        case FaultKind::reset:
            return is_udp ? "datagrams are no stream" : is_unix ? "a unix socket has no RST" : std::string_view();
        case FaultKind::reorder:
            return is_udp ? std::string_view() : "a stream keeps its order";
        case FaultKind::refuse:
            return is_udp                       ? "datagrams have no connection"
                   : is_unix && rule.with_reset ? "a unix socket has no RST; by=fin is possible"
                                                : std::string_view();
    }
    return {};
}

}  // namespace

Parsed<FaultRule> parse_fault(std::string_view text) {
    const std::size_t comma = text.find(',');
    const auto kind = parse_word(text.substr(0, comma), kFaultKindNames);
    if (!kind) {
        return std::unexpected(kind.error());
    }
    RuleReader reader(static_cast<FaultKind>(*kind));
    std::string_view rest = comma == std::string_view::npos ? std::string_view() : text.substr(comma);
    while (!rest.empty()) {
        rest.remove_prefix(1);
        const std::size_t end = std::min(rest.find(','), rest.size());
        if (auto mistake = reader.read(rest.substr(0, end))) {
            return std::unexpected(*std::move(mistake));
        }
        rest.remove_prefix(end);
    }
    return reader.finish();
}

std::string show_fault(const FaultRule& rule) {
    std::string out(to_string(rule.kind));
    if (!rule.listener.empty()) {
        out += ",listener=" + escape(rule.listener);
    }
    out += "," + std::string(kFaultSpacingNames[static_cast<std::size_t>(rule.spacing)]) + "=" +
           std::to_string(rule.distance);
    if (has_length(rule.kind)) {
        out += ",length=" + std::to_string(rule.length);
    }
    if (has_duration(rule.kind)) {
        out += ",duration=" + format_duration(rule.duration);
    }
    if (rule.kind == FaultKind::refuse) {
        out += ",by=" + std::string(kRefusals[rule.with_reset ? 0 : 1]);
    }
    return out + ",seed=" + std::to_string(rule.seed);
}

std::expected<void, std::string> check_fault(const FaultRule& rule, std::span<const std::string> listen) {
    if (!rule.listener.empty() && std::ranges::find(listen, rule.listener) == listen.end()) {
        return std::unexpected("listener=" + escape(rule.listener) + " is none of the addresses to listen on");
    }
    for (const std::string& listener : listen) {
        if (!rule.listener.empty() && rule.listener != listener) {
            continue;
        }
        if (rule.distance == 0 && (rule.kind == FaultKind::refuse || listener.starts_with("udp:"))) {
            return std::unexpected("at=0 is no place over " + escape(listener) + ": " +
                                   (rule.kind == FaultKind::refuse ? "connections" : "datagrams") +
                                   " are counted from 1");
        }
        if (const std::string_view why = objection(rule, listener); !why.empty()) {
            return std::unexpected(
                std::string(to_string(rule.kind)) + " makes no sense over " + escape(listener) + ": " +
                std::string(why) +
                (rule.listener.empty() && listen.size() > 1 ? "; name another with listener=ADDRESS" : ""));
        }
    }
    return {};
}

}  // namespace mynah::server
