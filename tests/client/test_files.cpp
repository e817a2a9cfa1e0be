#include "tests/client/test_files.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/poll.h>
#include <sys/types.h>
#include <termios.h>
#include <unistd.h>

#include "net/descriptor.hpp"

namespace mynah::client::testing_support {
namespace {

[[noreturn]] void fail(const char* what) {
    throw std::system_error(errno, std::system_category(), what);
}

net::Descriptor checked(int fd, const char* what) {
    if (fd < 0) {
        fail(what);
    }
    return net::Descriptor(fd);
}

}  // namespace

MemoryFile::MemoryFile(std::string_view content) : fd_(checked(::memfd_create("test", MFD_CLOEXEC), "memfd_create")) {
    while (!content.empty()) {
        const ssize_t count = ::write(fd(), content.data(), content.size());
        if (count < 0) {
            fail("write");
        }
        content.remove_prefix(static_cast<std::size_t>(count));
    }
    if (::lseek(fd(), 0, SEEK_SET) != 0) {
        fail("lseek");
    }
}

std::string MemoryFile::content() const {
    std::string content;
    std::array<char, 65536> buffer{};
    for (;;) {
        const ssize_t count = ::pread(fd(), buffer.data(), buffer.size(), static_cast<off_t>(content.size()));
        if (count < 0) {
            fail("pread");
        }
        if (count == 0) {
            return content;
        }
        content.append(buffer.data(), static_cast<std::size_t>(count));
    }
}

Pipe::Pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        fail("pipe2");
    }
    reader.reset(ends[0]);
    writer.reset(ends[1]);
}

Terminal::Terminal() : controller(checked(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), "posix_openpt")) {
    std::array<char, 128> name{};
    if (::grantpt(controller.get()) != 0 || ::unlockpt(controller.get()) != 0 ||
        ::ptsname_r(controller.get(), name.data(), name.size()) != 0) {
        fail("pseudo-terminal");
    }
    terminal = open_file(name.data(), O_RDWR | O_NOCTTY);
    termios settings{};
    if (::tcgetattr(terminal.get(), &settings) != 0) {
        fail("tcgetattr");
    }
    ::cfmakeraw(&settings);
    if (::tcsetattr(terminal.get(), TCSANOW, &settings) != 0) {
        fail("tcsetattr");
    }
}

std::string Terminal::seen() const {
    std::string seen;
    std::array<char, 4096> buffer{};
    pollfd waited{.fd = controller.get(), .events = POLLIN, .revents = 0};
    while (::poll(&waited, 1, 0) == 1 && (waited.revents & POLLIN) != 0) {
        const ssize_t count = ::read(controller.get(), buffer.data(), buffer.size());
        if (count <= 0) {
            break;
        }
        seen.append(buffer.data(), static_cast<std::size_t>(count));
    }
    return seen;
}

net::Descriptor open_file(const char* path, int flags) {
    return checked(::open(path, flags | O_CLOEXEC), path);
}

std::string pattern(std::size_t size) {
    std::string bytes(size, '\0');
    std::uint32_t state = 2463534242;  // Marsaglia's xorshift32
    for (char& byte : bytes) {
        state ^= state << 13U;
        state ^= state >> 17U;
        state ^= state << 5U;
        byte = static_cast<char>(state >> 24U);
    }
    return bytes;
}

}  // namespace mynah::client::testing_support
