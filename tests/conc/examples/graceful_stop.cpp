// Main asks its children to stop, and waits for them, but not for ever: a context tells them, a WaitGroup counts them,
// and a select gives up after 3 s.
#include <iostream>

#include "conc/conc.hpp"
#include "conc/select_case.hpp"

using namespace std::chrono_literals;
namespace conc = mynah::conc;

namespace {

conc::Task<void> child(conc::Context ctx, conc::Receiver<int> jobs, conc::Sender<int> finished) {
    for (;;) {
        auto next = co_await conc::select(ctx.done(), jobs.recv_case());
        if (next.index() == 0) {
            co_return;  // what was begun is finished; nothing new is begun
        }
        co_await conc::sleep_for(5ms);  // the work
        co_await finished.send(*next.get<1>());
    }
}

conc::Task<int> serve() {
    const auto [ctx, cancel] = conc::with_cancel(conc::Context::background());
    const conc::Channel<int> jobs(0);
    const conc::Channel<int> finished(10);
    conc::WaitGroup children;
    for (int i = 0; i < 3; ++i) {
        children.go(child, ctx, jobs.receiver(), finished.sender());
    }
    for (int job = 1; job <= 6; ++job) {
        co_await jobs.send(job);
    }

    std::cout << "stopping: " << (ctx.err() ? ctx.err().message() : "context alive") << '\n';
    cancel();

    // A WaitGroup is no case of a select; a channel that a task closes after the wait is one.
    const conc::Channel<conc::Unit> done(0);
    conc::go([&children, done]() -> conc::Task<void> {
        co_await children.wait();
        done.close();
    });
    const auto first = co_await conc::select(done.recv_case(), conc::after(3s));
    const bool in_time = first.index() == 0;
    std::cout << (in_time ? "all children stopped" : "gave up after 3 s") << ", " << finished.size()
              << " jobs finished, " << ctx.err().message() << '\n';
    co_return in_time ? 0 : 1;
}

}  // namespace

int main() {
    conc::Scheduler scheduler({.workers = 2});
    return scheduler.run(serve());
}
