#include "client/ping_link.hpp"

#include <cstddef>
#include <utility>

#include "conc/context.hpp"
#include "conc/select.hpp"
#include "conc/task.hpp"

namespace mynah::client {
namespace {

constexpr std::size_t kWantedProbes = 16;
constexpr std::size_t kEvents = 64;

}  // namespace

PingLink::PingLink(conc::Context ctx) : ctx_(std::move(ctx)), wanted_(kWantedProbes), events_(kEvents) {}

conc::Task<void> PingLink::tell(LinkEvent event) {
    co_await conc::select(events_.send_case(std::move(event)), ctx_.done());
}

}  // namespace mynah::client
