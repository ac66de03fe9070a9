#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Adds up what ctest wrote with --output-junit, says what failed and why what was skipped was, and
closes with the line `N passed, N failed, N skipped`.

    sum_tests.py [--broken TEXT]... [STAGE=FILE[,AGAIN]]...

AGAIN is what a second run of the failed ones came to. A test that passed only then counts as passed and
is told as UNSTEADY, with what it said the first time: it waits for a mend, but says nothing of a change.
--broken is a stage that came to no result; it counts as one failure. Names of failed tests are said once
more at the end. The exit code is 0 only if something passed and nothing failed.
"""
import argparse
import re
import sys
import xml.etree.ElementTree as ET

OUTPUT_LINES = 40


def text_of(case):
    return "\n".join((e.text or "") for e in case.findall("system-out"))


def verdict(case):
    """ctest says `notrun` for what a test skipped itself and for what could not be run at all."""
    status = case.get("status")
    if status == "run":
        return "passed"
    if status == "disabled":
        return "skipped"
    skipped = case.find("skipped")
    if status == "notrun" and skipped is not None:
        return "skipped" if skipped.get("message", "").startswith("SKIP_") else "failed"
    return "failed"


def skip_reason(case):
    """What the test printed: GoogleTest's line after `Skipped`, or a line `SKIP: reason`."""
    if case.get("status") == "disabled":
        return "disabled"
    text = text_of(case)
    for pattern in (r"^.*: Skipped\n(.+)$", r"^SKIP: *(.+)$"):
        if found := re.search(pattern, text, re.MULTILINE):
            return found.group(1).strip()
    return "no reason given"


def failure(case):
    reason = case.find("failure")
    if reason is None:
        reason = case.find("skipped")
    message = reason.get("message", "") if reason is not None else ""
    lines = text_of(case).strip().splitlines()[-OUTPUT_LINES:]
    return message, lines


def cases_of(path):
    return ET.parse(path).getroot().findall("testcase")


def report(stage, path, again):
    """Prints a stage's tests that did not pass, and returns its counts and the names of those that failed."""
    counts, failed = {"passed": 0, "failed": 0, "skipped": 0}, []
    mended = {case.get("name") for case in (cases_of(again) if again else []) if verdict(case) == "passed"}
    for case in cases_of(path):
        name, kind = case.get("name"), verdict(case)
        if kind == "skipped":
            print(f"{stage}: skipped {name}: {skip_reason(case)}")
        if kind == "failed":
            unsteady = name in mended
            message, lines = failure(case)
            print(f"{stage}: {'UNSTEADY' if unsteady else 'FAILED'} {name}: {message}")
            for line in lines:
                print("    " + line)
            if unsteady:
                kind = "passed"
            else:
                failed.append(f"{stage}: {name}")
        counts[kind] += 1
        for line in re.findall(r"^procedures: \d+ known.*$", text_of(case), re.MULTILINE):
            print(f"{stage}: {line}")
    print(f"{stage}: " + ", ".join(f"{n} {kind}" for kind, n in counts.items()) +
          (f" ({len(mended)} of the passed at their second run: {', '.join(sorted(mended))})" if mended else ""))
    return counts, failed


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--broken", action="append", default=[])
    parser.add_argument("results", nargs="*")
    args = parser.parse_args()
    total = {"passed": 0, "failed": 0, "skipped": 0}
    failed = list(args.broken)
    for result in args.results:
        stage, _, paths = result.partition("=")
        path, _, again = paths.partition(",")
        counts, names = report(stage, path, again)
        failed += names
        for kind, count in counts.items():
            total[kind] += count
    total["failed"] += len(args.broken)
    for text in failed:
        print(f"FAILED {text}")
    if not any(total.values()):
        print("no test ran")
    print(", ".join(f"{n} {kind}" for kind, n in total.items()))
    return 0 if total["passed"] and not total["failed"] else 1


if __name__ == "__main__":
    sys.exit(main())
