#compdef mynahd
# mynahd.zsh -- completions of mynahd for zsh. tests/manuals compares them with --help.

_arguments \
    '--config=[read this TOML file]:file:_files' \
    '*--listen=[listen here, tcp, udp or unix]:address:(tcp\:// udp\:// unix\://)' \
    '--driver=[how to wait]:value:(auto select poll epoll io_uring)' \
    '--workers=[threads that serve]:n:' \
    '--instance=[the name of this daemon in the ledger]:name:' \
    '--backlog=[connections that may wait to be accepted]:n:' \
    '--dual-stack=[a listener on all IPv6 addresses takes IPv4 as well]:value:(true false)' \
    '--reuse-port=[each worker has listening sockets of its own]:value:(true false)' \
    '--unix-mode=[permissions of unix sockets, such as 0660, or umask]:mode:' \
    '--tcp-no-delay=[small writes leave at once]:value:(true false)' \
    '--tcp-keepalive=[ask a peer if it is there after such a silence]:duration:' \
    '--tcp-user-timeout=[end a connection when nothing is acknowledged for so long]:duration:' \
    '--udp-largest=[longer datagrams are dropped]:size:' \
    '--udp-rate=[datagrams a second that one source gets back]:n:' \
    '--udp-burst=[datagrams that a source gets back at once, beyond its rate]:n:' \
    '--udp-sources=[sources whose rate is remembered]:n:' \
    '--max-connections=[connections at once]:n:' \
    '--max-per-address=[connections at once from one address]:n:' \
    '--idle-timeout=[close a connection that sends nothing for so long]:duration:' \
    '--write-timeout=[close a connection that reads nothing for so long]:duration:' \
    '--receive-buffer=[most bytes read, and echoed, at a time]:size:' \
    '--drain-grace=[go on accepting for so long after the signal]:duration:' \
    '--drain-spread=[spread the closing of connections over so long]:duration:' \
    '--drain-linger=[wait so long for a peer to close after our FIN]:duration:' \
    '--drain-timeout=[cut who is left so long after the grace]:duration:' \
    '--ledger=[write a row for each ended session]:ledger:(sqlite\: off)' \
    '--admin=[health, readiness and metrics over HTTP]:address:(http\:// off)' \
    '--admin-public=[--admin may be an address that others can reach]:value:(true false)' \
    '*--admin-host=[a further name that --admin may be asked by]:name:' \
    '*--fault=[a fault to commit on purpose]:fault:(delay stall fin reset short_write corrupt drop duplicate reorder refuse off)' \
    '--log-level=[debug, info, warn, error or off]:level:(debug info warn error off)' \
    '--log-format=[one line, or one JSON object, an event]:value:(text json)' \
    '--check[check the configuration, print it on one line, exit with 0 or 2]' \
    '(- *)--version[print the version and exit]' \
    '(- *)'{-h,--help}'[print this and exit]'
