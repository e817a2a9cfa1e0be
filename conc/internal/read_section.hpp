// read_section.hpp -- when may memory be freed that a reader without a lock might still see?
//
// What     a reader holds a ReadSection while it follows pointers. A writer unlinks, then seals: once passed() is
//          true of the ticket, no section is open that began before the seal, so nobody sees any longer what was
//          unlinked.
// Threads  every function, from any thread. A section belongs to the thread that opened it and must not outlive a
//          suspension. Sections nest: the outermost one counts.
// Errors   the first section of a thread allocates, and throws std::bad_alloc where that fails.
// Cost     a section is two stores to a cache line of the thread's own. seal() is a system call (membarrier) that
//          interrupts the processors on which other threads of the program run; passed() is linear in threads. Where
//          the kernel has no membarrier, each section pays for a fence instead.
// Lifetime a thread's slot goes to the next thread when it ends; slots are as many as threads were alive at once.
//
// Invariants
// - Reader::since is 0 outside of sections, else the value that epoch had when the outermost section began, or an
//   older one. Only the thread that holds the slot writes it. epoch only grows.
// - A section first announces itself (since), then passes its half of a barrier, then follows pointers. A writer
//   first unlinks, then passes its half, then moves the epoch on, then looks at since. So of a section and a seal
//   either the writer sees the section, or the section sees everything that was unlinked before the seal.
// - A section that announced the ticket's epoch or a later one has read it from the seal, and with it all that was
//   unlinked before. So only sections with an older epoch hold the ticket back, and new ones never do.
// - Seals are made one at a time, and each moves the epoch on by one. So the seal that makes it epoch + 1 may have
//   begun before this moment, the one that makes it epoch + 2 begins after it.
// - Each store to since is a release and passed() acquires it: what a reader did in a section that is over happens
//   before the memory is freed.
// - A slot is never freed, so that passed() may walk the list without asking.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "conc/internal/asymmetric_fence.hpp"
#include "conc/internal/atomic.hpp"

namespace mynah::conc::internal {

inline constexpr std::size_t kCacheLineBytes = 64;

/// A thread's slot.
struct alignas(kCacheLineBytes) Reader {
    Atomic<std::uint64_t> since{0};
    Atomic<bool> taken{true};
    bool interrupted = true;  // see fence_light()
    bool borrowed = false;    // for one section only, by a thread that is ending
    Reader* next = nullptr;
};

extern constinit Atomic<std::uint64_t> epoch;

// Not inline: Clang caches the address of a thread-local across a suspension of the coroutine that inlined it.
Reader& this_threads_reader();

/// Gives back the slot that a thread borrowed for this section.
void give_back(Reader& reader) noexcept;

class [[nodiscard]] ReadSection {
  public:
    ReadSection() : reader_(this_threads_reader()), outermost_(reader_.since.load(kRelaxed) == 0) {
        if (!outermost_) {
            return;
        }
        // acquire: whoever reads an epoch sees what was unlinked before its seal. release: see the invariants.
        reader_.since.store(epoch.load(kAcquire), kRelease);
        fence_light(reader_.interrupted);
    }
    ~ReadSection() {
        if (outermost_) {
            reader_.since.store(0, kRelease);  // release: all that the section read, it has read
            if (reader_.borrowed) {
                give_back(reader_);
            }
        }
    }
    ReadSection(const ReadSection&) = delete;
    ReadSection& operator=(const ReadSection&) = delete;

  private:
    Reader& reader_;
    bool outermost_;
};

using Ticket = std::uint64_t;

/// For what the caller has unlinked, or has seen unlinked. Nothing where the kernel refuses, or another thread seals at
/// this moment: try again later.
[[nodiscard]] std::optional<Ticket> seal() noexcept;

/// The ticket of the first seal that surely begins later than this call. For what the caller has unlinked, where
/// there is time to wait for others to seal.
[[nodiscard]] Ticket closing_ticket() noexcept;

/// Whether the ticket's seal was made.
[[nodiscard]] bool sealed(Ticket ticket) noexcept;

/// Whether every section that began before the seal is over. The seal was made.
[[nodiscard]] bool passed(Ticket ticket) noexcept;

/// The same, and looks again for as long as a short section takes. Gives up at once where the caller's own section is
/// the one.
[[nodiscard]] bool passed_soon(Ticket ticket) noexcept;

/// How many slots there are, for tests.
std::size_t reader_slots() noexcept;

}  // namespace mynah::conc::internal
