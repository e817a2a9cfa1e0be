#include "tests/integration/daemon.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <ios>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <stdlib.h>

#include "tests/integration/endpoint.hpp"
#include "tests/integration/patience.hpp"
#include "tests/integration/process.hpp"

namespace mynah::integration {

namespace {

bool has_line(std::string_view text, std::string_view line) {
    const std::string wanted = std::string(line) + "\n";
    return text.starts_with(wanted) || text.find("\n" + wanted) != std::string_view::npos;
}

Process::Options daemon_process(const Daemon::Options& options) {
    Process::Options process{.program = options.under.empty() ? MYNAH_MYNAHD_PROGRAM : options.under.front(),
                             .arguments = {},
                             .environment = options.environment,
                             .directory = {},
                             .max_descriptors = options.max_descriptors,
                             .core = std::nullopt};
    if (!options.under.empty()) {
        process.arguments.assign(options.under.begin() + 1, options.under.end());
        process.arguments.emplace_back(MYNAH_MYNAHD_PROGRAM);
    }
    for (const std::string& address : options.listen) {
        process.arguments.insert(process.arguments.end(), {"--listen", address});
    }
    process.arguments.insert(process.arguments.end(), {"--ledger", options.ledger});
    process.arguments.insert(process.arguments.end(), options.arguments.begin(), options.arguments.end());
    return process;
}

void expect_no_sanitizer_report(std::string_view errors) {
    for (const std::string_view mark : {"Sanitizer", "runtime error:", "deadlock"}) {
        EXPECT_EQ(errors.find(mark), std::string_view::npos) << errors;
    }
}

RunResult finish(Process& process, std::chrono::milliseconds limit) {
    const auto ending = process.wait(limit);
    RunResult run{.status = -1, .out = process.text(Output::standard), .err = process.text(Output::error)};
    if (!ending) {
        ADD_FAILURE() << "still running at the limit\nstdout: " << run.out.substr(0, 4000) << "\nstderr: " << run.err;
    } else if (ending->signal) {
        ADD_FAILURE() << "ended by signal " << *ending->signal << "\nstderr: " << run.err;
    } else {
        run.status = ending->code.value_or(-1);
    }
    expect_no_sanitizer_report(run.err);
    return run;
}

}  // namespace

Daemon::Daemon(std::vector<std::string> arguments) : Daemon(Options{.arguments = std::move(arguments)}) {}

Daemon::Daemon(const Options& options) : process_(daemon_process(options)) {
    const bool ready =
        process_.wait_for(Output::standard, [](std::string_view text) { return has_line(text, "ready"); });
    const std::string out = process_.text(Output::standard);
    if (!ready) {
        ADD_FAILURE() << "mynahd did not get ready\nstdout: " << out << "\nstderr: " << log();
        throw std::runtime_error("mynahd did not get ready");
    }
    constexpr std::string_view kPrefix = "listening ";
    constexpr std::string_view kAdminPrefix = "admin ";
    for (const std::string& line : lines_of(out)) {
        if (line.starts_with(kPrefix)) {
            endpoints_.push_back(Endpoint::parse(std::string_view(line).substr(kPrefix.size())));
        } else if (line.starts_with(kAdminPrefix)) {
            admin_ = line.substr(kAdminPrefix.size());
        }
    }
}

Daemon::~Daemon() {
    expect_no_sanitizer_report(log());
    if (testing::Test::HasFailure()) {
        const std::string text = log();
        constexpr std::size_t kShown = 6000;
        std::fprintf(stderr, "---- end of mynahd's log ----\n%s\n----\n",
                     text.substr(text.size() > kShown ? text.size() - kShown : 0).c_str());
    }
}

bool Daemon::wait_for_log(std::string_view part, std::chrono::milliseconds limit) {
    return process_.wait_for(Output::error, part, limit);
}

bool Daemon::wait_for_phase(std::string_view phase, std::chrono::milliseconds limit) {
    return process_.wait_for(
        Output::error,
        [phase](std::string_view text) {
            const std::vector<std::string> seen = phases_in(text);
            return std::find(seen.begin(), seen.end(), phase) != seen.end();
        },
        limit);
}

std::vector<std::string> Daemon::phases() const {
    return phases_in(log());
}

int Daemon::wait_for_exit(std::chrono::milliseconds limit) {
    return finish(process_, limit).status;
}

int Daemon::terminate_and_wait(std::chrono::milliseconds limit) {
    terminate();
    return wait_for_exit(limit);
}

std::vector<std::string> phases_in(std::string_view log) {
    constexpr std::string_view kMark = "drain phase=";
    std::vector<std::string> phases;
    for (std::size_t at = log.find(kMark); at != std::string_view::npos; at = log.find(kMark, at + 1)) {
        const std::size_t begin = at + kMark.size();
        const std::size_t end = log.find_first_of(" \n", begin);
        if (end == std::string_view::npos) {
            break;  // the line is not complete yet
        }
        phases.emplace_back(log.substr(begin, end - begin));
    }
    return phases;
}

std::uint64_t logged_number(std::string_view log, std::string_view event, const std::string& name) {
    const std::size_t line = log.rfind(event);
    const std::string mark = " " + name + "=";
    const std::size_t at = line == std::string_view::npos ? line : log.find(mark, line);
    if (at == std::string_view::npos || log.substr(line, at - line).find('\n') != std::string_view::npos) {
        ADD_FAILURE() << "no " << name << " of \"" << event << "\" in\n" << log;
        return 0;
    }
    return std::strtoull(std::string(log.substr(at + mark.size(), 20)).c_str(), nullptr, 10);
}

RunResult run_mynahd(const std::vector<std::string>& arguments, const std::vector<std::string>& environment,
                     const std::string& directory) {
    Process process({.program = MYNAH_MYNAHD_PROGRAM,
                     .arguments = arguments,
                     .environment = environment,
                     .directory = directory,
                     .max_descriptors = std::nullopt,
                     .core = std::nullopt});
    return finish(process, patience());
}

RunResult run_mynah(const std::vector<std::string>& arguments, std::string_view input,
                    std::chrono::milliseconds limit) {
    Process process({.program = MYNAH_MYNAH_PROGRAM,
                     .arguments = arguments,
                     .environment = {},
                     .directory = {},
                     .max_descriptors = std::nullopt,
                     .core = std::nullopt});
    process.write_input(input);
    process.end_input();
    return finish(process, limit);
}

ScratchFolder::ScratchFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "mynah-test-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) {
        throw std::runtime_error("mkdtemp: " + pattern);
    }
    root_ = pattern;
}

ScratchFolder::~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
}

std::string ScratchFolder::write(std::string_view name, std::string_view text) const {
    std::ofstream file(path(name), std::ios::binary);
    file << text;
    file.close();
    if (!file) {
        throw std::runtime_error("cannot write " + path(name));
    }
    return path(name);
}

std::string ScratchFolder::read(std::string_view name) const {
    std::ifstream file(path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::vector<std::string> lines_of(std::string_view text) {
    std::vector<std::string> lines;
    std::size_t begin = 0;
    while (begin < text.size()) {
        const std::size_t end = std::min(text.find('\n', begin), text.size());
        lines.emplace_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    return lines;
}

}  // namespace mynah::integration
