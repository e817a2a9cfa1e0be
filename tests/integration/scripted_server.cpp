#include "tests/integration/scripted_server.hpp"

#include <cerrno>
#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include <poll.h>
#include <sys/poll.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "tests/integration/endpoint.hpp"

namespace mynah::integration {

ScriptedServer::ScriptedServer(Script script)
    : listener_(listen_on_loopback()), thread_([this, script = std::move(script)] { serve(script); }) {}

ScriptedServer::~ScriptedServer() {
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
        if (current_ >= 0) {
            ::shutdown(current_, SHUT_RDWR);
        }
    }
    ::shutdown(listener_.socket.fd(), SHUT_RDWR);  // wakes accept on Linux
    thread_.join();
}

void ScriptedServer::serve(const Script& script) {
    for (;;) {
        const Socket connection(::accept4(listener_.socket.fd(), nullptr, nullptr, SOCK_CLOEXEC));
        if (!connection.is_open()) {
            if (errno == EINTR || errno == ECONNABORTED) {
                continue;
            }
            return;
        }
        {
            const std::lock_guard lock(mutex_);
            if (stop_) {
                return;
            }
            current_ = connection.fd();
        }
        script(connection.fd());
        const std::lock_guard lock(mutex_);
        current_ = -1;
    }
}

bool send_all(int connection, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t put = ::send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (put <= 0) {
            return false;
        }
        bytes.remove_prefix(static_cast<std::size_t>(put));
    }
    return true;
}

std::string receive_some(int connection, std::size_t most) {
    std::string bytes(most, '\0');
    const ssize_t got = ::recv(connection, bytes.data(), bytes.size(), 0);
    bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return bytes;
}

void echo_with_last_byte_changed(int connection) {
    for (std::string bytes = receive_some(connection); !bytes.empty(); bytes = receive_some(connection)) {
        bytes.back() = static_cast<char>(bytes.back() ^ 1);
        if (!send_all(connection, bytes)) {
            return;
        }
    }
}

void read_and_never_answer(int connection) {
    while (!receive_some(connection).empty()) {
    }
    // The peer may have shut its sending side alone: it still waits for an answer.
    pollfd until_shut{.fd = connection, .events = 0, .revents = 0};
    ::poll(&until_shut, 1, -1);
}

}  // namespace mynah::integration
