#include "server/admin_http.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <httplib.h>
#include <strings.h>
#include <sys/types.h>

#include "server/admin_guard.hpp"
#include "server/admin_pages.hpp"

namespace mynah::server {
namespace {

/// cpp-httplib's stream, on memory: what it reads is there, what it writes is kept.
class MemoryStream final : public httplib::Stream {
  public:
    explicit MemoryStream(std::string input) : input_(std::move(input)) {}

    bool is_readable() const override { return read_ < input_.size(); }
    bool is_writable() const override { return true; }
    ssize_t read(char* bytes, std::size_t size) override {
        const std::size_t count = input_.copy(bytes, size, read_);
        read_ += count;
        return static_cast<ssize_t>(count);
    }
    ssize_t write(const char* bytes, std::size_t size) override {
        output_.append(bytes, size);
        return static_cast<ssize_t>(size);
    }
    void get_remote_ip_and_port(std::string& ip, int& port) const override {
        ip.clear();
        port = 0;
    }
    void get_local_ip_and_port(std::string& ip, int& port) const override { get_remote_ip_and_port(ip, port); }
    socket_t socket() const override { return INVALID_SOCKET; }

    std::string take_output() { return std::move(output_); }

  private:
    std::string input_;
    std::size_t read_ = 0;
    std::string output_;
};

/// No page is worth a part of itself, and parts are what cpp-httplib could be driven into the ground with: its regular
/// expression recurses over the header's value, and a page may be asked for a thousand times in one request.
std::string without_ranges(std::string_view head) {
    constexpr const char* kName = "range:";
    std::string out;
    while (!head.empty()) {
        const std::size_t length = std::min(head.find('\n'), head.size() - 1) + 1;
        const std::string_view line = head.substr(0, length);
        const std::string name(line.substr(0, std::strlen(kName)));
        out += ::strcasecmp(name.c_str(), kName) == 0 ? std::string_view() : line;
        head.remove_prefix(length);
    }
    return out;
}

std::vector<std::string_view> values_of(const httplib::Request& request, const std::string& name) {
    std::vector<std::string_view> values;
    const auto range = request.headers.equal_range(name);
    for (auto each = range.first; each != range.second; ++each) {
        values.push_back(each->second);
    }
    return values;
}

AdminRequest described(const httplib::Request& request, std::string_view local_host) {
    const auto first_of = [&request](const std::string& name) {
        const auto values = values_of(request, name);
        return values.empty() ? std::nullopt : std::optional(values.front());
    };
    const auto length = first_of("Content-Length");
    return {.method = request.method,
            .version = request.version,
            .hosts = values_of(request, "Host"),
            .origin = first_of("Origin"),
            .fetch_site = first_of("Sec-Fetch-Site"),
            .has_body = request.has_header("Transfer-Encoding") || (length && *length != "0"),
            .local_host = local_host};
}

}  // namespace

/// process_request() is cpp-httplib's for those who derive from its server.
class AdminHttp::Router final : private httplib::Server {
  public:
    Router(AdminGuard guard, Page page) : guard_(std::move(guard)), page_(std::move(page)) {
        set_keep_alive_max_count(kMostRequests);
        set_keep_alive_timeout(kIdleSeconds);
        set_default_headers({{"Cache-Control", "no-store"}, {"X-Content-Type-Options", "nosniff"}});
        set_pre_routing_handler([this](const httplib::Request& request, httplib::Response& response) {
            respond(request, response);
            return HandlerResponse::Handled;
        });
    }

    Answer answer(std::string_view head, std::string_view local_host, bool is_last) {
        MemoryStream stream(without_ranges(head));
        bool closes = false;
        local_host_ = local_host;
        // Unless it gets as far as respond().
        refused_ = true;
        (void)process_request(stream, is_last, closes, nullptr);  // false: it could not write, and memory is patient
        return {.bytes = stream.take_output(), .closes = is_last || closes || refused_};
    }

  private:
    void respond(const httplib::Request& request, httplib::Response& response) {
        const auto refusal = guard_.refuse(described(request, local_host_));
        refused_ = refusal.has_value();
        if (!refusal) {
            const AdminPage page = page_(request.path);
            response.status = page.status;
            response.set_content(page.text, page.type);
            return;
        }
        response.status = refusal->status;
        response.set_content(refusal->text + "\n", "text/plain; charset=utf-8");
        response.set_header("Connection", "close");  // what follows may be the body of what was refused
        if (refusal->status == 405) {
            response.set_header("Allow", "GET, HEAD");
        }
    }

    AdminGuard guard_;
    Page page_;
    std::string_view local_host_;  // of the request that is answered
    bool refused_ = false;         // likewise
};

AdminHttp::AdminHttp(AdminGuard guard, Page page)
    : router_(std::make_unique<Router>(std::move(guard), std::move(page))) {}

AdminHttp::~AdminHttp() = default;

AdminHttp::Answer AdminHttp::answer(std::string_view head, std::string_view local_host, bool is_last) {
    return router_->answer(head, local_host, is_last);
}

std::string AdminHttp::too_large() {
    constexpr std::string_view kText = "the request's headers are too long\n";
    return "HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Type: text/plain\r\n"
           "Content-Length: " +
           std::to_string(kText.size()) + "\r\n\r\n" + std::string(kText);
}

}  // namespace mynah::server
