#include "net/result.hpp"

#include <cerrno>
#include <string>
#include <system_error>

namespace mynah::net {
namespace {

class NetCategory final : public std::error_category {
  public:
    const char* name() const noexcept override { return "net"; }

    std::string message(int value) const override {
        switch (static_cast<Errc>(value)) {
            case Errc::too_many_descriptors:
                return "descriptor number too high for select(2)";
            case Errc::no_driver:
                return "the scheduler has no net driver";
            case Errc::operation_in_progress:
                return "another task waits for the same descriptor";
            case Errc::unresolved_name:
                return "the address has a name that was not resolved";
            case Errc::wrong_worker:
                return "the stream belongs to another worker";
            case Errc::no_socket:
                return "a file that is no socket is in the way";
        }
        return "unknown net error " + std::to_string(value);
    }
};

}  // namespace

const std::error_category& error_category() noexcept {
    static const NetCategory category;
    return category;
}

bool is_exhaustion(const std::error_code& code) noexcept {
    if (code.category() != std::system_category() && code.category() != std::generic_category()) {
        return false;
    }
    return code.value() == EMFILE || code.value() == ENFILE || code.value() == ENOBUFS || code.value() == ENOMEM;
}

}  // namespace mynah::net
