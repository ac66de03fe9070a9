#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""No lock but those of base/sync.h, which alone are on the ladder."""

import re

import tree as lint

HOME = "plugin-api/base/sync.h"
FOREIGN = re.compile(
    r"\bstd::(?:(?:recursive_|timed_|shared_|recursive_timed_|shared_timed_)?mutex|"
    r"condition_variable(?:_any)?|lock_guard|unique_lock|scoped_lock|shared_lock|call_once|once_flag)\b"
    r"|\bpthread_(?:mutex|rwlock|spin|cond|once)_\w+|\b(?:mtx|cnd)_(?:init|lock|wait)\b"
    r"|#\s*include\s*<(?:mutex|shared_mutex|condition_variable|threads\.h)>|\bboost::mutex\b")


def check(tree):
    for name in tree.files(lint.ALL_OF_OURS, lint.CPP):
        # A template is the code of somebody else's tree, without our base.
        if name == HOME or name.startswith("plugin-api/templates/"):
            continue
        text = lint.without_comments(tree.text(name))
        for match in FOREIGN.finditer(text):
            yield f"{name}:{lint.line_of(text, match.start())}: {match[0]}: locks are those of base/sync.h"


SAMPLES = {
    "std": ({"host/rpc/a.h": "class A {\n  std::mutex mu_;\n};\n"}, "host/rpc/a.h:2: std::mutex"),
    "shared": ({"plugins/x/a.cpp": "std::shared_mutex m;"}, "std::shared_mutex"),
    "include": ({"host/a.cpp": "#include <mutex>\n"}, "<mutex>"),
    "pthread": ({"tools/a.c": "pthread_mutex_lock(&m);"}, "pthread_mutex_lock"),
    "condition": ({"host/a.cpp": "std::condition_variable cv;"}, "condition_variable"),
    "right": ({"host/a.cpp": '// not a std::mutex\nMutex mu{Rank::leaf}; log("std::mutex"); /* <mutex> */',
               HOME: "#include <mutex>\nstd::mutex mu_;"}, None),
}

if __name__ == "__main__":
    lint.main(__doc__, check, SAMPLES)
