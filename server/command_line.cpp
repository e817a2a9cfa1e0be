#include "server/command_line.hpp"

#include <cstdlib>
#include <deque>
#include <exception>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "server/configuration.hpp"
#include "server/configuration_file.hpp"
#include "server/configuration_keys.hpp"
#include "server/configuration_values.hpp"
#include "server/escape.hpp"

namespace mynah::server {
namespace {

constexpr const char* kConfigVariable = "MYNAHD_CONFIG";

struct Flags {
    bool help = false;
    bool version = false;
    bool check = false;
    std::optional<std::string> config;
    std::vector<Setting> settings;
};

std::unexpected<Failure> usage(std::string message) {
    return std::unexpected(Failure{.message = std::move(message), .exit_status = kExitUsage});
}

std::string unexpected_argument(const std::string& argument) {
    constexpr std::string_view kSeeHelp = "; mynahd --help lists the flags";
    const std::string name = argument.substr(0, argument.find('='));
    if (!name.starts_with("-")) {
        return "unexpected argument " + in_quotes(argument) + std::string(kSeeHelp);
    }
    std::vector<std::string_view> known{"--config", "--check", "--version", "--help"};
    for (const Key& key : configuration_keys()) {
        known.push_back(key.flag);
    }
    const std::string_view best = nearest(name, known);
    return "unknown flag " + in_quotes(name) +
           (best.empty() ? std::string(kSeeHelp) : "; did you mean " + std::string(best) + "?");
}

/// CLI11 finds the flags and their values; what the values mean is for Key::apply, as in every layer.
std::expected<Flags, Failure> parse_flags(const std::vector<std::string>& arguments) {
    Flags flags;
    CLI::App app;
    app.set_help_flag();
    app.allow_extras();
    app.add_flag("-h,--help", flags.help);
    app.add_flag("--version", flags.version);
    app.add_flag("--check", flags.check);
    std::vector<std::string> config;
    app.add_option("--config", config)->allow_extra_args(false)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    std::deque<std::vector<std::string>> values;  // a deque, as CLI11 keeps references to its elements
    for (const Key& key : configuration_keys()) {
        app.add_option(std::string(key.flag), values.emplace_back())
            ->allow_extra_args(false)
            ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    }
    try {
        // CLI11 takes its arguments from the back.
        app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
    } catch (const CLI::ArgumentMismatch& error) {
        // No flag takes more than one value, so there is only this: "--workers: 1 required TEXT missing".
        const std::string_view text = error.what();
        return usage(escape(text.substr(0, text.find(':'))) + " needs a value; mynahd --help lists the flags");
    } catch (const CLI::ParseError& error) {
        return usage(escape(error.what()) + "; mynahd --help lists the flags");
    }
    if (flags.help || flags.version) {
        return flags;
    }
    if (const auto extras = app.remaining(); !extras.empty()) {
        return usage(unexpected_argument(extras.front()));
    }
    if (!config.empty()) {
        flags.config = config.back();
    }
    for (const Key& key : configuration_keys()) {
        std::vector<std::string> given = std::move(values.front());
        values.pop_front();
        if (given.empty()) {
            continue;
        }
        if (!is_list(key.kind)) {
            // As for most programs, the last one counts: scripts add theirs at the end.
            given.erase(given.begin(), given.end() - 1);
        }
        const std::vector<std::string> places(given.size(), std::string(key.flag));
        flags.settings.push_back({.key = &key, .values = std::move(given), .places = places});
    }
    return flags;
}

std::vector<std::string> split_at(char separator, std::string_view text) {
    std::vector<std::string> parts;
    while (true) {
        const auto end = text.find(separator);
        parts.emplace_back(text.substr(0, end));
        if (end == std::string_view::npos) {
            return parts;
        }
        text.remove_prefix(end + 1);
    }
}

std::optional<std::string> variable(const Environment& environment, const std::string& name) {
    const char* value = environment ? environment(name.c_str()) : std::getenv(name.c_str());
    return value == nullptr || *value == '\0' ? std::nullopt : std::optional<std::string>(value);
}

/// Variables that begin with MYNAHD_ but are no key's are none of our business: Kubernetes sets MYNAHD_PORT and others
/// for a service that is called mynahd.
std::vector<Setting> read_environment(const Environment& environment) {
    std::vector<Setting> settings;
    for (const Key& key : configuration_keys()) {
        const std::string name = variable_of(key);
        if (auto value = variable(environment, name)) {
            // A fault's keys are separated by commas already.
            std::vector<std::string> values = is_list(key.kind)
                                                  ? split_at(key.kind == ValueKind::faults ? ';' : ',', *value)
                                                  : std::vector{std::move(*value)};
            const std::vector<std::string> places(values.size(), name);
            settings.push_back({.key = &key, .values = std::move(values), .places = places});
        }
    }
    return settings;
}

std::expected<Configuration, std::string> apply_layers(const Flags& flags, const Surroundings& surroundings) {
    Configuration configuration;
    Places places;
    const auto path = flags.config ? flags.config : variable(surroundings.environment, kConfigVariable);
    std::vector<Setting> file;
    if (path) {
        auto settings = read_configuration_file(*path);
        if (!settings) {
            return std::unexpected(std::move(settings.error()));
        }
        file = std::move(*settings);
    }
    const std::vector<Setting> environment = read_environment(surroundings.environment);
    for (const std::span<const Setting> layer :
         {std::span<const Setting>(file), std::span(environment), std::span<const Setting>(flags.settings)}) {
        // A layer's mistakes count even where a stronger layer covers them: they would surface on another day.
        if (auto applied = apply_layer(configuration, places, layer, surroundings.check_address); !applied) {
            return std::unexpected(std::move(applied.error()));
        }
    }
    if (auto consistent = check_consistency(configuration, places); !consistent) {
        return std::unexpected(std::move(consistent.error()));
    }
    return configuration;
}

std::expected<Outcome, Failure> parse(const std::vector<std::string>& arguments, const Surroundings& surroundings) {
    const auto flags = parse_flags(arguments);
    if (!flags) {
        return std::unexpected(flags.error());
    }
    if (flags->help) {
        return Outcome{.configuration = {}, .output = help_text()};
    }
    if (flags->version) {
        return Outcome{.configuration = {}, .output = version_text()};
    }
    auto configuration = apply_layers(*flags, surroundings);
    if (!configuration) {
        return usage(std::move(configuration.error()));
    }
    std::optional<std::string> output;
    if (flags->check) {
        output = "configuration ok: " + describe(*configuration) + "\n";
    }
    return Outcome{.configuration = std::move(*configuration), .output = std::move(output)};
}

}  // namespace

std::expected<Outcome, Failure> parse_command_line(const std::vector<std::string>& arguments,
                                                   const Surroundings& surroundings) {
    try {
        return parse(arguments, surroundings);
    } catch (const std::exception& error) {
        return std::unexpected(
            Failure{.message = "cannot read the configuration: " + escape(error.what()), .exit_status = kExitFailure});
    }
}

}  // namespace mynah::server
