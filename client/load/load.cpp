#include "client/load/load.hpp"

#include <string>
#include <utility>

#include <fmt/format.h>

#include "client/console.hpp"
#include "client/exit_status.hpp"
#include "client/load/descriptor_limit.hpp"
#include "client/load/dial.hpp"
#include "client/load/generator.hpp"
#include "client/load/options.hpp"
#include "client/load/report.hpp"
#include "client/report_file.hpp"
#include "conc/context.hpp"
#include "conc/task.hpp"

namespace mynah::client::load {

conc::Task<ExitStatus> run_load(Options options, Console* console, conc::Context stop, conc::Context abort) {
    if (const auto problem = provide_descriptors(options.connections)) {
        console->complain(*problem);
        co_return ExitStatus::usage;
    }
    // Before the load, which may take long.
    ReportFile json(options.json_path);
    ReportFile html(options.html_path);
    if (!are_well({&json, &html}, *console)) {
        co_return ExitStatus::usage;
    }
    Generator generator(std::move(options), console, std::move(stop), std::move(abort));
    const Report report = co_await generator.run();
    ExitStatus status = status_of(report);
    std::string text = to_text(report);
    if (report.connected == 0 && !report.interrupted) {
        const std::string& why = report.connection_failures.begin()->first;
        console->complain(fmt::format("{} to {}{}", kCannotConnect, report.options.address.to_string(),
                                      why.substr(kCannotConnect.size())));
        text.clear();
    }
    const auto written = co_await console->output().print(std::move(text));
    if (!written) {
        console->complain_of_output(written.error());
        status = ExitStatus::mismatch;
    }
    json.write([&report] { return to_json(report); });
    html.write([&report] { return to_html(report); });
    if (!are_well({&json, &html}, *console)) {
        status = ExitStatus::mismatch;
    }
    co_return status;
}

}  // namespace mynah::client::load
