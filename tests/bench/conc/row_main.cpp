// The main() of conc_rows and of its peers in C++: Google Benchmark over rows(). An iteration is one operation.
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <benchmark/benchmark.h>
#include <unistd.h>

#include "tests/bench/conc/row.hpp"

namespace mynah::bench {

void expect_equal(std::size_t actual, std::size_t expected) {
    if (actual != expected) {
        throw std::runtime_error("the program computed " + std::to_string(actual) + " instead of " +
                                 std::to_string(expected));
    }
}

std::size_t resident_bytes() {
    std::ifstream statm("/proc/self/statm");
    std::size_t total_pages = 0;
    std::size_t resident_pages = 0;
    if (!(statm >> total_pages >> resident_pages)) {
        throw std::runtime_error("cannot read /proc/self/statm");
    }
    return resident_pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

namespace {

constexpr int kUsageError = 2;

struct Options {
    std::size_t operations = 0;
    std::size_t warm_up = 0;
};

void run_row(benchmark::State& state, const Row& row, std::size_t warm_up) {
    while (state.KeepRunningBatch(state.max_iterations)) {
        const Measurement measured = row.measure(static_cast<std::size_t>(state.max_iterations), warm_up);
        state.SetIterationTime(std::chrono::duration<double>(measured.time).count());
        if (measured.bytes_per_task) {
            state.counters["bytes_per_task"] = *measured.bytes_per_task;
        }
    }
}

void register_rows(const Options& options) {
    for (const Row& row : rows()) {
        // A program times itself: starting the scheduler and its threads is no part of any row.
        auto* registered = benchmark::RegisterBenchmark(row.name, run_row, row, options.warm_up)->UseManualTime();
        if (options.operations > 0) {
            registered->Iterations(static_cast<benchmark::IterationCount>(options.operations));
        }
    }
}

int run(int argc, char** argv) {
    Options options;
    CLI::App app(
        "Times rows of conc_bench in this process, by Google Benchmark. Its own options work too, among them\n"
        "--benchmark_list_tests, --benchmark_filter=REGEX and --benchmark_format=json.");
    app.add_option("--operations", options.operations, "Operations to time; 0: as many as half a second needs")
        ->check(CLI::Range(std::size_t{0}, std::size_t{1'000'000'000}))
        ->capture_default_str();
    app.add_option("--warm-up", options.warm_up, "Operations to run before, unmeasured")
        ->check(CLI::Range(std::size_t{0}, std::size_t{1'000'000'000}))
        ->capture_default_str();
    app.allow_extras();  // Google Benchmark's own
    app.failure_message([](const CLI::App* /*app*/, const CLI::Error& error) {
        return std::string(error.what()) + "; --help explains\n";
    });
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? EXIT_SUCCESS : kUsageError;
    }

    std::vector<std::string> words = {argv[0]};
    const std::vector<std::string> extras = app.remaining();
    words.insert(words.end(), extras.begin(), extras.end());
    std::vector<char*> pointers;
    for (std::string& word : words) {
        pointers.push_back(word.data());
    }
    int count = static_cast<int>(pointers.size());
    benchmark::Initialize(&count, pointers.data());
    if (benchmark::ReportUnrecognizedArguments(count, pointers.data())) {
        return kUsageError;
    }
    register_rows(options);
    if (benchmark::RunSpecifiedBenchmarks() == 0) {
        return kUsageError;  // the filter matches no row, and Google Benchmark has said so
    }
    return EXIT_SUCCESS;
}

}  // namespace
}  // namespace mynah::bench

int main(int argc, char** argv) {
    try {
        return mynah::bench::run(argc, argv);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
        return EXIT_FAILURE;
    }
}
