// program.hpp -- mynah from its arguments to its exit status.
#pragma once

#include <string>
#include <vector>

#include "client/console.hpp"

namespace mynah::client {

/// `arguments` without the program's name. SIGPIPE must be ignored.
int run_program(const std::vector<std::string>& arguments, Console::Descriptors descriptors);

}  // namespace mynah::client
