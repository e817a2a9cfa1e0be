/*
 * bare_select.c -- the least that an echo server over select(2) can do: the yardstick of mynahd's select driver.
 *
 * One fd_set for reading and one for writing, one pass over the ready descriptors per call of select. It is correct
 * under back-pressure: a peer that does not read stops being read, and at most kBareBufferBytes are held for it.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include "tests/bench/peers/bare.h"

static struct held* held_of[FD_SETSIZE];
static char shared_buffer[kBareBufferBytes];
static fd_set wanted_read;
static fd_set wanted_write;
static int listener;
static int highest;

static void drop(int fd) {
    FD_CLR(fd, &wanted_read);
    FD_CLR(fd, &wanted_write);
    free(held_of[fd]);
    held_of[fd] = NULL;
    close(fd);
    FD_SET(listener, &wanted_read); /* there is a descriptor again */
    while (highest > listener && !FD_ISSET(highest, &wanted_read) && !FD_ISSET(highest, &wanted_write)) {
        --highest;
    }
}

static void accept_all(void) {
    for (;;) {
        int fd = bare_accept(listener);
        if (fd < 0) {
            if (errno == EINTR || errno == ECONNABORTED) {
                continue;
            }
            if (errno != EAGAIN) {
                FD_CLR(listener, &wanted_read); /* until a connection ends: it would be ready for ever */
            }
            return;
        }
        if (fd >= FD_SETSIZE) {
            close(fd);
            continue;
        }
        FD_SET(fd, &wanted_read);
        if (fd > highest) {
            highest = fd;
        }
    }
}

static void on_readable(int fd) {
    ssize_t got = recv(fd, shared_buffer, sizeof shared_buffer, 0);
    if (got <= 0) {
        if (got == 0 || !bare_is_temporary(errno)) {
            drop(fd);
        }
        return;
    }
    ssize_t put = bare_send(fd, shared_buffer, (size_t)got);
    if (put < 0) {
        drop(fd);
    } else if (put < got) {
        held_of[fd] = bare_hold(shared_buffer + put, (size_t)(got - put));
        if (held_of[fd] == NULL) {
            drop(fd);
            return;
        }
        FD_CLR(fd, &wanted_read);
        FD_SET(fd, &wanted_write);
    }
}

static void on_writable(int fd) {
    struct held* held = held_of[fd];
    ssize_t put = bare_send(fd, held->bytes + held->begin, held->end - held->begin);
    if (put < 0) {
        drop(fd);
        return;
    }
    held->begin += (size_t)put;
    if (held->begin == held->end) {
        free(held);
        held_of[fd] = NULL;
        FD_CLR(fd, &wanted_write);
        FD_SET(fd, &wanted_read);
    }
}

int main(void) {
    listener = bare_listen_tcp();
    highest = listener;
    FD_SET(listener, &wanted_read);
    for (;;) {
        fd_set readable = wanted_read;
        fd_set writable = wanted_write;
        int ready = select(highest + 1, &readable, &writable, NULL, NULL);
        if (ready < 0) {
            if (errno == EINTR) {
                continue;
            }
            bare_die("select");
        }
        for (int fd = 0; fd <= highest && ready > 0; ++fd) {
            if (FD_ISSET(fd, &readable)) {
                --ready;
                if (fd == listener) {
                    accept_all();
                } else {
                    on_readable(fd);
                }
            } else if (FD_ISSET(fd, &writable)) {
                --ready;
                on_writable(fd);
            }
        }
    }
}
