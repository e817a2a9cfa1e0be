// admin_client.hpp -- asks the admin listener of a mynahd.
//
// What     get() sends one request on a connection of its own; Numbers reads what /metrics has answered.
// Threads  any.
// Errors   no answer is a status of 0.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace mynah::integration {

struct AdminAnswer {
    int status = 0;
    std::string type = {};
    std::string text = {};
};

// `admin` is Daemon::admin(); `headers` stand over those that a client sends by itself.
AdminAnswer get(const std::string& admin, const std::string& path,
                const std::map<std::string, std::string>& headers = {});

// The values of Prometheus's text format, by name and labels as they stand there.
class Numbers {
  public:
    explicit Numbers(std::string_view text);

    // "mynahd_received_bytes_total{transport=\"tcp\"}"; -1 where there is no such line.
    [[nodiscard]] double operator[](const std::string& name) const;

    // The sum of all lines of a name, whatever their labels.
    [[nodiscard]] double sum(std::string_view name) const;

  private:
    std::map<std::string, double> values_;
};

// /metrics, asked now.
Numbers metrics_of(const std::string& admin);

}  // namespace mynah::integration
