#include "conc/side_thread.hpp"

#include <algorithm>
#include <climits>
#include <csignal>
#include <functional>
#include <vector>

#include <linux/close_range.h>
#include <signal.h>
#include <unistd.h>

namespace mynah::conc {

void stand_aside(std::vector<int> kept_descriptors) {
    sigset_t all;
    sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, nullptr);

    kept_descriptors.push_back(STDERR_FILENO);
    std::ranges::sort(kept_descriptors, std::greater());
    unsigned int last = UINT_MAX;
    for (const int kept : kept_descriptors) {
        if (kept < STDERR_FILENO) {
            break;
        }
        const unsigned int first = static_cast<unsigned int>(kept) + 1;
        // The flag stands in each call: where the first has failed, none may close what is shared.
        if (first <= last && ::close_range(first, last, CLOSE_RANGE_UNSHARE) != 0) {
            return;
        }
        last = static_cast<unsigned int>(kept) - 1;
    }
}

}  // namespace mynah::conc
