// transfer_report.cpp -- what a transfer says at its end.
#include <cstddef>
#include <cstdint>
#include <string>

#include <fmt/format.h>

#include "client/counted.hpp"
#include "client/duration.hpp"
#include "client/exit_status.hpp"
#include "client/transfer.hpp"

namespace mynah::client {

std::uint64_t Transfer::count_missing() {
    std::uint64_t missing = comparison_.awaited_bytes();
    while (auto chunk = in_flight_.try_recv()) {
        missing += chunk->bytes->size();
    }
    return missing;
}

ExitStatus Transfer::report(Ending ending) {
    ExitStatus status = ExitStatus::verified;
    if (const auto& first = comparison_.first_difference()) {
        console_->complain(
            fmt::format("{} of {} came back different, the first at offset {}: sent 0x{:02x}, got 0x{:02x}",
                        comparison_.differing_bytes(), count_bytes(comparison_.compared_bytes()), first->offset,
                        std::to_integer<unsigned>(first->sent), std::to_integer<unsigned>(first->returned)));
        status = ExitStatus::mismatch;
    }
    if (output_error_) {
        console_->complain_of_output(output_error_);
        return ExitStatus::mismatch;
    }
    if (input_error_) {
        console_->complain(fmt::format("cannot read standard input: {}", input_error_.message()));
        status = ExitStatus::mismatch;
    }
    if (ending == Ending::surplus) {
        console_->complain(fmt::format("{} came back after offset {} that nobody had sent", count_bytes(surplus_bytes_),
                                       comparison_.compared_bytes()));
        return ExitStatus::mismatch;
    }
    const std::uint64_t missing = count_missing();
    const bool complete = missing == 0 && (source_ended_ || input_error_);
    if (!complete) {
        const ExitStatus lost = report_lost(ending, missing);
        // A difference is certain, a timeout may be bad luck.
        status = status == ExitStatus::verified ? lost : status;
    }
    return status;
}

ExitStatus Transfer::report_lost(Ending ending, std::uint64_t missing) {
    const std::uint64_t offset = comparison_.compared_bytes();
    const std::string loss = missing > 0 ? fmt::format("{} did not come back", count_bytes(missing))
                                         : std::string("not all input had been sent");
    if (ending == Ending::timed_out) {
        console_->complain(fmt::format("timed out at offset {}: nothing came back for {}, {}", offset,
                                       format_duration(options_.timeout), loss));
        return ExitStatus::unreachable;
    }
    if (ending == Ending::broken) {
        console_->complain(
            fmt::format("connection lost at offset {} ({}): {}", offset, receive_error_.message(), loss));
        return ExitStatus::mismatch;
    }
    console_->complain(fmt::format("connection closed by peer at offset {}: {}", offset, loss));
    return ExitStatus::mismatch;
}

}  // namespace mynah::client
