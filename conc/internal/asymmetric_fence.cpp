#include "conc/internal/asymmetric_fence.hpp"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "conc/internal/atomic.hpp"

namespace mynah::conc::internal {
namespace {

bool membarrier(int command) noexcept {
    return ::syscall(SYS_membarrier, command, 0, 0) == 0;
}

}  // namespace

bool has_membarrier() noexcept {
    static const bool registered = membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
    return registered;
}

bool fence_heavy() noexcept {
    if (has_membarrier()) {
        return membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
    }
    fence_seq_cst();
    return true;
}

}  // namespace mynah::conc::internal
