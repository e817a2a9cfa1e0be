/*
 * bare_select.c -- the least that an echo server over select(2) can do: the yardstick of echo_bench.
 *
 * One process, one fd_set for reading and one for writing, one pass over the ready descriptors per call of select.
 * It is correct under back-pressure: a peer that does not read stops being read, and at most kBufferBytes are held for
 * it. It listens on 127.0.0.1, a port of the kernel's choice, prints `listening tcp://127.0.0.1:PORT`, and serves until
 * it is killed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

enum { kBufferBytes = 65536, kBacklog = 4096 };

/* What one connection still has to be sent; the buffer exists only while the peer is not reading. */
struct pending {
    char* bytes;
    size_t begin;
    size_t end;
};

static struct pending pending_of[FD_SETSIZE];
static char shared_buffer[kBufferBytes];
static fd_set wanted_read;
static fd_set wanted_write;
static int highest = -1;

static void die(const char* what) {
    perror(what);
    exit(1);
}

static int listen_on_loopback(void) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener < 0) {
        die("socket");
    }
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof address;
    if (bind(listener, (struct sockaddr*)&address, length) != 0 || listen(listener, kBacklog) != 0 ||
        getsockname(listener, (struct sockaddr*)&address, &length) != 0) {
        die("listen");
    }
    printf("listening tcp://127.0.0.1:%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return listener;
}

static void drop(int fd) {
    FD_CLR(fd, &wanted_read);
    FD_CLR(fd, &wanted_write);
    free(pending_of[fd].bytes);
    pending_of[fd] = (struct pending){0};
    close(fd);
    while (highest >= 0 && !FD_ISSET(highest, &wanted_read) && !FD_ISSET(highest, &wanted_write)) {
        --highest;
    }
}

static void accept_all(int listener) {
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            return;
        }
        if (fd >= FD_SETSIZE) {
            close(fd);
            continue;
        }
        int yes = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        FD_SET(fd, &wanted_read);
        if (fd > highest) {
            highest = fd;
        }
    }
}

/* The peer does not read: keep what is left and wait for room instead of for more input. */
static void hold_back(int fd, const char* rest, size_t count) {
    struct pending* held = &pending_of[fd];
    held->bytes = malloc(count);
    if (held->bytes == NULL) {
        drop(fd);
        return;
    }
    for (size_t i = 0; i < count; ++i) {
        held->bytes[i] = rest[i];
    }
    held->begin = 0;
    held->end = count;
    FD_CLR(fd, &wanted_read);
    FD_SET(fd, &wanted_write);
}

static void on_readable(int fd) {
    ssize_t got = recv(fd, shared_buffer, sizeof shared_buffer, 0);
    if (got <= 0) {
        if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
            drop(fd);
        }
        return;
    }
    ssize_t put = send(fd, shared_buffer, (size_t)got, MSG_NOSIGNAL);
    if (put < 0) {
        if (errno != EAGAIN && errno != EINTR) {
            drop(fd);
            return;
        }
        put = 0;
    }
    if (put < got) {
        hold_back(fd, shared_buffer + put, (size_t)(got - put));
    }
}

static void on_writable(int fd) {
    struct pending* held = &pending_of[fd];
    ssize_t put = send(fd, held->bytes + held->begin, held->end - held->begin, MSG_NOSIGNAL);
    if (put < 0) {
        if (errno != EAGAIN && errno != EINTR) {
            drop(fd);
        }
        return;
    }
    held->begin += (size_t)put;
    if (held->begin == held->end) {
        free(held->bytes);
        *held = (struct pending){0};
        FD_CLR(fd, &wanted_write);
        FD_SET(fd, &wanted_read);
    }
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    int listener = listen_on_loopback();
    FD_ZERO(&wanted_read);
    FD_ZERO(&wanted_write);
    FD_SET(listener, &wanted_read);
    highest = listener;
    for (;;) {
        fd_set readable = wanted_read;
        fd_set writable = wanted_write;
        int ready = select(highest + 1, &readable, &writable, NULL, NULL);
        if (ready < 0) {
            if (errno == EINTR) {
                continue;
            }
            die("select");
        }
        for (int fd = 0; fd <= highest && ready > 0; ++fd) {
            if (FD_ISSET(fd, &readable)) {
                --ready;
                if (fd == listener) {
                    accept_all(listener);
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
