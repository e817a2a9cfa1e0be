// admin_http.hpp -- HTTP for the admin listener: the bytes of a request in, the bytes of its answer out.
// What     cpp-httplib reads and writes HTTP here, on memory alone. Its own server would hold a thread for as long as a
//          peer takes over its request, and queue connections without a bound: our AdminServer does neither.
// Threads  one at a time.
// Errors   whatever the request is, the answer says so: 400, 403, 404, 405, 413, 414, 431.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "server/admin_guard.hpp"
#include "server/admin_pages.hpp"

namespace mynah::server {

class AdminHttp {
  public:
    using Page = std::function<AdminPage(std::string_view path)>;

    /// After so many requests a connection is closed, and after so many seconds without one.
    static constexpr int kMostRequests = 100;
    static constexpr int kIdleSeconds = 60;

    struct Answer {
        std::string bytes;  // empty: there is nothing to say
        bool closes;        // the connection ends with it
    };

    AdminHttp(AdminGuard guard, Page page);
    AdminHttp(const AdminHttp&) = delete;
    AdminHttp& operator=(const AdminHttp&) = delete;
    ~AdminHttp();

    /// `head`: the request line and the headers, with the empty line at their end. `local_host`: the address that the
    /// connection came in at. `is_last`: the answer closes the connection.
    Answer answer(std::string_view head, std::string_view local_host, bool is_last);

    /// Where a request's head does not end within the limit.
    static std::string too_large();

  private:
    class Router;
    std::unique_ptr<Router> router_;
};

}  // namespace mynah::server
