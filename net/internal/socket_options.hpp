// socket_options.hpp -- setsockopt(2) for the values that net sets.
#pragma once

namespace mynah::net::internal {

/// False: errno says why.
bool set_option(int fd, int level, int option, int value) noexcept;

}  // namespace mynah::net::internal
