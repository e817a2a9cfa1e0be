// leak_listener.hpp -- fails each test that leaves a file descriptor behind.
// What     Compares the set of open descriptors at the end of a test with the set at its start.
// Threads  a descriptor that another thread holds open at the end of a test counts as left behind: join first.
// Cost     two readings of /proc/self/fd for each test.
#pragma once

#include <map>
#include <string>

#include <gtest/gtest.h>

namespace mynah::test_support {

// Descriptor -> what it refers to, as readlink(2) tells: "socket:[12345]", "/tmp/file", "anon_inode:[eventpoll]".
using OpenDescriptors = std::map<int, std::string>;

// The descriptors that this process has open, without the one that reads the list.
[[nodiscard]] OpenDescriptors open_descriptors();

// What is in `after` and was not in `before`. A descriptor that now refers to something else counts too: the number was
// closed and taken again.
[[nodiscard]] OpenDescriptors left_behind(const OpenDescriptors& before, const OpenDescriptors& after);

class LeakListener final : public testing::EmptyTestEventListener {
  public:
    void OnTestStart(const testing::TestInfo& test) override;
    void OnTestEnd(const testing::TestInfo& test) override;

  private:
    OpenDescriptors at_start_;
};

}  // namespace mynah::test_support
