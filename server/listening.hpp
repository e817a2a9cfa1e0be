// listening.hpp -- every socket that mynahd listens with, bound as the configuration says.
// What     listen_on_all() binds the configured addresses: streams (tcp, unix) and datagrams (udp). A name stands for
//          all of its addresses. With listener.reuse_port each worker gets a socket of its own where there are ports.
// Errors   one line that names the address, and nothing stays bound.
#pragma once

#include <cstddef>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "conc/task.hpp"
#include "net/datagram.hpp"
#include "net/listener.hpp"
#include "server/configuration.hpp"

namespace mynah::server {

/// Where connections come in.
struct StreamDoor {
    net::Listener listener;
    std::optional<std::size_t> worker = {};  // which serves all of them; nullopt: each goes to the least loaded
    std::size_t configured = 0;              // which address of `listen` it is of
};

/// Where datagrams come in, and who echoes them.
struct DatagramDoor {
    net::DatagramSocket socket;
    std::size_t worker = 0;
    std::size_t configured = 0;  // which address of `listen` it is of
};

struct Listening {
    std::vector<StreamDoor> streams;
    std::vector<DatagramDoor> datagrams;
    std::vector<std::string> addresses;  // each once, in the order of the configuration
};

conc::Task<std::expected<Listening, std::string>> listen_on_all(const Configuration* configuration,
                                                                std::size_t workers);

}  // namespace mynah::server
