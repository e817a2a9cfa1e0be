#include "client/command_line.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "client/command_line_values.hpp"
#include "client/compare/command_line.hpp"
#include "client/datagram_probes.hpp"
#include "client/exit_status.hpp"
#include "client/load/command_line.hpp"
#include "client/load/options.hpp"
#include "client/watch/command_line.hpp"
#include "net/address.hpp"

namespace mynah::client {
namespace {

struct Typed {
    std::string address;
    std::string text;
    std::optional<std::string> timeout;
    std::optional<std::string> count;
    std::optional<std::string> interval;
    std::optional<std::string> size;
    std::optional<std::string> datagram_bytes;
    std::optional<std::string> json;
    load::Typed load;
    compare::Typed compare;
    watch::Typed watch;
};

/// One line where a message would not fit into a datagram, or not hold the numbers that it is known by.
std::optional<std::string> size_problem(const net::Address& address, std::uint64_t least, std::uint64_t most,
                                        std::size_t smallest) {
    if (address.transport() != net::Transport::udp || (least >= smallest && most <= kLargestDatagramBytes)) {
        return std::nullopt;
    }
    return fmt::format("--size: over udp:// it is from {} bytes, which number the datagram, to {}", smallest,
                       kLargestDatagramBytes);
}

Parsed<Command> read_ping(const Typed& typed, net::Address address, std::chrono::nanoseconds timeout) {
    PingOptions options{.address = std::move(address), .count = {}, .timeout = timeout};
    const auto interval = read_duration("--interval", typed.interval, options.interval);
    if (!interval) {
        return std::unexpected(interval.error());
    }
    options.interval = *interval;
    if (typed.count) {
        const auto count = read_number("--count", *typed.count, std::numeric_limits<std::uint64_t>::max());
        if (!count) {
            return std::unexpected(count.error());
        }
        options.count = *count;
    }
    if (typed.size) {
        const auto size = read_number("--size", *typed.size, kLargestProbeBytes);
        if (!size) {
            return std::unexpected(size.error());
        }
        options.probe_bytes = *size;
    }
    if (const auto problem =
            size_problem(options.address, options.probe_bytes, options.probe_bytes, kSmallestDatagramProbe)) {
        return std::unexpected(*problem);
    }
    auto json = read_file_name("--json", typed.json);
    if (!json) {
        return std::unexpected(std::move(json.error()));
    }
    options.json_path = *std::move(json);
    return options;
}

Parsed<Command> read_load(const Typed& typed, net::Address address, std::chrono::nanoseconds timeout) {
    auto options = load::read_options(typed.load, std::move(address), timeout);
    if (!options) {
        return std::unexpected(options.error());
    }
    const load::SizeRange& size = options->message_bytes;
    if (const auto problem = size_problem(options->address, size.least, size.most, load::kSmallestDatagram)) {
        return std::unexpected(*problem);
    }
    return *std::move(options);
}

Parsed<Command> read_send(const Typed& typed, net::Address address, std::chrono::nanoseconds timeout) {
    const bool is_udp = address.transport() == net::Transport::udp;
    SendOptions options{.address = std::move(address), .text = {}, .timeout = timeout};
    if (typed.text != "-") {
        options.text = typed.text;
    }
    if (is_udp && options.text && options.text->size() > kLargestDatagramBytes) {
        return std::unexpected(fmt::format("TEXT has {} bytes, and a datagram has room for {}", options.text->size(),
                                           kLargestDatagramBytes));
    }
    if (typed.datagram_bytes) {
        if (!is_udp) {
            return std::unexpected("--datagram-bytes is for udp:// addresses");
        }
        const auto bytes = read_number("--datagram-bytes", *typed.datagram_bytes, kLargestDatagramBytes);
        if (!bytes) {
            return std::unexpected(bytes.error());
        }
        options.datagram_bytes = *bytes;
    }
    return options;
}

Parsed<Command> read_command(std::string_view name, const Typed& typed) {
    if (name == "compare") {
        return compare::read_options(typed.compare);
    }
    auto address = net::Address::parse(typed.address);
    if (!address) {
        return std::unexpected(printable(address.error()));
    }
    const auto timeout = read_duration("--timeout", typed.timeout, kDefaultTimeout);
    if (!timeout) {
        return std::unexpected(timeout.error());
    }
    if (name == "ping") {
        return read_ping(typed, *std::move(address), *timeout);
    }
    if (name == "load") {
        return read_load(typed, *std::move(address), *timeout);
    }
    if (name == "watch") {
        return watch::read_options(typed.watch, *std::move(address), *timeout);
    }
    if (name == "chat") {
        return ChatOptions{.address = *std::move(address), .timeout = *timeout};
    }
    return read_send(typed, *std::move(address), *timeout);
}

Answer usage_error(std::string_view command_name, std::string_view message) {
    const std::string_view gap = command_name.empty() ? "" : " ";
    return {.status = ExitStatus::usage,
            .output = {},
            .error = fmt::format("mynah: {} (mynah{}{} --help tells more)\n", message, gap, command_name)};
}

void add_value(CLI::App& command, const std::string& flags, std::optional<std::string>& value) {
    // As for most programs, the last one counts: scripts add theirs at the end.
    command.add_option(flags, value)->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
}

void declare_load(CLI::App& load, load::Typed& typed) {
    add_value(load, "-c,--connections", typed.connections);
    add_value(load, "-d,--duration", typed.duration);
    add_value(load, "-n,--count", typed.count);
    add_value(load, "-s,--size", typed.size);
    add_value(load, "-p,--depth", typed.depth);
    add_value(load, "-r,--rate", typed.rate);
    add_value(load, "--warm-up", typed.warm_up);
    add_value(load, "--driver", typed.driver);
    add_value(load, "--json", typed.json);
    add_value(load, "--html", typed.html);
}

void declare_compare(CLI::App& app, compare::Typed& typed) {
    CLI::App& compare = *app.add_subcommand("compare");
    compare.allow_extras();
    compare.add_option("BEFORE.json", typed.before)->required();
    compare.add_option("AFTER.json", typed.after)->required();
    add_value(compare, "--threshold", typed.threshold);
    add_value(compare, "--json", typed.json);
}

void declare_watch(CLI::App& watch, watch::Typed& typed) {
    add_value(watch, "-c,--connections", typed.connections);
    add_value(watch, "-r,--rate", typed.rate);
    add_value(watch, "-s,--size", typed.size);
    add_value(watch, "-d,--duration", typed.duration);
    watch.add_option("--fail-on", typed.fail_on)->allow_extra_args(false);
    watch.add_option("--ledger", typed.ledgers)->allow_extra_args(false);
    add_value(watch, "--json", typed.json);
    add_value(watch, "--html", typed.html);
}

/// Declares mynah's grammar to CLI11; what the values mean is for read_command.
void declare(CLI::App& app, bool& version, Typed& typed) {
    app.set_help_flag("-h,--help");
    app.add_flag("--version", version);
    app.require_subcommand(0, 1);
    app.allow_extras();  // unexpected_argument() has better words for them than CLI11's exception
    for (const std::string_view name : {"send", "chat", "ping", "load", "watch"}) {
        CLI::App& command = *app.add_subcommand(std::string(name));
        command.allow_extras();
        command.add_option("ADDRESS", typed.address)->required();
        const bool is_measuring = name == "ping" || name == "load" || name == "watch";
        add_value(command, is_measuring ? "-W,--timeout" : "--timeout", typed.timeout);
    }
    CLI::App& send = *app.get_subcommand("send");
    send.add_option("TEXT", typed.text)->required();
    add_value(send, "--datagram-bytes", typed.datagram_bytes);
    CLI::App& ping = *app.get_subcommand("ping");
    add_value(ping, "-c,--count", typed.count);
    add_value(ping, "-i,--interval", typed.interval);
    add_value(ping, "-s,--size", typed.size);
    add_value(ping, "--json", typed.json);
    declare_load(*app.get_subcommand("load"), typed.load);
    declare_compare(app, typed.compare);
    declare_watch(*app.get_subcommand("watch"), typed.watch);
}

std::string first_command(const CLI::App& app) {
    const auto commands = app.get_subcommands();
    return commands.empty() ? std::string() : commands.front()->get_name();
}

/// One line about an argument that has no place, where there is one.
std::optional<std::string> unexpected_argument(const CLI::App& app) {
    std::vector<std::string> extras = app.remaining(true);
    // CLI11 counts among them the "--" before which flags end.
    if (const auto mark = std::ranges::find(extras, "--"); mark != extras.end()) {
        extras.erase(mark);
    }
    if (extras.empty()) {
        return std::nullopt;
    }
    const auto is_flag = [](const std::string& argument) { return argument.size() > 1 && argument.starts_with("-"); };
    // A flag comes first: what else is left over may be its value.
    const auto flag = std::ranges::find_if(extras, is_flag);
    if (flag != extras.end()) {
        return "unknown flag " + in_quotes(*flag);
    }
    return (first_command(app).empty() ? "unknown command " : "unexpected argument ") + in_quotes(extras.front());
}

/// "--json=", of which CLI11 takes the next argument for the value.
std::optional<std::string> flag_without_value(const std::vector<std::string>& arguments) {
    for (const std::string& argument : arguments) {
        if (argument == "--") {
            break;
        }
        if (argument.size() > 3 && argument.starts_with("--") && argument.find('=') == argument.size() - 1) {
            return printable(argument.substr(0, argument.size() - 1)) + " needs a value";
        }
    }
    return std::nullopt;
}

}  // namespace

std::expected<Command, Answer> parse_command_line(const std::vector<std::string>& arguments) {
    CLI::App app;
    bool version = false;
    Typed typed;
    declare(app, version, typed);
    if (const auto mistake = flag_without_value(arguments)) {
        return std::unexpected(usage_error({}, *mistake));
    }
    try {
        // CLI11 takes its arguments from the back.
        app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
    } catch (const CLI::CallForHelp&) {
        return std::unexpected(Answer{.output = std::string(help_text(first_command(app))), .error = {}});
    } catch (const CLI::ArgumentMismatch& error) {
        const std::string_view what = error.what();  // "--timeout: 1 required TEXT missing"
        return std::unexpected(
            usage_error(first_command(app), printable(what.substr(0, what.find(':'))) + " needs a value"));
    } catch (const CLI::ParseError& error) {
        return std::unexpected(usage_error(first_command(app), printable(error.what())));
    }
    if (const auto unexpected = unexpected_argument(app)) {
        return std::unexpected(usage_error(first_command(app), *unexpected));
    }
    if (version) {
        return std::unexpected(Answer{.output = "mynah " MYNAH_VERSION "\n", .error = {}});
    }
    const std::string name = first_command(app);
    if (name.empty()) {
        return std::unexpected(usage_error(name, "which command? send, chat, ping, load, watch or compare"));
    }
    auto command = read_command(name, typed);
    if (!command) {
        return std::unexpected(usage_error(name, command.error()));
    }
    return *std::move(command);
}

}  // namespace mynah::client
