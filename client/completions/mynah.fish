# mynah.fish -- completions of mynah for fish. tests/manuals compares them with --help.

complete -c mynah -f
complete -c mynah -n __fish_use_subcommand -s h -l help -d 'print a summary and exit'
complete -c mynah -n __fish_use_subcommand -l version -d 'print the version and exit'
complete -c mynah -n __fish_use_subcommand -a send -d 'send bytes, print what comes back, and compare'
complete -c mynah -n __fish_use_subcommand -a chat -d 'talk line by line'
complete -c mynah -n __fish_use_subcommand -a ping -d 'measure round trips'
complete -c mynah -n __fish_use_subcommand -a load -d 'load a server, and measure rate and latency'
complete -c mynah -n __fish_use_subcommand -a watch -d 'account for every byte through a rollout'
complete -c mynah -n __fish_use_subcommand -a compare -d 'hold two reports against each other'

for command in send chat ping load watch
    complete -c mynah -n "__fish_seen_subcommand_from $command" -a 'tcp:// udp:// unix://'
end
complete -c mynah -n '__fish_seen_subcommand_from compare' -F

complete -c mynah -n '__fish_seen_subcommand_from send' -l timeout -x -d 'give up when nothing moves for so long'
complete -c mynah -n '__fish_seen_subcommand_from send' -l datagram-bytes -x -d 'most bytes of standard input in one datagram'
complete -c mynah -n '__fish_seen_subcommand_from send' -s h -l help -d 'print this and exit'

complete -c mynah -n '__fish_seen_subcommand_from chat' -l timeout -x -d 'for connecting, and for what is still on its way after Ctrl-D'
complete -c mynah -n '__fish_seen_subcommand_from chat' -s h -l help -d 'print this and exit'

complete -c mynah -n '__fish_seen_subcommand_from ping' -s c -l count -x -d 'stop after so many probes'
complete -c mynah -n '__fish_seen_subcommand_from ping' -s i -l interval -x -d 'time between probes'
complete -c mynah -n '__fish_seen_subcommand_from ping' -s s -l size -x -d 'bytes in each probe, 1 to 1048576'
complete -c mynah -n '__fish_seen_subcommand_from ping' -s W -l timeout -x -d 'how long a probe may take'
complete -c mynah -n '__fish_seen_subcommand_from ping' -l json -r -F -d 'write all results, with the fate of each probe, as JSON'
complete -c mynah -n '__fish_seen_subcommand_from ping' -s h -l help -d 'print this and exit'

complete -c mynah -n '__fish_seen_subcommand_from load' -s c -l connections -x -d 'connections, all made before the first message is sent'
complete -c mynah -n '__fish_seen_subcommand_from load' -s d -l duration -x -d 'how long to send, after the warm-up'
complete -c mynah -n '__fish_seen_subcommand_from load' -s n -l count -x -d 'send so many messages on all connections together, after the warm-up'
complete -c mynah -n '__fish_seen_subcommand_from load' -s s -l size -x -d 'bytes in a message, or a range such as 1-1400'
complete -c mynah -n '__fish_seen_subcommand_from load' -s p -l depth -x -d 'messages in flight on a connection at most, up to 65536'
complete -c mynah -n '__fish_seen_subcommand_from load' -s r -l rate -x -d 'messages a second on all connections together, in an open loop'
complete -c mynah -n '__fish_seen_subcommand_from load' -l warm-up -x -d 'send so long before anything is measured'
complete -c mynah -n '__fish_seen_subcommand_from load' -s W -l timeout -x -d 'how long an answer may take'
complete -c mynah -n '__fish_seen_subcommand_from load' -l driver -x -a 'auto select poll epoll io_uring' -d 'the system call that waits'
complete -c mynah -n '__fish_seen_subcommand_from load' -l json -r -F -d 'write all results, with the whole histogram, as JSON'
complete -c mynah -n '__fish_seen_subcommand_from load' -l html -r -F -d 'write a page with tables and diagrams, which needs nothing else'
complete -c mynah -n '__fish_seen_subcommand_from load' -s h -l help -d 'print this and exit'

complete -c mynah -n '__fish_seen_subcommand_from watch' -s c -l connections -x -d 'connections to keep open'
complete -c mynah -n '__fish_seen_subcommand_from watch' -s r -l rate -x -d 'frames a second on all connections together'
complete -c mynah -n '__fish_seen_subcommand_from watch' -s s -l size -x -d 'bytes in a frame, 64 to 65507'
complete -c mynah -n '__fish_seen_subcommand_from watch' -s d -l duration -x -d 'how long to send'
complete -c mynah -n '__fish_seen_subcommand_from watch' -s W -l timeout -x -d 'how long an echo may take'
complete -c mynah -n '__fish_seen_subcommand_from watch' -l fail-on -x -d 'exit with 1 if it holds'
complete -c mynah -n '__fish_seen_subcommand_from watch' -l ledger -x -d 'a ledger of a server'
complete -c mynah -n '__fish_seen_subcommand_from watch' -l json -r -F -d 'write all results as JSON'
complete -c mynah -n '__fish_seen_subcommand_from watch' -l html -r -F -d 'write a page with tables and diagrams, which needs nothing else'
complete -c mynah -n '__fish_seen_subcommand_from watch' -s h -l help -d 'print this and exit'

complete -c mynah -n '__fish_seen_subcommand_from compare' -l threshold -x -d 'what is worse by more than this is a regression, above 0% and up to 1000%'
complete -c mynah -n '__fish_seen_subcommand_from compare' -l json -r -F -d 'write all of it as JSON'
complete -c mynah -n '__fish_seen_subcommand_from compare' -s h -l help -d 'print this and exit'
