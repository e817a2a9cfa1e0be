// console.hpp -- where a command reads, writes and complains.
//
// What     standard input, output and error, or in tests other descriptors in their place.
// Threads  input and output as their headers say; complain() from any task.
#pragma once

#include <string>
#include <string_view>
#include <system_error>

#include "client/input.hpp"
#include "client/output.hpp"

namespace mynah::client {

class Console {
  public:
    struct Descriptors {
        int input = 0;
        int output = 1;
        int error = 2;
    };

    explicit Console(Descriptors descriptors);

    Input& input() { return input_; }
    Output& output() { return output_; }

    /// "mynah: message" on standard error, on one line of its own.
    void complain(std::string_view message) const;

    /// A line of its own on standard error, as it is: what happens, and is no complaint.
    void note(std::string_view line) const;

    /// That the result could not be written.
    void complain_of_output(std::error_code error) const;

    /// Whether a person types the input and reads what we say.
    bool is_interactive() const { return input_is_terminal_ && error_is_terminal_; }

    bool is_error_terminal() const { return error_is_terminal_; }

    /// Whether a line on standard error that changes all the time would be seen, and would disturb no other text.
    bool can_show_progress() const { return error_is_terminal_ && !output_.is_terminal(); }

    /// Replaces the line of progress; an empty text takes it away.
    void show_progress(std::string_view text) const;

  private:
    Input input_;
    Output output_;
    int error_;
    bool input_is_terminal_;
    bool error_is_terminal_;
};

}  // namespace mynah::client
