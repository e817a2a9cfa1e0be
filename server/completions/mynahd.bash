# mynahd.bash -- completions of mynahd for bash. tests/manuals compares them with --help.
# shellcheck shell=bash

_mynahd() {
    local cur=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    # Bash makes three words of --config=FILE.
    if [[ $cur == = ]]; then
        cur=
    elif [[ $previous == = ]]; then
        previous=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    COMPREPLY=()

    local words=
    case $previous in
        --config)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$cur")
            return
            ;;
        --driver) words='auto select poll epoll io_uring' ;;
        --dual-stack | --reuse-port | --tcp-no-delay | --admin-public) words='true false' ;;
        --log-level) words='debug info warn error off' ;;
        --log-format) words='text json' ;;
        --ledger)
            compopt -o nospace
            words='sqlite: off'
            ;;
        --admin)
            compopt -o nospace
            words='http:// off'
            ;;
        --listen)
            compopt -o nospace
            words='tcp:// udp:// unix://'
            ;;
        --fault)
            compopt -o nospace
            words='delay stall fin reset short_write corrupt drop duplicate reorder refuse off'
            ;;
        --*)
            # What is not named above and has a value has one that nobody can guess.
            case $previous in
                --check | --version | --help) ;;
                *) return ;;
            esac
            ;;
    esac
    if [[ ! $words ]]; then
        words='--config --listen --driver --workers --instance --backlog --dual-stack --reuse-port --unix-mode
               --tcp-no-delay --tcp-keepalive --tcp-user-timeout --udp-largest --udp-rate --udp-burst --udp-sources
               --max-connections --max-per-address --idle-timeout --write-timeout --receive-buffer --drain-grace
               --drain-spread --drain-linger --drain-timeout --ledger --admin --admin-public --admin-host --fault
               --log-level --log-format --check --version --help'
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}

complete -F _mynahd mynahd
