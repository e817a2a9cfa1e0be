// test_files.hpp -- descriptors that stand in for a command's input and output.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "net/descriptor.hpp"

namespace mynah::client::testing_support {

/// A file in memory.
class MemoryFile {
  public:
    explicit MemoryFile(std::string_view content = {});
    int fd() const { return fd_.get(); }
    std::string content() const;

  private:
    net::Descriptor fd_;
};

struct Pipe {
    Pipe();
    net::Descriptor reader;
    net::Descriptor writer;
};

/// A pseudo-terminal whose line discipline changes nothing.
struct Terminal {
    Terminal();
    /// What has been written to the terminal's side so far.
    std::string seen() const;
    net::Descriptor controller;
    net::Descriptor terminal;
};

net::Descriptor open_file(const char* path, int flags);

/// `size` bytes in which every stretch is different from the one before.
std::string pattern(std::size_t size);

}  // namespace mynah::client::testing_support
