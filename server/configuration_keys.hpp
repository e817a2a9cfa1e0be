// configuration_keys.hpp -- the one table of what can be configured.
// What     each Key ties a name in the file ("limits.idle_timeout") to its flag, its variable, its notation, its
//          place in the Configuration and its line of help. File, environment, command line, --help and --check all
//          read it.
// Threads  any: the table is constant.
// Errors   values, with the place (file and line, variable or flag) in front.
#pragma once

#include <array>
#include <expected>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/configuration.hpp"

namespace mynah::server {

/// How a value is written; in TOML each kind is one type, but lists and bytes, which have two.
enum class ValueKind {
    addresses,  // TOML: string or array of strings; variable: separated by commas; flag: given once for each
    names,      // written as addresses are; there may be none
    text,       // TOML: string
    count,      // TOML: integer
    duration,   // TOML: string
    bytes,      // TOML: integer or string
    truth,      // TOML: boolean; else "true" or "false"
    faults,     // TOML: tables; variable: separated by semicolons; flag: given once for each
};

/// Whether a key of this kind may have several values.
[[nodiscard]] constexpr bool is_list(ValueKind kind) {
    return kind == ValueKind::addresses || kind == ValueKind::names || kind == ValueKind::faults;
}

struct Key {
    std::string_view name;         // in the file: "table.key" or "key"
    std::string_view flag;         // "--idle-timeout"
    std::string_view placeholder;  // in the help: "DURATION"
    std::string_view help;
    ValueKind kind;
    /// Reads `values`, one unless the kind is a list, into the configuration; or says what is wrong with them.
    std::expected<void, std::string> (*apply)(Configuration&, std::span<const std::string> values);
    /// The configured value in the notation that apply reads.
    std::string (*show)(const Configuration&);
};

[[nodiscard]] std::span<const Key> configuration_keys();

/// The environment variable of a key: its flag's name, so MYNAHD_IDLE_TIMEOUT for --idle-timeout.
[[nodiscard]] std::string variable_of(const Key& key);

/// One key given a value by one layer, and where: "mynahd.toml:12:1", "MYNAHD_WORKERS", "--workers".
struct Setting {
    const Key* key = nullptr;
    std::vector<std::string> values;
    std::vector<std::string> places;  // one for each value, and one when there is none
};

/// Whether an address parses, or the reason why not. The program passes net's parser; tests may pass their own.
using AddressCheck = std::function<std::expected<void, std::string>(std::string_view)>;

/// Where each key got its value; a key at its default is absent.
using Places = std::map<const Key*, std::string>;

/// Applies a layer over what is there. The first mistake ends it: "PLACE: KEY: what is wrong; accepted: ...".
[[nodiscard]] std::expected<void, std::string> apply_layer(Configuration& configuration, Places& places,
                                                           std::span<const Setting> settings,
                                                           const AddressCheck& check_address);

/// What no key can tell alone. Call it once all layers are applied.
[[nodiscard]] std::expected<void, std::string> check_consistency(const Configuration& configuration,
                                                                 const Places& places);

/// "listen=tcp://127.0.0.1:7007 driver=auto workers=0 ...", every key, on one line.
[[nodiscard]] std::string describe(const Configuration& configuration);

}  // namespace mynah::server
