// context_hook.hpp -- ends a waiting read once a context is cancelled.
//
// What     while it lives, cancelling the context cancels the endpoint's read with this ticket, from inside cancel():
//          no task of its own that could be left behind.
// Threads  made and destroyed by the task that waits; the context is cancelled by whoever.
// Cost     one allocation; nothing for a context that cannot be cancelled.
#pragma once

#include <cstdint>
#include <memory>

#include "conc/context.hpp"
#include "net/internal/endpoint.hpp"

namespace mynah::net::internal {

class ContextHook {
  public:
    ContextHook(const conc::Context& ctx, const std::shared_ptr<Endpoint>& endpoint, std::uint64_t ticket);
    ContextHook(const ContextHook&) = delete;
    ContextHook& operator=(const ContextHook&) = delete;
    ~ContextHook();

  private:
    class Listener;

    conc::Context ctx_;
    std::shared_ptr<Listener> listener_;  // nullptr: the context cannot be cancelled
};

}  // namespace mynah::net::internal
