/*
 * bare_udp.c -- the least that an echo server over UDP can do: the yardstick of mynahd's datagrams.
 *
 * recvmmsg(2) takes all that has come, sendmmsg(2) returns it. A datagram that the kernel does not take is lost, as
 * UDP allows.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/bench/peers/bare.h"

enum { kAtOnce = 64, kDatagramBytes = 65536 };

static struct mmsghdr messages[kAtOnce];
static struct iovec parts[kAtOnce];
static struct sockaddr_in senders[kAtOnce];
static char buffers[kAtOnce][kDatagramBytes];

static int receive(int fd) {
    for (int i = 0; i < kAtOnce; ++i) {
        parts[i] = (struct iovec){.iov_base = buffers[i], .iov_len = kDatagramBytes};
        messages[i].msg_hdr = (struct msghdr){
            .msg_name = &senders[i], .msg_namelen = sizeof senders[i], .msg_iov = &parts[i], .msg_iovlen = 1};
    }
    return recvmmsg(fd, messages, kAtOnce, MSG_WAITFORONE, NULL);
}

static void send_back(int fd, int count) {
    for (int i = 0; i < count; ++i) {
        parts[i].iov_len = messages[i].msg_len;
    }
    for (int sent = 0; sent < count;) {
        int more = sendmmsg(fd, messages + sent, (unsigned)(count - sent), 0);
        if (more < 0 && errno == EINTR) {
            continue;
        }
        sent += more > 0 ? more : 1; /* the first one of the rest was refused */
    }
}

int main(void) {
    int fd = bare_bind_udp();
    for (;;) {
        int count = receive(fd);
        if (count > 0) {
            send_back(fd, count);
        } else if (errno != EINTR && errno != ECONNREFUSED) {
            bare_die("recvmmsg");
        }
    }
}
