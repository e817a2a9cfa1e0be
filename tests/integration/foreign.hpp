// foreign.hpp -- programs that are not ours, run as filters.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/integration/echo_client.hpp"
#include "tests/integration/endpoint.hpp"
#include "tests/integration/process.hpp"

namespace mynah::integration {

inline std::string some_bytes(std::size_t count) {
    std::string bytes(count, '\0');
    fill_pattern(bytes, 7, 0);
    return bytes;
}

inline Process::Options program(std::string name, std::vector<std::string> arguments) {
    return {.program = std::move(name),
            .arguments = std::move(arguments),
            .environment = {},
            .directory = {},
            .max_descriptors = std::nullopt,
            .core = std::nullopt};
}

// What `client` prints when `input` is its stdin, to the end.
inline std::string filtered(const Process::Options& client, const std::string& input) {
    Process process(client);
    process.write_input(input);
    process.end_input();
    const auto ending = process.wait();
    EXPECT_TRUE(ending.has_value()) << client.program << " still runs";
    EXPECT_TRUE(!ending || ending->code == 0) << client.program << ": " << process.text(Output::error);
    return process.text(Output::standard);
}

// An address of socat's for datagrams to `endpoint`, which is of 127.0.0.1.
inline std::string socat_udp(const Endpoint& endpoint) {
    return "UDP4:127.0.0.1:" + std::to_string(endpoint.port());
}

}  // namespace mynah::integration
