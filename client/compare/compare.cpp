#include "client/compare/compare.hpp"

#include <expected>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "client/compare/comparison.hpp"
#include "client/compare/measurement.hpp"
#include "client/compare/options.hpp"
#include "client/console.hpp"
#include "client/exit_status.hpp"
#include "client/report_file.hpp"
#include "conc/task.hpp"

namespace mynah::client::compare {
namespace {

std::expected<Comparison, std::string> compare_files(Options options) {
    auto before = read_measurement(options.before);
    if (!before) {
        return std::unexpected(std::move(before.error()));
    }
    auto after = read_measurement(options.after);
    if (!after) {
        return std::unexpected(std::move(after.error()));
    }
    return compare(std::move(options), *std::move(before), *std::move(after));
}

}  // namespace

conc::Task<ExitStatus> run_compare(Options options, Console* console) {
    const std::string json_path = options.json_path;
    const auto comparison = compare_files(std::move(options));
    if (!comparison) {
        console->complain(comparison.error());
        co_return ExitStatus::usage;
    }
    ExitStatus status = comparison->regressions().empty() ? ExitStatus::verified : ExitStatus::mismatch;
    // Only now, as it may be one of the files that were read.
    ReportFile json(json_path);
    json.write([&comparison] { return to_json(*comparison); });
    const auto written = co_await console->output().print(to_text(*comparison));
    if (!written) {
        console->complain_of_output(written.error());
        status = ExitStatus::mismatch;
    }
    if (!are_well({&json}, *console)) {
        status = ExitStatus::mismatch;
    }
    co_return status;
}

}  // namespace mynah::client::compare
