#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""No braced list and no lambda with captures among the arguments of a co_await: GCC 12 destroys some of these
temporaries twice. A local variable before it does the same."""

import re

import tree as lint

AWAIT = re.compile(r"\bco_await\b")
NUMBER = re.compile(r"\bstd::u?int\d+_t\{\d*\}")  # nothing to destroy
LITERAL = re.compile(r'"(?:\\.|[^"\\])*"' + r"|'(?:\\.|[^'\\])+'")


def arguments_of(text, start):
    """What belongs to the expression that begins there."""
    depth = 0
    for place in range(start, len(text)):
        letter = text[place]
        if letter in "([{":
            depth += 1
        elif letter in ")]}":
            depth -= 1
        if depth < 0 or (depth == 0 and letter in ";,"):
            return text[start:place]
    return text[start:]


def check(tree):
    for name in tree.files(lint.ALL_OF_OURS, lint.CPP):
        text = LITERAL.sub(lambda found: '"' + " " * (len(found[0]) - 2) + '"', lint.without_comments(tree.text(name)))
        for match in AWAIT.finditer(text):
            expression = NUMBER.sub("0", arguments_of(text, match.end()))
            for sign, what in (("{", "a braced list"), ("[", "a lambda or an index")):
                place = expression.find(sign)
                if place >= 0 and "(" in expression[:place]:
                    yield f"{name}:{lint.line_of(text, match.start())}: {what} in a co_await: make a local variable first"


SAMPLES = {
    "braces": ({"plugins/a/a.cpp": "\nco_await f({1, 2});"}, "plugins/a/a.cpp:2: a braced list"),
    "lambda": ({"plugins/a/a.cpp": "auto x = co_await f([a] { g(a); });"}, "a lambda"),
    "right": ({"plugins/a/a.cpp": 'g({1}); co_await f("{[", std::uint64_t{1}, std::move(x)); h([a] {}); co_await each[1];'}, None),
}

if __name__ == "__main__":
    lint.main(__doc__, check, SAMPLES)
