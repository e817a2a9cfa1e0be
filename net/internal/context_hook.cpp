#include "net/internal/context_hook.hpp"

#include <cstdint>
#include <memory>
#include <system_error>
#include <utility>

#include "conc/context.hpp"
#include "conc/internal/context_state.hpp"
#include "net/internal/endpoint.hpp"

namespace mynah::net::internal {

class ContextHook::Listener final : public conc::internal::CancelListener {
  public:
    Listener(std::shared_ptr<Endpoint> endpoint, std::uint64_t ticket) noexcept
        : endpoint_(std::move(endpoint)), ticket_(ticket) {}

    void parent_canceled(std::error_code /*error*/, std::error_code /*cause*/) noexcept override {
        Endpoint::cancel_reading(endpoint_, ticket_);
    }

  private:
    std::shared_ptr<Endpoint> endpoint_;
    std::uint64_t ticket_;
};

ContextHook::ContextHook(const conc::Context& ctx, const std::shared_ptr<Endpoint>& endpoint, std::uint64_t ticket)
    : ctx_(ctx) {
    if (conc::internal::ContextState* state = ctx_.state()->cancelable(); state != nullptr) {
        listener_ = std::make_shared<Listener>(endpoint, ticket);
        state->listen(listener_, false);
    }
}

ContextHook::~ContextHook() {
    if (listener_ != nullptr) {
        ctx_.state()->cancelable()->forget(*listener_);
    }
}

}  // namespace mynah::net::internal
