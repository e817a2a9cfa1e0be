#include "server/configuration_file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <toml++/toml.h>

#include "server/configuration_keys.hpp"
#include "server/configuration_values.hpp"
#include "server/escape.hpp"
#include "server/fault/fault_notation.hpp"
#include "server/fault/fault_rule.hpp"

namespace mynah::server {
namespace {

/// A setting or a mistake with its position, so that both can be put in the order of the file: toml++ sorts by name.
template <class T>
struct Placed {
    toml::source_position position;
    T item;
};

std::string place_text(const std::string& path, const toml::source_position& position) {
    return path + ":" + std::to_string(position.line) + ":" + std::to_string(position.column);
}

std::string_view type_name(const toml::node& node) {
    switch (node.type()) {
        case toml::node_type::table:
            return "a table";
        case toml::node_type::array:
            return "an array";
        case toml::node_type::string:
            return "a string";
        case toml::node_type::integer:
            return "an integer";
        case toml::node_type::floating_point:
            return "a floating-point number";
        case toml::node_type::boolean:
            return "a boolean";
        default:
            return "a date or time";
    }
}

std::string_view accepted_type(ValueKind kind) {
    switch (kind) {
        case ValueKind::addresses:
        case ValueKind::names:
            return "a string or an array of strings";
        case ValueKind::text:
            return "a string";
        case ValueKind::count:
            return "an integer";
        case ValueKind::duration:
            return "a string such as \"250ms\", \"60s\", \"2m\" or \"1h\"";
        case ValueKind::bytes:
            return "an integer, or a string such as \"64KiB\"";
        case ValueKind::truth:
            return "true or false";
        case ValueKind::faults:
            return "\"off\", or tables, each written [[fault]]";
    }
    return "another";
}

std::string_view last_part(std::string_view name) {
    const auto dot = name.rfind('.');
    return dot == std::string_view::npos ? name : name.substr(dot + 1);
}

bool is_table_name(std::string_view name) {
    return std::ranges::any_of(configuration_keys(), [name](const Key& key) {
        return key.name.size() > name.size() && key.name.starts_with(name) && key.name[name.size()] == '.';
    });
}

/// "; did you mean limits.idle_timeout?", or else what there is in the table that ends in `prefix`.
std::string suggestion(std::string_view name, std::string_view prefix) {
    std::vector<std::string_view> whole;
    std::vector<std::string_view> parts;
    std::vector<std::string_view> here;
    for (const Key& key : configuration_keys()) {
        const auto dot = key.name.find('.');
        whole.push_back(key.name);
        parts.push_back(last_part(key.name));
        if (dot != std::string_view::npos) {
            whole.push_back(key.name.substr(0, dot));
        }
        if (key.name.starts_with(prefix)) {
            const std::string_view rest = key.name.substr(prefix.size());
            const std::string_view first = rest.substr(0, rest.find('.'));
            if (here.empty() || here.back() != first) {
                here.push_back(first);
            }
        }
    }
    std::string_view best = nearest(name, whole);
    if (const std::string_view part = nearest(last_part(name), parts); best.empty() && !part.empty()) {
        // The right name in the wrong table, or in none.
        best = std::ranges::find(configuration_keys(), part, [](const Key& key) { return last_part(key.name); })->name;
    }
    return best.empty() ? "; accepted here: " + alternatives(here) : "; did you mean " + std::string(best) + "?";
}

class Reader {
  public:
    explicit Reader(const std::string& path) : path_(path) {}

    void read(const toml::table& table, const std::string& prefix) {
        for (const auto& [name, node] : table) {
            const std::string full = prefix + std::string(name.str());
            const auto key = std::ranges::find(configuration_keys(), std::string_view(full), &Key::name);
            if (key != configuration_keys().end()) {
                read_value(*key, node);
            } else if (!is_table_name(full)) {
                add_mistake(name.source().begin, escape(full) + ": unknown key" + suggestion(full, prefix));
            } else if (const toml::table* inner = node.as_table()) {
                read(*inner, full + ".");
            } else {
                add_mistake(node.source().begin, full + ": wrong type: found " + std::string(type_name(node)) +
                                                     "; accepted: a table, written [" + full + "]");
            }
        }
    }

    std::expected<std::vector<Setting>, std::string> finish() {
        if (!mistakes_.empty()) {
            const auto& first = *std::ranges::min_element(mistakes_, {}, position_of<std::string>);
            return std::unexpected(place_text(path_, first.position) + ": " + first.item);
        }
        std::ranges::sort(settings_, {}, position_of<Setting>);
        std::vector<Setting> settings;
        settings.reserve(settings_.size());
        for (auto& placed : settings_) {
            settings.push_back(std::move(placed.item));
        }
        return settings;
    }

  private:
    template <class T>
    static std::pair<toml::source_index, toml::source_index> position_of(const Placed<T>& placed) {
        return {placed.position.line, placed.position.column};
    }

    void read_value(const Key& key, const toml::node& node) {
        Setting setting{.key = &key, .values = {}, .places = {}};
        if (const toml::array* array = node.as_array(); array != nullptr && is_list(key.kind)) {
            for (const toml::node& element : *array) {
                if (!(key.kind == ValueKind::faults ? add_fault(setting, element) : add_scalar(setting, element))) {
                    return;
                }
            }
            if (array->empty()) {
                setting.places.push_back(place_text(path_, node.source().begin));
            }
        } else if (!add_scalar(setting, node)) {
            return;
        }
        settings_.push_back({.position = node.source().begin, .item = std::move(setting)});
    }

    /// Adds the node's value as the text that Key::apply reads, or a mistake.
    bool add_scalar(Setting& setting, const toml::node& node) {
        const ValueKind kind = setting.key->kind;
        std::optional<std::string> value;
        if (const auto* truth = node.as_boolean(); truth != nullptr && kind == ValueKind::truth) {
            value = truth->get() ? "true" : "false";
        }
        if (const auto* text = node.as_string();
            text != nullptr && kind != ValueKind::count && kind != ValueKind::truth) {
            value = text->get();
        }
        if (const auto* number = node.as_integer();
            number != nullptr && (kind == ValueKind::count || kind == ValueKind::bytes)) {
            value = std::to_string(number->get());
        }
        if (!value) {
            add_mistake(node.source().begin, std::string(setting.key->name) + ": wrong type: found " +
                                                 std::string(type_name(node)) +
                                                 "; accepted: " + std::string(accepted_type(kind)));
            return false;
        }
        setting.values.push_back(std::move(*value));
        setting.places.push_back(place_text(path_, node.source().begin));
        return true;
    }

    /// Adds a [[fault]] table's rule in the notation of the flag, or a mistake.
    bool add_fault(Setting& setting, const toml::node& node) {
        const toml::table* const table = node.as_table();
        if (table == nullptr) {
            add_mistake(node.source().begin, "fault: wrong type: found " + std::string(type_name(node)) +
                                                 "; accepted: " + std::string(accepted_type(ValueKind::faults)));
            return false;
        }
        const auto kind = (*table)["kind"].value<std::string>();
        if (!kind || kind->contains(',')) {
            const toml::node* const given = table->get("kind");
            add_mistake(given == nullptr ? node.source().begin : given->source().begin,
                        std::string("fault.kind: ") + (given == nullptr ? "missing" : "no kind of fault") +
                            "; choose " + alternatives(kFaultKindNames));
            return false;
        }
        std::string rule = *kind;
        for (const auto& [name, value] : *table) {
            if (name.str() == "kind") {
                continue;
            }
            if (std::ranges::find(kFaultKeys, name.str()) == kFaultKeys.end()) {
                add_mistake(name.source().begin,
                            "fault." + escape(name.str()) + ": unknown key; choose " + alternatives(kFaultKeys));
                return false;
            }
            const auto text = text_of(value);
            if (!text || text->contains(',')) {
                add_mistake(value.source().begin,
                            "fault." + escape(name.str()) + ": accepted: a string without a comma, or an integer");
                return false;
            }
            rule += "," + std::string(name.str()) + "=" + *text;
        }
        setting.values.push_back(std::move(rule));
        setting.places.push_back(place_text(path_, node.source().begin));
        return true;
    }

    static std::optional<std::string> text_of(const toml::node& node) {
        if (const auto* number = node.as_integer(); number != nullptr) {
            return std::to_string(number->get());
        }
        return node.value<std::string>();
    }

    void add_mistake(toml::source_position position, std::string text) {
        mistakes_.push_back({.position = position, .item = std::move(text)});
    }

    const std::string path_;
    std::vector<Placed<Setting>> settings_;
    std::vector<Placed<std::string>> mistakes_;
};

/// toml++ has escaped most of what it quotes; escaping that again would only double its backslashes.
std::string one_line(std::string_view description) {
    const bool printable = std::ranges::all_of(description, [](char c) { return c >= ' ' && c <= '~'; });
    return printable ? std::string(description.substr(0, kEscapeLimitCharacters)) : escape(description);
}

struct CloseFile {
    void operator()(std::FILE* file) const { (void)std::fclose(file); }
};

}  // namespace

std::expected<std::vector<Setting>, std::string> read_configuration_file(const std::string& path) {
    const std::string shown = path.empty() ? "\"\"" : escape(path);
    const auto failed = [&shown](int error) {
        return std::unexpected(shown + ": cannot read the configuration: " + std::generic_category().message(error));
    };
    const std::unique_ptr<std::FILE, CloseFile> file(std::fopen(path.c_str(), "re"));
    if (!file) {
        return failed(errno);
    }
    // One byte more than is allowed tells "full" from "too long" without trusting what stat says of a pipe.
    std::string text(kMostFileBytes + 1, '\0');
    text.resize(std::fread(text.data(), 1, text.size(), file.get()));
    if (std::ferror(file.get()) != 0) {
        return failed(errno);
    }
    if (text.size() > kMostFileBytes) {
        return std::unexpected(shown + ": too long for a configuration; accepted: at most " +
                               format_byte_count(kMostFileBytes));
    }
    return parse_configuration(text, shown);
}

std::expected<std::vector<Setting>, std::string> parse_configuration(std::string_view text, const std::string& path) {
    try {
        const toml::table table = toml::parse(text, path);
        Reader reader(path);
        reader.read(table, "");
        return reader.finish();
    } catch (const toml::parse_error& error) {
        return std::unexpected(place_text(path, error.source().begin) +
                               ": not valid TOML: " + one_line(error.description()));
    }
}

}  // namespace mynah::server
