#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <liburing.h>
#include <liburing/io_uring.h>
#include <linux/time_types.h>
#include <sys/mman.h>

#include "tests/bench/net/engine.hpp"
#include "tests/integration/endpoint.hpp"

namespace mynah::bench {

namespace {

using integration::Socket;

constexpr unsigned kSubmissions = 2048;
constexpr std::size_t kMostBuffers = 32768;  // the kernel's limit
constexpr std::size_t kLargestBuffer = 65536;
constexpr int kGroup = 0;

void check(int result, const char* what) {
    if (result < 0) {
        throw std::runtime_error(std::string(what) + ": " + std::strerror(-result));
    }
}

class Ring {
  public:
    explicit Ring(std::size_t connections) {
        io_uring_params parameters{};
        parameters.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE;
        parameters.cq_entries = static_cast<unsigned>(std::bit_ceil(std::max(2 * connections, std::size_t{4096})));
        check(io_uring_queue_init_params(kSubmissions, &ring_, &parameters), "io_uring");
    }
    Ring(const Ring&) = delete;
    Ring& operator=(const Ring&) = delete;
    ~Ring() { io_uring_queue_exit(&ring_); }

    io_uring* get() { return &ring_; }

    io_uring_sqe* next_submission() {
        io_uring_sqe* entry = io_uring_get_sqe(&ring_);
        if (entry == nullptr) {
            check(io_uring_submit(&ring_), "io_uring_submit");
            entry = io_uring_get_sqe(&ring_);
        }
        return entry;
    }

  private:
    io_uring ring_{};
};

/// What the kernel puts received bytes into.
class Buffers {
  public:
    Buffers(io_uring* ring, std::size_t count, std::size_t bytes)
        : count_(count), bytes_(bytes), memory_(count * bytes) {
        void* pages = ::mmap(nullptr, ring_bytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (pages == MAP_FAILED) {
            throw std::runtime_error(std::string("mmap: ") + std::strerror(errno));
        }
        entries_ = static_cast<io_uring_buf_ring*>(pages);
        io_uring_buf_ring_init(entries_);
        io_uring_buf_reg registration{};
        registration.ring_addr = std::bit_cast<std::uint64_t>(entries_);
        registration.ring_entries = static_cast<std::uint32_t>(count);
        registration.bgid = kGroup;
        check(io_uring_register_buf_ring(ring, &registration, 0), "io_uring_register_buf_ring");
        for (std::size_t i = 0; i < count; ++i) {
            give(i);
        }
        publish();
    }
    Buffers(const Buffers&) = delete;
    Buffers& operator=(const Buffers&) = delete;
    ~Buffers() { ::munmap(entries_, ring_bytes()); }

    [[nodiscard]] std::span<const char> bytes(std::size_t buffer, std::size_t size) const {
        return std::span(memory_).subspan(buffer * bytes_, size);
    }

    void give(std::size_t buffer) {
        io_uring_buf_ring_add(entries_, memory_.data() + buffer * bytes_, static_cast<unsigned>(bytes_),
                              static_cast<unsigned short>(buffer),
                              io_uring_buf_ring_mask(static_cast<std::uint32_t>(count_)), given_++);
    }
    /// From here on the kernel may use those that were given.
    void publish() {
        io_uring_buf_ring_advance(entries_, given_);
        given_ = 0;
    }

  private:
    [[nodiscard]] std::size_t ring_bytes() const { return count_ * sizeof(io_uring_buf); }

    std::size_t count_;
    std::size_t bytes_;
    std::vector<char> memory_;
    io_uring_buf_ring* entries_ = nullptr;
    int given_ = 0;
};

// Sockets are registered, so that no call looks them up. A multishot receive stays for as long as the connection lives;
// a send is heard of again only where it fails.
class UringEngine final : public Engine {
  public:
    UringEngine(const std::vector<Socket>& sockets, Options options)
        : Engine(sockets, options),
          ring_(sockets.size()),
          buffers_(ring_.get(), std::clamp(std::bit_ceil(4 * sockets.size()), std::size_t{64}, kMostBuffers),
                   std::clamp(options.message_bytes, std::size_t{64}, kLargestBuffer)) {
        std::vector<int> descriptors;
        for (const Socket& socket : sockets) {
            descriptors.push_back(socket.fd());
        }
        check(io_uring_register_files(ring_.get(), descriptors.data(), static_cast<unsigned>(descriptors.size())),
              "io_uring_register_files");
        check(io_uring_register_ring_fd(ring_.get()), "io_uring_register_ring_fd");
        for (std::size_t i = 0; i < sockets.size(); ++i) {
            receive(i);
        }
    }

  private:
    static constexpr std::uint64_t kSend = 1;

    void receive(std::size_t connection) {
        io_uring_sqe* entry = ring_.next_submission();
        io_uring_prep_recv_multishot(entry, static_cast<int>(connection), nullptr, 0, 0);
        entry->flags |= IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT;
        entry->buf_group = kGroup;
        entry->user_data = connection << 1U;
    }

    void transmit(std::size_t connection, std::span<const char> bytes) override {
        io_uring_sqe* entry = ring_.next_submission();
        io_uring_prep_send(entry, static_cast<int>(connection), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_WAITALL);
        entry->flags |= IOSQE_FIXED_FILE | IOSQE_CQE_SKIP_SUCCESS;
        entry->user_data = (connection << 1U) | kSend;
    }

    bool wait() override {
        int result = 0;
        if (options().spins) {
            result = io_uring_submit_and_get_events(ring_.get());
        } else {
            io_uring_cqe* first = nullptr;
            __kernel_timespec limit{.tv_sec = kStall.count() + 1, .tv_nsec = 0};
            result = io_uring_submit_and_wait_timeout(ring_.get(), &first, 1, &limit, nullptr);
        }
        if (result != -ETIME && result != -EINTR && result != -EAGAIN) {
            check(result, "io_uring_enter");
        }
        return io_uring_cq_ready(ring_.get()) > 0;
    }

    void collect() override {
        unsigned head = 0;
        unsigned seen = 0;
        io_uring_cqe* completion = nullptr;
        io_uring_for_each_cqe(ring_.get(), head, completion) {
            ++seen;
            complete(*completion);
        }
        io_uring_cq_advance(ring_.get(), seen);
        buffers_.publish();
    }

    void complete(const io_uring_cqe& completion) {
        const std::size_t connection = completion.user_data >> 1U;
        if (completion.res <= 0 && completion.res != -ENOBUFS) {
            fail(connection, completion.res == 0 ? "closed by the server" : std::strerror(-completion.res));
        }
        if ((completion.user_data & kSend) != 0) {
            fail(connection, "a short send");
        }
        if ((completion.flags & IORING_CQE_F_MORE) == 0) {
            receive(connection);
        }
        if (completion.res > 0) {
            const std::size_t buffer = completion.flags >> IORING_CQE_BUFFER_SHIFT;
            arrived(connection, buffers_.bytes(buffer, static_cast<std::size_t>(completion.res)));
            buffers_.give(buffer);
        }
    }

    Ring ring_;
    Buffers buffers_;
};

}  // namespace

std::unique_ptr<Engine> make_uring_engine(const std::vector<Socket>& sockets, Engine::Options options) {
    return std::make_unique<UringEngine>(sockets, options);
}

}  // namespace mynah::bench
