#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Every ABI header alone must compile without a warning: gcc and clang, C11 -pedantic and C++20.

    headers.py INCLUDE_DIR COMPILER LANGUAGE

COMPILER is gcc or clang; LANGUAGE c11 or c++20. -Wpadded: all padding must stand in the structs.
"""
import pathlib
import subprocess
import sys
import tempfile

WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Wpadded", "-Werror"]


def main():
    include, compiler, language = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    headers = sorted(p.relative_to(include) for p in include.rglob("*.h"))
    if not headers:
        sys.exit(f"no headers below {include}")
    suffix = ".c" if language.startswith("c1") else ".cpp"
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for header in headers:
            source = pathlib.Path(folder) / f"unit{suffix}"
            source.write_text(f"#include <{header}>\n#include <{header}>\nint only_a_header;\n")
            command = [compiler, f"-std={language}", *WARNINGS, f"-I{include}", "-fsyntax-only", str(source)]
            result = subprocess.run(command, capture_output=True, text=True)
            if result.returncode != 0 or result.stderr:
                failed += 1
                print(f"{header}: {result.stderr}")
    print(f"{len(headers)} headers, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
