#include "client/program.hpp"

#include <csignal>
#include <exception>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "client/chat.hpp"
#include "client/command_line.hpp"
#include "client/compare/compare.hpp"
#include "client/compare/options.hpp"
#include "client/console.hpp"
#include "client/exit_status.hpp"
#include "client/load/load.hpp"
#include "client/load/options.hpp"
#include "client/output.hpp"
#include "client/ping.hpp"
#include "client/send.hpp"
#include "client/watch/options.hpp"
#include "client/watch/watch.hpp"
#include "conc/context.hpp"
#include "conc/scheduler.hpp"
#include "conc/task.hpp"
#include "conc/wait_group.hpp"
#include "net/driver.hpp"
#include "net/signals.hpp"

namespace mynah::client {
namespace {

conc::Task<void> cancel_on_signal(net::SignalReceiver* signals, conc::CancelFunc cancel) {
    const auto signal = co_await signals->next();
    if (signal) {
        cancel();
    }
}

conc::Task<ExitStatus> ping_until_signal(PingOptions options, Console* console) {
    net::SignalReceiver signals({SIGINT, SIGTERM});
    const auto scope = conc::with_cancel(conc::Context::background());
    conc::WaitGroup tasks;
    tasks.go(cancel_on_signal, &signals, scope.cancel);
    const ExitStatus status = co_await run_ping(std::move(options), console, scope.ctx);
    signals.cancel();
    co_await tasks.wait();
    co_return status;
}

/// The first signal cancels `stop`, the second `abort`.
conc::Task<void> cancel_on_signals(net::SignalReceiver* signals, conc::CancelFunc stop, conc::CancelFunc abort) {
    co_await cancel_on_signal(signals, std::move(stop));
    co_await cancel_on_signal(signals, std::move(abort));
}

/// `run` is given the two contexts, for its sending and for its waiting.
template <class Options>
using RunUntilStopped = conc::Task<ExitStatus> (*)(Options, Console*, conc::Context stop, conc::Context abort);

template <class Options>
conc::Task<ExitStatus> run_until_signals(RunUntilStopped<Options> run, Options options, Console* console) {
    net::SignalReceiver signals({SIGINT, SIGTERM});
    const auto stop = conc::with_cancel(conc::Context::background());
    const auto abort = conc::with_cancel(conc::Context::background());
    conc::WaitGroup tasks;
    tasks.go(cancel_on_signals, &signals, stop.cancel, abort.cancel);
    const ExitStatus status = co_await run(std::move(options), console, stop.ctx, abort.ctx);
    signals.cancel();
    co_await tasks.wait();
    co_return status;
}

conc::Task<ExitStatus> run_command(Command command, Console* console) {
    if (auto* send = std::get_if<SendOptions>(&command)) {
        co_return co_await run_send(std::move(*send), console);
    }
    if (auto* chat = std::get_if<ChatOptions>(&command)) {
        co_return co_await run_chat(std::move(*chat), console);
    }
    if (auto* load = std::get_if<load::Options>(&command)) {
        co_return co_await run_until_signals(load::run_load, std::move(*load), console);
    }
    if (auto* watch = std::get_if<watch::Options>(&command)) {
        co_return co_await run_until_signals(watch::run_watch, std::move(*watch), console);
    }
    if (auto* compare = std::get_if<compare::Options>(&command)) {
        co_return co_await compare::run_compare(std::move(*compare), console);
    }
    co_return co_await ping_until_signal(std::move(std::get<PingOptions>(command)), console);
}

ExitStatus give_answer(const Answer& answer, const Console& console, Console::Descriptors descriptors) {
    (void)write_all(descriptors.error, answer.error);
    const auto written = write_all(descriptors.output, answer.output);
    if (!written) {
        console.complain_of_output(written.error());
        return ExitStatus::mismatch;
    }
    return answer.status;
}

}  // namespace

int run_program(const std::vector<std::string>& arguments, Console::Descriptors descriptors) {
    try {
        Console console(descriptors);
        auto command = parse_command_line(arguments);
        if (!command) {
            return static_cast<int>(give_answer(command.error(), console, descriptors));
        }
        // One worker: a single connection has one home, and a load needs no locks. Two threads block at once at most,
        // on input and on output.
        const auto* load = std::get_if<load::Options>(&*command);
        const net::DriverKind driver = load != nullptr ? load->driver : net::DriverKind::automatic;
        conc::Scheduler scheduler({.workers = 1, .blocking_threads = 2, .event_source = net::driver_factory(driver)});
        return static_cast<int>(scheduler.run(run_command(std::move(*command), &console)));
    } catch (const std::exception& error) {
        (void)write_all(descriptors.error, std::string("mynah: ") + error.what() + "\n");
        return static_cast<int>(ExitStatus::mismatch);
    }
}

}  // namespace mynah::client
