#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Programs that compilers must refuse. Two suites: must_not_compile/ holds clang's analysis to the lock
ladder, must_not_compile_glue/ the C++ glue of the plugin ABI to what it promises authors (gcc and clang, but
for lines `// only: clang`). Every program has to be refused with the diagnostic that its line
`// expect: REGEX` names, and to be accepted with -DTWIN, which mends the one mistake; so neither a check that is
off nor a program that is wrong for another reason passes. Exit code 77: no compiler, nothing was checked."""

import argparse
import concurrent.futures
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CLANG_FLAGS = ["-Wthread-safety", "-Wthread-safety-beta", "-Werror"]


@dataclass
class Suite:
    folder: pathlib.Path
    prelude: str      # what every program begins with, compiled once
    compilers: tuple  # names, of which all that are found are used
    includes: tuple
    at_least: int


LADDER = Suite(HERE / "must_not_compile", "ladder.h", ("clang",), ("plugin-api",), 25)
GLUE = Suite(HERE / "must_not_compile_glue", "prelude.h", ("clang", "gcc"),
             ("plugin-api", "plugin-api/cpp", "plugin-api/include"), 14)


class Compiler:
    def __init__(self, kind, program, suite, folder):
        self.kind, self.program, self.suite = kind, program, suite
        self.flags = ["-std=c++20", "-DPV_LOCK_CHECKS=1", "-DFMT_SHARED", *(f"-I{ROOT}/{i}" for i in suite.includes),
                      *(CLANG_FLAGS if kind == "clang" else [])]
        self.folder = pathlib.Path(folder) / kind
        self.folder.mkdir(exist_ok=True)
        prelude = suite.folder / suite.prelude
        # gcc takes NAME.gch wherever it would find NAME first.
        self.pch = self.folder / f"{suite.prelude}.{'pch' if kind == 'clang' else 'gch'}"
        made = self._run(["-x", "c++-header", str(prelude), "-o", str(self.pch)])
        if made.returncode != 0:
            sys.exit(f"{prelude} itself does not compile with {program}:\n{made.stderr}")

    def _run(self, args):
        return subprocess.run([self.program, *self.flags, *args], capture_output=True, text=True, check=False)

    def compile(self, path, twin):
        begin = (["-include-pch", str(self.pch)] if self.kind == "clang" else
                 [f"-I{self.folder}", "-include", self.suite.prelude])
        return self._run([*begin, f"-I{self.suite.folder}", "-fsyntax-only", *(["-DTWIN"] if twin else []), str(path)])


def judge(compiler, path):
    """What is wrong with one program: a list of lines, empty if it behaves."""
    found = re.search(r"^// expect: (.+)$", path.read_text(), re.M)
    if not found:
        return [f"{path.name}: no line '// expect: REGEX'"]
    only = re.search(r"^// only: (\w+)$", path.read_text(), re.M)
    if only and only[1] != compiler.kind:
        return []
    problems = []
    wrong = compiler.compile(path, twin=False)
    if wrong.returncode == 0:
        problems.append(f"{path.name}: compiles, but {compiler.kind} should say: {found[1]}")
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


def found_compilers(suite, folder):
    known = {"clang": ("clang++-14", "clang++"), "gcc": ("g++",)}
    for kind in suite.compilers:
        program = next((p for p in map(shutil.which, known[kind]) if p), None)
        if program:
            yield Compiler(kind, program, suite, folder)


def check(suite, folder):
    """(number of judged programs, problems), or None without a compiler."""
    compilers = list(found_compilers(suite, folder))
    if not compilers:
        return None
    programs = sorted(suite.folder.glob("*.cpp"))
    if len(programs) < suite.at_least:
        sys.exit(f"only {len(programs)} programs found in {suite.folder}")
    pairs = [(c, p) for c in compilers for p in programs]
    with concurrent.futures.ThreadPoolExecutor() as pool:
        problems = [p for found in pool.map(lambda pair: judge(*pair), pairs) for p in found]
    return len(pairs), problems


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--self-test", action="store_true")
    parser.add_argument("--suite", choices=("ladder", "glue"), default="ladder")
    args = parser.parse_args()
    suite = {"ladder": LADDER, "glue": GLUE}[args.suite]
    with tempfile.TemporaryDirectory() as folder:
        if args.self_test:
            compiler = next(found_compilers(LADDER, folder), None)
            result = compiler and (4, self_test(compiler, folder))
        else:
            result = check(suite, folder)
    if result is None:
        print("SKIPPED: no compiler of the suite is installed (scripts/install-deps --test); nothing was checked")
        return 77
    count, problems = result
    for problem in problems:
        print(problem)
    print(f"{count} programs, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
