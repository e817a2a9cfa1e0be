/*
 * bare_epoll.c -- the least that an echo server over epoll(7) can do: the yardstick of net_bench.
 *
 * Edge-triggered: each connection is registered once, for reading and writing. One recv and one send for a message: a
 * short read is known to have drained the socket, as whatever comes later is a new edge. It is correct under
 * back-pressure: a peer that does not read stops being read, and at most kBareBufferBytes are held for it.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include "tests/bench/peers/bare.h"

enum { kEventsAtOnce = 512, kReadsInARow = 16, kConnectionEvents = EPOLLIN | EPOLLOUT | EPOLLRDHUP };

static int epoll;
static int listener;
static bool out_of_descriptors;
static struct held** held_of; /* by descriptor */
static char shared_buffer[kBareBufferBytes];

static void watch(int how, int fd, unsigned events) {
    struct epoll_event event = {.events = events | EPOLLET, .data = {.fd = fd}};
    if (epoll_ctl(epoll, how, fd, &event) != 0) {
        bare_die("epoll_ctl");
    }
}

static void accept_all(void) {
    for (;;) {
        int fd = bare_accept(listener);
        if (fd < 0) {
            if (errno == EINTR || errno == ECONNABORTED) {
                continue;
            }
            out_of_descriptors = errno != EAGAIN;
            return;
        }
        watch(EPOLL_CTL_ADD, fd, kConnectionEvents);
    }
}

static void drop(int fd) {
    free(held_of[fd]);
    held_of[fd] = NULL;
    close(fd);
    if (out_of_descriptors) {
        accept_all(); /* whom the listener's edge told of before */
    }
}

/* Echoes what is there. `ended`: the peer's FIN came with this event, so that there is no other one to wait for. */
static void echo(int fd, bool ended) {
    for (int reads = 0; reads < kReadsInARow; ++reads) {
        ssize_t got = recv(fd, shared_buffer, sizeof shared_buffer, 0);
        if (got <= 0) {
            if (got < 0 && errno == EINTR) {
                continue;
            }
            if (got == 0 || errno != EAGAIN) {
                drop(fd);
            }
            return;
        }
        ssize_t put = bare_send(fd, shared_buffer, (size_t)got);
        if (put < 0) {
            drop(fd);
            return;
        }
        if (put < got) {
            held_of[fd] = bare_hold(shared_buffer + put, (size_t)(got - put));
            if (held_of[fd] == NULL) {
                drop(fd);
            }
            return;
        }
        if ((size_t)got < sizeof shared_buffer && !ended) {
            return;
        }
    }
    watch(EPOLL_CTL_MOD, fd, kConnectionEvents); /* reports again what is there, after the others had their turn */
}

/* There is room again: what was held back goes first. */
static bool flush(int fd) {
    struct held* held = held_of[fd];
    ssize_t put = bare_send(fd, held->bytes + held->begin, held->end - held->begin);
    if (put < 0) {
        drop(fd);
        return false;
    }
    held->begin += (size_t)put;
    if (held->begin < held->end) {
        return false;
    }
    free(held);
    held_of[fd] = NULL;
    return true;
}

static void serve(int fd, unsigned events) {
    if (held_of[fd] != NULL) {
        if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0 && flush(fd)) {
            echo(fd, true); /* what came meanwhile, and maybe a FIN, had its edge then */
        }
        return;
    }
    if ((events & ~(unsigned)EPOLLOUT) != 0) {
        echo(fd, (events & (EPOLLRDHUP | EPOLLERR | EPOLLHUP)) != 0);
    }
}

int main(void) {
    held_of = (struct held**)calloc(bare_raise_descriptor_limit(), sizeof *held_of);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    if (held_of == NULL || epoll < 0) {
        bare_die("bare_epoll");
    }
    listener = bare_listen_tcp();
    watch(EPOLL_CTL_ADD, listener, EPOLLIN);
    struct epoll_event events[kEventsAtOnce];
    for (;;) {
        int ready = epoll_wait(epoll, events, kEventsAtOnce, -1);
        if (ready < 0 && errno != EINTR) {
            bare_die("epoll_wait");
        }
        for (int i = 0; i < ready; ++i) {
            if (events[i].data.fd == listener) {
                accept_all();
            } else {
                serve(events[i].data.fd, events[i].events);
            }
        }
    }
}
