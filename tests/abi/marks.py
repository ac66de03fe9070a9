#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Every function pointer of the ABI says on which thread it is called, whose the memory is, and how it fails.

    marks.py INCLUDE_DIR | --self-test

What is said is looked for in the comment above the function, which may stand for several in a row, and in the head
comment of the header, which stands for all in it:
    thread   [load] [init] [worker] [loop] [any] [quiesce], or several: [worker|init]; [any] with "leaf" or "re-entrant"
    memory   where data goes in or out by pointer: that it is borrowed, copied, released, valid as long as ..., or whose
    errors   where there is a status or a pointer as result: which PV_ status, NULL, what failing means, or that it
             cannot fail
Handles (pv_call, pv_loop, ...) are no data, and base.h says it for `void *ctx`.
"""
import pathlib
import re
import sys

MARK = re.compile(r"\[(?:load|init|worker|loop|any|quiesce)(?:\|(?:load|init|worker|loop|any|quiesce))*\]")
MEMORY = re.compile(r"borrow|cop(?:y|ies|ied)|release|valid|the (?:host|caller|plugin)'s|its own|owns|static text|"
                    r"given back|lives|constant|filled", re.I)
ERRORS = re.compile(r"\bPV_(?!PATH|JOB|IO|KIND|OP_|STOP|START|CONCURRENCY|ATTR)[A-Z]+\b|\bNULL\b|fail|negative|"
                    r"0 if there is none|0 = none|refus|error", re.I)
HANDLES = {"pv_host", "pv_call", "pv_loop", "pv_watch", "pv_queue", "pv_proc", "pv_stream", "pv_sink", "pv_params",
           "pv_strings", "pv_objs", "pv_records", "pv_groups", "pv_inst", "pv_bag",
           "pv_subscription"}
COMMENT = re.compile(r"/\*.*?\*/", re.S)
FUNCTION = re.compile(r"(?P<result>[\w][\w \t]*(?:\s*\*|\s+))\(\s*\*\s*(?P<name>\w+)\s*\)\s*\(")


def arguments(text, at):
    """The text between the bracket that ends before `at` and its partner, and where that is."""
    depth, i = 1, at
    while depth:
        depth += {"(": 1, ")": -1}.get(text[i], 0)
        i += 1
    return text[at:i - 1], i


def is_data(declaration):
    """A pointer to something that is no handle and no function."""
    if "*" not in declaration or "(" in declaration or re.fullmatch(r"\s*void\s*\*\s*ctx\s*", declaration):
        return False  # base.h says it of all `ctx`
    return not any(re.search(rf"\b{handle}\b", declaration) for handle in HANDLES) or "**" in declaration.replace(" ", "")


def split_arguments(text):
    depth, part, parts = 0, "", []
    for c in text:
        depth += {"(": 1, ")": -1}.get(c, 0)
        if c == "," and depth == 0:
            parts.append(part)
            part = ""
        else:
            part += c
    return [*parts, part]


def functions(text):
    """(name, result, arguments, comment that stands for it) of every function pointer that is a member or a type."""
    at, comment, inside = 0, "", 0
    while True:
        c, f = COMMENT.search(text, at), FUNCTION.search(text, at)
        if not f:
            return
        if c and c.start() < f.start():
            comment, at = c[0], c.end()
            continue
        # A struct begins anew: what stood above it is about the struct.
        if re.search(r"\btypedef\s+struct\b|}\s*\w*;", text[at:f.start()]):
            inside, between = f.start(), text[at:f.start()]
            if "typedef struct" in between and "typedef" not in f["result"]:
                comment = ""
        args, end = arguments(text, f.end())
        yield f["name"], f["result"].replace("typedef", "").strip(), args, comment
        at = end


def check(name, text):
    head = ""
    found = list(COMMENT.finditer(text))
    for c in found[:4]:
        if "SPDX" not in c[0] and "Copyright" not in c[0] and "Generated" not in c[0]:
            head = c[0]
            break
    for function, result, args, comment in functions(text):
        said = " ".join((comment + " " + head).replace("\n *", " ").split())
        missing = []
        mark = MARK.search(said)
        if not mark:
            missing.append("no thread mark")
        elif "any" in mark[0] and not re.search(r"leaf|re-entrant", said):
            missing.append("[any] without leaf or re-entrant")
        if (any(is_data(a) for a in split_arguments(args)) or is_data(result)) and not MEMORY.search(said):
            missing.append("does not say whose the memory is")
        if ("*" in result or "pv_status" in result) and not ERRORS.search(said):
            missing.append("does not say how it fails")
        if missing:
            yield f"{name}: {function}: {', '.join(missing)}"


GOOD = """/* SPDX */
/* [any] leaf, all of them. Arguments are borrowed. */
typedef struct pv_x {
    unsigned size;
    /* PV_GONE: there is none. */
    pv_status (*get)(pv_host *host, const char *name) PV_NOEXCEPT;
} pv_x;
"""
SAMPLES = {
    "right": (GOOD, None),
    "no mark": (GOOD.replace("[any] leaf, all of them. ", ""), "get: no thread mark"),
    "no kind": (GOOD.replace("leaf, ", ""), "get: [any] without leaf"),
    "no memory": (GOOD.replace(" Arguments are borrowed.", ""), "whose the memory is"),
    "no errors": (GOOD.replace("PV_GONE: there is none.", "Looks."), "how it fails"),
    "second": (GOOD.replace("} pv_x;", "} pv_x;\ntypedef struct pv_y {\n    /* Looks. */\n    char *(*see)(int);\n} pv_y;"),
               "see: does not say how it fails"),
    "a function as argument": (GOOD.replace("const char *name", "void (*fn)(void *ctx)").replace(
        " Arguments are borrowed.", ""), None),
}


def self_test():
    failed = []
    for name, (text, expected) in SAMPLES.items():
        problems = list(check("x.h", text))
        if expected is None and problems:
            failed.append(f"{name}: {problems}")
        if expected is not None and not any(expected in p for p in problems):
            failed.append(f"{name}: not reported, but {problems}")
    return failed, len(SAMPLES)


def main():
    if sys.argv[1] == "--self-test":
        problems, count = self_test()
    else:
        include, problems, count = pathlib.Path(sys.argv[1]), [], 0
        for header in sorted(include.rglob("*.h")):
            text = header.read_text()
            count += len(list(functions(text)))
            problems += check(str(header.relative_to(include)), text)
        if count < 300:
            problems.append(f"only {count} functions found below {include}")
    for problem in problems:
        print(problem)
    print(f"{count} functions, {len(problems)} problems")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
