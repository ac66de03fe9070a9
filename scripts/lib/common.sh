# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
# Sourced by the scripts: where the tree is, how progress is said, how a long command is run.
# shellcheck shell=bash

tree=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
export LC_ALL=C
# Debian leaves the system programs out of an ordinary user's PATH.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
started=$(date +%s%N)

# Tenths of a second since the script began.
elapsed() {
    local t=$((($(date +%s%N) - started) / 100000000))
    printf '%4d.%d' $((t / 10)) $((t % 10))
}
say() { printf '[%ss] %s\n' "$(elapsed)" "$*"; }
die() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

# The comment at the head of a script is its help.
usage() { sed -n '/^# Usage/,/^[^#]/{/^#/!q;s/^# \{0,1\}//;p}' "$0"; }

# Shows the last line of a log every ten seconds, where it is a new one, as long as this script lives.
show_progress() {
    local last='' line never
    # A sleep would be a process that outlives us and holds our output open.
    exec {never}<> <(:)
    while kill -0 $$ 2>/dev/null; do
        read -r -t 10 -u "$never" || true
        line=$(tail -n 1 "$1" | cut -c 1-100)
        [ "$line" = "$last" ] || say "    $line"
        last=$line
    done
}

# run_logged LOG CMD...: runs CMD with its output in LOG, shows the log's last line now and then and,
# if CMD fails, the log's end (LOG_TAIL lines). Its exit code is CMD's.
run_logged() {
    local log=$1 ticker code=0
    shift
    mkdir -p "$(dirname "$log")"
    : >"$log"
    show_progress "$log" &
    ticker=$!
    "$@" >"$log" 2>&1 </dev/null || code=$?
    kill "$ticker" 2>/dev/null || true
    wait "$ticker" 2>/dev/null || true
    if [ "$code" -ne 0 ] && [ "${LOG_TAIL:-60}" -gt 0 ]; then
        say "failed (exit code $code): $*"
        tail -n "${LOG_TAIL:-60}" "$log" | sed 's/^/    /'
        say "the whole log is $log"
    fi
    return "$code"
}

# build_preset PRESET: configures and builds it, in build/PRESET.
build_preset() {
    local preset=$1 log=$tree/build/logs
    say "$preset: configure"
    (cd "$tree" && run_logged "$log/$preset-configure.log" cmake --preset "$preset") || return 1
    say "$preset: build"
    (cd "$tree" && run_logged "$log/$preset-build.log" cmake --build --preset "$preset") || return 1
}
