#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""What tools/generate/c_headers.py makes of the headers is what a compiler makes of them: every size, place and number.

    table_is_true.py COMPILER LANGUAGE      gcc or clang, c11 or c++20
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools" / "generate"))
import abi_table  # noqa: E402
import c_headers  # noqa: E402

INCLUDE = ROOT / "plugin-api" / "include"


def compile_text(compiler, language, text):
    kind = "c" if language.startswith("c1") else "c++"
    return subprocess.run([compiler, f"-std={language}", "-x", kind, f"-I{INCLUDE}", "-fsyntax-only", "-"],
                          input=text, capture_output=True, text=True, check=False)


def main():
    compiler, language = sys.argv[1:3]
    text = "\n".join(abi_table.asserts(c_headers.read(INCLUDE)))
    number = text.count("SAME(") - 2
    done = compile_text(compiler, language, text)
    wrong = [] if done.returncode == 0 else [done.stderr[:4000]]
    # Each kind of assert, made false, is noticed.
    for pattern in (r"(sizeof\(pv_obj\) == )(\d+)", r"(offsetof\(pv_obj, attrs\) == )(\d+)", r"(->uuid\) == )(\d+)",
                    r"(\(PV_FAIL\) == )(-\d+)"):
        false = re.sub(pattern, lambda m: f"{m[1]}{int(m[2]) + 1}", text, count=1)
        if false == text or compile_text(compiler, language, false).returncode == 0:
            wrong.append(f"{pattern}: made false, it compiles")
    print("\n".join([*wrong, f"{number} asserts, {len(wrong)} problems"]))
    return 1 if wrong or number < 4000 else 0


if __name__ == "__main__":
    sys.exit(main())
