#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""verdicts.py KIT PLUGINS NAME: the kit has to say of the plugin NAME (a folder in PLUGINS) what verdicts.txt says, no more
and no less: for a right one status 0, for a wrong one status 1 and exactly these cases "not ok"; and its two reports agree.
"""
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree
from pathlib import Path

TABLE = Path(__file__).parent / "verdicts.txt"


def table():
    rows = {}
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            name, _, cases = line.partition(":")
            rows[name.strip()] = set(cases.split())
    return rows


def run(kit, plugin):
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        done = subprocess.run([kit, str(plugin), "--junit", str(report), "--verbose"], capture_output=True, text=True, check=False,
                              errors="replace")
        print(done.stdout)
        failed = set(re.findall(r"^not ok \d+ - (\S+)", done.stdout, re.M))
        cases = xml.etree.ElementTree.parse(report).getroot().findall("testcase")
        shown = {c.get("name") for c in cases if c.find("failure") is not None}
        plan = int(re.search(r"^1\.\.(\d+)$", done.stdout, re.M)[1])
        if shown != failed or plan != len(cases):
            sys.exit(f"TAP says that {failed} of {plan} failed, JUnit {shown} of {len(cases)}")
        return done.returncode, failed


def main():
    kit, plugins, name = sys.argv[1:]
    expected = table().get(name)
    if expected is None:
        sys.exit(f"{TABLE} says nothing of {name}")
    status, failed = run(kit, Path(plugins) / name / f"{name}.so")
    wrong = []
    if failed != expected:
        wrong.append(f"failed: {sorted(failed)}, expected: {sorted(expected)}")
    if status != (1 if expected else 0):
        wrong.append(f"status {status}")
    sys.exit(f"{name}: " + "; ".join(wrong) if wrong else 0)


main()
