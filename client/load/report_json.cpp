// report_json.cpp -- a load's report for programs.
#include <string>

#include "client/load/report.hpp"
namespace mynah::client::load {
std::string to_json(const Report&) {
    return {};
}
}  // namespace mynah::client::load
