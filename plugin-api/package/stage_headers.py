#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Puts the headers of plugin-api into the one folder that authors include from.

    stage_headers.py PLUGIN_API DEST

In this tree base/ and sdk/ stand on the include path by these names; in an author's tree such common names
would meet others, so there they are <polyvirt/base/...> and <polyvirt/sdk/...>, and includes are written so.
"""
import pathlib
import re
import shutil
import sys

PLACES = {"include/polyvirt": "polyvirt", "cpp/polyvirt": "polyvirt", "base": "polyvirt/base", "sdk": "polyvirt/sdk"}
OURS = re.compile(r'^(\s*#\s*include\s*)"((?:base|sdk)/[^"]+)"', re.M)
QUOTED = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.M)


def staged(plugin_api):
    """{path below DEST: text} of every header."""
    headers = {}
    for source, target in PLACES.items():
        for path in sorted((plugin_api / source).rglob("*.h")):
            name = f"{target}/{path.relative_to(plugin_api / source)}"
            if name in headers:
                sys.exit(f"{path}: {name} is there already")
            text = OURS.sub(r"\1<polyvirt/\2>", path.read_text())
            for left in QUOTED.findall(text):
                sys.exit(f'{path}: #include "{left}": an installed header cannot find that')
            headers[name] = text
    return headers


def main():
    plugin_api, dest = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    headers = staged(plugin_api)
    shutil.rmtree(dest, ignore_errors=True)
    for name, text in headers.items():
        path = dest / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    print(f"{len(headers)} headers in {dest}")


if __name__ == "__main__":
    main()
