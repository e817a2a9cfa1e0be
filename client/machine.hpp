// machine.hpp -- on what a measurement was made.
#pragma once

#include <cstddef>
#include <string>

namespace mynah::client {

struct Machine {
    std::string host;
    std::string system;          // "Linux 6.1.0 x86_64"
    std::string processor;       // its model's name, where the system tells
    std::size_t processors = 0;  // that this process may use
    std::string version;         // of mynah
};

Machine this_machine();

}  // namespace mynah::client
