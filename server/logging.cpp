#include "server/logging.hpp"

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <ctime>
#include <memory>
#include <stdexcept>
#include <string>

#include <signal.h>
#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>

#include "conc/side_thread.hpp"
#include "server/logging_options.hpp"
#include "server/logging_sink.hpp"

namespace mynah::server {
namespace {

constexpr const char* kTextPattern = "%Y-%m-%dT%H:%M:%S.%fZ %v";
constexpr const char* kJsonPattern = R"({"time":"%Y-%m-%dT%H:%M:%S.%fZ",%v})";

/// Only the one thread of the pool reaches it: there is nothing to lock.
class SpdlogSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
  public:
    explicit SpdlogSink(int descriptor) : sink_(descriptor) {}

    LoggingSink& sink() { return sink_; }

  private:
    void sink_it_(const spdlog::details::log_msg& message) override {
        spdlog::memory_buf_t line;
        formatter_->format(message, line);
        sink_.write({line.data(), line.size()});
    }

    void flush_() override {}  // sink_it_ holds nothing back

    LoggingSink sink_;
};

spdlog::level::level_enum spdlog_level(LogLevel level) {
    switch (level) {
        case LogLevel::debug:
            return spdlog::level::debug;
        case LogLevel::info:
            return spdlog::level::info;
        case LogLevel::warn:
            return spdlog::level::warn;
        case LogLevel::error:
            return spdlog::level::err;
        case LogLevel::off:
            return spdlog::level::off;
    }
    return spdlog::level::off;
}

}  // namespace

struct Logging::Core {
    explicit Core(const Options& options)
        : log(options.log),
          close_wait(options.close_wait),
          sink(std::make_shared<SpdlogSink>(options.descriptor)),
          pool(std::make_shared<spdlog::details::thread_pool>(
              options.queue_lines, 1, [this] { conc::stand_aside(sink->sink().descriptors()); })),
          logger(std::make_shared<spdlog::async_logger>("mynahd", sink, pool,
                                                        spdlog::async_overflow_policy::overrun_oldest)) {
        sink->set_formatter(std::make_unique<spdlog::pattern_formatter>(
            log.format == LogFormat::json ? kJsonPattern : kTextPattern, spdlog::pattern_time_type::utc, "\n"));
        logger->set_level(spdlog_level(log.level));
        logger->set_error_handler([this](const std::string&) { failed.fetch_add(1, std::memory_order_relaxed); });
    }

    const LogOptions log;
    const std::chrono::milliseconds close_wait;
    const std::shared_ptr<SpdlogSink> sink;
    std::shared_ptr<spdlog::details::thread_pool> pool;
    const std::shared_ptr<spdlog::async_logger> logger;
    std::atomic<std::uint64_t> failed = 0;  // lines that spdlog could not queue; a statistic: it orders nothing

    // The process's log. Those who log must have ended before the Logging does, so a plain pointer is enough.
    static inline std::atomic<Core*> current = nullptr;
};

Logging::Logging(const Options& options) : core_(std::make_unique<Core>(options)) {
    Core* none = nullptr;
    if (!Core::current.compare_exchange_strong(none, core_.get())) {
        throw std::logic_error("a Logging exists already");
    }
}

Logging::~Logging() {
    Core::current.store(nullptr);
    core_->sink->sink().close_by(std::chrono::steady_clock::now() + core_->close_wait);
    // The pool's end writes, or past the deadline discards, all that is queued, and joins the thread.
    const std::uint64_t overrun = core_->pool->overrun_counter();
    core_->pool.reset();
    const std::uint64_t lost = overrun + core_->failed.load() + core_->sink->sink().discarded();
    if (lost == 0 || !core_->logger->should_log(spdlog::level::warn)) {
        return;
    }
    const std::string line = format_event(core_->log.format, LogLevel::warn, "log_dropped", {{"lines", lost}});
    sigset_t pipe;
    sigset_t before;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, &before);
    core_->sink->log(spdlog::details::log_msg("mynahd", spdlog::level::warn, line));
    // A broken stderr has left a SIGPIPE pending for this thread: it must not be let loose by unblocking it.
    const timespec at_once{};
    (void)sigtimedwait(&pipe, nullptr, &at_once);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

std::uint64_t Logging::dropped() const {
    return core_->pool->overrun_counter() + core_->failed.load(std::memory_order_relaxed) +
           core_->sink->sink().discarded();
}

bool log_enabled(LogLevel level) {
    const Logging::Core* core = Logging::Core::current.load(std::memory_order_acquire);  // sees the Core made whole
    return core != nullptr && core->log.level <= level && level != LogLevel::off;
}

void log_event(LogLevel level, std::string_view event, LogFields fields) {
    if (!log_enabled(level)) {
        return;
    }
    const Logging::Core* core = Logging::Core::current.load(std::memory_order_acquire);  // sees the Core made whole
    core->logger->log(spdlog_level(level), format_event(core->log.format, level, event, fields));
}

}  // namespace mynah::server
