#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Runs a console command (virsh console, which insists on a terminal) on a terminal of its own,
shows what the guest says, and ends when a line is the one that was waited for.

    console.py --wait LINE [--timeout SECONDS] -- CMD...

Exit code 0: the line came. 1: it did not in that time. 2: the command ended before.
"""
import argparse
import os
import re
import select
import subprocess
import sys
import time

# A guest that had greeted before the console was open is asked to do it again.
ASK_AFTER_S = 15
ASK = b"\rhello\r"
ESCAPE = re.compile(r"\x1b(\[[0-9;?]*[ -/]*[@-~]|[@-Z\\-_])")


class Screen:
    """Bytes of a terminal in, whole lines of text out."""

    def __init__(self):
        self.rest = ""

    def feed(self, data):
        *lines, self.rest = (self.rest + data.decode(errors="replace")).split("\n")
        return [ESCAPE.sub("", line).strip("\r ") for line in lines]


def watch(fd, wanted, deadline):
    screen = Screen()
    ask_at = time.monotonic() + ASK_AFTER_S
    while (now := time.monotonic()) < deadline:
        ready, _, _ = select.select([fd], [], [], max(0, min(deadline, ask_at) - now))
        if not ready:
            if time.monotonic() >= ask_at:
                os.write(fd, ASK)
                ask_at = time.monotonic() + ASK_AFTER_S
            continue
        try:
            data = os.read(fd, 65536)
        except OSError:  # EIO is how a terminal says that its last user is gone
            data = b""
        if not data:
            print("    | " + screen.rest.strip(), flush=True)
            return 2
        for line in screen.feed(data):
            if line:
                print("    | " + line, flush=True)
            if line == wanted:
                return 0
    return 1


def end(command, fd):
    """Leaves the console as a user would (Ctrl and ]), harder if that isn't heard."""
    for action in (lambda: os.write(fd, b"\x1d"), command.terminate, command.kill):
        try:
            action()
            command.wait(2)
            return
        except (OSError, subprocess.TimeoutExpired):  # nobody on the terminal, or deaf
            continue


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--wait", required=True)
    parser.add_argument("--timeout", type=float, default=120)
    parser.add_argument("command", nargs="+")
    args = parser.parse_args()
    # A session without a controlling terminal: virsh would start polkit's agent on one.
    ours, theirs = os.openpty()
    command = subprocess.Popen(
        args.command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    try:
        return watch(ours, args.wait, time.monotonic() + args.timeout)
    except KeyboardInterrupt:
        return 130
    finally:
        end(command, ours)


if __name__ == "__main__":
    sys.exit(main())
