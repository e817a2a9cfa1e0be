// echo_bench: mynahd against a bare C loop over the same system call, message by message.
//
// Both servers run all the time, pinned to one core; the generator has another core to itself and loads them in turn, A
// B A B, so that whatever else the machine does meets both. Exit status: 0, or 1 when --require is not reached or a
// byte was wrong.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <sched.h>

#include "tests/bench/echo_generator.hpp"
#include "tests/integration/endpoint.hpp"
#include "tests/integration/process.hpp"

namespace mynah::bench {

namespace {

using integration::Endpoint;
using integration::Output;
using integration::Process;

struct Options {
    int runs = 5;
    double seconds = 2.0;
    std::size_t connections = 64;
    std::size_t message_bytes = 64;
    std::string driver = "select";
    double require = 0.0;
};

struct Cores {
    int server = 0;
    int generator = 0;
};

// The first and the last core that this process may use: the same one where there is no other.
Cores choose_cores() {
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0) {
        return {};
    }
    std::vector<int> usable;
    for (std::size_t core = 0; core < CPU_SETSIZE; ++core) {
        if (CPU_ISSET(core, &allowed)) {
            usable.push_back(static_cast<int>(core));
        }
    }
    return usable.empty() ? Cores{} : Cores{.server = usable.front(), .generator = usable.back()};
}

void pin_this_thread(int core) {
    cpu_set_t cores;
    CPU_ZERO(&cores);
    CPU_SET(static_cast<std::size_t>(core), &cores);
    ::sched_setaffinity(0, sizeof cores, &cores);
}

Endpoint wait_for_endpoint(Process& process) {
    static constexpr std::string_view kPrefix = "listening ";
    const bool announced = process.wait_for(Output::standard, [](std::string_view text) {
        return text.starts_with(kPrefix) && text.find('\n') != std::string_view::npos;
    });
    if (!announced) {
        throw std::runtime_error("a server did not start: " + process.text(Output::error));
    }
    const std::string text = process.text(Output::standard);
    return Endpoint::parse(std::string_view(text).substr(kPrefix.size(), text.find('\n') - kPrefix.size()));
}

// One side of the comparison: a server, its connections, and what was measured.
class Side {
  public:
    Side(std::string name, const std::string& program, std::vector<std::string> arguments, const Options& options,
         int core)
        : name_(std::move(name)),
          process_({.program = program,
                    .arguments = std::move(arguments),
                    .environment = {},
                    .directory = {},
                    .max_descriptors = std::nullopt,
                    .core = core}),
          generator_(wait_for_endpoint(process_),
                     {.connections = options.connections, .message_bytes = options.message_bytes}) {}

    void run(std::chrono::milliseconds duration) { generator_.run(duration); }

    void measure(std::chrono::milliseconds duration) {
        const auto cpu_before = process_.cpu_time();
        const EchoGenerator::Result result = generator_.run(duration);
        const std::chrono::duration<double> cpu = process_.cpu_time() - cpu_before;
        rates_.push_back(result.messages_per_second());
        busy_.push_back(cpu.count() / result.elapsed.count());
        microseconds_.push_back(cpu.count() * 1e6 / static_cast<double>(result.messages));
    }

    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] const std::vector<double>& rates() const { return rates_; }
    [[nodiscard]] const std::vector<double>& busy() const { return busy_; }
    [[nodiscard]] const std::vector<double>& microseconds() const { return microseconds_; }

  private:
    std::string name_;
    Process process_;
    EchoGenerator generator_;
    std::vector<double> rates_;
    std::vector<double> busy_;          // share of the core that the server used
    std::vector<double> microseconds_;  // of the server's processor time, for a message
};

double median(std::vector<double> values) {
    std::ranges::sort(values);
    const std::size_t middle = values.size() / 2;
    return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

void print_row(const Side& side) {
    const auto [least, most] = std::ranges::minmax(side.rates());
    std::printf("%-12s %12.0f %12.0f %12.0f %10.0f%% %12.2f\n", side.name().c_str(), median(side.rates()), least, most,
                median(side.busy()) * 100, median(side.microseconds()));
}

// One ratio for each pair of runs, `ours` above `bare`.
std::vector<double> ratios_of(const std::vector<double>& ours, const std::vector<double>& bare) {
    std::vector<double> ratios;
    for (std::size_t i = 0; i < ours.size(); ++i) {
        ratios.push_back(ours[i] / bare[i]);
    }
    return ratios;
}

double print_ratio(const char* what, const std::vector<double>& ratios) {
    const auto [least, most] = std::ranges::minmax(ratios);
    const double middle = median(ratios);
    std::printf("%s %.3f (median of %zu runs; min %.3f, max %.3f)\n", what, middle, ratios.size(), least, most);
    return middle;
}

int compare(const Options& options) {
    const Cores cores = choose_cores();
    pin_this_thread(cores.generator);
    Side ours("mynahd", MYNAH_MYNAHD_PROGRAM,
              {"--listen", "tcp://127.0.0.1:0", "--driver", options.driver, "--workers", "1", "--ledger", "off",
               "--max-connections", std::to_string(options.connections + 1)},
              options, cores.server);
    Side bare("bare_select", MYNAH_BARE_SELECT_PROGRAM, {}, options, cores.server);

    const std::chrono::milliseconds duration(static_cast<int>(options.seconds * 1000));
    std::printf("echo, %zu B, %zu connections, one worker, driver %s; server on core %d, generator on core %d\n",
                options.message_bytes, options.connections, options.driver.c_str(), cores.server, cores.generator);
    ours.run(duration / 4);  // warm up, unmeasured
    bare.run(duration / 4);
    for (int run = 0; run < options.runs; ++run) {
        // The order changes from run to run, so that neither side is always the first after a change of load.
        Side& first = run % 2 == 0 ? ours : bare;
        Side& second = run % 2 == 0 ? bare : ours;
        first.measure(duration);
        second.measure(duration);
        std::printf("run %d: mynahd %.0f/s, bare_select %.0f/s, ratio %.3f\n", run + 1, ours.rates().back(),
                    bare.rates().back(), ours.rates().back() / bare.rates().back());
        std::fflush(stdout);
    }

    std::printf("\n%-12s %12s %12s %12s %11s %12s\n", "messages/s", "median", "min", "max", "core used", "us/message");
    print_row(ours);
    print_row(bare);
    const double ratio = print_ratio("ratio of messages/s", ratios_of(ours.rates(), bare.rates()));
    // Whatever else runs on the core takes time from both sides, not always alike: processor time does not count it.
    print_ratio("ratio of messages per second of processor time", ratios_of(bare.microseconds(), ours.microseconds()));
    if (ratio < options.require) {
        std::printf("below the required %.3f\n", options.require);
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

}  // namespace

}  // namespace mynah::bench

int main(int argc, char** argv) {
    mynah::bench::Options options;
    CLI::App app("mynahd against a bare C select loop on the same core, every byte checked");
    app.add_option("--runs", options.runs, "Alternating runs of each side")
        ->check(CLI::Range(1, 1000))
        ->capture_default_str();
    app.add_option("--seconds", options.seconds, "Length of a run")
        ->check(CLI::Range(0.1, 600.0))
        ->capture_default_str();
    app.add_option("--connections", options.connections, "Connections, one message in flight on each")
        ->check(CLI::Range(1, 1000))
        ->capture_default_str();
    app.add_option("--size", options.message_bytes, "Bytes in a message")
        ->check(CLI::Range(1, 65536))
        ->capture_default_str();
    app.add_option("--driver", options.driver, "mynahd's driver")->capture_default_str();
    app.add_option("--require", options.require, "Exit 1 when the median ratio is below this")->capture_default_str();
    CLI11_PARSE(app, argc, argv);
    try {
        return mynah::bench::compare(options);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "echo_bench: %s\n", error.what());
        return EXIT_FAILURE;
    }
}
