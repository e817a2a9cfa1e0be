// What a message costs in system calls, as strace(1) counts them in a running mynahd.
#include <csignal>
#include <cstddef>
#include <initializer_list>
#include <map>
#include <sstream>
#include <string>
#include <string_view>

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/integration/daemon.hpp"
#include "tests/integration/drivers.hpp"
#include "tests/integration/endpoint.hpp"
#include "tests/integration/process.hpp"

namespace mynah::integration {
namespace {

using Calls = std::map<std::string, std::size_t>;

constexpr std::size_t kMessages = 500;
constexpr std::size_t kFew = kMessages / 20;  // for what is not asked once a message

/// Counts the calls of all threads of a program, from its construction to end().
class CallCounter {
  public:
    explicit CallCounter(pid_t program)
        : strace_({.program = "strace",
                   .arguments = {"-f", "-c", "-U", "calls,name", "-p", std::to_string(program)},
                   .environment = {},
                   .directory = {},
                   .max_descriptors = {},
                   .core = {}}) {
        EXPECT_TRUE(strace_.wait_for(Output::error, "attached")) << strace_.text(Output::error);
    }

    Calls end() {
        strace_.send_signal(SIGINT);
        EXPECT_TRUE(strace_.wait()) << "strace does not end";
        Calls calls;
        for (const std::string& line : lines_of(strace_.text(Output::error))) {
            std::istringstream words(line);
            std::size_t count = 0;
            std::string name;
            if (words >> count >> name) {
                calls[name] = count;
            }
        }
        calls.erase("total");
        return calls;
    }

  private:
    Process strace_;
};

void exchange(const Socket& socket, std::string_view message) {
    ASSERT_EQ(::send(socket.fd(), message.data(), message.size(), 0), static_cast<ssize_t>(message.size()));
    std::string back(message.size(), '\0');
    ASSERT_EQ(::recv(socket.fd(), back.data(), back.size(), MSG_WAITALL), static_cast<ssize_t>(message.size()));
    ASSERT_EQ(back, message);
}

std::size_t sum_of_others(Calls calls, std::initializer_list<std::string_view> names) {
    for (const std::string_view name : names) {
        calls.erase(std::string(name));
    }
    calls.erase("futex");  // the Monitor's thread, which looks at the worker now and then
    calls.erase("restart_syscall");
    std::size_t sum = 0;
    for (const auto& [name, count] : calls) {
        sum += count;
    }
    return sum;
}

std::string text_of(const Calls& calls) {
    std::string text;
    for (const auto& [name, count] : calls) {
        text += name + " " + std::to_string(count) + "\n";
    }
    return text;
}

class SystemCalls : public WithDriver {
  protected:
    /// Of so many messages on one connection, or one more, each sent when the one before is back.
    static Calls of_messages() {
        Daemon daemon(flags({"--idle-timeout", "60s", "--workers", "1"}));
        const Socket socket = connect_to(daemon.endpoint(), Connect::blocking);
        exchange(socket, "the first has the stream registered");
        CallCounter counter(daemon.process().pid());
        for (std::size_t i = 0; i < kMessages; ++i) {
            exchange(socket, "a message");
        }
        // A call is counted as it ends, which is seen for certain only when another one has followed.
        exchange(socket, "one more, counted or not");
        return counter.end();
    }
};

class ReadinessCalls : public SystemCalls {};
INSTANTIATE_TEST_SUITE_P(Drivers, ReadinessCalls, testing::Values("select", "poll", "epoll"), driver_name);

// After a short read nobody looks again, a send is tried first, the stream stays registered, and the idle timeout of 60
// seconds is no timer of the kernel's.
TEST_P(ReadinessCalls, AMessageIsOneWaitOneReceiveOneSend) {
    Calls calls = of_messages();
    EXPECT_GE(calls["recvfrom"], kMessages) << text_of(calls);
    EXPECT_LE(calls["recvfrom"], kMessages + 3) << text_of(calls);
    EXPECT_GE(calls["sendto"], kMessages) << text_of(calls);
    EXPECT_LE(calls["sendto"], kMessages + 1) << text_of(calls);
    const std::size_t waits = calls["pselect6"] + calls["select"] + calls["ppoll"] + calls["poll"] +
                              calls["epoll_pwait2"] + calls["epoll_wait"];
    EXPECT_GE(waits, kMessages - 1) << text_of(calls);  // the first had begun before strace came
    EXPECT_LE(waits, kMessages + kFew) << text_of(calls);
    EXPECT_LE(sum_of_others(
                  calls, {"recvfrom", "sendto", "pselect6", "select", "ppoll", "poll", "epoll_pwait2", "epoll_wait"}),
              kFew)
        << text_of(calls);
}

constexpr bool is_thread_sanitized() {
#if defined(__SANITIZE_THREAD__)
    return true;
#elif defined(__has_feature)
    return __has_feature(thread_sanitizer);
#else
    return false;
#endif
}

class RingCalls : public SystemCalls {};
INSTANTIATE_TEST_SUITE_P(Drivers, RingCalls, testing::Values("io_uring"), driver_name);

// One hands over the send and waits for its end, one waits for the next message.
TEST_P(RingCalls, AMessageIsNoMoreThanTwoCalls) {
    Calls calls = of_messages();
    EXPECT_LE(calls["io_uring_enter"], 2 * kMessages + kFew) << text_of(calls);
    EXPECT_GE(calls["io_uring_enter"], kMessages) << text_of(calls);
    if (is_thread_sanitized()) {
        calls.erase("poll");  // by which net/internal/uring.cpp lets signals in
    }
    EXPECT_LE(sum_of_others(calls, {"io_uring_enter"}), kFew) << text_of(calls);
}

}  // namespace
}  // namespace mynah::integration
