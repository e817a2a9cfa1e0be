// main.cpp -- mynah, the client.
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <string>
#include <vector>

#include <fcntl.h>
#include <signal.h>

#include "client/program.hpp"

namespace {

/// A standard descriptor that is closed must not become a socket, whose bytes would then pass for input or output: it
/// is opened the wrong way round, so that every use of it fails.
void occupy_standard_descriptors() {
    for (int fd = 0; fd <= 2; ++fd) {
        if (::fcntl(fd, F_GETFD) < 0 && errno == EBADF && ::open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd) {
            std::abort();
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    occupy_standard_descriptors();
    std::signal(SIGPIPE, SIG_IGN);  // a write to a closed pipe is an error like any other
    const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
    return mynah::client::run_program(arguments, {.input = 0, .output = 1, .error = 2});
}
