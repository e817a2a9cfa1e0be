# mynah.bash -- completions of mynah for bash. tests/manuals compares them with --help.
# shellcheck shell=bash

_mynah() {
    local cur=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]}
    # Bash makes three words of --json=FILE.
    if [[ $cur == = ]]; then
        cur=
    elif [[ $previous == = ]]; then
        previous=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    COMPREPLY=()

    if ((COMP_CWORD == 1)); then
        mapfile -t COMPREPLY < <(compgen -W 'send chat ping load watch compare --help --version' -- "$cur")
        return
    fi

    case $previous in
        --json | --html)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$cur")
            return
            ;;
        --driver)
            mapfile -t COMPREPLY < <(compgen -W 'auto select poll epoll io_uring' -- "$cur")
            return
            ;;
        -[cdinprsW] | --connections | --count | --datagram-bytes | --depth | --duration | --fail-on | --interval | --ledger | \
            --rate | --size | --threshold | --timeout | --warm-up)
            return
            ;;
    esac

    if [[ $cur == -* ]]; then
        local flags=
        case $command in
            send) flags='--timeout --datagram-bytes --help' ;;
            chat) flags='--timeout --help' ;;
            ping) flags='--count --interval --size --timeout --json --help' ;;
            load)
                flags='--connections --duration --count --size --depth --rate --warm-up --timeout --driver --json --html
                       --help'
                ;;
            watch) flags='--connections --rate --size --duration --timeout --fail-on --ledger --json --html --help' ;;
            compare) flags='--threshold --json --help' ;;
        esac
        mapfile -t COMPREPLY < <(compgen -W "$flags" -- "$cur")
    elif [[ $command == compare ]]; then
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
    elif ((COMP_CWORD == 2)); then
        compopt -o nospace
        mapfile -t COMPREPLY < <(compgen -W 'tcp:// udp:// unix://' -- "$cur")
    fi
}

complete -F _mynah mynah
