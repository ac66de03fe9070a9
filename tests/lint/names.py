#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Nothing in the tree names the machine or the tools on which it was written: it has to mean the same
on every other. (The patterns are written so that they do not match themselves.)"""

import re

import tree as lint

FORBIDDEN = {
    "a path of one machine": re.compile(r"(?<![\w.})*\]-])/(?:work|farm)(?:/|\b(?![\w/-]))"),
    "a name that is not ours": re.compile(
        r"\b(?:a[n]thropic|c[l]aude|ch[a]t ?gpt|o[p]enai|c[o]pilot|w[o]rktree|language m[o]del)\b", re.I),
}


def check(tree):
    for name in tree.files():
        text = tree.text(name)
        for what, pattern in FORBIDDEN.items():
            for match in pattern.finditer(text):
                yield f"{name}:{lint.line_of(text, match.start())}: '{match[0]}' is {what}"


SAMPLES = {
    "path": ({"docs/a.md": "one\nsee /" + "work/main\n"}, "docs/a.md:2: '/" + "work/' is a path"),
    "quoted path": ({"host/a.cpp": 'open("/' + 'farm/x");\n'}, "is a path of one machine"),
    "end of line": ({"a.txt": "cd /" + "work\n"}, "is a path of one machine"),
    "name": ({"a.cpp": "// thanks to C" + "laude\n"}, "not ours"),
    "right": ({"host/work/a.cpp": '#include "host/work/worker_pool.h"\n// ${X}/' + 'work/y, tests/unit/work/\n',
               "b.md": "a farm/work balance, ./work/x, framework/y\n"}, None),
}

if __name__ == "__main__":
    lint.main(__doc__, check, SAMPLES)
