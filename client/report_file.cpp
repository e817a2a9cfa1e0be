#include "client/report_file.hpp"

#include <cerrno>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <string>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>

#include "client/command_line_values.hpp"
#include "client/console.hpp"
#include "client/output.hpp"

namespace mynah::client {

ReportFile::ReportFile(std::string path) : path_(std::move(path)) {
    if (path_.empty()) {
        return;
    }
    fd_.reset(::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
    if (!fd_) {
        error_ = std::error_code(errno, std::system_category());
    }
}

void ReportFile::write(const std::function<std::string()>& content) {
    if (!fd_) {
        return;
    }
    const auto written = write_all(fd_.get(), content());
    if (!written) {
        error_ = written.error();
    }
}

std::string same_file(const std::string& json_path, const std::string& html_path) {
    std::error_code error;
    const auto whole = [&error](const std::string& path) {
        return std::filesystem::weakly_canonical(std::filesystem::absolute(path, error), error);
    };
    const bool is_one = !json_path.empty() && !html_path.empty() && whole(json_path) == whole(html_path);
    // What is no file, such as /dev/null, takes both.
    const bool is_file =
        !std::filesystem::exists(json_path, error) || std::filesystem::is_regular_file(json_path, error);
    return is_one && is_file ? fmt::format("--json and --html name one file, {}", printable(json_path)) : std::string();
}

bool are_well(std::initializer_list<const ReportFile*> files, const Console& console) {
    bool well = true;
    for (const ReportFile* file : files) {
        if (const auto error = file->error()) {
            console.complain(fmt::format("cannot write {}: {}", printable(file->path()), error.message()));
            well = false;
        }
    }
    return well;
}

}  // namespace mynah::client
