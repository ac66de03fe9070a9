# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""polyvirtd from the build tree, everything it keeps under a folder of the test."""

import glob
import os
import shutil
from pathlib import Path

from . import settings, wait
from .subject import Subject

_SOCKETS = {"rw": "polyvirt-sock", "ro": "polyvirt-sock-ro", "admin": "polyvirt-admin-sock"}
# What a sanitizer found must end the daemon with a status of its own, never pass unseen.
_SANITIZERS = {
    "ASAN_OPTIONS": "exitcode=97:detect_leaks=1:abort_on_error=0",
    "UBSAN_OPTIONS": "exitcode=97:print_stacktrace=1:halt_on_error=1",
    "LSAN_OPTIONS": f"suppressions={Path(__file__).with_name('leaks.supp')}:print_suppressions=0",
    "TSAN_OPTIONS": "exitcode=97:halt_on_error=1:second_deadlock_stack=1",
}


class Polyvirtd(Subject):
    name = "polyvirtd"

    def __init__(self, root, call_log):
        super().__init__(root)
        self.call_log = call_log
        self.program = settings.BUILD / "bin" / "polyvirtd"
        self.before = []       # words in front of the daemon's own: a launcher that ends in exec
        self.options = []      # further words
        self.environment = {}  # further variables
        self.sanitizer_options = {}  # further options of a sanitizer, by its variable

    def socket(self, kind="rw"):
        return self.root / "root" / "run" / "polyvirt" / _SOCKETS[kind]

    def start(self):
        if not self.program.exists():
            raise AssertionError(f"{self.program} is not built (POLYVIRT_BUILD names the build)")
        environment = dict(os.environ)
        environment.pop("POLYVIRT_CALL_LOG", None)
        if self.call_log is not None:
            environment["POLYVIRT_CALL_LOG"] = str(self.call_log)
        for name, value in _SANITIZERS.items():
            environment[name] = ":".join(filter(None, [value, self.sanitizer_options.get(name), os.environ.get(name)]))
        environment.update(self.environment)
        self.launch([*self.before, *self.command()], environment)

    def command(self):
        return [str(self.program), "--root", str(self.root / "root"), *self.options]

    def configure(self, text, name="polyvirtd.yaml"):
        """Writes polyvirtd.yaml, or a drop-in file ("polyvirtd.d/10-x.yaml"); its path."""
        path = self.root / "root" / "etc" / "polyvirt" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def log_text(self):
        return self.log_path.read_text(errors="replace")

    def empty_run_folder(self):
        shutil.rmtree(self.root / "root" / "run")

    def clean_up(self):
        """Asks a living daemon to end, so that a sanitizer reports; then clears away the rest."""
        status = self.process.poll() if self.process else 0
        try:
            if self.is_running():
                status = self.stop()
        finally:
            super().clean_up()
            self.remove_control_groups()
        if status not in (0, -9):
            raise AssertionError(f"polyvirtd ended with status {status}:\n{self.log_tail()}")

    def remove_control_groups(self):
        """Those of guests that ended while no daemon looked: they stand below the machine's own, of each driver in a folder
        that is named for its run folder."""
        tops = [top for plugin in ("qemu", "lxc") for top in self.groups_of(plugin)]
        end = wait.after(10)  # who was killed leaves its group a moment later
        wait.until(lambda: all([removed(top) for top in tops]) or end(), "the control groups to be empty")

    def groups_of(self, plugin):
        number = 0xcbf29ce484222325
        for byte in os.fsencode(self.root / "root" / "run" / "polyvirt" / plugin):
            number = (number ^ byte) * 0x100000001b3 % 2 ** 64
        return [top for depth in ("*/", "*/*/", "*/*/*/") for top in glob.glob(f"/sys/fs/cgroup/{depth}polyvirt-{number:016x}")]


def removed(top):
    """Whether the tree of control groups is gone, now that all has been removed that is empty."""
    for folder, _, _ in os.walk(top, topdown=False):
        try:
            os.rmdir(folder)
        except OSError:
            pass  # somebody is in it, or it went by itself
    return not os.path.exists(top)
