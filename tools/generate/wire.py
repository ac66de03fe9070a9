#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Turns the wire's tables into C++: structs with codecs for every procedure, the procedure tables, the
constants, and the structs' layouts as data.  Usage: wire.py TABLES OUTDIR"""
from pathlib import Path
import sys

from tables import Tables, TableError
from wire_codecs import named_structs, proc_structs, program_header, source, types_header
from wire_layout import layout_source
from wire_procs import constants_header, procs_source

PARTS = 6   # remote's codecs are split over this many sources, to build in parallel


def write(path, text):
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    tables, out = Tables(Path(sys.argv[1])), Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    write(out / "types.h", types_header(tables))
    shared = [s for s in named_structs(tables, None, tables.types) if s.name != "header"]
    write(out / "types.cpp", source("types.h", "polyvirt::protocol", shared))
    for program in tables.programs.values():
        write(out / f"{program.name}.h", program_header(tables, program))
        structs = list(named_structs(tables, program, program.types)) + list(proc_structs(tables, program))
        parts = PARTS if program.name == "remote" else 1
        for part in range(parts):
            some = structs[part * len(structs) // parts:(part + 1) * len(structs) // parts]
            write(out / f"{program.name}_{part}.cpp",
                  source(f"{program.name}.h", f"polyvirt::protocol::{program.name}", some))
    write(out / "procs.cpp", procs_source(tables))
    write(out / "constants.h", constants_header(tables))
    write(out / "layout.cpp", layout_source(tables))


if __name__ == "__main__":
    try:
        main()
    except TableError as error:
        sys.exit(f"wire.py: {error}")
