#include "tests/bench/peers/bare.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

enum { kBacklog = 4096 };

void bare_die(const char* what) {
    perror(what);
    exit(1);
}

size_t bare_raise_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        bare_die("getrlimit");
    }
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        bare_die("setrlimit");
    }
    return limit.rlim_cur;
}

static int bind_to_loopback(int type, const char* scheme) {
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        bare_die("socket");
    }
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof address;
    if (bind(fd, (struct sockaddr*)&address, length) != 0 ||
        getsockname(fd, (struct sockaddr*)&address, &length) != 0 ||
        ((type & SOCK_STREAM) != 0 && listen(fd, kBacklog) != 0)) {
        bare_die("listen");
    }
    printf("listening %s://127.0.0.1:%d\n", scheme, ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

int bare_listen_tcp(void) {
    int listener = bind_to_loopback(SOCK_STREAM | SOCK_NONBLOCK, "tcp");
    int yes = 1;
    setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    return listener;
}

int bare_bind_udp(void) {
    return bind_to_loopback(SOCK_DGRAM, "udp");
}

int bare_accept(int listener) {
    return accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

bool bare_is_temporary(int error) {
    return error == EAGAIN || error == EINTR;
}

struct held* bare_hold(const char* bytes, size_t count) {
    struct held* held = malloc(sizeof *held + count);
    if (held != NULL) {
        held->begin = 0;
        held->end = count;
        memcpy(held->bytes, bytes, count);
    }
    return held;
}

ptrdiff_t bare_send(int fd, const char* bytes, size_t count) {
    ptrdiff_t put = send(fd, bytes, count, MSG_NOSIGNAL);
    if (put < 0) {
        return bare_is_temporary(errno) ? 0 : -1;
    }
    return put;
}
