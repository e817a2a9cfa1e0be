#include "server/session_set.hpp"

#include <atomic>
#include <cstddef>
#include <mutex>

#include "net/stream.hpp"
#include "server/session_record.hpp"

namespace mynah::server {

SessionSet::Member::Member(SessionSet& set, net::Stream& stream) : set_(set), stream_(stream) {
    set_.enter(*this);
}

SessionSet::Member::~Member() {
    set_.leave(*this);
}

std::size_t SessionSet::open() const {
    const std::scoped_lock guard(mutex_);
    return open_;
}

bool SessionSet::ask_one_to_close() {
    const std::scoped_lock guard(mutex_);
    while (not_asked_ != nullptr) {
        Member& member = *not_asked_;
        not_asked_ = member.next_;
        if (!member.asked_) {
            ask(member);
            return true;
        }
    }
    return false;
}

void SessionSet::ask_all_to_close() {
    const std::scoped_lock guard(mutex_);
    asking_ = true;
    for (Member* member = members_; member != nullptr; member = member->next_) {
        ask(*member);
    }
    not_asked_ = nullptr;
}

void SessionSet::cut_all() {
    const std::scoped_lock guard(mutex_);
    cutting_ = true;
    for (Member* member = members_; member != nullptr; member = member->next_) {
        cut(*member);
    }
}

void SessionSet::count_ended(const SessionRecord& record) {
    const std::scoped_lock guard(mutex_);
    ++totals_.sessions;
    ++totals_.by_reason[static_cast<std::size_t>(record.close_reason)];
    totals_.bytes_in += record.bytes_in;
    totals_.bytes_out += record.bytes_out;
    totals_.discarded_after_fin += record.discarded_after_fin;
}

SessionSet::Totals SessionSet::totals() const {
    const std::scoped_lock guard(mutex_);
    return totals_;
}

void SessionSet::enter(Member& member) {
    const std::scoped_lock guard(mutex_);
    member.next_ = members_;
    if (members_ != nullptr) {
        members_->previous_ = &member;
    }
    members_ = &member;
    not_asked_ = members_;  // asked ones behind it are passed over
    ++open_;
    if (asking_) {
        ask(member);
    }
    if (cutting_) {
        cut(member);
    }
}

void SessionSet::leave(Member& member) {
    const std::scoped_lock guard(mutex_);
    if (not_asked_ == &member) {
        not_asked_ = member.next_;
    }
    (member.previous_ == nullptr ? members_ : member.previous_->next_) = member.next_;
    if (member.next_ != nullptr) {
        member.next_->previous_ = member.previous_;
    }
    --open_;
}

void SessionSet::ask(Member& member) {
    if (!member.asked_) {
        member.asked_ = true;
        member.stream_.interrupt();
    }
}

void SessionSet::cut(Member& member) {
    member.cut_.store(true, std::memory_order_release);
    member.stream_.close();
}

}  // namespace mynah::server
