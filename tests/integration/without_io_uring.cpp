// without_io_uring PROGRAM [ARGUMENT]...: runs a program where a seccomp filter refuses io_uring, as container runtimes do.
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdio>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char** argv) {
    if (argc < 2) {
        std::fputs("usage: without_io_uring PROGRAM [ARGUMENT]...\n", stderr);
        return 2;
    }
    constexpr unsigned kRefuse = SECCOMP_RET_ERRNO | (EPERM & SECCOMP_RET_DATA);
    // The number of the system call; where it is io_uring_setup(2) go on, else skip one.
    std::array<sock_filter, 4> filter{sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
                                      sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
                                      sock_filter BPF_STMT(BPF_RET | BPF_K, kRefuse),
                                      sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    const sock_fprog program{.len = filter.size(), .filter = filter.data()};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
        std::perror("without_io_uring: prctl");
        return 1;
    }
    ::execv(argv[1], argv + 1);
    std::perror("without_io_uring: exec");
    return 1;
}
