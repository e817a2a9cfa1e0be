// An unbuffered channel hands a value over: both sides meet. A buffered one takes values until it is full, and only
// then makes its sender wait: that is back-pressure, and size() shows it coming.
#include <cstddef>
#include <iostream>
#include <vector>

#include "conc/conc.hpp"

namespace conc = mynah::conc;

namespace {

conc::Task<void> send_three(conc::Channel<int> numbers) {
    for (int number = 1; number <= 3; ++number) {
        std::cout << "  sending " << number << ", " << numbers.size() << " of " << numbers.capacity() << " buffered\n";
        co_await numbers.send(number);
    }
    std::cout << "  sender is done\n";
    numbers.close();
}

conc::Task<void> show(std::size_t capacity) {
    const conc::Channel<int> numbers(capacity);
    conc::go(send_three, numbers);

    // Nobody receives yet. Let the sender get as far as it can.
    const auto sender_rests = [numbers] {
        for (const conc::TaskInfo& task : conc::tasks()) {
            if (task.state == "runnable") {
                return false;
            }
        }
        return true;
    };
    while (!sender_rests()) {
        co_await conc::yield();
    }

    std::vector<int> received;
    while (const auto number = co_await numbers.recv()) {
        received.push_back(*number);
    }
    std::cout << "  received " << received.size() << '\n';
}

conc::Task<void> compare() {
    std::cout << "unbuffered: the first send waits for main\n";
    co_await show(0);
    std::cout << "buffered, 3: the sender is done before main begins\n";
    co_await show(3);
}

}  // namespace

int main() {
    conc::Scheduler scheduler({.workers = 1});  // one worker, so that the lines come in one order
    scheduler.run(compare());
}
