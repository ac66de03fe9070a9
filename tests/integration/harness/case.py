# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""IntegrationCase: each test method gets a folder, a started daemon and guest names of its own, and
leaves nothing behind. Verbs for what nearly every case does."""

import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from . import guest, processes, settings, subject, wait
from .terminal import Terminal


class IntegrationCase(unittest.TestCase):
    maxDiff = None
    # Whether calls that a case made count as tested in the report of procedures.
    counts_as_test = True
    # Whether the daemon is started before the case; if not, the case does that itself.
    starts = True

    def setUp(self):
        processes.adopt_orphans()
        guest.make_files()
        # Short, because a socket's path has 107 bytes.
        self.folder = Path(tempfile.mkdtemp(prefix="pvit."))
        self.folder.chmod(0o755)
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.call_log = call_log_path(self.id())
        self.call_log.parent.mkdir(parents=True, exist_ok=True)
        self.call_log.unlink(missing_ok=True)
        self.running_log = self.folder / "calls"
        self.subject = self.make_subject()
        self.addCleanup(self.finish)
        self.prepare()
        if self.starts:
            self.subject.start()

    def prepare(self):
        """For cases: what is to be there before the daemon starts."""

    def make_subject(self):
        return subject.create(self.folder, self.running_log)

    def run(self, result=None):
        self.outcome = self.defaultTestResult() if result is None else result
        self.failed_before = self.count_failures()
        return super().run(self.outcome)

    def count_failures(self):
        return len(self.outcome.failures) + len(self.outcome.errors)

    def assert_logged(self, text):
        """That polyvirtd's log says so, now or soon: a thread of its own writes it."""
        wait.until(lambda: text in self.subject.log_text(), f"the log to say: {text}")

    def assert_logged_like(self, pattern):
        wait.until(lambda: re.search(pattern, self.subject.log_text()), f"the log to match: {pattern}")

    def finish(self):
        """Keeps the record of calls of a case that passed, and clears away."""
        failed = self.count_failures() > self.failed_before
        if failed:
            print(f"--- the daemon's log ---\n{self.subject.log_tail()}\n---")
        self.subject.clean_up()
        if self.counts_as_test and not failed and self.running_log.exists():
            shutil.move(self.running_log, self.call_log)

    def new_guest(self, label="guest"):
        return guest.Guest(f"{label}-{os.getpid()}")

    def write_xml(self, of):
        path = self.folder / f"{of.name}.xml"
        path.write_text(of.xml)
        return str(path)

    # virsh ------------------------------------------------------------------------------------

    def virsh_command(self, *words, kind="rw"):
        return ["virsh", "-c", self.subject.uri(kind), *words]

    def virsh_try(self, *words, kind="rw"):
        """Runs virsh; returns what subprocess.run returns, whatever the exit code."""
        return subprocess.run(self.virsh_command(*words, kind=kind), stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, env=plain_environment(),
                              timeout=settings.PATIENCE)

    def virsh(self, *words, kind="rw"):
        """Runs virsh, which must succeed; what it printed, without white space at the ends."""
        done = self.virsh_try(*words, kind=kind)
        self.assertEqual((done.returncode, done.stderr), (0, ""), f"virsh {' '.join(words)}")
        return done.stdout.strip()

    def run_virsh(self, uri, *words):
        """virsh on another URI, which must succeed; what it printed."""
        done = subprocess.run(["virsh", "-c", uri, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              env=plain_environment(), timeout=settings.PATIENCE)
        self.assertEqual((done.returncode, done.stderr), (0, ""), f"virsh {' '.join(words)}")
        return done.stdout

    def virsh_fails(self, *words, kind="rw"):
        """Runs virsh, which must fail; its complaint."""
        done = self.virsh_try(*words, kind=kind)
        self.assertEqual(done.returncode, 1, f"virsh {' '.join(words)}: {done.stdout}")
        return done.stderr.strip()

    def virsh_on_terminal(self, *words):
        terminal = Terminal(self.virsh_command(*words), plain_environment())
        self.addCleanup(terminal.close)
        return terminal

    def console(self, of):
        """virsh console of a running guest, ready to take what is typed."""
        terminal = self.virsh_on_terminal("console", of.name)
        terminal.expect("Escape character")
        terminal.expect_raw()
        return terminal

    def define(self, of):
        self.virsh("define", self.write_xml(of))
        return of

    def defined_guest(self, label="guest"):
        return self.define(self.new_guest(label))

    def paused_guest(self, label="guest"):
        """A guest that was started and executes nothing, so that it costs no processor time."""
        started = self.defined_guest(label)
        self.virsh("start", "--paused", started.name)
        return started


def call_log_path(test_id):
    return settings.CALL_LOGS / f"{test_id}.log"


def plain_environment():
    """English, no colours, and no file of the user's that changes what virsh does."""
    keep = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    return dict(keep, LC_ALL="C.UTF-8", TERM="dumb")
