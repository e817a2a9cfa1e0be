// lane.hpp -- what one connection after the other carries, as long as a watch lasts.
//
// What     The part that streams and datagrams have in common: when frames fall due, the record of the connection that
//          is open, and outages: from the last echo of a connection that ended to the first of the next one.
// Threads  all of a watch's lanes on one worker.
// Cancel   `stopping` ends the sending; what is outstanding is waited for until give_up_at(). `aborting` ends that.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "client/load/schedule.hpp"
#include "client/watch/account.hpp"
#include "client/watch/incident.hpp"
#include "client/watch/options.hpp"
#include "client/watch/records.hpp"
#include "conc/context.hpp"
#include "conc/event_source.hpp"
#include "conc/task.hpp"
#include "net/address.hpp"
#include "net/probe_frame.hpp"

namespace mynah::client::watch {

/// What the lanes of a watch share.
struct Shared {
    const Options* options;
    load::Schedule* schedule;
    Account* account;
    conc::Context stopping;
    conc::Context aborting;
    std::uint64_t run = 0;
    std::chrono::nanoseconds to_unix{0};  // what a TimePoint lacks to the time since 1970
};

class Lane {
  public:
    Lane(const Lane&) = delete;
    Lane& operator=(const Lane&) = delete;
    virtual ~Lane() = default;

    /// Until the watch is over.
    virtual conc::Task<void> run() = 0;
    /// To be called several times a second: finds what is overdue.
    virtual void check(conc::TimePoint now) = 0;

    /// How long it has had no echo since it lost its connection; zero while it works.
    conc::Duration time_without_service(conc::TimePoint now) const noexcept;

  protected:
    /// `index`: from 0. Its frames are number index, index + connections, ... of the schedule.
    Lane(Shared shared, std::size_t index);

    const Options& options() const noexcept { return *shared_.options; }
    Account& account() noexcept { return *shared_.account; }
    bool is_stopping() const noexcept { return static_cast<bool>(shared_.stopping.err()); }
    bool is_aborting() const noexcept { return static_cast<bool>(shared_.aborting.err()); }
    conc::TimePoint give_up_at() const noexcept { return shared_.schedule->stops_at() + options().timeout; }

    /// Zero or less: a frame is due. Above zero where none will be any more.
    conc::Duration until_due(conc::TimePoint now) const noexcept;
    /// For when the frame was planned that is due.
    conc::TimePoint take_due() noexcept;
    /// Those that are due by now will not be sent: but for the last one, which stands for a lane that goes on.
    void skip_missed(conc::TimePoint now);
    /// At the end: that one as well.
    void miss_the_rest(conc::TimePoint now);
    /// A frame is to be sent now. Of those that are due when the watch stops only the last one still is.
    bool has_frame(conc::TimePoint now);

    void open_record(const net::Address& local, const net::Address& peer, conc::TimePoint now);
    void close_record(Ending ending, conc::TimePoint now);
    /// The next frame of the connection; `offset` is where it stands in the stream.
    net::ProbeFrame make_frame(conc::TimePoint planned, bool again, std::uint64_t offset, conc::TimePoint now);
    /// That frame was not sent after all.
    void take_back_frame(std::size_t bytes, bool again) noexcept;
    void notice(std::span<const Incident> incidents);
    /// Something has come back.
    void worked(conc::TimePoint now);
    bool is_in_outage() const noexcept { return outage_.has_value(); }
    void begin_outage(Ending ending);
    /// Where there was no connection yet.
    void begin_outage_from(conc::TimePoint time);
    void end_outage_unserved(conc::TimePoint now);

    Shared shared_;
    ConnectionRecord record_;
    std::uint64_t sequence_ = 0;

  private:
    std::size_t index_;
    std::uint64_t next_;  // of the schedule
    std::optional<Outage> outage_;
};

}  // namespace mynah::client::watch
