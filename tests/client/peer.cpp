#include "tests/client/peer.hpp"

#include <csignal>
#include <cstddef>
#include <functional>
#include <string>
#include <utility>

#include <gtest/gtest.h>
#include <signal.h>

#include "client/console.hpp"
#include "client/exit_status.hpp"
#include "conc/context.hpp"
#include "conc/scheduler.hpp"
#include "conc/select.hpp"
#include "conc/task.hpp"
#include "conc/task_info.hpp"
#include "conc/wait_group.hpp"
#include "net/address.hpp"
#include "net/driver.hpp"
#include "net/listener.hpp"
#include "net/stream.hpp"
#include "tests/client/test_files.hpp"

namespace mynah::client::testing_support {
namespace {

conc::Task<void> serve(net::Stream stream, const Behaviour* behaviour, int number, conc::Context over) {
    Connection connection{.stream = &stream, .number = number, .over = std::move(over)};
    co_await (*behaviour)(std::move(connection));
}

conc::Task<void> accept_all(net::Listener* listener, const Behaviour* behaviour, conc::WaitGroup* connections,
                            conc::Context ctx) {
    for (int number = 1;; ++number) {
        auto stream = co_await listener->accept(ctx);
        if (!stream) {
            co_return;
        }
        connections->go(serve, std::move(*stream), behaviour, number, ctx);
    }
}

conc::Task<ExitStatus> run_with_server(const Behaviour* behaviour, const CommandUnderTest* command, Console* console) {
    auto listener = net::Listener::bind(*net::Address::parse("tcp://127.0.0.1:0"));
    if (!listener) {
        ADD_FAILURE() << "bind: " << listener.error().message();
        co_return ExitStatus::usage;
    }
    const auto scope = conc::with_cancel(conc::Context::background());
    conc::WaitGroup tasks;
    tasks.go(accept_all, &*listener, behaviour, &tasks, scope.ctx);
    const ExitStatus status = co_await (*command)(listener->local(), console);
    scope.cancel();
    co_await tasks.wait();
    co_return status;
}

conc::Task<ExitStatus> run_without_server(const CommandUnderTest* command, Console* console) {
    // A port that was free a moment ago, and is nobody's now.
    net::Address address;
    {
        auto listener = net::Listener::bind(*net::Address::parse("tcp://127.0.0.1:0"));
        if (listener) {
            address = listener->local();
        }
    }
    co_return co_await (*command)(address, console);
}

}  // namespace

conc::Task<void> echo(Connection connection) {
    for (;;) {
        const auto lease = co_await connection.stream->receive();
        if (!lease || lease->empty()) {
            co_return;
        }
        const auto sent = co_await connection.stream->send_all(lease->bytes());
        if (!sent) {
            co_return;
        }
    }
}

conc::Task<void> echo_and_stay(Connection connection) {
    co_await echo(connection);
    co_await stay(connection);
}

conc::Task<void> stay(Connection connection) {
    co_await conc::select(connection.over.done());
}

conc::Task<std::string> receive_exactly(net::Stream* stream, std::size_t size) {
    std::string received;
    while (received.size() < size) {
        const auto lease = co_await stream->receive();
        if (!lease || lease->empty()) {
            break;
        }
        received += lease->text();
    }
    co_return received;
}

conc::Task<void> listen_in_silence(Connection connection) {
    for (;;) {
        const auto lease = co_await connection.stream->receive();
        if (!lease || lease->empty()) {
            break;
        }
    }
    co_await stay(connection);
}

Outcome run_with_console(std::size_t workers, const Plugs& plugs,
                         const std::function<conc::Task<ExitStatus>(Console*)>& main) {
    std::signal(SIGPIPE, SIG_IGN);  // as main() does
    const MemoryFile input(plugs.input_text);
    const MemoryFile output;
    const MemoryFile errors;
    Outcome outcome;
    {
        Console console({.input = plugs.input >= 0 ? plugs.input : input.fd(),
                         .output = plugs.output >= 0 ? plugs.output : output.fd(),
                         .error = errors.fd()});
        conc::Scheduler scheduler(
            {.workers = workers, .event_source = net::driver_factory(net::DriverKind::automatic)});
        outcome.status = scheduler.run(main(&console));
        for (const conc::TaskInfo& task : scheduler.abandoned()) {
            // Its contract: an attempt to connect that nobody waits for any more goes on.
            if (task.created_at.function.find("connect_unless_cancelled") != std::string::npos) {
                continue;
            }
            ADD_FAILURE() << "task " << task.id << " was left behind: " << task.state << ", made at "
                          << task.created_at.file << ":" << task.created_at.line;
        }
    }
    outcome.output = output.content();
    outcome.errors = errors.content();
    return outcome;
}

Outcome run_against(std::size_t workers, Behaviour behaviour, CommandUnderTest command, Plugs plugs) {
    return run_with_console(workers, plugs,
                            [&](Console* console) { return run_with_server(&behaviour, &command, console); });
}

Outcome run_against_nobody(std::size_t workers, CommandUnderTest command) {
    return run_with_console(workers, {}, [&](Console* console) { return run_without_server(&command, console); });
}

}  // namespace mynah::client::testing_support
