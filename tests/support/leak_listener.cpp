#include "tests/support/leak_listener.hpp"

#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include <gtest/gtest.h>

namespace mynah::test_support {

OpenDescriptors open_descriptors() {
    std::vector<std::filesystem::path> entries;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        entries.push_back(entry.path());
    }
    // The descriptor that read the folder is in the list too, but closed by now: it has no target.
    OpenDescriptors found;
    for (const auto& entry : entries) {
        std::error_code closed;
        const std::filesystem::path target = std::filesystem::read_symlink(entry, closed);
        if (!closed) {
            found.emplace(std::stoi(entry.filename().string()), target.string());
        }
    }
    return found;
}

OpenDescriptors left_behind(const OpenDescriptors& before, const OpenDescriptors& after) {
    OpenDescriptors leaked;
    for (const auto& [descriptor, target] : after) {
        const auto known = before.find(descriptor);
        if (known == before.end() || known->second != target) {
            leaked.emplace(descriptor, target);
        }
    }
    return leaked;
}

void LeakListener::OnTestStart(const testing::TestInfo& /*test*/) {
    at_start_ = open_descriptors();
}

void LeakListener::OnTestEnd(const testing::TestInfo& test) {
    for (const auto& [descriptor, target] : left_behind(at_start_, open_descriptors())) {
        ADD_FAILURE() << test.test_suite_name() << "." << test.name() << " left descriptor " << descriptor
                      << " open: " << target;
    }
}

}  // namespace mynah::test_support
