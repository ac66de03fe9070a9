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

# run_logged LOG CMD...: runs CMD with its output in LOG, shows the log's last line now and then,
# and the end of the log if CMD fails. Its exit code is CMD's.
run_logged() {
    local log=$1 pid last='' line tick=0 code=0
    shift
    mkdir -p "$(dirname "$log")"
    "$@" >"$log" 2>&1 </dev/null &
    pid=$!
    while kill -0 "$pid" 2>/dev/null; do
        sleep 0.2
        tick=$((tick + 1))
        ((tick % 50 == 0)) || continue
        line=$(tail -n 1 "$log" | cut -c 1-100)
        [ "$line" = "$last" ] || say "    $line"
        last=$line
    done
    wait "$pid" || code=$?
    if [ "$code" -ne 0 ]; then
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
    (cd "$tree" && run_logged "$log/$preset-build.log" cmake --build "build/$preset") || return 1
}
