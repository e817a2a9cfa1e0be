// daemon.hpp -- a real mynahd, started for one test.
//
// What     Daemon starts the program on 127.0.0.1, port of the kernel's choice, waits for `ready`, and offers what
//          the tests ask of it: where it listens, what it logged, which phases of the drain it went through, how it
//          ended.
// Threads  that of the test.
// Errors   a daemon that does not get ready fails the test and throws; a sanitizer's report on its stderr fails the
//          test.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tests/integration/endpoint.hpp"
#include "tests/integration/process.hpp"

namespace mynah::integration {

class Daemon {
  public:
    struct Options {
        std::vector<std::string> arguments;
        std::vector<std::string> listen = {"tcp://127.0.0.1:0"};
        std::string ledger = "off";
        rlim_t max_descriptors = 20'000;
        std::vector<std::string> environment = {};
        std::vector<std::string> under = {};  // a program that runs mynahd, with its own arguments before mynahd's name
    };

    explicit Daemon(std::vector<std::string> arguments = {});
    explicit Daemon(const Options& options);
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;
    ~Daemon();

    [[nodiscard]] const Endpoint& endpoint(std::size_t index = 0) const { return endpoints_.at(index); }
    // Where the admin listener is: "http://127.0.0.1:7008"; empty where there is none.
    [[nodiscard]] const std::string& admin() const { return admin_; }
    [[nodiscard]] Process& process() { return process_; }
    [[nodiscard]] std::string log() const { return process_.text(Output::error); }
    [[nodiscard]] bool wait_for_log(std::string_view part, std::chrono::milliseconds limit = patience());
    // Waits for the line that announces a phase, in the text format.
    [[nodiscard]] bool wait_for_phase(std::string_view phase, std::chrono::milliseconds limit = patience());
    // The phases announced so far, in order.
    [[nodiscard]] std::vector<std::string> phases() const;

    void terminate() { process_.send_signal(15); }
    // Waits for the end; the exit status, or -1 when there is none in time or a signal ended it (which fails the test).
    [[nodiscard]] int wait_for_exit(std::chrono::milliseconds limit = patience());
    [[nodiscard]] int terminate_and_wait(std::chrono::milliseconds limit = patience());

  private:
    Process process_;
    std::vector<Endpoint> endpoints_;
    std::string admin_;
};

// The phases that `drain phase=NAME` lines of a text log announce, in order.
std::vector<std::string> phases_in(std::string_view log);

// The number that stands as " NAME=" in the last line of a text log that says `event`; where there is none the test
// fails, and it is 0.
std::uint64_t logged_number(std::string_view log, std::string_view event, const std::string& name);

// One run of a program to its end.
struct RunResult {
    int status = -1;  // -1: ended by a signal, or not in time (which fails the test)
    std::string out;
    std::string err;
};

// Runs mynahd where it is expected to end by itself.
RunResult run_mynahd(const std::vector<std::string>& arguments, const std::vector<std::string>& environment = {},
                     const std::string& directory = {});

// Runs mynah with `input` on its stdin.
RunResult run_mynah(const std::vector<std::string>& arguments, std::string_view input = {},
                    std::chrono::milliseconds limit = patience());

// A folder that is gone, with all in it, at the end of the test.
class ScratchFolder {
  public:
    ScratchFolder();
    ScratchFolder(const ScratchFolder&) = delete;
    ScratchFolder& operator=(const ScratchFolder&) = delete;
    ~ScratchFolder();

    [[nodiscard]] std::string path(std::string_view name) const { return root_ + "/" + std::string(name); }
    [[nodiscard]] const std::string& root() const { return root_; }
    // Writes a file and returns its path.
    [[nodiscard]] std::string write(std::string_view name, std::string_view text) const;
    [[nodiscard]] std::string read(std::string_view name) const;

  private:
    std::string root_;
};

std::vector<std::string> lines_of(std::string_view text);

}  // namespace mynah::integration
