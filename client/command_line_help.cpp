// command_line_help.cpp -- the texts of --help.
#include <string_view>

#include "client/command_line.hpp"

namespace mynah::client {
namespace {

constexpr std::string_view kProgram = R"(mynah - talks to an echo server (RFC 862), and proves what the network did

usage: mynah COMMAND ADDRESS [FLAG]...

  mynah send tcp://127.0.0.1:7007 hello       send a text; print what comes back, and compare
  mynah send tcp://127.0.0.1:7007 - <FILE     the same for anything on standard input, of any size
  mynah ping tcp://127.0.0.1:7007             measure round trips, one a second, like ping(8)
  mynah chat tcp://127.0.0.1:7007             talk line by line
  mynah load tcp://127.0.0.1:7007 -c 64       load it with 64 connections, and measure rate and latency
  mynah watch tcp://127.0.0.1:7007 -d 10m     what does a rollout, a drain or a failover do to connections?
  mynah compare before.json after.json        is the second report of a load worse than the first?

An ADDRESS is tcp://HOST:PORT, where HOST is a name, an IPv4 address or an IPv6 address in brackets: tcp://[::1]:7007;
udp://HOST:PORT likewise; or a unix socket: unix:///run/mynah.sock, or unix://@mynah for an abstract name.
mynah COMMAND --help tells more.

flags:
  -h, --help   print this and exit
  --version    print the version and exit

exit status:
  0  every byte came back as it was sent
  1  bytes differed or were lost, or the result could not be written
  2  a mistake on the command line
  3  could not connect, or timed out
)";

constexpr std::string_view kSend = R"(mynah send - send bytes, print what comes back, and compare

usage: mynah send ADDRESS TEXT|- [FLAG]...

  mynah send tcp://127.0.0.1:7007 hello                 prints hello
  mynah send tcp://127.0.0.1:7007 -- --help             a text that begins with a dash
  mynah send tcp://127.0.0.1:7007 - <photo.jpg >copy    sends a file; copy is what came back
  tar c . | mynah send tcp://[::1]:7007 - >/dev/null    is the path clean?

TEXT is sent as it is; what comes back is printed on a line. With - standard input is sent to its end, whatever its size,
in constant memory, and standard output gets exactly the bytes that came back. The sending side is closed after the last
byte; then all bytes must come back, and none more. On a terminal, control characters from the server are shown as \xNN.

Over udp:// TEXT is one datagram, and standard input goes in datagrams of at most 1200 bytes, each of which is awaited
before the next is sent. One that is lost, comes back different or comes twice is reported. A duplicate is known by its
bytes, which are those of one of the last 16 datagrams and not those that are awaited; it is kept from standard output.

flags:
  --timeout DURATION   give up when nothing moves for so long; also for connecting [5s]
  --datagram-bytes N   udp: most bytes of standard input in one datagram, up to 65507 [1200]
  -h, --help           print this and exit

A DURATION is a number and a unit (250ms, 1.5s, 2m), or a number of seconds.

exit status:
  0  every byte came back as it was sent
  1  bytes differed, were lost or were too many (stderr says where and how many), or the result could not be written
  2  a mistake on the command line
  3  could not connect, or timed out
)";

constexpr std::string_view kChat = R"(mynah chat - talk to an echo server line by line

usage: mynah chat ADDRESS [FLAG]...

  mynah chat tcp://127.0.0.1:7007
  printf 'one\ntwo\n' | mynah chat tcp://127.0.0.1:7007

Each line is sent when you press Enter, and what the server returns is printed as it comes. Ctrl-D ends: the sending side
is closed, and what is still on its way is waited for. On a terminal, control characters from the server are shown as \xNN.
Over udp:// each line is a datagram.

flags:
  --timeout DURATION   for connecting, and for what is still on its way after Ctrl-D [5s]
  -h, --help           print this and exit

A DURATION is a number and a unit (250ms, 1.5s, 2m), or a number of seconds.

exit status:
  0  as many bytes came back as were sent
  1  the connection ended before that, or the result could not be written
  2  a mistake on the command line
  3  could not connect, or timed out
)";

constexpr std::string_view kPing = R"(mynah ping - measure round trips through an echo server, like ping(8)

usage: mynah ping ADDRESS [FLAG]...

  mynah ping tcp://127.0.0.1:7007                       one probe a second, until Ctrl-C
  mynah ping tcp://127.0.0.1:7007 -c 5 -i 200ms         five probes, five a second
  mynah ping tcp://127.0.0.1:7007 -s 1400 -W 500ms      large probes; slower than 500ms is lost

Each probe carries its number and a pattern, and is answered when all of it is back, unchanged. A probe without an answer
in time is lost; an answer that comes later is reported, and still lost. When the connection ends, mynah connects
again; the probes that fall due meanwhile are lost. Closing statistics come after -c probes, or at Ctrl-C. Jitter is the
mean difference between a round trip and the one before it.

Over udp:// a probe is a datagram, and its number tells also what comes twice (DUP!), after a later one (reordered), or
belongs to no probe of this run. What the peer's machine refuses (ICMP) is lost.

flags:
  -c, --count N            stop after so many probes [until Ctrl-C]
  -i, --interval DURATION  time between probes [1s]
  -s, --size BYTES         bytes in each probe, 1 to 1048576; over udp:// 8 to 65507 [56]
  -W, --timeout DURATION   how long a probe may take; also for connecting [5s]
      --json FILE          write all results, with the fate of each probe, as JSON (schema mynah-ping/1)
  -h, --help               print this and exit

A DURATION is a number and a unit (250ms, 1.5s, 2m), or a number of seconds.

exit status:
  0  every probe came back in time, unchanged
  1  some were lost or changed, or more came back than was sent, or the result could not be written
  2  a mistake on the command line
  3  could not connect, or nothing came back
)";

constexpr std::string_view kLoad = R"(mynah load - load an echo server, verify every byte, and measure rate and latency

usage: mynah load ADDRESS [FLAG]...

  mynah load tcp://127.0.0.1:7007                       10 connections as fast as the answers come, for 10 seconds
  mynah load tcp://127.0.0.1:7007 -c 1000 -d 1m         a thousand connections for a minute
  mynah load tcp://127.0.0.1:7007 -r 20000 -c 64        20,000 messages a second in all, whatever the server does
  mynah load tcp://127.0.0.1:7007 -p 32 -s 1-1400       32 messages in flight on each, of 1 to 1400 bytes
  mynah load tcp://127.0.0.1:7007 --html load.html      the same as a page with diagrams

Closed loop, without -r: each connection keeps -p messages in flight, and sends the next when one is back. That finds out
how much the server can do. A server that stalls is sent nothing meanwhile: latencies hardly show it.
Open loop, with -r: messages fall due at even distances, spread over the connections in turn. That finds out what users
see at that rate. Latency is counted from when a message was due ("from plan"), so that a stall counts for all who would
have met it, and also from when it was sent ("from sending"): where the two differ, the server has fallen behind. A message
that is due while its connection has -p in flight waits for one to come back.

The bytes that are sent follow from connection and offset, and every byte that comes back is compared: bytes changed, lost
or repeated are reported with connection and offset. Each message that was sent is counted as verified, mismatched, lost
(the connection ended first) or timed out. What is in flight at the end is waited for. A connection that fails is not made
again. Ctrl-C ends early, with the statistics so far; a second one does not wait for what is in flight.

Over udp:// a message is a datagram, numbered and verified for itself. One that is not back within the timeout is lost, and
the connection goes on. What comes twice, after a later one (reordered), after it was lost (late), or bears no number of
this run (foreign) is counted besides; so is each time that the peer's machine says no (refused).

Lines that begin with "!" say what is wrong, or what to know before you trust the numbers: whether the generator had a
processor to itself, whether it was late, and whether it was at its limit and not the server.

flags:
  -c, --connections N      connections, all made before the first message is sent [10]
  -d, --duration DURATION  how long to send, after the warm-up [10s; with -n: until all is sent]
  -n, --count N            send so many messages on all connections together, after the warm-up
  -s, --size BYTES         bytes in a message, or a range such as 1-1400, drawn evenly; up to 1073741824, and over
                           udp:// 16 to 65507 [64]
  -p, --depth N            messages in flight on a connection at most, up to 65536 [1]
  -r, --rate N             messages a second on all connections together, in an open loop [closed loop]
      --warm-up DURATION   send so long before anything is measured; what goes wrong counts all the same [0s]
  -W, --timeout DURATION   how long an answer may take, then the connection is given up, or the datagram; also for
                           connecting [5s]
      --driver NAME        the system call that waits: auto, select, poll, epoll or io_uring [auto]
      --json FILE          write all results, with the whole histogram, as JSON (schema mynah-load/1)
      --html FILE          write a page with tables and diagrams, which needs nothing else
  -h, --help               print this and exit

A DURATION is a number and a unit (250ms, 1.5s, 2m), or a number of seconds.

exit status:
  0  every byte came back as it was sent
  1  bytes differed or were lost or came twice, or a connection ended early, or a result could not be written
  2  a mistake on the command line, or more connections than this process may open
  3  could not make all connections, or answers timed out, or nothing was measured, or over udp:// nothing came back
)";

constexpr std::string_view kCompare = R"(mynah compare - is the second report worse than the first?

usage: mynah compare BEFORE.json AFTER.json [FLAG]...

  mynah load tcp://127.0.0.1:7007 --json before.json    then change something, and
  mynah load tcp://127.0.0.1:7007 --json after.json
  mynah compare before.json after.json                  exit status 1 where it got worse by more than 10%
  mynah compare before.json after.json --threshold 25%

Both files are reports of mynah load, or both of mynah watch (--json). Of each figure it prints both values, the change, and
where it was tested p: how probable such a difference would be if nothing had changed. These are regressions:
  throughput    lower by more than the threshold
  latency       a percentile is longer by more than the threshold, and p is below 0.01: so many more messages take longer
                than that percentile was (a test of two proportions). Not judged ("too few") where fewer than ten messages
                are beyond it; the maximum is never judged. Open loops and watches: from plan, else from sending.
  losses        there are some where there were none; or their share has grown by more than the threshold, and of
                messages, which are lost one by one, p is below 0.01
A million messages make any difference significant, and neighbouring ones are alike: so p alone is never a regression.
Besides, all latencies together are compared (Mann and Whitney's U test): in how many of all pairs of a message before and one
after the latter took longer. 50% is no difference; from 56% on it is small, from 64% medium, from 71% large.

Lines that begin with "!" name what was not the same, such as the number of connections: then the figures may differ for
that reason.

flags:
  --threshold PERCENT  what is worse by more than this is a regression, above 0% and up to 1000% [10%]
  --json FILE          write all of it as JSON (schema mynah-compare/1)
  -h, --help           print this and exit

exit status:
  0  no regression
  1  a regression, or the result could not be written
  2  a mistake on the command line, or files that are no reports, of different kinds, or too short to tell (fewer than
     100 messages sent)
)";

constexpr std::string_view kWatch =
    R"(mynah watch - what did a rollout, a drain or a failover do to the connections that went through it?

usage: mynah watch ADDRESS [FLAG]...

  mynah watch tcp://echo.example:7007 -d 10m --html rollout.html      while servers are replaced behind that name
  mynah watch udp://127.0.0.1:7007 -c 1 -r 100                        loss, order and duplicates of datagrams
  mynah watch tcp://10.0.0.7:7007 --fail-on 'outage>500ms'            for a pipeline: exit 1 where it took longer

Keeps connections open and sends probe frames on each, a few a second, until the time is over or Ctrl-C. Each frame says
which connection and which place in its stream it belongs to; of every byte that was sent it is known in the end what became
of it. Where a connection ends another one is made, after 10 to 20 ms at first, then twice as long up to 2 s.

Every byte that was sent is one of these, exactly:
  echoed          came back as it was sent, in its place
  unacknowledged  was not back when the server ended the connection cleanly, with FIN. It is sent again on the next one
  reset           was not back when the connection was reset, or failed in another way
  silent          is missing though later bytes came back, or was not back within the timeout, without any notice
  corrupted       another value came back in its place
Of what came back besides: duplicated (again), misdelivered (frames of another connection), reordered (behind later ones;
in a stream such bytes are silent too), foreign (none of these).

The verdict is "clean" if nothing is reset, silent, corrupted, duplicated, misdelivered or foreign, and all that was
unacknowledged came back when it was sent again; else it is "loss". Unacknowledged bytes as such do not spoil it: what comes
too late for a server that drains is told by its FIN, and an application that heeds it sends them again and loses nothing.
After a reset, or in silence, nobody can tell whether the server has had them: they are not sent again, and they are lost.

With --ledger it also says where those bytes were lost that were not echoed, by what the servers' own ledgers have of each
connection (mynahd --ledger; also behind a proxy, as mynahd knows a connection of a watch by its first frame):
  never read            they did not reach the server, or it ended before it read them
  discarded             the server read them after its FIN
  not written           the server read them and did not write them back: it was cut, or the connection reset
  not received          the server wrote them, and they were lost on the way back
  unexplained           no ledger has a row for their connection: the server was killed, or never served it
At the end the rows are waited for as long as the timeout says. A row that cannot be true is named.

An outage is a connection's time without service: from its last echo to the first one on the connection that replaces it,
so that it is never shorter than the time between two frames. Frames that fall due meanwhile are not sent. Over UDP it
begins where echoes are missing for longer than the timeout, or a datagram is refused (ICMP); frames are sent all the same, and
what comes after the timeout is silent no more. At the end the sending sides are closed, and what is outstanding is waited
for as long as the timeout says; a second Ctrl-C does not wait.

flags:
  -c, --connections N      connections to keep open [10]
  -r, --rate N             frames a second on all connections together [10 for each connection]
  -s, --size BYTES         bytes in a frame, 64 to 65507 [256]
  -d, --duration DURATION  how long to send [60s]
  -W, --timeout DURATION   how long an echo may take, then the connection is given up; also for connecting [5s]
      --fail-on CONDITION  exit with 1 if it holds; may be given several times: 'outage>500ms', 'unacknowledged>0',
                           'p99>50ms', 'outages>=3', 'refusals>0'; with > >= < <= = and any of the bytes above, resets,
                           timeouts, fins, missed (frames), down (connections without service at the end), sent_again,
                           unrepaired (bytes), min, mean, p50, p90, p99, p99.9, max
      --ledger URL         what a server's mynahd --ledger names, sqlite:PATH; may be given several times, once a file
      --json FILE          write all results as JSON (schema mynah-watch/1)
      --html FILE          write a page with tables and diagrams, which needs nothing else
  -h, --help               print this and exit

A DURATION is a number and a unit (250ms, 1.5s, 2m), or a number of seconds.

exit status:
  0  the verdict is clean
  1  it is loss, or a --fail-on condition holds, or the ledgers do not account for every byte, or a result could not be
     written
  2  a mistake on the command line, or more connections than this process may open
  3  could not connect at first, or nothing was sent; over UDP: nothing came back
)";

}  // namespace

std::string_view help_text(std::string_view command_name) {
    if (command_name == "send") {
        return kSend;
    }
    if (command_name == "chat") {
        return kChat;
    }
    if (command_name == "ping") {
        return kPing;
    }
    if (command_name == "load") {
        return kLoad;
    }
    if (command_name == "watch") {
        return kWatch;
    }
    if (command_name == "compare") {
        return kCompare;
    }
    return kProgram;
}

}  // namespace mynah::client
