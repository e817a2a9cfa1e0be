// admin_connection.hpp -- one connection of the admin listener.
// What     collects a request, then sends the answer, and so on; requests that came together are answered in turn. Once
//          it has ended with an answer it waits for the peer's end: to close with bytes unread would take the answer
//          back (a reset).
// Threads  the admin listener's.
// Bounds   kMostRequestBytes of requests, one answer. A request's head and an answer have kPatience, silence between
//          requests has AdminHttp::kIdleSeconds, the peer's end kFarewell.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "net/descriptor.hpp"
#include "server/admin_http.hpp"

namespace mynah::server {

class AdminConnection {
  public:
    using Clock = std::chrono::steady_clock;

    static constexpr std::size_t kMostRequestBytes = 8192;
    static constexpr std::chrono::seconds kPatience{5};
    static constexpr std::chrono::seconds kFarewell{1};

    /// A connected socket that does not block.
    explicit AdminConnection(net::Descriptor fd);
    AdminConnection(const AdminConnection&) = delete;
    AdminConnection& operator=(const AdminConnection&) = delete;
    ~AdminConnection() = default;

    int fd() const noexcept { return fd_.get(); }

    /// What poll(2) is to wait for.
    short events() const noexcept;

    /// Does what can be done without waiting.
    void serve(AdminHttp& http);

    /// It is over: the peer has closed, or taken too long.
    bool is_over(Clock::time_point now) const noexcept { return failed_ || now >= deadline_; }

    Clock::time_point deadline() const noexcept { return deadline_; }

    /// Since then nothing has been answered.
    Clock::time_point since() const noexcept { return since_; }

  private:
    bool sends() const noexcept { return sent_ < out_.size(); }
    bool receive();
    bool answer(AdminHttp& http);
    bool send();

    net::Descriptor fd_;
    std::string local_host_;
    std::string in_;
    std::string out_;
    std::size_t sent_ = 0;  // of out_
    int answered_ = 0;      // requests
    bool closes_ = false;   // with the answer
    bool ended_ = false;    // our FIN is out
    bool failed_ = false;
    Clock::time_point since_;
    Clock::time_point deadline_;
};

}  // namespace mynah::server
