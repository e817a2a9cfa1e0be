#compdef mynah
# mynah.zsh -- completions of mynah for zsh. tests/manuals compares them with --help.

_mynah_address() {
    compadd -S '' -- tcp:// udp:// unix://
}

_mynah() {
    local -a commands=(
        'send:send bytes, print what comes back, and compare'
        'chat:talk line by line'
        'ping:measure round trips'
        'load:load a server, and measure rate and latency'
        'watch:account for every byte through a rollout'
        'compare:hold two reports against each other'
    )
    if ((CURRENT == 2)); then
        if [[ $words[2] == -* ]]; then
            _arguments '(- *)'{-h,--help}'[print a summary and exit]' '(- *)--version[print the version and exit]'
        else
            _describe command commands
        fi
        return
    fi
    local command=$words[2]
    shift words
    ((CURRENT--))
    case $command in
        send)
            _arguments -s \
                '--timeout=[give up when nothing moves for so long]:duration:' \
                '--datagram-bytes=[most bytes of standard input in one datagram]:n:' \
                '(- *)'{-h,--help}'[print this and exit]' \
                '1:address:_mynah_address' \
                '2:text:'
            ;;
        chat)
            _arguments -s \
                '--timeout=[for connecting, and for what is still on its way after Ctrl-D]:duration:' \
                '(- *)'{-h,--help}'[print this and exit]' \
                '1:address:_mynah_address'
            ;;
        ping)
            _arguments -s \
                '(-c --count)'{-c+,--count=}'[stop after so many probes]:n:' \
                '(-i --interval)'{-i+,--interval=}'[time between probes]:duration:' \
                '(-s --size)'{-s+,--size=}'[bytes in each probe, 1 to 1048576]:bytes:' \
                '(-W --timeout)'{-W+,--timeout=}'[how long a probe may take]:duration:' \
                '--json=[write all results, with the fate of each probe, as JSON]:file:_files' \
                '(- *)'{-h,--help}'[print this and exit]' \
                '1:address:_mynah_address'
            ;;
        load)
            _arguments -s \
                '(-c --connections)'{-c+,--connections=}'[connections, all made before the first message is sent]:n:' \
                '(-d --duration)'{-d+,--duration=}'[how long to send, after the warm-up]:duration:' \
                '(-n --count)'{-n+,--count=}'[send so many messages on all connections together, after the warm-up]:n:' \
                '(-s --size)'{-s+,--size=}'[bytes in a message, or a range such as 1-1400]:bytes:' \
                '(-p --depth)'{-p+,--depth=}'[messages in flight on a connection at most, up to 65536]:n:' \
                '(-r --rate)'{-r+,--rate=}'[messages a second on all connections together, in an open loop]:n:' \
                '--warm-up=[send so long before anything is measured]:duration:' \
                '(-W --timeout)'{-W+,--timeout=}'[how long an answer may take]:duration:' \
                '--driver=[the system call that waits]:name:(auto select poll epoll io_uring)' \
                '--json=[write all results, with the whole histogram, as JSON]:file:_files' \
                '--html=[write a page with tables and diagrams, which needs nothing else]:file:_files' \
                '(- *)'{-h,--help}'[print this and exit]' \
                '1:address:_mynah_address'
            ;;
        watch)
            _arguments -s \
                '(-c --connections)'{-c+,--connections=}'[connections to keep open]:n:' \
                '(-r --rate)'{-r+,--rate=}'[frames a second on all connections together]:n:' \
                '(-s --size)'{-s+,--size=}'[bytes in a frame, 64 to 65507]:bytes:' \
                '(-d --duration)'{-d+,--duration=}'[how long to send]:duration:' \
                '(-W --timeout)'{-W+,--timeout=}'[how long an echo may take]:duration:' \
                '*--fail-on=[exit with 1 if it holds]:condition:' \
                '*--ledger=[a ledger of a server]:sqlite\:PATH:' \
                '--json=[write all results as JSON]:file:_files' \
                '--html=[write a page with tables and diagrams, which needs nothing else]:file:_files' \
                '(- *)'{-h,--help}'[print this and exit]' \
                '1:address:_mynah_address'
            ;;
        compare)
            _arguments -s \
                '--threshold=[what is worse by more than this is a regression, above 0% and up to 1000%]:percent:' \
                '--json=[write all of it as JSON]:file:_files' \
                '(- *)'{-h,--help}'[print this and exit]' \
                '1:report before:_files' \
                '2:report after:_files'
            ;;
    esac
}

_mynah "$@"
