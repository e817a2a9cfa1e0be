/*
 * bare.h -- what the bare C servers have in common: everything but their loop over a system call.
 *
 * Each of them listens on 127.0.0.1, a port of the kernel's choice, prints `listening tcp://127.0.0.1:PORT` (or udp),
 * and serves on one thread until it is killed.
 */
#ifndef MYNAH_BARE_H
#define MYNAH_BARE_H

#include <stdbool.h>
#include <stddef.h>

enum { kBareBufferBytes = 65536 };

/* Ends the program, with what errno says. */
_Noreturn void bare_die(const char* what);

/* Takes as many descriptors as the system allows this process, and returns how many those are. */
size_t bare_raise_descriptor_limit(void);

/* A listening socket that does not block. What it accepts inherits that small segments are not delayed. */
int bare_listen_tcp(void);

/* A bound socket that blocks. */
int bare_bind_udp(void);

/* The next connection, which does not block; -1 with errno where there is none now. */
int bare_accept(int listener);

/* Whether an operation that failed so has to be tried again later, and is no failure. */
bool bare_is_temporary(int error);

/* What a connection still has to be sent, while its peer does not read. Nothing more is received meanwhile. */
struct held {
    size_t begin;
    size_t end;
    char bytes[];
};

/* A copy of these bytes; NULL where there is no memory. free() ends it. */
struct held* bare_hold(const char* bytes, size_t count);

/* How much of it the kernel took, maybe nothing; -1 where the connection is lost. */
ptrdiff_t bare_send(int fd, const char* bytes, size_t count);

#endif
