// command_line_help.cpp -- the texts of --help and --version.
#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "server/command_line.hpp"
#include "server/configuration.hpp"
#include "server/configuration_keys.hpp"

namespace mynah::server {
namespace {

constexpr std::string_view kIntroduction = R"(mynahd - an echo service you can trust your network to (RFC 862)

usage: mynahd [FLAG]...

  mynahd                                      serve on tcp://127.0.0.1:7007
  mynahd --listen tcp://0.0.0.0:7007          serve on every IPv4 address
  mynahd --listen tcp://127.0.0.1:0           serve on any free port; stdout says which
  mynahd --listen udp://0.0.0.0:7007 --listen unix:///run/mynah.sock
                                              serve datagrams, and streams over a unix socket
  mynahd --config mynahd.toml --check         say whether a configuration is sound
  mynahd --drain-grace 5s --drain-timeout 1m  give load balancers and clients time to leave
  mynahd --ledger sqlite:sessions.sqlite      keep a row for each session that ended
  mynahd --admin http://127.0.0.1:7008        answer /healthz, /readyz and /metrics there

stdout has one line for each listener, "listening ADDRESS", then "admin URL" where there is --admin, and then "ready".
Logs go to stderr.

flags, with their defaults:
)";

constexpr std::string_view kConclusion = R"(
A DURATION is a whole number and a unit: 250ms, 60s, 2m, 1h, 0s. A SIZE is in bytes, or with B, KiB, MiB or GiB: 64KiB.
Flags count more than the environment, that more than the file, and that more than the defaults.

environment:
  MYNAHD_CONFIG, and a variable for each flag that has a value: MYNAHD_IDLE_TIMEOUT for --idle-timeout.
  MYNAHD_LISTEN and MYNAHD_ADMIN_HOST may have several values, separated by commas; MYNAHD_FAULT, by semicolons. An
  empty variable counts as not set.

faults, committed on purpose to see clients suffer; config/mynahd.toml explains them:
  --fault corrupt,mean=100000,seed=7        change a byte in 100,000, at random places that the seed decides
  --fault drop,every=1MiB,length=100        lose 100 bytes of each MiB
  --fault delay,mean=50000,duration=200ms   hold back what follows
  --fault refuse,every=10 --fault fin,at=1000,listener=tcp://0.0.0.0:7007
  kinds: delay, stall, fin, reset, short_write, corrupt, drop, duplicate, refuse; over UDP: drop, duplicate, corrupt,
  delay, reorder. Keys: one of mean, every, at (bytes; datagrams over UDP; connections for refuse); length, duration,
  seed, listener; by=reset|fin for refuse. Each is announced in the log, and counted there at the end.

signals:
  SIGTERM, SIGINT  drain: go on accepting for the grace, stop accepting, close each connection at a quiet moment,
                   cut at the timeout who is left, exit. Every byte that was read before our FIN is echoed.
  a second one     skips the grace and the spread
  a third one      cuts every connection at once

exit status:
  0  no connection was cut: each was drained, or closed when it had had its time; or --check, --help, --version
  1  failure, such as a port in use
  2  a mistake in the flags, the environment or the file
  3  some connections were cut
)";

constexpr std::size_t kTextColumn = 36;

std::string flag_line(std::string_view flag, std::string_view placeholder, std::string_view help,
                      const std::string& value) {
    std::string line = "  " + std::string(flag);
    if (!placeholder.empty()) {
        line += " " + std::string(placeholder);
    }
    line.resize(std::max(line.size() + 2, kTextColumn), ' ');
    line += help;
    if (!value.empty()) {
        line += " [" + value + "]";
    }
    return line + "\n";
}

}  // namespace

std::string help_text() {
    const Configuration defaults;
    std::string text(kIntroduction);
    text += flag_line("--config", "FILE", "read this TOML file; config/mynahd.toml explains every key", "");
    for (const Key& key : configuration_keys()) {
        text += flag_line(key.flag, key.placeholder, key.help, key.show(defaults));
    }
    text += flag_line("--check", "", "check the configuration, print it on one line, exit with 0 or 2", "");
    text += flag_line("--version", "", "print the version and exit", "");
    text += flag_line("-h, --help", "", "print this and exit", "");
    text += kConclusion;
    return text;
}

std::string version_text() {
    return "mynahd " MYNAH_VERSION "\n";
}

}  // namespace mynah::server
