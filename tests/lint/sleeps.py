#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""No sleeps: a test waits on a condition with a generous bound, and so does the daemon."""

import re

import tree as lint

SLEEP = re.compile(r"\b(?:sleep_for|sleep_until|usleep|nanosleep|clock_nanosleep|sleep)\s*\(")


def check(tree):
    for name in tree.files((*lint.ALL_OF_OURS, "tests/"), lint.CPP):
        text = lint.without_comments(tree.text(name))
        for match in SLEEP.finditer(text):
            yield f"{name}:{lint.line_of(text, match.start())}: {match[0]}...): wait on a condition instead"


SAMPLES = {
    "thread": ({"tests/unit/a.cpp": "\nstd::this_thread::sleep_for(1s);"}, "tests/unit/a.cpp:2: sleep_for("),
    "posix": ({"host/a.c": "usleep(5);"}, "usleep("),
    "right": ({"host/a.cpp": "// sleep(1) would lose\nis_asleep(x); sleeping(y); wait(z);"}, None),
}

if __name__ == "__main__":
    lint.main(__doc__, check, SAMPLES)
