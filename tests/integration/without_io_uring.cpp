// without_io_uring setup|enter|register PROGRAM [ARGUMENT]...: runs a program where a seccomp filter refuses this one
// of io_uring's calls. Container runtimes refuse all of them, and other sandboxes some.
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <string_view>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char** argv) {
    const std::string_view name = argc > 2 ? argv[1] : "";
    const long refused = name == "setup"      ? SYS_io_uring_setup
                         : name == "enter"    ? SYS_io_uring_enter
                         : name == "register" ? SYS_io_uring_register
                                              : -1;
    if (refused < 0) {
        std::fputs("usage: without_io_uring setup|enter|register PROGRAM [ARGUMENT]...\n", stderr);
        return 2;
    }
    constexpr unsigned kRefuse = SECCOMP_RET_ERRNO | (EPERM & SECCOMP_RET_DATA);
    // The number of the system call; where it is the one, go on, else skip one.
    std::array<sock_filter, 4> filter{
        sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(refused), 0, 1),
        sock_filter BPF_STMT(BPF_RET | BPF_K, kRefuse), sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    const sock_fprog program{.len = filter.size(), .filter = filter.data()};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
        std::perror("without_io_uring: prctl");
        return 1;
    }
    ::execv(argv[2], argv + 2);
    std::perror("without_io_uring: exec");
    return 1;
}
