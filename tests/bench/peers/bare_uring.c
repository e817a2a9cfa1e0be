/*
 * bare_uring.c -- the least that an echo server over io_uring can do: the yardstick of mynahd's io_uring driver.
 *
 * One system call per turn: it submits what the last one led to, and waits for what comes. Accept and receive are
 * multishot; what is received lies in a ring of buffers and is sent from there. Connections have no descriptors but
 * places in the ring's own table. It is correct under back-pressure: one send at a time for a connection, a queue behind
 * it, and a connection whose queue is long stops being read.
 *
 * bare_uring [BYTES]: the size of a buffer, 4096 unless told.
 */
#include <errno.h>
#include <liburing.h>
#include <liburing/io_uring.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/bench/peers/bare.h"

enum { kSubmissions = 4096, kCompletions = 32768, kMemoryBytes = 4 << 20, kLongQueue = 8, kGroup = 0 };

enum kind { kAccept, kReceive, kSend, kNothing };

/* A connection's queue: the buffers from `first` to `last`, of which the first is being sent. */
struct connection {
    int first;
    int last;
    int length;
    bool receiving; /* or starving */
    bool paused;    /* not to receive until the queue is empty */
    bool ended;     /* nothing more comes: closed once the queue is empty */
};

struct buffer {
    int next;
    unsigned bytes;
};

static struct io_uring ring;
static struct io_uring_buf_ring* provided;
static char* memory;
static unsigned buffer_bytes = 4096;
static int buffer_count;
static int returned; /* buffers that the kernel gets at the end of this turn */
static struct buffer* buffers;
static struct connection* connections; /* by their place in the ring's table, which is called fd here */
static size_t connection_limit;
static int listener;
static bool accepting;
static int* starving; /* connections that found no buffer, until there is one */
static int starving_count;

static void check(int result, const char* what) {
    if (result < 0) {
        errno = -result;
        bare_die(what);
    }
}

static struct io_uring_sqe* next_submission(enum kind kind, int fd) {
    struct io_uring_sqe* entry = io_uring_get_sqe(&ring);
    while (entry == NULL) {
        check(io_uring_submit(&ring), "io_uring_submit");
        entry = io_uring_get_sqe(&ring);
    }
    entry->user_data = ((uint64_t)kind << 32) | (uint32_t)fd;
    return entry;
}

static void start_accepting(void) {
    io_uring_prep_multishot_accept_direct(next_submission(kAccept, listener), listener, NULL, NULL, 0);
    accepting = true;
}

static void start_receiving(int fd) {
    struct io_uring_sqe* entry = next_submission(kReceive, fd);
    io_uring_prep_recv_multishot(entry, fd, NULL, 0, 0);
    entry->flags |= IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT;
    entry->buf_group = kGroup;
    connections[fd].receiving = true;
}

static void send_first(int fd) {
    int buffer = connections[fd].first;
    struct io_uring_sqe* entry = next_submission(kSend, fd);
    io_uring_prep_send(entry, fd, memory + (size_t)buffer * buffer_bytes, buffers[buffer].bytes,
                       MSG_NOSIGNAL | MSG_WAITALL);
    entry->flags |= IOSQE_FIXED_FILE;
}

static void give_back(int buffer) {
    io_uring_buf_ring_add(provided, memory + (size_t)buffer * buffer_bytes, buffer_bytes, (unsigned short)buffer,
                          io_uring_buf_ring_mask((unsigned)buffer_count), returned++);
}

static void close_if_done(int fd) {
    struct connection* connection = &connections[fd];
    if (connection->ended && connection->length == 0 && !connection->receiving) {
        memset(connection, 0, sizeof *connection);
        io_uring_prep_close_direct(next_submission(kNothing, fd), (unsigned)fd);
        if (!accepting) {
            start_accepting();
        }
    }
}

static void on_accepted(int result, bool more) {
    accepting = more;
    if (result >= 0) {
        start_receiving(result);
    }
    /* Out of descriptors, it is tried again when a connection ends. */
    if (!accepting && result != -EMFILE && result != -ENFILE) {
        start_accepting();
    }
}

static void pause_receiving(int fd) {
    connections[fd].paused = true;
    io_uring_prep_cancel64(next_submission(kNothing, fd), ((uint64_t)kReceive << 32) | (uint32_t)fd, 0);
}

static void enqueue(int fd, int buffer, unsigned bytes) {
    struct connection* connection = &connections[fd];
    buffers[buffer].bytes = bytes;
    if (connection->length++ == 0) {
        connection->first = buffer;
        connection->last = buffer;
        send_first(fd);
        return;
    }
    buffers[connection->last].next = buffer;
    connection->last = buffer;
    if (connection->length == kLongQueue) {
        pause_receiving(fd);
    }
}

static void on_received(int fd, int result, unsigned flags) {
    struct connection* connection = &connections[fd];
    connection->receiving = (flags & IORING_CQE_F_MORE) != 0;
    if (result > 0) {
        enqueue(fd, (int)(flags >> IORING_CQE_BUFFER_SHIFT), (unsigned)result);
    } else if (result != -ENOBUFS && result != -ECANCELED) {
        connection->ended = true;
    }
    if (connection->receiving) {
        return;
    }
    if (connection->ended) {
        close_if_done(fd);
    } else if (connection->paused && connection->length > 0) {
        return; /* on_sent() resumes it */
    } else if (result == -ENOBUFS) {
        connection->receiving = true;
        starving[starving_count++] = fd;
    } else {
        connection->paused = false;
        start_receiving(fd);
    }
}

static void on_sent(int fd, int result) {
    struct connection* connection = &connections[fd];
    int buffer = connection->first;
    bool lost = result != (int)buffers[buffer].bytes;
    if (lost && !connection->ended) {
        connection->ended = true;
        struct io_uring_sqe* entry = next_submission(kNothing, fd);
        io_uring_prep_shutdown(entry, fd, SHUT_RDWR); /* ends the receive */
        entry->flags |= IOSQE_FIXED_FILE;
    }
    do {
        connection->first = buffers[buffer].next;
        give_back(buffer);
        buffer = connection->first;
    } while (--connection->length > 0 && lost);
    if (connection->length > 0) {
        send_first(fd);
    } else if (connection->ended) {
        close_if_done(fd);
    } else if (connection->paused && !connection->receiving) {
        connection->paused = false;
        start_receiving(fd);
    }
}

static void serve(const struct io_uring_cqe* completion) {
    int fd = (int)(completion->user_data & UINT32_MAX);
    switch ((enum kind)(completion->user_data >> 32)) {
        case kAccept:
            on_accepted(completion->res, (completion->flags & IORING_CQE_F_MORE) != 0);
            break;
        case kReceive:
            on_received(fd, completion->res, completion->flags);
            break;
        case kSend:
            on_sent(fd, completion->res);
            break;
        case kNothing:
            break;
    }
}

/* Ends a turn: the kernel gets the buffers, and who found none tries again. */
static void end_turn(void) {
    if (returned == 0) {
        return;
    }
    io_uring_buf_ring_advance(provided, returned);
    returned = 0;
    for (int i = 0; i < starving_count; ++i) {
        int fd = starving[i];
        connections[fd].receiving = false;
        if (connections[fd].ended) {
            close_if_done(fd);
        } else {
            start_receiving(fd);
        }
    }
    starving_count = 0;
}

static void set_up_ring(void) {
    struct io_uring_params parameters = {
        .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE,
        .cq_entries = kCompletions,
    };
    check(io_uring_queue_init_params(kSubmissions, &ring, &parameters), "io_uring");
    check(io_uring_register_ring_fd(&ring), "io_uring_register_ring_fd");
    check(io_uring_register_files_sparse(&ring, (unsigned)connection_limit), "io_uring_register_files_sparse");
}

static void set_up_buffers(void) {
    buffer_count = kMemoryBytes / (int)buffer_bytes;
    size_t ring_bytes = (size_t)buffer_count * sizeof(struct io_uring_buf);
    void* pages = mmap(NULL, ring_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memory = aligned_alloc(kMemoryBytes, kMemoryBytes);
    buffers = calloc((size_t)buffer_count, sizeof *buffers);
    connections = calloc(connection_limit, sizeof *connections);
    starving = calloc(connection_limit, sizeof *starving);
    if (pages == MAP_FAILED || memory == NULL || buffers == NULL || connections == NULL || starving == NULL) {
        bare_die("memory");
    }
    madvise(memory, kMemoryBytes, MADV_HUGEPAGE); /* the ring goes through all of it: two entries of the TLB */
    provided = pages;
    struct io_uring_buf_reg registration = {
        .ring_addr = (uint64_t)(uintptr_t)pages, .ring_entries = (unsigned)buffer_count, .bgid = kGroup};
    check(io_uring_register_buf_ring(&ring, &registration, 0), "io_uring_register_buf_ring");
    for (int i = 0; i < buffer_count; ++i) {
        give_back(i);
    }
}

int main(int argc, char** argv) {
    if (argc > 1) {
        buffer_bytes = (unsigned)strtoul(argv[1], NULL, 10);
        if (buffer_bytes < 128 || buffer_bytes > kMemoryBytes / 2 || (buffer_bytes & (buffer_bytes - 1)) != 0) {
            errno = EINVAL;
            bare_die("a buffer's size is a power of two");
        }
    }
    connection_limit = bare_raise_descriptor_limit();
    set_up_ring();
    set_up_buffers();
    end_turn();
    listener = bare_listen_tcp();
    start_accepting();
    for (;;) {
        int result = io_uring_submit_and_wait(&ring, 1);
        if (result != -EINTR) {
            check(result, "io_uring_submit_and_wait");
        }
        unsigned head;
        unsigned seen = 0;
        struct io_uring_cqe* completion;
        io_uring_for_each_cqe(&ring, head, completion) {
            ++seen;
            serve(completion);
        }
        io_uring_cq_advance(&ring, seen);
        end_turn();
    }
}
