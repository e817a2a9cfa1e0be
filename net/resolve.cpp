#include "net/resolve.hpp"

#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <asio/ip/tcp.hpp>

#include "conc/channel.hpp"
#include "conc/event_source.hpp"
#include "conc/go.hpp"
#include "conc/select.hpp"
#include "conc/select_case.hpp"
#include "conc/task.hpp"
#include "conc/use_task.hpp"
#include "net/address.hpp"
#include "net/internal/asio_error.hpp"
#include "net/operation.hpp"
#include "net/result.hpp"

namespace mynah::net {
namespace {

using Addresses = Result<std::vector<Address>>;

Address to_address(const asio::ip::address& numeric, const Address& asked) {
    const Address::Family family = numeric.is_v6() ? Address::Family::ipv6 : Address::Family::ipv4;
    return {family, numeric.to_string(), asked.port(), asked.transport()};
}

conc::Task<Addresses> look_up(Address address) {
    asio::ip::tcp::resolver resolver(conc::io_context());
    const std::string service = std::to_string(address.port());
    const auto found = co_await resolver.async_resolve(address.host(), service,
                                                       asio::ip::resolver_base::numeric_service, conc::use_task);
    if (!found) {
        co_return fail(internal::from_asio(found.error()));
    }
    std::vector<Address> addresses;
    for (const auto& entry : *found) {
        addresses.push_back(to_address(entry.endpoint().address(), address));
    }
    if (addresses.empty()) {
        co_return fail(std::errc::address_not_available);
    }
    co_return addresses;
}

// The lookup cannot be stopped, so where the time may run out it has a task of its own, and room to leave its answer.
conc::Task<> look_up_into(Address address, conc::Channel<Addresses> answers) {
    Addresses found = co_await look_up(std::move(address));
    co_await answers.send(std::move(found));
}

}  // namespace

conc::Task<Addresses> resolve(Address address, conc::Duration timeout) {
    if (!address.is_name()) {
        std::vector<Address> itself;
        itself.push_back(std::move(address));
        co_return itself;
    }
    if (timeout == kNoTimeout) {
        co_return co_await look_up(std::move(address));
    }
    conc::Channel<Addresses> answers(1);
    conc::go(look_up_into, std::move(address), answers);
    auto first = co_await conc::select(answers.recv_case(), conc::after(timeout));
    if (first.index() == 0) {
        co_return *std::move(first.template get<0>());
    }
    co_return fail(std::errc::timed_out);
}

}  // namespace mynah::net
