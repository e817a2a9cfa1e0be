// Two tasks send into a channel, a third closes it when both are done, and main ranges over it. Prints 42, then 100.
#include <iostream>

#include "conc/conc.hpp"

using namespace std::chrono_literals;
namespace conc = mynah::conc;

namespace {

conc::Task<void> work(conc::Duration takes, int result, conc::Sender<int> results) {
    co_await conc::sleep_for(takes);  // parks this task; its worker runs others meanwhile
    co_await results.send(result);
}

conc::Task<void> print_all() {
    const conc::Channel<int> results(2);  // room for both, so nobody waits for main

    conc::WaitGroup wg;
    wg.go(work, 100ms, 42, results);  // go() counts a task before it starts, and counts it down when it has ended
    wg.go(work, 150ms, 100, results);

    conc::go([&wg, results]() -> conc::Task<void> {
        co_await wg.wait();
        results.close();  // nobody sends any more: the range below ends after the last value
    });

    while (const auto result = co_await results.recv()) {
        std::cout << *result << '\n';
    }
}

}  // namespace

int main() {
    conc::Scheduler scheduler({.workers = 2});
    scheduler.run(print_all());
}
