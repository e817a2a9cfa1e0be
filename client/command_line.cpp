#include "client/command_line.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "client/duration.hpp"
#include "client/exit_status.hpp"
#include "client/terminal_escaper.hpp"
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
};

template <class T>
using Parsed = std::expected<T, std::string>;

/// What a user typed, fit for one line on a terminal.
std::string printable(std::string_view text) {
    TerminalEscaper escaper;
    std::string shown = escaper.escape(text);
    shown += escaper.flush();
    for (std::size_t at = 0; (at = shown.find('\n', at)) != std::string::npos;) {
        shown.replace(at, 1, "\\x0a");
    }
    return shown;
}

std::string in_quotes(std::string_view text) {
    return "\"" + printable(text) + "\"";
}

Parsed<std::chrono::nanoseconds> read_duration(std::string_view flag, const std::optional<std::string>& text,
                                               std::chrono::nanoseconds standard) {
    if (!text) {
        return standard;
    }
    const auto duration = parse_duration(*text);
    if (!duration || duration->count() <= 0) {
        return std::unexpected(
            fmt::format("{}: {} is not a duration above zero, such as 250ms or 1.5s", flag, in_quotes(*text)));
    }
    return *duration;
}

Parsed<std::uint64_t> read_number(std::string_view flag, const std::string& text, std::uint64_t most) {
    std::uint64_t number = 0;
    const char* const last = text.data() + text.size();
    const auto [end, error] = std::from_chars(text.data(), last, number);
    if (error != std::errc{} || end != last || number == 0 || number > most) {
        const std::string range =
            most == std::numeric_limits<std::uint64_t>::max() ? "above zero" : fmt::format("from 1 to {}", most);
        return std::unexpected(fmt::format("{}: {} is not a whole number {}", flag, in_quotes(text), range));
    }
    return number;
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
    return options;
}

Parsed<Command> read_command(std::string_view name, const Typed& typed) {
    auto address = net::Address::parse(typed.address);
    if (!address) {
        return std::unexpected(printable(address.error()));
    }
    if (address->transport() == net::Transport::udp) {
        return std::unexpected(fmt::format("udp:// is not supported by {} yet", name));
    }
    const auto timeout = read_duration("--timeout", typed.timeout, kDefaultTimeout);
    if (!timeout) {
        return std::unexpected(timeout.error());
    }
    if (name == "ping") {
        return read_ping(typed, *std::move(address), *timeout);
    }
    if (name == "chat") {
        return ChatOptions{.address = *std::move(address), .timeout = *timeout};
    }
    std::optional<std::string> text;
    if (typed.text != "-") {
        text = typed.text;
    }
    return SendOptions{.address = *std::move(address), .text = std::move(text), .timeout = *timeout};
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

/// Declares mynah's grammar to CLI11; what the values mean is for read_command.
void declare(CLI::App& app, bool& version, Typed& typed) {
    app.set_help_flag("-h,--help");
    app.add_flag("--version", version);
    app.require_subcommand(0, 1);
    app.allow_extras();  // unexpected_argument() has better words for them than CLI11's exception
    for (const char* name : {"send", "chat", "ping"}) {
        CLI::App& command = *app.add_subcommand(name);
        command.allow_extras();
        command.add_option("ADDRESS", typed.address)->required();
        add_value(command, std::string_view(name) == "ping" ? "-W,--timeout" : "--timeout", typed.timeout);
    }
    app.get_subcommand("send")->add_option("TEXT", typed.text)->required();
    CLI::App& ping = *app.get_subcommand("ping");
    add_value(ping, "-c,--count", typed.count);
    add_value(ping, "-i,--interval", typed.interval);
    add_value(ping, "-s,--size", typed.size);
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

}  // namespace

std::expected<Command, Answer> parse_command_line(const std::vector<std::string>& arguments) {
    CLI::App app;
    bool version = false;
    Typed typed;
    declare(app, version, typed);
    try {
        // CLI11 takes its arguments from the back.
        app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
    } catch (const CLI::CallForHelp&) {
        return std::unexpected(Answer{.output = std::string(help_text(first_command(app))), .error = {}});
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
        return std::unexpected(usage_error(name, "which command? send, chat or ping"));
    }
    auto command = read_command(name, typed);
    if (!command) {
        return std::unexpected(usage_error(name, command.error()));
    }
    return *std::move(command);
}

}  // namespace mynah::client
