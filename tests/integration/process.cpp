#include "tests/integration/process.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "tests/integration/patience.hpp"

namespace mynah::integration {

namespace {

constexpr std::size_t kReadBytes = 65536;

[[noreturn]] void fail(const char* what) {
    throw std::runtime_error(std::string(what) + ": " + std::strerror(errno));
}

struct PipeEnds {
    int read = -1;
    int write = -1;
};

PipeEnds make_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        fail("pipe2");
    }
    return {.read = ends[0], .write = ends[1]};
}

// A raw terminal passes every byte through as it is and echoes nothing, so that what the test reads is what was
// written.
PipeEnds make_terminal() {
    int master = -1;
    int slave = -1;
    termios mode{};
    ::cfmakeraw(&mode);
    mode.c_lflag |= ICANON | ISIG;  // line by line, end-of-file and interrupt characters, as a user's terminal has them
    mode.c_iflag |= ICRNL;
    mode.c_cc[VEOF] = 4;
    mode.c_cc[VINTR] = 3;
    if (::openpty(&master, &slave, nullptr, &mode, nullptr) != 0) {
        fail("openpty");
    }
    ::fcntl(master, F_SETFD, FD_CLOEXEC);
    return {.read = master, .write = slave};
}

void set_non_blocking(int fd) {
    ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
}

void close_if_open(int& fd) {
    if (fd >= 0) {
        ::close(fd);
        fd = -1;
    }
}

std::vector<std::string> child_environment(const std::vector<std::string>& additions) {
    std::vector<std::string> result;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        if (std::string_view(*entry).starts_with("MYNAHD_")) {
            continue;
        }
        result.emplace_back(*entry);
    }
    // The last entry of a name would lose against the first in getenv, so additions go to the front.
    result.insert(result.begin(), additions.begin(), additions.end());
    return result;
}

std::vector<char*> as_pointers(std::vector<std::string>& strings) {
    std::vector<char*> pointers;
    pointers.reserve(strings.size() + 1);
    for (std::string& string : strings) {
        pointers.push_back(string.data());
    }
    pointers.push_back(nullptr);
    return pointers;
}

struct ChildStreams {
    int input;
    int output;
    int error;
    bool terminal;
};

// Runs between fork and exec: only async-signal-safe calls.
void prepare_child(const Process::Options& options, const ChildStreams& streams) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (streams.terminal) {
        ::setsid();
        ::ioctl(streams.input, TIOCSCTTY, 0);
    } else {
        ::setpgid(0, 0);
    }
    ::dup2(streams.input, STDIN_FILENO);
    ::dup2(streams.output, STDOUT_FILENO);
    ::dup2(streams.error, STDERR_FILENO);
    ::close_range(3, ~0U, 0);
    if (options.max_descriptors) {
        const rlimit limit{.rlim_cur = *options.max_descriptors, .rlim_max = *options.max_descriptors};
        ::setrlimit(RLIMIT_NOFILE, &limit);
    }
    if (options.core) {
        cpu_set_t cores;
        CPU_ZERO(&cores);
        CPU_SET(static_cast<std::size_t>(*options.core), &cores);
        ::sched_setaffinity(0, sizeof cores, &cores);
    }
    if (!options.directory.empty() && ::chdir(options.directory.c_str()) != 0) {
        ::_exit(126);
    }
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::signal(SIGPIPE, SIG_DFL);
}

}  // namespace

Process::Process(const Options& options) : terminal_(options.terminal) {
    start(options, child_environment(options.environment));
    wake_fd_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (!options.keep_input_open) {
        input_ends_ = true;
    }
    pump_ = std::thread([this] { pump(); });
}

void Process::start(const Options& options, const std::vector<std::string>& environment) {
    std::vector<std::string> words{options.program};
    words.insert(words.end(), options.arguments.begin(), options.arguments.end());
    std::vector<std::string> variables = environment;
    const std::vector<char*> argument_pointers = as_pointers(words);
    const std::vector<char*> environment_pointers = as_pointers(variables);

    PipeEnds error = make_pipe();
    PipeEnds input;
    PipeEnds output;
    ChildStreams streams{};
    if (options.terminal) {
        const PipeEnds terminal = make_terminal();
        streams = {.input = terminal.write, .output = terminal.write, .error = error.write, .terminal = true};
        output_.fd = terminal.read;
        input_fd_ = ::fcntl(terminal.read, F_DUPFD_CLOEXEC, 0);
    } else {
        input = make_pipe();
        output = make_pipe();
        streams = {.input = input.read, .output = output.write, .error = error.write, .terminal = false};
        output_.fd = output.read;
        input_fd_ = input.write;
    }
    error_.fd = error.read;

    pid_ = ::fork();
    if (pid_ < 0) {
        fail("fork");
    }
    if (pid_ == 0) {
        prepare_child(options, streams);
        ::execvpe(argument_pointers[0], argument_pointers.data(), environment_pointers.data());
        ::_exit(127);
    }
    ::setpgid(pid_, pid_);  // also here: the group must exist before anything is sent to it
    ::close(streams.input);
    if (!options.terminal) {
        ::close(streams.output);
    }
    ::close(streams.error);
    // Debian 12's <sys/pidfd.h> declares pidfd_open without extern "C".
    pid_fd_ = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0U));
    if (pid_fd_ < 0) {
        fail("pidfd_open");
    }
    set_non_blocking(input_fd_);
    set_non_blocking(output_.fd);
    set_non_blocking(error_.fd);
}

Process::~Process() {
    if (!ending_) {
        ::kill(-pid_, SIGKILL);
        ::kill(pid_, SIGKILL);
        int status = 0;
        while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
        }
    }
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
    }
    wake_pump();
    pump_.join();
    close_if_open(input_fd_);
    close_if_open(output_.fd);
    close_if_open(error_.fd);
    close_if_open(wake_fd_);
    close_if_open(pid_fd_);
}

void Process::send_signal(int number) const {
    if (!ending_) {
        ::kill(pid_, number);
    }
}

void Process::write_input(std::string_view bytes) {
    {
        const std::lock_guard lock(mutex_);
        pending_input_.append(bytes);
    }
    wake_pump();
}

void Process::end_input() {
    {
        const std::lock_guard lock(mutex_);
        if (terminal_) {
            pending_input_.push_back('\x04');
        } else {
            input_ends_ = true;
        }
    }
    wake_pump();
}

void Process::wake_pump() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(wake_fd_, &one, sizeof one);
}

void Process::read_some(Pipe& pipe) {
    std::array<char, kReadBytes> buffer;
    const ssize_t got = ::read(pipe.fd, buffer.data(), buffer.size());
    const std::lock_guard lock(mutex_);
    if (got > 0) {
        pipe.text.append(buffer.data(), static_cast<std::size_t>(got));
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        finished_[&pipe == &output_ ? 0 : 1] = true;  // a terminal ends with EIO
    }
    changed_.notify_all();
}

void Process::write_some() {
    std::string chunk;
    {
        const std::lock_guard lock(mutex_);
        chunk = pending_input_.substr(input_written_, kReadBytes);
    }
    if (!chunk.empty()) {
        const ssize_t put = ::write(input_fd_, chunk.data(), chunk.size());
        const std::lock_guard lock(mutex_);
        if (put > 0) {
            input_written_ += static_cast<std::size_t>(put);
        } else if (errno != EAGAIN && errno != EINTR) {
            input_written_ = pending_input_.size();  // the program has closed its stdin
            input_ends_ = true;
        }
    }
}

// A closed read end raises SIGPIPE in the writer: the pump blocks it for itself, and write reports EPIPE.
void Process::pump() {
    sigset_t pipe_signal;
    ::sigemptyset(&pipe_signal);
    ::sigaddset(&pipe_signal, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe_signal, nullptr);
    for (;;) {
        bool wants_write = false;
        std::array<bool, 2> finished{};
        {
            const std::lock_guard lock(mutex_);
            if (stop_ || (finished_[0] && finished_[1])) {
                break;
            }
            wants_write = input_written_ < pending_input_.size();
            if (!wants_write && input_ends_) {
                close_if_open(input_fd_);
            }
            finished = finished_;
        }
        std::array<pollfd, 4> fds{{{.fd = wake_fd_, .events = POLLIN, .revents = 0},
                                   {.fd = finished[0] ? -1 : output_.fd, .events = POLLIN, .revents = 0},
                                   {.fd = finished[1] ? -1 : error_.fd, .events = POLLIN, .revents = 0},
                                   {.fd = wants_write ? input_fd_ : -1, .events = POLLOUT, .revents = 0}}};
        if (::poll(fds.data(), fds.size(), -1) < 0) {
            continue;
        }
        if (fds[0].revents != 0) {
            std::uint64_t count = 0;
            [[maybe_unused]] const ssize_t got = ::read(wake_fd_, &count, sizeof count);
        }
        if (fds[1].revents != 0) {
            read_some(output_);
        }
        if (fds[2].revents != 0) {
            read_some(error_);
        }
        if (fds[3].revents != 0) {
            write_some();
        }
    }
}

std::string Process::text(Output output) const {
    const std::lock_guard lock(mutex_);
    return pipe(output).text;
}

bool Process::wait_for(Output output, const Predicate& predicate, std::chrono::milliseconds limit) {
    const auto end = Clock::now() + limit;
    std::unique_lock lock(mutex_);
    Pipe& watched = pipe(output);
    const bool& finished = finished_[output == Output::standard ? 0 : 1];
    while (!predicate(watched.text)) {
        if (finished || changed_.wait_until(lock, end) == std::cv_status::timeout) {
            return predicate(watched.text);
        }
    }
    return true;
}

bool Process::wait_for(Output output, std::string_view part, std::chrono::milliseconds limit) {
    return wait_for(output, [part](std::string_view text) { return text.find(part) != std::string_view::npos; }, limit);
}

std::optional<Ending> Process::wait(std::chrono::milliseconds limit) {
    if (ending_) {
        return ending_;
    }
    pollfd ended{.fd = pid_fd_, .events = POLLIN, .revents = 0};
    const auto end = Clock::now() + limit;
    for (;;) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
        if (left.count() < 0) {
            return std::nullopt;
        }
        const int ready = ::poll(&ended, 1, static_cast<int>(left.count()) + 1);
        if (ready > 0) {
            break;
        }
    }
    ::kill(-pid_,
           SIGKILL);  // children that the program left behind hold its streams open; not reaped yet, so still its group
    int status = 0;
    rusage usage{};
    while (::wait4(pid_, &status, 0, &usage) < 0 && errno == EINTR) {
    }
    Ending ending;
    if (WIFEXITED(status)) {
        ending.code = WEXITSTATUS(status);
    } else if (WIFSIGNALED(status)) {
        ending.signal = WTERMSIG(status);
    }
    ending.cpu_time = std::chrono::seconds(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                      std::chrono::microseconds(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
    ending_ = ending;
    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, Clock::now() + patience(), [this] { return finished_[0] && finished_[1]; });
    return ending_;
}

std::chrono::microseconds Process::cpu_time() const {
    clockid_t clock{};
    timespec used{};
    if (::clock_getcpuclockid(pid_, &clock) != 0 || ::clock_gettime(clock, &used) != 0) {
        return {};
    }
    return std::chrono::seconds(used.tv_sec) + std::chrono::microseconds(used.tv_nsec / 1000);
}

std::size_t Process::resident_bytes() const {
    std::ifstream file("/proc/" + std::to_string(pid_) + "/statm");
    std::size_t total = 0;
    std::size_t resident = 0;
    file >> total >> resident;
    return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

std::size_t Process::open_descriptors() const {
    std::size_t count = 0;
    std::error_code error;
    for (auto entry = std::filesystem::directory_iterator("/proc/" + std::to_string(pid_) + "/fd", error);
         entry != std::filesystem::directory_iterator(); entry.increment(error)) {
        ++count;
    }
    return count;
}

}  // namespace mynah::integration
