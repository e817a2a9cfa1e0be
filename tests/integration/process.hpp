// process.hpp -- one real program, run, watched and always ended.
//
// What     Process starts a program in its own process group, with its three streams on pipes (or stdin and stdout on a
//          pseudo-terminal), and collects what it writes. A thread of its own moves the bytes, so no side can block the
//          other.
// Threads  every member, from the thread that made the Process; the child dies with that thread (PR_SET_PDEATHSIG).
// Order    wait_for sees output in the order of each stream; nothing is promised between stdout and stderr.
// Errors   std::runtime_error when the program cannot be started. A limit that passes is a value (false, nullopt).
// Cost     all output stays in memory.
#pragma once

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <sys/resource.h>
#include <sys/types.h>

#include "tests/integration/patience.hpp"

namespace mynah::integration {

enum class Output { standard, error };

// How a program ended: `code` when it exited, `signal` when it was killed by one.
struct Ending {
    std::optional<int> code;
    std::optional<int> signal;
    std::chrono::microseconds cpu_time{};
};

class Process {
  public:
    struct Options {
        std::string program;
        std::vector<std::string> arguments;
        std::vector<std::string> environment;  // NAME=value, over what is inherited; every MYNAHD_ name is left out
        std::string directory;                 // empty: inherited
        std::optional<rlim_t> max_descriptors;
        std::optional<int> core;      // pinned to this one
        bool terminal = false;        // stdin and stdout are a pseudo-terminal; stderr stays a pipe
        bool keep_input_open = true;  // false: stdin ends at once
    };

    using Predicate = std::function<bool(std::string_view)>;

    explicit Process(const Options& options);
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;
    ~Process();  // kills what is left of the group and reaps it

    [[nodiscard]] pid_t pid() const { return pid_; }
    void send_signal(int number) const;

    // Queues bytes for the program's stdin; returns at once.
    void write_input(std::string_view bytes);
    // End of input once everything queued is written (on a terminal: the end-of-file character).
    void end_input();

    [[nodiscard]] std::string text(Output output) const;
    // True once the predicate holds for all that the stream has carried; false at the limit or when the stream ends
    // without.
    [[nodiscard]] bool wait_for(Output output, const Predicate& predicate,
                                std::chrono::milliseconds limit = patience());
    [[nodiscard]] bool wait_for(Output output, std::string_view part, std::chrono::milliseconds limit = patience());
    // Reaps the program; nullopt when it still runs at the limit. Both streams are complete afterwards.
    [[nodiscard]] std::optional<Ending> wait(std::chrono::milliseconds limit = patience());

    // What the kernel says about the running program.
    [[nodiscard]] std::chrono::microseconds cpu_time() const;
    [[nodiscard]] std::size_t resident_bytes() const;
    [[nodiscard]] std::size_t open_descriptors() const;

  private:
    struct Pipe {
        int fd = -1;
        std::string text;  // guarded by mutex_
    };

    void start(const Options& options, const std::vector<std::string>& environment);
    void pump();
    void read_some(Pipe& pipe);
    void write_some();
    void wake_pump() const;
    Pipe& pipe(Output output) { return output == Output::standard ? output_ : error_; }
    [[nodiscard]] const Pipe& pipe(Output output) const { return output == Output::standard ? output_ : error_; }

    pid_t pid_ = -1;
    int pid_fd_ = -1;
    int input_fd_ = -1;  // used by the pump alone once it runs
    int wake_fd_ = -1;
    bool terminal_ = false;
    std::optional<Ending> ending_;

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    Pipe output_;
    Pipe error_;
    std::string pending_input_;       // guarded by mutex_
    std::size_t input_written_ = 0;   // guarded by mutex_: how much of pending_input_ is with the program
    bool input_ends_ = false;         // guarded by mutex_
    bool stop_ = false;               // guarded by mutex_
    std::array<bool, 2> finished_{};  // guarded by mutex_: stdout, stderr are at their end
    std::thread pump_;
};

}  // namespace mynah::integration
