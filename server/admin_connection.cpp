#include "server/admin_connection.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/poll.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include "net/descriptor.hpp"
#include "server/admin_http.hpp"

namespace mynah::server {
namespace {

bool would_block(int error) {
    return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

/// The address that a connection came in at, without its port; empty where it is gone.
std::string local_host_of(int fd) {
    union {
        sockaddr any;
        sockaddr_in v4;
        sockaddr_in6 v6;
    } address{};
    socklen_t length = sizeof address;
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (::getsockname(fd, &address.any, &length) != 0) {
        return {};
    }
    const void* const host = address.any.sa_family == AF_INET6 ? static_cast<const void*>(&address.v6.sin6_addr)
                                                               : static_cast<const void*>(&address.v4.sin_addr);
    return ::inet_ntop(address.any.sa_family, host, text.data(), text.size()) == nullptr ? "" : text.data();
}

}  // namespace

AdminConnection::AdminConnection(net::Descriptor fd)
    : fd_(std::move(fd)), local_host_(local_host_of(fd_.get())), since_(Clock::now()), deadline_(since_ + kPatience) {}

short AdminConnection::events() const noexcept {
    return sends() ? POLLOUT : POLLIN;
}

void AdminConnection::serve(AdminHttp& http) {
    if (sends() ? send() : receive()) {
        while (answer(http) && send()) {
        }
    }
}

/// False: there is nothing new.
bool AdminConnection::receive() {
    std::array<char, kMostRequestBytes> buffer;
    const std::size_t room = kMostRequestBytes - in_.size();
    const ssize_t count = ::recv(fd_.get(), buffer.data(), room, 0);
    if (count <= 0) {
        failed_ = count == 0 || !would_block(errno);
        return false;
    }
    if (ended_) {
        return false;
    }
    if (in_.empty() && answered_ > 0) {
        deadline_ = Clock::now() + kPatience;  // until now it was only silent
    }
    in_.append(buffer.data(), static_cast<std::size_t>(count));
    return true;
}

/// False: no request is complete. Else there is something to send.
bool AdminConnection::answer(AdminHttp& http) {
    constexpr std::string_view kEnd = "\r\n\r\n";
    const std::size_t end = in_.find(kEnd);
    if (end == std::string::npos) {
        if (in_.size() < kMostRequestBytes) {
            return false;
        }
        out_ = AdminHttp::too_large();
        closes_ = true;
    } else {
        const std::size_t length = end + kEnd.size();
        ++answered_;
        AdminHttp::Answer answer =
            http.answer(std::string_view(in_).substr(0, length), local_host_, answered_ >= AdminHttp::kMostRequests);
        in_.erase(0, length);
        out_ = std::move(answer.bytes);
        closes_ = answer.closes;
        failed_ = out_.empty();
    }
    sent_ = 0;
    since_ = Clock::now();
    deadline_ = since_ + kPatience;
    return !failed_;
}

/// False: not everything is sent yet, or that was the last of this connection.
bool AdminConnection::send() {
    while (sends()) {
        const std::string_view left = std::string_view(out_).substr(sent_);
        const ssize_t count = ::send(fd_.get(), left.data(), left.size(), MSG_NOSIGNAL);
        if (count < 0) {
            failed_ = !would_block(errno);
            return false;
        }
        sent_ += static_cast<std::size_t>(count);
    }
    out_.clear();
    out_.shrink_to_fit();  // /tasks may have been long
    sent_ = 0;
    deadline_ = Clock::now() + (in_.empty() ? std::chrono::seconds(AdminHttp::kIdleSeconds) : kPatience);
    if (closes_) {
        in_.clear();
        ended_ = true;
        failed_ = ::shutdown(fd_.get(), SHUT_WR) != 0;
        deadline_ = Clock::now() + kFarewell;
    }
    return !closes_;
}

}  // namespace mynah::server
