// panic.hpp -- what a misuse throws.                               Go: panic
//
// What     Panic is thrown where Go panics: send on a closed channel, a WaitGroup below zero, close of a nil channel.
// Errors   left uncaught in a task started by go() it ends the program, with that task's await chain on stderr.
// Differs  what is fatal in Go (unlock of an unlocked mutex) aborts here as well, through fatal().
#pragma once

#include <stdexcept>
#include <string_view>

namespace mynah::conc {

class Panic : public std::logic_error {
    using std::logic_error::logic_error;
};

namespace internal {

/// Prints `fatal error: message` on stderr and aborts.
[[noreturn]] void fatal(std::string_view message) noexcept;

}  // namespace internal
}  // namespace mynah::conc
