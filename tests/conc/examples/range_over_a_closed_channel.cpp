// close() says that no more values will come, not that those sent are gone: a range goes on until the channel is closed
// and empty.
#include <iostream>

#include "conc/conc.hpp"

namespace conc = mynah::conc;

namespace {

conc::Task<void> range() {
    const conc::Channel<int> numbers(5);
    co_await numbers.send(1);
    co_await numbers.send(2);
    numbers.close();
    std::cout << "closed with " << numbers.size() << " values left\n";

    while (const auto number = co_await numbers.recv()) {
        std::cout << *number << '\n';
    }

    // From here on every receive returns at once, and says so.
    const auto after_the_end = co_await numbers.recv();
    std::cout << (after_the_end ? "a value" : "closed and drained") << '\n';

    // A send is a mistake of the program, and loud.
    try {
        co_await numbers.send(3);
    } catch (const conc::Panic& panic) {
        std::cout << "panic: " << panic.what() << '\n';
    }
}

}  // namespace

int main() {
    conc::Scheduler scheduler({.workers = 1});
    scheduler.run(range());
}
