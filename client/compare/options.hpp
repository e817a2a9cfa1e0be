// options.hpp -- what `mynah compare` was asked for.
#pragma once

#include <string>

namespace mynah::client::compare {

struct Options {
    std::string before;          // the file of the report that the other is held against
    std::string after;           // the file of the report that is judged
    double threshold = 0.10;     // what is worse by more than this share is a regression
    std::string json_path = {};  // empty: none
};

}  // namespace mynah::client::compare
