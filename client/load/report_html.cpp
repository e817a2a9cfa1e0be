#include <string>

#include "client/load/report.hpp"
namespace mynah::client::load {
std::string to_html(const Report&) {
    return {};
}
}  // namespace mynah::client::load
