#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""exports.py PLUGIN.so...: a plugin exports its entry point alone, asks for nothing that would pin it in
memory or let another library's symbols in, and carries a manifest."""

import re
import subprocess
import sys

ENTRY = "pv_plugin_entry_v1"


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def faults(path):
    symbols = [line.split() for line in output("nm", "-D", "--defined-only", path).splitlines()]
    names = sorted(fields[-1] for fields in symbols)
    if names != [ENTRY]:
        yield f"exports {names or 'nothing'}, expected {ENTRY} alone"
    # GNU_UNIQUE symbols survive dlclose() and are shared between generations.
    unique = [line for line in output("nm", "-a", path).splitlines() if re.match(r"\S+ u ", line)]
    if unique:
        yield f"has unique symbols: {unique[:3]}"
    dynamic = output("readelf", "-dW", path)
    if "STATIC_TLS" in dynamic:
        yield "needs static TLS, which a process has little of"
    if "TEXTREL" in dynamic:
        yield "has text relocations"
    if "SYMBOLIC" not in dynamic:
        yield "is not linked with -Bsymbolic"
    if "polyvirt" not in output("readelf", "-nW", path):
        yield "has no manifest note"


def main(paths):
    if not paths:
        print("no plugin given", file=sys.stderr)
        return 2
    bad = [f"{path}: {fault}" for path in paths for fault in faults(path)]
    print("\n".join(bad) if bad else f"{len(paths)} plugins: fine")
    return 1 if bad else 0


sys.exit(main(sys.argv[1:]))
