// scripted_server.hpp -- a server that does to each connection what a test tells it to: lie, be silent, hang up.
//
// What     Accepts on 127.0.0.1, one connection after another, and runs the script on each.
// Threads  the script runs on the server's own thread; the destructor shuts the current connection down and joins.
// Errors   a script returns when the socket gives it no more.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "tests/integration/endpoint.hpp"

namespace mynah::integration {

class ScriptedServer {
  public:
    using Script = std::function<void(int connection)>;

    explicit ScriptedServer(Script script);
    ScriptedServer(const ScriptedServer&) = delete;
    ScriptedServer& operator=(const ScriptedServer&) = delete;
    ~ScriptedServer();

    [[nodiscard]] std::string address() const { return listener_.endpoint.text(); }
    [[nodiscard]] const Endpoint& endpoint() const { return listener_.endpoint; }

  private:
    void serve(const Script& script);

    LoopbackListener listener_;
    std::mutex mutex_;
    int current_ = -1;   // guarded by mutex_
    bool stop_ = false;  // guarded by mutex_
    std::thread thread_;
};

// Sends everything; false when the peer is gone.
bool send_all(int connection, std::string_view bytes);
// Up to `most` bytes, or nothing at the end of the stream or on an error.
std::string receive_some(int connection, std::size_t most = 65536);

// Scripts.
void echo_with_last_byte_changed(int connection);
void read_and_never_answer(int connection);

}  // namespace mynah::integration
