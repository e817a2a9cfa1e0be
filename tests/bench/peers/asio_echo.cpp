// asio_echo: Asio's echo servers, one thread each, as its examples have them and its documentation advises for speed:
// the executor's type is known to the compiler, and nothing is locked.
//
//     asio_echo callbacks|coroutines|udp [BYTES]     BYTES: a connection's buffer, 4096 unless told
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <asio/awaitable.hpp>
#include <asio/basic_datagram_socket.hpp>
#include <asio/basic_socket_acceptor.hpp>
#include <asio/basic_stream_socket.hpp>
#include <asio/buffer.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/error.hpp>
#include <asio/error_code.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/address_v4.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/ip/udp.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>

namespace mynah::bench {
namespace {

using asio::ip::tcp;
using asio::ip::udp;
using Executor = asio::io_context::executor_type;
using Stream = asio::basic_stream_socket<tcp, Executor>;
using Acceptor = asio::basic_socket_acceptor<tcp, Executor>;
using Datagrams = asio::basic_datagram_socket<udp, Executor>;

constexpr asio::use_awaitable_t<Executor> kAwait;
constexpr std::chrono::milliseconds kUntilDescriptorsAreFree{10};

class Session : public std::enable_shared_from_this<Session> {
  public:
    Session(Stream stream, std::size_t bytes) : stream_(std::move(stream)), buffer_(bytes) {}

    void receive() {
        stream_.async_read_some(asio::buffer(buffer_),
                                [self = shared_from_this()](asio::error_code error, std::size_t size) {
                                    if (!error) {
                                        self->send(size);
                                    }
                                });
    }

  private:
    void send(std::size_t size) {
        asio::async_write(stream_, asio::buffer(buffer_, size),
                          [self = shared_from_this()](asio::error_code error, std::size_t /*size*/) {
                              if (!error) {
                                  self->receive();
                              }
                          });
    }

    Stream stream_;
    std::vector<char> buffer_;
};

class CallbackServer {
  public:
    CallbackServer(Acceptor& acceptor, std::size_t bytes)
        : acceptor_(&acceptor), bytes_(bytes), pause_(acceptor.get_executor()) {}

    void accept() {
        acceptor_->async_accept([this](asio::error_code error, Stream stream) {
            if (!error) {
                stream.set_option(tcp::no_delay(true), error);
                std::make_shared<Session>(std::move(stream), bytes_)->receive();
                accept();
                return;
            }
            pause_.expires_after(kUntilDescriptorsAreFree);
            pause_.async_wait([this](asio::error_code /*error*/) { accept(); });
        });
    }

  private:
    Acceptor* acceptor_;
    std::size_t bytes_;
    asio::steady_timer pause_;
};

asio::awaitable<void, Executor> echo(Stream stream, std::size_t bytes) {
    std::vector<char> buffer(bytes);
    try {
        for (;;) {
            const std::size_t size = co_await stream.async_read_some(asio::buffer(buffer), kAwait);
            co_await asio::async_write(stream, asio::buffer(buffer, size), kAwait);
        }
    } catch (const std::exception&) {
        co_return;  // the end of the stream is an error to Asio, too
    }
}

asio::awaitable<bool, Executor> accept_one(Acceptor* acceptor, std::size_t bytes) {
    try {
        Stream stream = co_await acceptor->async_accept(kAwait);
        stream.set_option(tcp::no_delay(true));
        asio::co_spawn(acceptor->get_executor(), echo(std::move(stream), bytes), asio::detached);
        co_return true;
    } catch (const std::exception&) {
        co_return false;
    }
}

asio::awaitable<void, Executor> accept_all(Acceptor* acceptor, std::size_t bytes) {
    asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, Executor> pause(
        acceptor->get_executor());
    for (;;) {
        const bool accepted = co_await accept_one(acceptor, bytes);
        if (!accepted) {
            pause.expires_after(kUntilDescriptorsAreFree);
            co_await pause.async_wait(kAwait);
        }
    }
}

class DatagramServer {
  public:
    explicit DatagramServer(Datagrams& socket) : socket_(&socket) {}

    void receive() {
        socket_->async_receive_from(asio::buffer(buffer_), sender_, [this](asio::error_code error, std::size_t size) {
            if (error) {
                receive();
            } else {
                send(size);
            }
        });
    }

  private:
    void send(std::size_t size) {
        socket_->async_send_to(asio::buffer(buffer_, size), sender_,
                               [this](asio::error_code /*error*/, std::size_t /*size*/) { receive(); });
    }

    Datagrams* socket_;
    udp::endpoint sender_;
    std::array<char, 65536> buffer_{};
};

void announce(const char* scheme, unsigned short port) {
    std::printf("listening %s://127.0.0.1:%d\n", scheme, port);
    std::fflush(stdout);
}

void serve_streams(asio::io_context& context, bool coroutines, std::size_t bytes) {
    Acceptor acceptor(context.get_executor(), tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    announce("tcp", acceptor.local_endpoint().port());
    CallbackServer callbacks(acceptor, bytes);
    if (coroutines) {
        asio::co_spawn(context.get_executor(), accept_all(&acceptor, bytes), asio::detached);
    } else {
        callbacks.accept();
    }
    context.run();
}

void serve_datagrams(asio::io_context& context) {
    Datagrams socket(context.get_executor(), udp::endpoint(asio::ip::address_v4::loopback(), 0));
    announce("udp", socket.local_endpoint().port());
    const auto server = std::make_unique<DatagramServer>(socket);
    server->receive();
    context.run();
}

}  // namespace
}  // namespace mynah::bench

int main(int argc, char** argv) {
    const std::string_view mode = argc > 1 ? argv[1] : "";
    if (mode != "callbacks" && mode != "coroutines" && mode != "udp") {
        std::fprintf(stderr, "usage: asio_echo callbacks|coroutines|udp [BYTES]\n");
        return 2;
    }
    try {
        constexpr std::size_t kUsualBytes = 4096;
        const std::size_t bytes = argc > 2 ? std::stoul(argv[2]) : kUsualBytes;
        asio::io_context context(ASIO_CONCURRENCY_HINT_UNSAFE);
        if (mode == "udp") {
            mynah::bench::serve_datagrams(context);
        } else {
            mynah::bench::serve_streams(context, mode == "coroutines", bytes);
        }
    } catch (const std::exception& error) {
        std::fprintf(stderr, "asio_echo: %s\n", error.what());
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
