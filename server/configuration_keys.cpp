#include "server/configuration_keys.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "server/admin_address.hpp"
#include "server/configuration.hpp"
#include "server/configuration_values.hpp"
#include "server/escape.hpp"
#include "server/fault/fault_notation.hpp"
#include "server/fault/fault_rule.hpp"
#include "server/logging_options.hpp"

namespace mynah::server {
namespace {

using std::chrono::milliseconds;
using Applied = std::expected<void, std::string>;
using Values = std::span<const std::string>;

constexpr std::size_t kMostListeners = 64;
constexpr std::size_t kMostAdminHosts = 16;
constexpr std::size_t kMostFaults = 32;
constexpr std::size_t kLongestInstanceBytes = 255;
constexpr DurationRange kUpToADay{.least = milliseconds(0), .most = std::chrono::hours(24)};
constexpr DurationRange kNeverZero{.least = milliseconds(1), .most = std::chrono::hours(24)};
constexpr CountRange kWorkers{.least = 0, .most = 1'024};
constexpr CountRange kConnections{.least = 1, .most = 1'000'000};
constexpr CountRange kPerAddress{.least = 0, .most = 1'000'000};
constexpr CountRange kBacklog{.least = 1, .most = 65'535};
constexpr CountRange kDatagram{.least = 1, .most = 65'535};
constexpr CountRange kRate{.least = 0, .most = 10'000'000};
constexpr CountRange kBurst{.least = 1, .most = 1'000'000};
constexpr CountRange kSources{.least = 1, .most = 16'777'216};
constexpr DurationRange kKeepalive{.least = std::chrono::seconds(4), .most = std::chrono::hours(8)};
constexpr CountRange kReceiveBuffer{.least = 64, .most = 1ULL << 20U};

constexpr std::array<std::string_view, 5> kDrivers{"auto", "select", "poll", "epoll", "io_uring"};
constexpr std::array<std::string_view, 5> kLevels{"debug", "info", "warn", "error", "off"};
constexpr std::array<std::string_view, 2> kFormats{"text", "json"};
constexpr std::array<std::string_view, 2> kTruths{"false", "true"};

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

Applied apply_mode(Configuration& configuration, Values values) {
    constexpr unsigned kMost = 0777;
    const std::string& text = values[0];
    if (text == "umask") {
        configuration.listener.unix_mode.reset();
        return {};
    }
    unsigned mode = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, mode, 8);
    if (error != std::errc() || stop != end || mode > kMost) {
        return std::unexpected(in_quotes(text) + " is no mode; accepted: umask, or permissions in octal, such as 0660");
    }
    configuration.listener.unix_mode = mode;
    return {};
}

std::string show_mode(const Configuration& configuration) {
    if (!configuration.listener.unix_mode) {
        return "umask";
    }
    const unsigned mode = *configuration.listener.unix_mode;
    std::string digits = "0";
    for (const unsigned shift : {6U, 3U, 0U}) {
        digits += static_cast<char>('0' + ((mode >> shift) & 7U));
    }
    return digits;
}

Applied apply_keepalive(Configuration& configuration, Values values) {
    constexpr DurationRange kAny{.least = milliseconds(0), .most = kKeepalive.most};
    const auto parsed = parse_duration(values[0], kAny);
    if (parsed && parsed->count() == 0) {
        configuration.tcp.keepalive = *parsed;
        return {};
    }
    const auto checked = parse_duration(values[0], kKeepalive);
    if (checked && checked->count() % 1'000 != 0) {
        return std::unexpected(in_quotes(values[0]) + " is not a number of whole seconds");
    }
    return store(configuration.tcp.keepalive, checked);
}

template <class Part, bool Part::* kMember, Part Configuration::* kPart>
Applied apply_truth(Configuration& configuration, Values values) {
    return store((configuration.*kPart).*kMember, parse_word(values[0], kTruths));
}

template <class Part, bool Part::* kMember, Part Configuration::* kPart>
std::string show_truth(const Configuration& configuration) {
    return std::string(kTruths[(configuration.*kPart).*kMember ? 1 : 0]);
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

template <std::uint64_t Configuration::Udp::* kMember, const CountRange& kAccepted>
Applied apply_udp(Configuration& configuration, Values values) {
    return store(configuration.udp.*kMember, parse_count(values[0], kAccepted));
}

template <std::uint64_t Configuration::Udp::* kMember>
std::string show_udp(const Configuration& configuration) {
    return std::to_string(configuration.udp.*kMember);
}

Applied apply_admin(Configuration& configuration, Values values) {
    if (values[0] == "off") {
        configuration.admin.listen.reset();
        return {};
    }
    if (!parse_admin_address(values[0])) {
        return std::unexpected(in_quotes(values[0]) +
                               " is not an admin address; accepted: off, or http://HOST:PORT, such as "
                               "\"http://127.0.0.1:7008\"");
    }
    configuration.admin.listen = values[0];
    return {};
}

std::string show_admin(const Configuration& configuration) {
    return configuration.admin.listen ? escape(*configuration.admin.listen) : "off";
}

Applied apply_admin_hosts(Configuration& configuration, Values values) {
    if (values.size() > kMostAdminHosts) {
        return std::unexpected("too many names; accepted: at most " + std::to_string(kMostAdminHosts));
    }
    for (const std::string& name : values) {
        if (!is_host_name(name)) {
            return std::unexpected(in_quotes(name) + " is not a host; accepted: a name or an address, without a port");
        }
    }
    configuration.admin.hosts.assign(values.begin(), values.end());
    return {};
}

std::string show_admin_hosts(const Configuration& configuration) {
    std::string out;
    for (const std::string& name : configuration.admin.hosts) {
        out += (out.empty() ? "" : ",") + name;
    }
    return out;
}

using Admin = Configuration::Admin;
Applied apply_faults(Configuration& configuration, Values values) {
    std::vector<FaultRule> rules;
    if (values.size() > kMostFaults) {
        return std::unexpected("too many faults; accepted: at most " + std::to_string(kMostFaults));
    }
    for (const std::string& value : values) {
        if (value == "off" && values.size() == 1) {
            break;
        }
        auto rule = parse_fault(value);
        if (!rule) {
            return std::unexpected(std::move(rule.error()));
        }
        rules.push_back(*std::move(rule));
    }
    configuration.faults = std::move(rules);
    return {};
}

std::string show_faults(const Configuration& configuration) {
    std::string out;
    for (const FaultRule& rule : configuration.faults) {
        out += (out.empty() ? "" : ";") + show_fault(rule);
    }
    return out.empty() ? "off" : out;
}

using Limits = Configuration::Limits;
using Drain = Configuration::Drain;
using Listener = Configuration::Listener;
using Tcp = Configuration::Tcp;
using Udp = Configuration::Udp;
using enum ValueKind;

constexpr std::array kKeys{
    Key{"listen", "--listen", "ADDRESS", "listen here, tcp, udp or unix; give it again for more", addresses,
        &apply_listen, &show_listen},
    Key{"driver", "--driver", "auto|select|poll|epoll|io_uring",
        "how to wait; auto: select, and the best once that is outgrown", text, &apply_driver,
        [](const Configuration& c) { return std::string(to_string(c.driver)); }},
    Key{"workers", "--workers", "N", "threads that serve; 0: as many as there are cores", count,
        [](Configuration& c, Values v) { return store(c.workers, parse_count(v[0], kWorkers)); },
        [](const Configuration& c) { return std::to_string(c.workers); }},
    Key{"instance", "--instance", "NAME", "this daemon's name in the ledger; empty: HOST-PID", text, &apply_instance,
        [](const Configuration& c) { return escape(c.instance); }},
    Key{"listener.backlog", "--backlog", "N", "connections that may wait to be accepted", count,
        [](Configuration& c, Values v) { return store(c.listener.backlog, parse_count(v[0], kBacklog)); },
        [](const Configuration& c) { return std::to_string(c.listener.backlog); }},
    Key{"listener.dual_stack", "--dual-stack", "true|false", "a listener on [::] takes IPv4 as well", truth,
        &apply_truth<Listener, &Listener::dual_stack, &Configuration::listener>,
        &show_truth<Listener, &Listener::dual_stack, &Configuration::listener>},
    Key{"listener.reuse_port", "--reuse-port", "true|false", "each worker has listening sockets of its own", truth,
        &apply_truth<Listener, &Listener::reuse_port, &Configuration::listener>,
        &show_truth<Listener, &Listener::reuse_port, &Configuration::listener>},
    Key{"listener.unix_mode", "--unix-mode", "MODE", "permissions of unix sockets, such as 0660, or umask", text,
        &apply_mode, &show_mode},
    Key{"tcp.no_delay", "--tcp-no-delay", "true|false", "small writes leave at once (TCP_NODELAY)", truth,
        &apply_truth<Tcp, &Tcp::no_delay, &Configuration::tcp>, &show_truth<Tcp, &Tcp::no_delay, &Configuration::tcp>},
    Key{"tcp.keepalive", "--tcp-keepalive", "DURATION", "ask a peer if it is there after such a silence; 0s: never",
        duration, &apply_keepalive, [](const Configuration& c) { return format_duration(c.tcp.keepalive); }},
    Key{"tcp.user_timeout", "--tcp-user-timeout", "DURATION",
        "end a connection when nothing is acknowledged for so long", duration,
        [](Configuration& c, Values v) { return store(c.tcp.user_timeout, parse_duration(v[0], kUpToADay)); },
        [](const Configuration& c) { return format_duration(c.tcp.user_timeout); }},
    Key{"udp.largest_datagram", "--udp-largest", "SIZE", "longer datagrams are dropped", bytes,
        [](Configuration& c, Values v) {
            return store(c.udp.largest_datagram_bytes, parse_byte_count(v[0], kDatagram));
        },
        [](const Configuration& c) { return format_byte_count(c.udp.largest_datagram_bytes); }},
    Key{"udp.rate", "--udp-rate", "N", "datagrams a second that one source gets back; 0: no limit", count,
        &apply_udp<&Udp::rate, kRate>, &show_udp<&Udp::rate>},
    Key{"udp.burst", "--udp-burst", "N", "datagrams that a source gets back at once, beyond its rate", count,
        &apply_udp<&Udp::burst, kBurst>, &show_udp<&Udp::burst>},
    Key{"udp.sources", "--udp-sources", "N", "sources whose rate is remembered", count,
        &apply_udp<&Udp::sources, kSources>, &show_udp<&Udp::sources>},
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
    Key{"admin.listen", "--admin", "http://HOST:PORT|off", "health, readiness and metrics over HTTP", text,
        &apply_admin, &show_admin},
    Key{"admin.public", "--admin-public", "true|false", "--admin may be an address that others can reach", truth,
        &apply_truth<Admin, &Admin::is_public, &Configuration::admin>,
        &show_truth<Admin, &Admin::is_public, &Configuration::admin>},
    Key{"admin.hosts", "--admin-host", "NAME", "a further name that --admin may be asked by; again for more", names,
        &apply_admin_hosts, &show_admin_hosts},
    Key{"fault", "--fault", "KIND[,KEY=VALUE]...|off", "a fault to commit on purpose; give it again for more", faults,
        &apply_faults, &show_faults},
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
        if (key.kind == ValueKind::faults && setting.values.size() > 1) {
            // Each has a place of its own.
            for (std::size_t i = 0; i < setting.values.size(); ++i) {
                if (const auto parsed = parse_fault(setting.values[i]); !parsed) {
                    return mistake(setting.places[i], parsed.error());
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
    const Configuration::Admin& admin = configuration.admin;
    if (admin.listen && !admin.is_public && !is_loopback(*parse_admin_address(*admin.listen))) {
        return std::unexpected("admin.listen (" + value_and_place(key_named("admin.listen"), configuration, places) +
                               ") is not a loopback address, and whoever reaches it could read what the daemon does; "
                               "set admin.public = true if that is meant");
    }
    for (const FaultRule& rule : configuration.faults) {
        if (const auto checked = check_fault(rule, configuration.listen); !checked) {
            const Key& key = key_named("fault");
            const auto place = places.find(&key);
            return std::unexpected((place == places.end() ? "" : place->second + ": ") + in_quotes(show_fault(rule)) +
                                   ": " + checked.error());
        }
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
