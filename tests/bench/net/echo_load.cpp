// echo_load: one measurement of an echo service, every byte checked. It prints JSON; net_bench runs it.
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <ratio>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <sched.h>
#include <time.h>

#include "tests/bench/net/churn.hpp"
#include "tests/bench/net/engine.hpp"
#include "tests/bench/net/push.hpp"
#include "tests/bench/net/server_figures.hpp"
#include "tests/bench/net/target.hpp"
#include "tests/integration/endpoint.hpp"

namespace mynah::bench {

namespace {

using integration::Socket;
using Json = nlohmann::ordered_json;

struct Options {
    std::string mode;
    std::string address;
    std::string engine = "auto";
    std::size_t connections = 64;
    std::size_t message_bytes = 64;
    double seconds = 2.0;
    double warm_up = 0.2;
    pid_t server = 0;
    int core = -1;
    bool spins = false;
};

Clock::duration from_seconds(double seconds) {
    return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

void pin_to(int core) {
    cpu_set_t cores;
    CPU_ZERO(&cores);
    CPU_SET(static_cast<std::size_t>(core), &cores);
    if (::sched_setaffinity(0, sizeof cores, &cores) != 0) {
        fail_with_errno("core " + std::to_string(core));
    }
}

struct NamedEngine {
    std::string name;
    std::unique_ptr<Engine> engine;
};

NamedEngine make_engine(const Options& options, const std::vector<Socket>& sockets) {
    const Engine::Options engine_options{.message_bytes = options.message_bytes, .spins = options.spins};
    // Large messages are copied out of one buffer that the cache holds, where io_uring takes another one each time.
    constexpr std::size_t kLarge = 8192;
    const bool takes_uring =
        options.engine == "io_uring" || (options.engine == "auto" && options.message_bytes < kLarge);
    if (takes_uring) {
        try {
            return {.name = "io_uring", .engine = make_uring_engine(sockets, engine_options)};
        } catch (const std::exception&) {
            if (options.engine == "io_uring") {
                throw;
            }
        }
    }
    return {.name = "epoll", .engine = make_epoll_engine(sockets, engine_options)};
}

Json report(const Counted& counted, CpuTime cpu) {
    using Microseconds = std::chrono::duration<double, std::micro>;
    using Seconds = std::chrono::duration<double>;
    return {{"messages", counted.messages},
            {"seconds", counted.elapsed.count()},
            {"latency_us",
             {{"p50", Microseconds(counted.latency.quantile(0.5)).count()},
              {"p99", Microseconds(counted.latency.quantile(0.99)).count()}}},
            {"server_cpu_seconds", Seconds(cpu.ran).count()},
            {"server_waited_seconds", Seconds(cpu.waited).count()}};
}

CpuTime server_cpu(const Options& options) {
    return options.server == 0 ? CpuTime{} : cpu_of(options.server);
}

std::vector<Socket> connect_all(Target& target, std::size_t count) {
    std::vector<Socket> sockets;
    sockets.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
        sockets.push_back(target.connect());
    }
    return sockets;
}

void end_all_streams(const Target& target, std::vector<Socket>& sockets) {
    if (!target.datagrams()) {
        end_all(sockets);
    }
}

Json echo(const Options& options) {
    Target target = Target::parse(options.address);
    std::vector<Socket> sockets = connect_all(target, options.connections);
    NamedEngine made = make_engine(options, sockets);
    made.engine->start();
    made.engine->run(from_seconds(options.warm_up));
    const CpuTime before = server_cpu(options);
    const Counted counted = made.engine->run(from_seconds(options.seconds));
    const CpuTime after = server_cpu(options);
    made.engine->finish();
    made.engine.reset();
    end_all_streams(target, sockets);
    Json result = report(counted, after - before);
    result["engine"] = made.name;
    return result;
}

Json churn(const Options& options) {
    Target target = Target::parse(options.address);
    ChurnOptions churned{.connections = options.connections,
                         .message_bytes = options.message_bytes,
                         .duration = from_seconds(options.warm_up)};
    (void)churn(target, churned);
    churned.duration = from_seconds(options.seconds);
    const CpuTime before = server_cpu(options);
    const Counted counted = churn(target, churned);
    return report(counted, server_cpu(options) - before);
}

void echo_once(const Options& options, const std::vector<Socket>& sockets) {
    const NamedEngine made = make_engine(options, sockets);
    made.engine->start();
    made.engine->finish();
}

// A connection is idle once it has had one message, and then a while without.
Json idle(const Options& options) {
    if (options.server == 0) {
        throw std::runtime_error("idle needs --server-pid");
    }
    Target target = Target::parse(options.address);
    std::vector<Socket> first = connect_all(target, 1);
    echo_once(options, first);
    const std::size_t before = private_bytes_of(options.server);
    std::vector<Socket> sockets = connect_all(target, options.connections);
    echo_once(options, sockets);
    std::this_thread::sleep_for(std::chrono::duration<double>(options.seconds));
    const std::size_t after = private_bytes_of(options.server);
    end_all_streams(target, sockets);
    end_all_streams(target, first);
    return {{"connections", options.connections}, {"private_bytes_before", before}, {"private_bytes_after", after}};
}

Json push(const Options& options) {
    constexpr std::size_t kBytes = std::size_t{64} << 20U;  // more than the kernel's buffers hold on their own
    Target target = Target::parse(options.address);
    return {{"bytes", kBytes}, {"taken_unread", push(target, kBytes)}};
}

Json measure(const Options& options) {
    if (options.mode == "push") {
        return push(options);
    }
    if (options.mode == "churn") {
        return churn(options);
    }
    return options.mode == "idle" ? idle(options) : echo(options);
}

int run(int argc, char** argv) {
    Options options;
    CLI::App app(
        "One measurement of an echo service, every byte checked:\n"
        "  echo   a message in flight on each connection, the next as soon as it is back\n"
        "  churn  connect, one message, end; so many at once\n"
        "  idle   the memory that so many connections take, once each has had a message and --seconds of silence\n"
        "  push   no measurement: whether the server stands a peer that sends much and reads late\n"
        "Prints JSON. Exit status: 0, or 1 when a connection failed or a byte was wrong.");
    app.add_option("mode", options.mode, "What to do")
        ->required()
        ->check(CLI::IsMember({"echo", "churn", "idle", "push"}));
    app.add_option("address", options.address, "tcp://HOST:PORT or udp://HOST:PORT, numeric")->required();
    app.add_option("--connections", options.connections)->check(CLI::Range(1, 1'000'000))->capture_default_str();
    app.add_option("--size", options.message_bytes, "Bytes in a message")
        ->check(CLI::Range(1, 1 << 20))
        ->capture_default_str();
    app.add_option("--seconds", options.seconds, "What is counted")
        ->check(CLI::Range(0.001, 3600.0))
        ->capture_default_str();
    app.add_option("--warm-up", options.warm_up, "Seconds before that")
        ->check(CLI::Range(0.0, 60.0))
        ->capture_default_str();
    app.add_option("--server-pid", options.server, "Whose processor time and memory is measured");
    app.add_option("--core", options.core, "Runs on this one");
    app.add_flag("--spin", options.spins, "Never sleep: for a core of its own");
    app.add_option("--engine", options.engine)
        ->check(CLI::IsMember({"auto", "io_uring", "epoll"}))
        ->capture_default_str();
    CLI11_PARSE(app, argc, argv);
    if (options.core >= 0) {
        pin_to(options.core);
    }
    integration::raise_descriptor_limit();
    std::printf("%s\n", measure(options).dump().c_str());
    return EXIT_SUCCESS;
}

}  // namespace

}  // namespace mynah::bench

int main(int argc, char** argv) {
    try {
        return mynah::bench::run(argc, argv);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "echo_load: %s\n", error.what());
        return EXIT_FAILURE;
    }
}
