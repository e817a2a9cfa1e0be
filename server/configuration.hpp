// configuration.hpp -- everything that a user decides about mynahd, as plain values.
// What     a default-constructed Configuration is mynahd with no file, no environment and no flags.
// Threads  a value: built once by parse_command_line, then only read.
// Units    durations are std::chrono; counts of bytes say so in their names.
// Keys     configuration_keys.hpp names each member's key, flag, variable and accepted range.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/fault/fault_rule.hpp"
#include "server/logging_options.hpp"

namespace mynah::server {

/// `automatic` begins with select and moves to the best driver that the machine allows once that is outgrown.
enum class DriverChoice { automatic, select, poll, epoll, io_uring };

[[nodiscard]] std::string_view to_string(DriverChoice driver);

struct Configuration {
    struct Limits {
        std::uint64_t connections = 10'000;
        std::uint64_t per_address = 0;                   // 0: no limit
        std::chrono::milliseconds idle_timeout{60'000};  // 0: none
        std::chrono::milliseconds write_timeout{
            30'000};  // never 0: what is held for a peer that does not read must end
        std::size_t receive_buffer_bytes = std::size_t{64} * 1024;

        friend bool operator==(const Limits&, const Limits&) = default;
    };

    /// Of every listening socket that can have it.
    struct Listener {
        std::uint64_t backlog = 4096;
        bool dual_stack = false;            // [::] takes IPv4 as well
        bool reuse_port = false;            // a socket of its own for each worker, where there are ports
        std::optional<unsigned> unix_mode;  // nullopt: what the umask leaves

        friend bool operator==(const Listener&, const Listener&) = default;
    };

    struct Tcp {
        bool no_delay = true;
        std::chrono::milliseconds keepalive{0};     // 0: none; whole seconds
        std::chrono::milliseconds user_timeout{0};  // 0: the system's choice

        friend bool operator==(const Tcp&, const Tcp&) = default;
    };

    struct Udp {
        std::size_t largest_datagram_bytes = 65'535;
        std::uint64_t rate = 0;  // datagrams a second of one source; 0: no limit
        std::uint64_t burst = 100;
        std::uint64_t sources = 65'536;

        friend bool operator==(const Udp&, const Udp&) = default;
    };

    struct Drain {
        std::chrono::milliseconds grace{0};
        std::chrono::milliseconds spread{0};
        std::chrono::milliseconds linger{5'000};
        std::chrono::milliseconds timeout{30'000};  // counted from the end of the grace

        friend bool operator==(const Drain&, const Drain&) = default;
    };

    struct Ledger {
        std::optional<std::string> sqlite_path;  // nullopt: off

        friend bool operator==(const Ledger&, const Ledger&) = default;
    };

    /// Health, readiness and metrics over HTTP.
    struct Admin {
        std::optional<std::string> listen;  // "http://HOST:PORT"; nullopt: off
        bool is_public = false;             // an address that is not of the loopback may be listened on
        std::vector<std::string> hosts;     // further names that a request's Host may have

        friend bool operator==(const Admin&, const Admin&) = default;
    };

    std::vector<std::string> listen{"tcp://127.0.0.1:7007"};
    DriverChoice driver = DriverChoice::automatic;
    unsigned workers = 0;  // 0: as many as there are cores
    std::string instance;  // empty: see instance_name
    Listener listener;
    Tcp tcp;
    Udp udp;
    Limits limits;
    Drain drain;
    Ledger ledger;
    Admin admin;
    std::vector<FaultRule> faults;  // committed on purpose; empty: none
    LogOptions log;

    friend bool operator==(const Configuration&, const Configuration&) = default;
};

/// configuration.instance, or else HOST-PID, which tells apart both the machines of a fleet and the runs on one
/// machine.
[[nodiscard]] std::string instance_name(const Configuration& configuration);

/// configuration.workers, or else the number of cores that this process may run on; at least 1.
[[nodiscard]] unsigned worker_count(const Configuration& configuration);

}  // namespace mynah::server
