#include "tests/integration/haproxy.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <fstream>
#include <iterator>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "tests/integration/daemon.hpp"
#include "tests/integration/endpoint.hpp"
#include "tests/integration/foreign.hpp"
#include "tests/integration/patience.hpp"
#include "tests/integration/process.hpp"

namespace mynah::integration {

namespace {

std::vector<std::string> split(const std::string& text, char separator) {
    std::vector<std::string> parts;
    std::istringstream in(text);
    for (std::string part; std::getline(in, part, separator);) {
        parts.push_back(part);
    }
    return parts;
}

// What HAProxy answers to a command on its stats socket.
std::string ask(const std::string& path, std::string_view command) {
    const Socket socket = connect_to(Endpoint::parse("unix://" + path), Connect::blocking);
    const std::string line = std::string(command) + "\n";
    EXPECT_EQ(::send(socket.fd(), line.data(), line.size(), MSG_NOSIGNAL), static_cast<ssize_t>(line.size()));
    std::string answer;
    std::array<char, 4096> some{};
    for (ssize_t count = 0; (count = ::recv(socket.fd(), some.data(), some.size(), 0)) > 0;) {
        answer.append(some.data(), static_cast<std::size_t>(count));
    }
    return answer;
}

}  // namespace

std::string changed_configuration(const std::vector<std::pair<std::string, std::string>>& changes) {
    std::ifstream file(MYNAH_SOURCE_FOLDER "/config/haproxy.cfg");
    std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    for (const auto& [from, to] : changes) {
        const std::size_t at = text.find(from);
        if (at == std::string::npos || text.find(from, at + from.size()) != std::string::npos) {
            throw std::runtime_error("config/haproxy.cfg has not once: " + from);
        }
        text.replace(at, from.size(), to);
    }
    return text;
}

Haproxy::Haproxy(const std::vector<Server>& servers, std::chrono::milliseconds interval) {
    // Between our choice of a port and HAProxy's bind(2) somebody else may take it.
    constexpr int kTries = 5;
    for (int i = 0; i < kTries; ++i) {
        if (start(servers, interval)) {
            return;
        }
    }
    const std::string errors = process_->text(Output::error);
    ADD_FAILURE() << "HAProxy does not start: " << errors;
    throw std::runtime_error("HAProxy does not start");
}

bool Haproxy::start(const std::vector<Server>& servers, std::chrono::milliseconds interval) {
    {
        const LoopbackListener free = listen_on_loopback();
        endpoint_ = free.endpoint;
    }
    std::vector<std::pair<std::string, std::string>> changes{
        {"stats socket /run/haproxy/admin.sock mode 660", "stats socket " + scratch_.path("stats") + " mode 600"},
        {"bind :7007", "bind 127.0.0.1:" + std::to_string(endpoint_.port())},
        {"balance leastconn", "balance roundrobin"},  // new connections go to each, whoever has the kept ones
        {"timeout check 1s", "timeout check 10s"},    // a busy machine is no server that is down
        {"check inter 1s", "check inter " + std::to_string(interval.count()) + "ms"}};
    for (std::size_t i = 0; i < servers.size(); ++i) {
        const std::string number = std::to_string(i + 1);
        changes.emplace_back("server echo-" + number + " 192.0.2.1" + number + ":7007 port 7008",
                             "server echo-" + number + " 127.0.0.1:" + std::to_string(servers[i].port) + " port " +
                                 std::to_string(servers[i].admin_port));
    }
    const std::string file = scratch_.write("haproxy.cfg", changed_configuration(changes));
    process_ = std::make_unique<Process>(program(MYNAH_HAPROXY_PROGRAM, {"-db", "-f", file}));
    // Its socket is at a path of our own, so it is this HAProxy that answers there; by then it has its port as well.
    const Endpoint stats = Endpoint::parse("unix://" + scratch_.path("stats"));
    bool ended = false;
    const bool accepts = eventually([&] {
        ended = process_->wait(std::chrono::milliseconds(0)).has_value();
        return ended || (accepts_connections(stats) && !status("echo-1").empty());
    });
    return accepts && !ended;
}

std::string Haproxy::figure(const std::string& server, const std::string& column) const {
    const std::vector<std::string> lines = lines_of(ask(scratch_.path("stats"), "show stat"));
    if (lines.empty()) {
        return {};
    }
    const std::vector<std::string> names = split(lines.front(), ',');
    for (const std::string& line : lines) {
        const std::vector<std::string> values = split(line, ',');
        if (values.size() < 2 || values[1] != server) {
            continue;
        }
        for (std::size_t i = 0; i < names.size() && i < values.size(); ++i) {
            if (names[i] == column) {
                return values[i];
            }
        }
    }
    return {};
}

}  // namespace mynah::integration
