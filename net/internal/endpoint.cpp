#include "net/internal/endpoint.hpp"

#include <cstdint>
#include <memory>
#include <system_error>

#include "net/driver.hpp"
#include "net/result.hpp"

namespace mynah::net::internal {

std::error_code Endpoint::adopt() {
    Driver* const here = Driver::current();
    if (here == nullptr) {
        return Errc::no_driver;
    }
    if (const DriverLink* home = link.load(); home != nullptr) {
        return home == here->link().get() ? std::error_code() : make_error_code(Errc::wrong_worker);
    }
    link_owner = here->link();
    link.store(link_owner.get());
    // Against a close() from elsewhere: either it is seen here, or it has seen the link and closes at home.
    if (closed.load()) {
        return std::make_error_code(std::errc::operation_canceled);
    }
    return here->admit(fd.get());
}

void Endpoint::close(const std::shared_ptr<Endpoint>& self) noexcept {
    if (self->closed.exchange(true)) {
        return;
    }
    Driver* const home = self->driver();
    if (home == nullptr) {
        self->fd.reset();
    } else if (home->at_home()) {
        close_at_home(self, *home);
    } else {
        home->post([self, home] { close_at_home(self, *home); });
    }
}

void Endpoint::close_at_home(const std::shared_ptr<Endpoint>& self, Driver& home) noexcept {
    home.forget(self->fd.get());
    self->fd.reset();
    if (self->waiting > 0) {
        self->self = self;
    }
}

void Endpoint::cancel_reading(const std::shared_ptr<Endpoint>& self, std::uint64_t ticket) {
    Driver* const home = self->driver();
    if (home == nullptr) {
        return;
    }
    if (home->at_home()) {
        self->cancel_at_home(*home, ticket);
    } else {
        home->post([self, home, ticket] { self->cancel_at_home(*home, ticket); });
    }
}

void Endpoint::cancel_at_home(Driver& home, std::uint64_t ticket) {
    const bool meant = reading != nullptr && (ticket == 0 ? interrupted.load() : reading->ticket == ticket);
    if (meant) {
        home.cancel(*reading);
    }
}

}  // namespace mynah::net::internal
