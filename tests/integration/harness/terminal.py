# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""A program on a terminal of its own, as a user would run it: virsh console, virsh event."""

import fcntl
import os
import pty
import re
import select
import signal
import subprocess
import termios
import time

from . import settings, wait


class Terminal:
    """One thread uses it. All that the program printed is kept in `text`."""

    def __init__(self, command, environment=None):
        self.master, slave = pty.openpty()
        self.text = ""
        self.process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, env=environment,
            start_new_session=True, preexec_fn=lambda: _own_terminal(0))
        os.close(slave)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def type(self, text):
        os.write(self.master, text.encode())

    def read(self, seconds):
        """Takes what is there, waiting at most `seconds` for it; False at the end of output."""
        if not select.select([self.master], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self.master, 65536)
        except OSError:  # the kernel's way of saying that no one holds the other side
            return False
        self.text += data.decode(errors="replace")
        return bool(data)

    def expect(self, pattern, after=0):
        """Waits until `pattern` stands in the text behind offset `after`; the offset behind it."""
        end = time.monotonic() + settings.PATIENCE
        while True:
            found = re.compile(pattern).search(self.text, after)
            if found:
                return found.end()
            if time.monotonic() > end:
                raise AssertionError(f"no {pattern!r} in:\n{self.text[after:]}")
            if not self.read(0.5):
                found = re.compile(pattern).search(self.text, after)
                if found:
                    return found.end()
                raise AssertionError(f"ended without {pattern!r}:\n{self.text[after:]}")

    def expect_raw(self):
        """Waits until the program takes every key as it comes; what was typed before is lost."""
        wait.until(lambda: not termios.tcgetattr(self.master)[3] & (termios.ECHO | termios.ICANON),
                   "the terminal to be in raw mode")

    def expect_end(self):
        """Waits for the program's end; its exit code."""
        end = time.monotonic() + settings.PATIENCE
        while self.read(0.5):
            if time.monotonic() > end:
                raise AssertionError(f"did not end; it printed:\n{self.text}")
        return self.process.wait(settings.PATIENCE)

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(settings.PATIENCE)
        if self.master >= 0:
            os.close(self.master)
            self.master = -1


def _own_terminal(fd):
    fcntl.ioctl(fd, termios.TIOCSCTTY, 0)
