// row.hpp -- what a program of conc_bench consists of: rows, each of which times a number of operations.
//
// conc_rows and each C++ peer link row_main.cpp and say with rows() what they can run. The programs of all sides do the
// same work under the same names; a row that one side changes, the others change too.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <vector>

namespace mynah::bench {

using Clock = std::chrono::steady_clock;

struct Measurement {
    Clock::duration time = {};
    std::optional<double> bytes_per_task = std::nullopt;  // for rows that look at memory
};

struct Row {
    const char* name;
    /// Runs the row's program with `warm_up` operations, which are not measured, and then with `operations`.
    Measurement (*measure)(std::size_t operations, std::size_t warm_up);
};

/// A row whose program is a function that runs a number of operations, and says how long they took.
template <Measurement (*program)(std::size_t operations)>
Row row(const char* name) {
    return {.name = name, .measure = [](std::size_t operations, std::size_t warm_up) {
                if (warm_up > 0) {
                    program(warm_up);
                }
                return program(operations);
            }};
}

/// The program's rows.
std::vector<Row> rows();

/// The part of `whole` that falls to worker `index` of `workers`: the parts differ by one at most.
constexpr std::size_t share(std::size_t whole, std::size_t workers, std::size_t index) {
    return whole / workers + (index < whole % workers ? 1 : 0);
}

/// Throws std::runtime_error where a program computed something wrong: its time would be worth nothing.
void expect_equal(std::size_t actual, std::size_t expected);

/// 0 + 1 + ... + (count - 1), which is what most programs add up.
constexpr std::size_t sum_below(std::size_t count) {
    return count % 2 == 0 ? count / 2 * (count - 1) : (count - 1) / 2 * count;
}

/// Memory of this process that is in RAM now.
std::size_t resident_bytes();

/// Keeps the compiler from dropping a computation whose result nobody reads.
template <class T>
void keep(const T& value) {
    asm volatile("" : : "r,m"(value) : "memory");
}

}  // namespace mynah::bench
