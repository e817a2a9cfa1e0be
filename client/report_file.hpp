// report_file.hpp -- a file for a report, opened before the work is begun of which it reports.
//
// What     the constructor creates or empties the file; write() fills it. An empty path: no file, and no error.
// Errors   error(): of opening, or of writing.
#pragma once

#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "client/command_line_values.hpp"
#include "client/console.hpp"
#include "net/descriptor.hpp"

namespace mynah::client {

class ReportFile {
  public:
    explicit ReportFile(std::string path);

    void write(const std::function<std::string()>& content);

    const std::string& path() const { return path_; }
    std::error_code error() const { return error_; }

  private:
    std::string path_;
    net::Descriptor fd_;
    std::error_code error_;
};

/// A flag and the file that it names; an empty path names none.
struct NamedFile {
    std::string_view flag;
    std::string_view path;
};

/// One line where two of them are one file, so that a report would overwrite what the other is for; else empty.
std::string same_file(std::initializer_list<NamedFile> files);

/// Where the reports go that were asked for; empty: nowhere.
struct ReportPaths {
    std::string json;
    std::string html;
};

/// What --json and --html name, which is not one file.
Parsed<ReportPaths> read_report_paths(const std::optional<std::string>& json, const std::optional<std::string>& html);

/// Complains of those that could not be opened or written. True: there are none.
bool are_well(std::initializer_list<const ReportFile*> files, const Console& console);

}  // namespace mynah::client
