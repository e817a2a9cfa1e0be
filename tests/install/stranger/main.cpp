// A program outside this tree: two values through a channel, and an address.
#include <iostream>

#include "conc/conc.hpp"
#include "net/address.hpp"

namespace {

mynah::conc::Task<void> send_two(mynah::conc::Channel<int> numbers) {
    co_await numbers.send(42);
    co_await numbers.send(100);
    numbers.close();
}

mynah::conc::Task<int> print_all() {
    mynah::conc::Channel<int> numbers(2);
    mynah::conc::go(send_two, numbers);
    while (auto number = co_await numbers.recv()) {
        std::cout << *number << "\n";
    }
    co_return 0;
}

}  // namespace

int main() {
    mynah::conc::Scheduler scheduler({.workers = 2});
    const int status = scheduler.run(print_all());
    const auto address = mynah::net::Address::parse("tcp://127.0.0.1:7007");
    if (!address) {
        std::cerr << "address: " << address.error() << "\n";
        return 1;
    }
    std::cout << address->to_string() << "\n";
    return status;
}
