#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Compares the ABI of a release with today's as the compiler sees both, by abidiff.

    probe.py --make OUT.so          builds the probe of today's headers: at a release, for tests/abi/kept/RELEASE
    probe.py KEPT.so TABLE.txt      today's headers, cut back to the release's table, against the release's probe

The probe is a library with a function for each struct. abidiff is silent for libraries without debug information and
for types that nothing uses, so the comparison first shows that it can fail: both probes have debug information and
every struct in it, and changes that are made on purpose are found. Exit code 77: abidiff is not installed."""

import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import skew
from skew import ROOT, abi_table, c_headers

INCLUDE = ROOT / "plugin-api" / "include"
# Changes to today's headers, each of which abidiff must find: what, header, text, its replacement, what the report names.
SEEDED = {
    "slot inserted": ("log.h", "    /* [any] leaf. Lines below", "    void (*extra)(void) PV_NOEXCEPT;\n    /* [any] leaf. Lines below",
                      "struct pv_svc_log"),
    "argument of a slot retyped": ("loop.h", "(*set_events)(pv_watch *watch, uint32_t events)",
                                   "(*set_events)(pv_watch *watch, uint64_t events)", "struct pv_svc_loop"),
    "field renamed": ("registry.h", "int32_t dom_id;         /* domains", "int32_t number;         /* domains",
                      "struct pv_obj_desc"),
    "field retyped": ("gen/dom_config.h", "    int32_t autostart; /* 0 or 1 */\n} pv_dom_set_autostart_in;",
                      "    uint32_t autostart; /* 0 or 1 */\n} pv_dom_set_autostart_in;", "struct pv_dom_set_autostart_in"),
    "array shortened": ("entry.h", "char instance[64];", "char instance[56];", "struct pv_probe"),
}


def structs_of(table):
    facts = abi_table.parse(pathlib.Path(table).read_text().splitlines(), table)
    return [name for kind, name in facts if kind == "struct"]


def run(*command):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)


def build(include, structs, out, debug=True):
    headers = sorted(p.relative_to(include) for p in (include / "polyvirt" / "abi").rglob("*.h")
                     if f"gen/{p.name}" not in c_headers.DERIVED)
    source = out.with_suffix(".c")
    source.write_text("".join(f"#include <{name}>\n" for name in headers)
                      + "".join(f"void probe_{s}(const {s} *p);\nvoid probe_{s}(const {s} *p) {{ (void)p; }}\n" for s in structs))
    done = run("gcc", "-std=c11", *(["-g", "-gz"] if debug else []), "-O0", "-shared", "-fPIC",
               f"-ffile-prefix-map={source.parent}=.", f"-fdebug-prefix-map={include}=.", f"-I{include}", "-o", out, source)
    source.unlink()
    if done.returncode != 0:
        sys.exit(f"the probe does not compile: {done.stderr}")
    return out


def missing_structs(probe, structs):
    """Those that are not in the probe's debug information."""
    written = run("abidw", "--no-show-locs", probe).stdout
    known = set(re.findall(r"<class-decl name='(\w+)'[^>]* size-in-bits='", written)) \
        | set(re.findall(r"<class-decl name='(\w+)' size-in-bits='", written))
    return [s for s in structs if s not in known]


def compare(old, new):
    """abidiff's exit code and report. It has no list of what may be ignored: nothing may."""
    done = run("abidiff", "--harmless", "--no-default-suppression", old, new)
    if done.returncode & 3: # bits 0 and 1: it did not work
        sys.exit(f"abidiff failed ({done.returncode}): {done.stdout}{done.stderr}")
    return done.returncode, done.stdout


def check_seeded(folder, structs):
    plain = build(INCLUDE, structs, folder / "plain.so")
    for what, (header, text, new, named) in SEEDED.items():
        include = folder / what.replace(" ", "_")
        shutil.copytree(INCLUDE, include)
        path = include / "polyvirt" / "abi" / header
        if text not in path.read_text():
            yield f"seeded change '{what}': {header} has been rewritten, rewrite the sample"
            continue
        path.write_text(path.read_text().replace(text, new))
        code, report = compare(plain, build(include, structs, include / "probe.so"))
        if code == 0 or named not in report:
            yield f"seeded change '{what}': abidiff did not name {named} (exit code {code})"
    bare = build(INCLUDE, structs, folder / "bare.so", debug=False)
    if not missing_structs(bare, structs):
        yield "a probe without debug information passes for one with it"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--make", type=pathlib.Path)
    parser.add_argument("kept", nargs="?", type=pathlib.Path)
    parser.add_argument("table", nargs="?", type=pathlib.Path)
    args = parser.parse_args()
    if args.make:
        build(INCLUDE, list(c_headers.read(INCLUDE).structs), args.make)
        return 0
    if shutil.which("abidiff") is None:
        print("SKIP: abidiff is not installed (scripts/install-deps --test)")
        return 77
    structs = structs_of(args.table)
    problems = []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        problems += check_seeded(folder, structs)
        include = skew.as_released(INCLUDE, folder / "released", args.table)
        today = build(include, structs, folder / "today.so")
        for probe in (args.kept, today):
            problems += [f"{probe.name}: {s} is not in its debug information" for s in missing_structs(probe, structs)[:5]]
        code, report = compare(args.kept, today)
        if code != 0:
            problems.append(f"today's headers are not those of {args.table.stem} and more (abidiff {code}):\n{report}")
    print("\n".join([*problems, f"{len(structs)} structs, {len(SEEDED) + 1} seeded changes, {len(problems)} problems"]))
    return 1 if problems or len(structs) < 500 else 0


if __name__ == "__main__":
    sys.exit(main())
