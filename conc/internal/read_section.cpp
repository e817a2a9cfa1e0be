#include "conc/internal/read_section.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "conc/internal/asymmetric_fence.hpp"
#include "conc/internal/atomic.hpp"
#include "conc/internal/spin_lock.hpp"

namespace mynah::conc::internal {

constinit Atomic<std::uint64_t> epoch{1};

namespace {

constinit Atomic<Reader*> readers{nullptr};

SpinLock sealing;  // one seal at a time; nobody waits for it

Reader& take_slot() {
    for (Reader* reader = readers.load(kAcquire); reader != nullptr; reader = reader->next) {
        // acquire: pairs with leave_slot(). The relaxed look keeps the walk from writing to slots in use.
        if (!reader->taken.load(kRelaxed) && !reader->taken.exchange(true, kAcquire)) {
            return *reader;
        }
    }
    auto made = std::make_unique<Reader>();
    made->interrupted = has_membarrier();
    Reader* reader = made.release();  // lives as long as the program, on the list
    reader->next = readers.load(kRelaxed);
    // release: publishes the slot.
    while (!readers.compare_exchange_weak(reader->next, reader, kRelease, kRelaxed)) {
    }
    return *reader;
}

void leave_slot(Reader& reader) noexcept {
    reader.taken.store(false, kRelease);  // release: hands borrowed to the next thread
}

// Trivial, so that it can be read while the thread's other thread-locals are destroyed.
struct ThisThread {
    Reader* reader = nullptr;
    bool ended = false;
};
constinit thread_local ThisThread this_thread;

/// Leaves the slot when the thread ends.
struct Leaver {
    ~Leaver() {
        Reader* reader = this_thread.reader;
        this_thread = {.reader = nullptr, .ended = true};
        leave_slot(*reader);
    }
};

[[gnu::noinline]] Reader& enroll() {
    Reader& reader = take_slot();
    if (this_thread.ended) {
        // A destructor that runs later than ours: nobody would leave the slot, so the section itself does.
        reader.borrowed = true;
        return reader;
    }
    this_thread.reader = &reader;
    thread_local const Leaver leaver;
    static_cast<void>(leaver);
    return reader;
}

}  // namespace

Reader& this_threads_reader() {
    Reader* reader = this_thread.reader;
    return reader != nullptr ? *reader : enroll();
}

void give_back(Reader& reader) noexcept {
    reader.borrowed = false;
    leave_slot(reader);
}

std::optional<Ticket> seal() noexcept {
    if (!sealing.try_lock()) {
        return std::nullopt;
    }
    std::optional<Ticket> ticket;
    // The writer's half of the barrier.
    if (fence_heavy()) {
        ticket = epoch.fetch_add(1, kAcqRel) + 1;  // release: publishes what was unlinked
    }
    sealing.unlock();
    return ticket;
}

Ticket closing_ticket() noexcept {
    return epoch.load(kAcquire) + 2;
}

bool sealed(Ticket ticket) noexcept {
    return epoch.load(kAcquire) >= ticket;
}

bool passed(Ticket ticket) noexcept {
    for (const Reader* reader = readers.load(kAcquire); reader != nullptr; reader = reader->next) {
        const std::uint64_t since = reader->since.load(kAcquire);
        if (since != 0 && since < ticket) {
            return false;
        }
    }
    return true;
}

bool passed_soon(Ticket ticket) noexcept {
    constexpr int kLooks = 64;
    const Reader* own = this_thread.reader;
    if (own != nullptr && own->since.load(kRelaxed) != 0) {
        return passed(ticket);
    }
    for (int look = 0; look < kLooks; ++look) {
        if (passed(ticket)) {
            return true;
        }
        cpu_relax();
    }
    return false;
}

std::size_t reader_slots() noexcept {
    std::size_t slots = 0;
    for (const Reader* reader = readers.load(kAcquire); reader != nullptr; reader = reader->next) {
        ++slots;
    }
    return slots;
}

}  // namespace mynah::conc::internal
