#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Each source begins with its licence and its copyright."""

import re

import tree as lint

SUFFIXES = (*lint.CPP, ".py", ".sh", ".cmake", ".map", "CMakeLists.txt")
HEAD = re.compile(r"\A(?:#![^\n]*\n)?(?://|#|/\*) SPDX-License-Identifier: Apache-2\.0(?: OR MIT)?(?: \*/)?\n"
                  r"(?://|#|/\*) Copyright \d{4} The polyvirt authors(?: \*/)?\n")


def check(tree):
    for name in tree.files():
        text = tree.text(name)
        if not name.endswith(SUFFIXES) and not text.startswith("#!"):
            continue
        if not HEAD.match(text):
            yield (f"{name}: the first lines should be 'SPDX-License-Identifier: Apache-2.0' and "
                   f"'Copyright YEAR The polyvirt authors'")


GOOD = "// SPDX-License-Identifier: Apache-2.0\n// Copyright 2026 The polyvirt authors\n"
SAMPLES = {
    "none": ({"host/a.h": "#pragma once\n"}, "host/a.h"),
    "other licence": ({"host/a.h": GOOD.replace("Apache-2.0", "GPL-2.0-only")}, "host/a.h"),
    "no copyright": ({"host/a.h": GOOD.splitlines()[0] + "\n"}, "host/a.h"),
    "script": ({"scripts/a": "#!/bin/sh\necho\n"}, "scripts/a"),
    "too late": ({"host/a.h": "\n" + GOOD}, "host/a.h"),
    "right": ({"host/a.h": GOOD, "scripts/a": "#!/bin/sh\n" + GOOD.replace("//", "#"),
               "abi.h": "/* SPDX-License-Identifier: Apache-2.0 OR MIT */\n"
                        "/* Copyright 2026 The polyvirt authors */\n",
               "notes.md": "no licence here\n"}, None),
}

if __name__ == "__main__":
    lint.main(__doc__, check, SAMPLES)
