#include "server/configuration_keys.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>

#include "server/configuration.hpp"
#include "server/configuration_values.hpp"
#include "server/escape.hpp"
#include "server/logging_options.hpp"

namespace mynah::server {
namespace {

using std::chrono::milliseconds;
using Applied = std::expected<void, std::string>;
using Values = std::span<const std::string>;

constexpr std::size_t kMostListeners = 64;
constexpr std::size_t kLongestInstanceBytes = 255;
constexpr DurationRange kUpToADay{.least = milliseconds(0), .most = std::chrono::hours(24)};
constexpr DurationRange kNeverZero{.least = milliseconds(1), .most = std::chrono::hours(24)};
constexpr CountRange kWorkers{.least = 0, .most = 1'024};
constexpr CountRange kConnections{.least = 1, .most = 1'000'000};
constexpr CountRange kPerAddress{.least = 0, .most = 1'000'000};
constexpr CountRange kReceiveBuffer{.least = 64, .most = 1ULL << 20U};

constexpr std::array<std::string_view, 5> kDrivers{"auto", "select", "poll", "epoll", "io_uring"};
constexpr std::array<std::string_view, 5> kLevels{"debug", "info", "warn", "error", "off"};
constexpr std::array<std::string_view, 2> kFormats{"text", "json"};

/// Stores what was parsed, through whatever conversion the member needs, or passes the reason on.
template <class Member, class T>
Applied store(Member& member, const Parsed<T>& parsed) {
    if (!parsed) {
        return std::unexpected(parsed.error());
    }
    member = static_cast<Member>(*parsed);
    return {};
}

Applied apply_listen(Configuration& configuration, Values values) {
    if (values.empty()) {
        return std::unexpected("no address given; accepted: at least one, such as \"tcp://127.0.0.1:7007\"");
    }
    if (values.size() > kMostListeners) {
        return std::unexpected("too many addresses; accepted: at most " + std::to_string(kMostListeners));
    }
    configuration.listen.assign(values.begin(), values.end());
    return {};
}

std::string show_listen(const Configuration& configuration) {
    std::string out;
    for (const std::string& address : configuration.listen) {
        out += (out.empty() ? "" : ",") + escape(address);
    }
    return out;
}

Applied apply_driver(Configuration& configuration, Values values) {
    // DriverChoice, LogLevel and LogFormat list their values in the order of their words here.
    return store(configuration.driver, parse_word(values[0], kDrivers));
}

Applied apply_instance(Configuration& configuration, Values values) {
    if (values[0].size() > kLongestInstanceBytes) {
        return std::unexpected(in_quotes(values[0]) + " is too long; accepted: at most " +
                               std::to_string(kLongestInstanceBytes) + " bytes");
    }
    configuration.instance = values[0];
    return {};
}

Applied apply_ledger(Configuration& configuration, Values values) {
    constexpr std::string_view kScheme = "sqlite:";
    const std::string& text = values[0];
    if (text == "off") {
        configuration.ledger.sqlite_path.reset();
        return {};
    }
    if (!text.starts_with(kScheme) || text.size() == kScheme.size() || text.contains('\0')) {
        return std::unexpected(in_quotes(text) + " is not a ledger; accepted: off, or sqlite:PATH");
    }
    configuration.ledger.sqlite_path = text.substr(kScheme.size());
    return {};
}

std::string show_ledger(const Configuration& configuration) {
    const auto& path = configuration.ledger.sqlite_path;
    return path ? "sqlite:" + escape(*path) : "off";
}

template <milliseconds Configuration::Limits::* kMember, const DurationRange& kAccepted>
Applied apply_limit(Configuration& configuration, Values values) {
    return store(configuration.limits.*kMember, parse_duration(values[0], kAccepted));
}

template <std::uint64_t Configuration::Limits::* kMember, const CountRange& kAccepted>
Applied apply_limit(Configuration& configuration, Values values) {
    return store(configuration.limits.*kMember, parse_count(values[0], kAccepted));
}

template <milliseconds Configuration::Limits::* kMember>
std::string show_limit(const Configuration& configuration) {
    return format_duration(configuration.limits.*kMember);
}

template <std::uint64_t Configuration::Limits::* kMember>
std::string show_limit(const Configuration& configuration) {
    return std::to_string(configuration.limits.*kMember);
}

template <milliseconds Configuration::Drain::* kMember>
Applied apply_drain(Configuration& configuration, Values values) {
    return store(configuration.drain.*kMember, parse_duration(values[0], kUpToADay));
}

template <milliseconds Configuration::Drain::* kMember>
std::string show_drain(const Configuration& configuration) {
    return format_duration(configuration.drain.*kMember);
}

using Limits = Configuration::Limits;
using Drain = Configuration::Drain;
using enum ValueKind;

constexpr std::array kKeys{
    Key{"listen", "--listen", "ADDRESS", "accept connections here; give it again for more", addresses, &apply_listen,
        &show_listen},
    Key{"driver", "--driver", "auto|select|poll|epoll|io_uring",
        "how to wait; auto: select, and the best once that is outgrown", text, &apply_driver,
        [](const Configuration& c) { return std::string(to_string(c.driver)); }},
    Key{"workers", "--workers", "N", "threads that serve; 0: as many as there are cores", count,
        [](Configuration& c, Values v) { return store(c.workers, parse_count(v[0], kWorkers)); },
        [](const Configuration& c) { return std::to_string(c.workers); }},
    Key{"instance", "--instance", "NAME", "this daemon's name in the ledger; empty: HOST-PID", text, &apply_instance,
        [](const Configuration& c) { return escape(c.instance); }},
    Key{"limits.connections", "--max-connections", "N", "connections at once; more are refused", count,
        &apply_limit<&Limits::connections, kConnections>, &show_limit<&Limits::connections>},
    Key{"limits.per_address", "--max-per-address", "N", "connections at once from one address; 0: no limit", count,
        &apply_limit<&Limits::per_address, kPerAddress>, &show_limit<&Limits::per_address>},
    Key{"limits.idle_timeout", "--idle-timeout", "DURATION",
        "close a connection that sends nothing for so long; 0s: never", duration,
        &apply_limit<&Limits::idle_timeout, kUpToADay>, &show_limit<&Limits::idle_timeout>},
    Key{"limits.write_timeout", "--write-timeout", "DURATION", "close a connection that reads nothing for so long",
        duration, &apply_limit<&Limits::write_timeout, kNeverZero>, &show_limit<&Limits::write_timeout>},
    Key{"limits.receive_buffer", "--receive-buffer", "SIZE", "most bytes read, and echoed, at a time", bytes,
        [](Configuration& c, Values v) {
            return store(c.limits.receive_buffer_bytes, parse_byte_count(v[0], kReceiveBuffer));
        },
        [](const Configuration& c) { return format_byte_count(c.limits.receive_buffer_bytes); }},
    Key{"drain.grace", "--drain-grace", "DURATION", "go on accepting for so long after the signal", duration,
        &apply_drain<&Drain::grace>, &show_drain<&Drain::grace>},
    Key{"drain.spread", "--drain-spread", "DURATION", "spread the closing of connections over so long", duration,
        &apply_drain<&Drain::spread>, &show_drain<&Drain::spread>},
    Key{"drain.linger", "--drain-linger", "DURATION", "wait so long for a peer to close after our FIN", duration,
        &apply_drain<&Drain::linger>, &show_drain<&Drain::linger>},
    Key{"drain.timeout", "--drain-timeout", "DURATION", "cut who is left so long after the grace", duration,
        &apply_drain<&Drain::timeout>, &show_drain<&Drain::timeout>},
    Key{"ledger.url", "--ledger", "sqlite:PATH|off", "write a row for each ended session", text, &apply_ledger,
        &show_ledger},
    Key{"log.level", "--log-level", "LEVEL", "debug, info, warn, error or off", text,
        [](Configuration& c, Values v) { return store(c.log.level, parse_word(v[0], kLevels)); },
        [](const Configuration& c) { return std::string(to_string(c.log.level)); }},
    Key{"log.format", "--log-format", "text|json", "one line, or one JSON object, an event", text,
        [](Configuration& c, Values v) { return store(c.log.format, parse_word(v[0], kFormats)); },
        [](const Configuration& c) { return std::string(to_string(c.log.format)); }},
};

const Key& key_named(std::string_view name) {
    return *std::ranges::find(kKeys, name, &Key::name);
}

/// "60s, from mynahd.toml:3:1", or "60s, the default".
std::string value_and_place(const Key& key, const Configuration& configuration, const Places& places) {
    const auto place = places.find(&key);
    return key.show(configuration) + (place == places.end() ? ", the default" : ", from " + place->second);
}

}  // namespace

std::span<const Key> configuration_keys() {
    return kKeys;
}

std::string variable_of(const Key& key) {
    std::string name = "MYNAHD_";
    for (const char letter : key.flag.substr(2)) {
        name += letter == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
    }
    return name;
}

std::expected<void, std::string> apply_layer(Configuration& configuration, Places& places,
                                             std::span<const Setting> settings, const AddressCheck& check_address) {
    for (const Setting& setting : settings) {
        const Key& key = *setting.key;
        const auto mistake = [&key](const std::string& place, const std::string& reason) {
            // A flag is its key's name on the command line, and a variable in the environment: saying both only tires.
            const bool in_file = place != key.flag && place != variable_of(key);
            return std::unexpected(place + ": " + (in_file ? std::string(key.name) + ": " : "") + reason);
        };
        if (key.kind == ValueKind::addresses && check_address) {
            for (std::size_t i = 0; i < setting.values.size(); ++i) {
                if (const auto checked = check_address(setting.values[i]); !checked) {
                    return mistake(setting.places[i], checked.error());
                }
            }
        }
        if (const auto applied = key.apply(configuration, setting.values); !applied) {
            return mistake(setting.places.front(), applied.error());
        }
        places.insert_or_assign(&key, setting.places.front());
    }
    return {};
}

std::expected<void, std::string> check_consistency(const Configuration& configuration, const Places& places) {
    if (configuration.drain.spread > configuration.drain.timeout) {
        return std::unexpected("drain.spread (" + value_and_place(key_named("drain.spread"), configuration, places) +
                               ") is longer than drain.timeout (" +
                               value_and_place(key_named("drain.timeout"), configuration, places) +
                               "): connections would be cut before their turn to be closed");
    }
    return {};
}

std::string describe(const Configuration& configuration) {
    std::string out;
    for (const Key& key : kKeys) {
        out += (out.empty() ? "" : " ") + std::string(key.name) + "=" + key.show(configuration);
    }
    return out;
}

}  // namespace mynah::server
