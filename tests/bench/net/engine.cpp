#include "tests/bench/net/engine.hpp"

#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/integration/endpoint.hpp"

namespace mynah::bench {

Engine::Engine(const std::vector<integration::Socket>& sockets, Options options)
    : options_(options), sent_(sockets.size()) {
    messages_.reserve(sockets.size());
    for (std::size_t i = 0; i < sockets.size(); ++i) {
        messages_.emplace_back(options.message_bytes, i);
    }
}

void Engine::start() {
    now_ = Clock::now();
    last_arrival_ = now_;
    for (std::size_t i = 0; i < messages_.size(); ++i) {
        send(i);
    }
}

Counted Engine::run(Clock::duration duration) {
    Counted counted;
    counted_ = &counted;
    const Clock::time_point begin = Clock::now();
    while (now_ < begin + duration || counted.messages == 0) {
        step();
    }
    counted.elapsed = now_ - begin;
    return counted;
}

void Engine::finish() {
    Counted ignored;
    counted_ = &ignored;
    finishing_ = true;
    while (in_flight_ > 0) {
        step();
    }
}

void Engine::step() {
    const bool came = wait();
    now_ = Clock::now();
    if (came) {
        last_arrival_ = now_;
        collect();
    } else if (now_ - last_arrival_ > kStall) {
        throw std::runtime_error("the server has stopped answering");
    }
}

void Engine::send(std::size_t connection) {
    messages_[connection].next();
    sent_[connection] = now_;
    ++in_flight_;
    transmit(connection, messages_[connection].bytes());
}

void Engine::arrived(std::size_t connection, std::span<const char> echoed) {
    if (!messages_[connection].take(echoed)) {
        return;
    }
    --in_flight_;
    ++counted_->messages;
    counted_->latency.add(now_ - sent_[connection]);
    if (!finishing_) {
        send(connection);
    }
}

void Engine::fail(std::size_t connection, const std::string& what) {
    throw std::runtime_error("connection " + std::to_string(connection) + ": " + what);
}

}  // namespace mynah::bench
