#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Holds clang's analysis to the lock ladder: every program of must_not_compile/ has to be refused,
with the diagnostic that its line `// expect: REGEX` names, and to be accepted with -DTWIN, which
mends the one mistake; so neither a check that is off nor a program that is wrong for another reason
passes. Exit code 77: no clang, nothing was checked."""

import argparse
import concurrent.futures
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
FLAGS = ["-std=c++20", "-Wthread-safety", "-Wthread-safety-beta", "-Werror", f"-I{ROOT}/plugin-api",
         "-DPV_LOCK_CHECKS=1"]


class Compiler:
    def __init__(self, clang, folder):
        self.clang = clang
        self.pch = f"{folder}/ladder.pch"
        made = self._run(["-x", "c++-header", str(HERE / "must_not_compile/ladder.h"), "-o", self.pch])
        if made.returncode != 0:
            sys.exit(f"ladder.h itself does not compile:\n{made.stderr}")

    def _run(self, args):
        return subprocess.run([self.clang, *FLAGS, *args], capture_output=True, text=True, check=False)

    def compile(self, path, twin):
        return self._run(["-include-pch", self.pch, f"-I{HERE}/must_not_compile", "-fsyntax-only",
                          *(["-DTWIN"] if twin else []), str(path)])


def judge(compiler, path):
    """What is wrong with one program: a list of lines, empty if it behaves."""
    found = re.search(r"^// expect: (.+)$", path.read_text(), re.M)
    if not found:
        return [f"{path.name}: no line '// expect: REGEX'"]
    problems = []
    wrong = compiler.compile(path, twin=False)
    if wrong.returncode == 0:
        problems.append(f"{path.name}: compiles, but clang should say: {found[1]}")
    elif not re.search(found[1], wrong.stderr):
        problems.append(f"{path.name}: refused for another reason than '{found[1]}':\n{wrong.stderr}")
    twin = compiler.compile(path, twin=True)
    if twin.returncode != 0:
        problems.append(f"{path.name}: its twin (-DTWIN) should compile:\n{twin.stderr}")
    return problems


def self_test(compiler, folder):
    head = '#include "ladder.h"\n'
    samples = {
        "accepted": ("// expect: anything\n" + head, "compiles, but"),
        "other_reason": ("// expect: requires holding\n" + head + "#ifndef TWIN\nint x = y;\n#endif\n",
                         "another reason"),
        "bad_twin": ("// expect: use of undeclared\n" + head + "int x = y;\n", "its twin"),
        "silent": (head, "no line"),
    }
    failed = []
    for name, (text, expected) in samples.items():
        path = pathlib.Path(folder) / f"{name}.cpp"
        path.write_text(text)
        if not any(expected in problem for problem in judge(compiler, path)):
            failed.append(f"{name}: not reported ('{expected}')")
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--self-test", action="store_true")
    args = parser.parse_args()
    clang = shutil.which("clang++-14") or shutil.which("clang++")
    if clang is None:
        print("SKIPPED: neither clang++-14 nor clang++ is installed (scripts/install-deps --test); "
              "the lock ladder was not checked at compile time")
        return 77
    with tempfile.TemporaryDirectory() as folder:
        compiler = Compiler(clang, folder)
        if args.self_test:
            problems, count = self_test(compiler, folder), 4
        else:
            programs = sorted((HERE / "must_not_compile").glob("*.cpp"))
            count = len(programs)
            if count < 25:
                sys.exit(f"only {count} programs found in {HERE}/must_not_compile")
            with concurrent.futures.ThreadPoolExecutor() as pool:
                problems = [p for found in pool.map(lambda x: judge(compiler, x), programs) for p in found]
    for problem in problems:
        print(problem)
    print(f"{count} programs, {len(problems)} problems, {clang}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
