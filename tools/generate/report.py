#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Says of every procedure of the wire which op of a driver or which function of the host answers it.

    report.py [--root DIR] [--format text|csv|markdown]

text: one line per procedure, "PROGRAM NUMBER NAME ANSWERED-BY"; csv: the same with more columns; markdown: a
table per op table, for the docs."""
import argparse
import csv
from pathlib import Path
import sys

import mapping
from facts import Constants, Facts
from spec import Spec, SpecError
from tables import TableError

COLUMNS = ("program", "number", "procedure", "answered_by", "table", "target", "priority", "readonly", "permission",
           "since")


def permission(proc):
    acl = proc.raw.get("acl") or []
    if acl == "unknown":
        return "unknown: denied"
    return ", ".join(rule if isinstance(rule, str) else f"{rule['perm']} (sometimes)" for rule in acl)


def rows(facts, spec, constants):
    result = []
    for name, found in mapping.resolve(facts, spec, constants).items():
        proc = facts.procs[name]
        readonly = proc.raw.get("readonly", "deny")
        host = isinstance(found, str)
        result.append({
            "program": proc.program.name, "number": proc.id, "procedure": name,
            "answered_by": f"host.{found}" if host else found.op.full_name,
            "table": "host" if host else found.op.table.id, "target": "none" if host else found.op.target,
            "priority": proc.raw.get("priority", "low"),
            "readonly": readonly if isinstance(readonly, str) else "sometimes",
            "permission": permission(proc), "since": proc.raw.get("since", "")})
    order = {name: i for i, name in enumerate(("remote", "qemu", "lxc"))}
    return sorted(result, key=lambda r: (order[r["program"]], r["number"]))


def markdown(spec, found):
    for table in spec.tables + [spec.host]:
        print(f"\n## {table.id if not table.host else 'Answered by the host'}\n\n{table.doc}\n")
        print("| op | procedures | permission |\n| --- | --- | --- |")
        for op in table.ops:
            mine = [r for r in found if r["answered_by"] == op.full_name]
            permissions = ", ".join(dict.fromkeys(p for r in mine for p in [r["permission"]] if p))
            print(f"| {op.name} | {', '.join(r['procedure'] for r in mine)} | {permissions} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[2])
    parser.add_argument("--format", choices=("text", "csv", "markdown"), default="text")
    args = parser.parse_args()
    facts = Facts(args.root / "host/protocol/tables")
    constants = Constants(args.root / "host/protocol/tables/constants.yaml")
    spec = Spec(args.root / "plugin-api/spec", constants)
    found = rows(facts, spec, constants)
    if args.format == "markdown":
        markdown(spec, found)
    elif args.format == "csv":
        writer = csv.DictWriter(sys.stdout, COLUMNS)
        writer.writeheader()
        writer.writerows(found)
    else:
        for row in found:
            print(row["program"], row["number"], row["procedure"].partition(".")[2], row["answered_by"])


if __name__ == "__main__":
    try:
        main()
    except (SpecError, TableError) as error:
        sys.exit(f"report.py: {error}")
