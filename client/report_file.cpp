#include "client/report_file.hpp"

#include <cerrno>
#include <expected>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>

#include "client/command_line_values.hpp"
#include "client/console.hpp"
#include "client/output.hpp"

namespace mynah::client {
namespace {

bool are_one_file(std::string_view one, std::string_view other) {
    namespace fs = std::filesystem;
    if (one.empty() || other.empty()) {
        return false;
    }
    std::error_code error;
    if (fs::exists(one, error) && fs::exists(other, error)) {
        // What is no file, such as /dev/null, takes both.
        return fs::equivalent(one, other, error) && fs::is_regular_file(one, error);
    }
    std::error_code other_error;
    const fs::path whole = fs::weakly_canonical(fs::absolute(one, error), error);
    const fs::path other_whole = fs::weakly_canonical(fs::absolute(other, other_error), other_error);
    return !error && !other_error && !whole.empty() && whole == other_whole;  // opening them tells what is wrong
}

}  // namespace

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

std::string same_file(std::initializer_list<NamedFile> files) {
    for (const NamedFile* one = files.begin(); one != files.end(); ++one) {
        for (const NamedFile* other = std::next(one); other != files.end(); ++other) {
            if (are_one_file(one->path, other->path)) {
                return fmt::format("{} and {} name one file, {}", one->flag, other->flag, printable(one->path));
            }
        }
    }
    return {};
}

Parsed<ReportPaths> read_report_paths(const std::optional<std::string>& json, const std::optional<std::string>& html) {
    auto json_path = read_file_name("--json", json);
    if (!json_path) {
        return std::unexpected(std::move(json_path.error()));
    }
    auto html_path = read_file_name("--html", html);
    if (!html_path) {
        return std::unexpected(std::move(html_path.error()));
    }
    if (std::string mistake = same_file({{"--json", *json_path}, {"--html", *html_path}}); !mistake.empty()) {
        return std::unexpected(std::move(mistake));
    }
    return ReportPaths{.json = *std::move(json_path), .html = *std::move(html_path)};
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
