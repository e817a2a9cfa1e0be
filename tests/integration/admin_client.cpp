#include "tests/integration/admin_client.hpp"

#include <cstdlib>
#include <map>
#include <string>
#include <string_view>

#include <gtest/gtest.h>
#include <httplib.h>

#include "tests/integration/daemon.hpp"
#include "tests/integration/patience.hpp"

namespace mynah::integration {

AdminAnswer get(const std::string& admin, const std::string& path, const std::map<std::string, std::string>& headers) {
    httplib::Client client(admin);
    client.set_connection_timeout(patience());
    client.set_read_timeout(patience());
    const httplib::Result result = client.Get(path, httplib::Headers(headers.begin(), headers.end()));
    if (!result) {
        return {};
    }
    return {.status = result->status, .type = result->get_header_value("Content-Type"), .text = result->body};
}

Numbers::Numbers(std::string_view text) {
    for (const std::string& line : lines_of(text)) {
        const std::size_t space = line.rfind(' ');
        if (!line.starts_with('#') && space != std::string::npos) {
            values_[line.substr(0, space)] = std::strtod(line.c_str() + space, nullptr);
        }
    }
}

double Numbers::operator[](const std::string& name) const {
    const auto found = values_.find(name);
    return found == values_.end() ? -1 : found->second;
}

double Numbers::sum(std::string_view name) const {
    double sum = 0;
    for (const auto& [key, value] : values_) {
        sum += key == name || key.starts_with(std::string(name) + "{") ? value : 0;
    }
    return sum;
}

Numbers metrics_of(const std::string& admin) {
    const AdminAnswer answer = get(admin, "/metrics");
    EXPECT_EQ(answer.status, 200) << admin;
    return Numbers(answer.text);
}

}  // namespace mynah::integration
