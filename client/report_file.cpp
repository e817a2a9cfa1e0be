#include "client/report_file.hpp"

#include <cerrno>
#include <functional>
#include <initializer_list>
#include <string>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>

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

bool are_well(std::initializer_list<const ReportFile*> files, const Console& console) {
    bool well = true;
    for (const ReportFile* file : files) {
        if (const auto error = file->error()) {
            console.complain(fmt::format("cannot write {}: {}", file->path(), error.message()));
            well = false;
        }
    }
    return well;
}

}  // namespace mynah::client
