#include "client/console.hpp"

#include <string_view>
#include <system_error>

#include <fmt/format.h>
#include <unistd.h>

#include "client/output.hpp"

namespace mynah::client {

Console::Console(Descriptors descriptors)
    : input_(descriptors.input),
      output_(descriptors.output),
      error_(descriptors.error),
      input_is_terminal_(::isatty(descriptors.input) == 1),
      error_is_terminal_(::isatty(descriptors.error) == 1) {}

void Console::complain(std::string_view message) const {
    // Where standard error cannot be written to there is nowhere left to say so; the exit status still tells.
    (void)write_all(error_, fmt::format("mynah: {}\n", message));
}

void Console::note(std::string_view line) const {
    (void)write_all(error_, fmt::format("{}\n", line));
}

void Console::complain_of_output(std::error_code error) const {
    complain(fmt::format("cannot write to standard output: {}", error.message()));
}

void Console::show_progress(std::string_view text) const {
    (void)write_all(error_, fmt::format("\r{}\x1b[K", text));
}

}  // namespace mynah::client
