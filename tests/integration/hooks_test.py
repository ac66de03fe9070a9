# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Scripts of the administrator that are called when guests start and end: in the peer's order and with its arguments; one
may call the daemon back, and one that hangs or leaves something behind holds up nobody for long."""

import os
import threading
import time

import libvirt

from harness import processes, settings, wait
from harness.python_client import PythonCase

TIMEOUT = 2  # of a script, configured; seconds


class Hooks(PythonCase):
    starts = False

    def prepare(self):
        self.subject.configure(f"plugins: {{qemu: {{hook_timeout: {TIMEOUT}s}}}}\n")
        self.folder_of_hooks = self.subject.root / "root" / "etc" / "polyvirt" / "hooks"
        self.folder_of_hooks.mkdir(mode=0o755, parents=True)
        self.log = self.folder / "hook-calls"
        self.subject.start()
        self.connection = self.connect()

    def hook(self, text, name="qemu"):
        path = self.folder_of_hooks / name
        path.parent.mkdir(mode=0o755, exist_ok=True)
        path.write_text("#!/bin/sh\n" + text)
        path.chmod(0o755)
        return path

    def calls(self):
        return self.log.read_text().splitlines() if self.log.exists() else []

    def guest(self):
        guest = self.new_guest()
        return guest, self.connection.defineXML(guest.xml)

    def test_they_are_called_in_the_peers_order(self):
        guest, domain = self.guest()
        self.hook(f'echo "$* $(grep -c "<name>{guest.name}</name>")" >> {self.log}\n')
        self.hook(f'echo "second $2" >> {self.log}\n', "qemu.d/10-second")
        domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
        domain.destroy()
        expected = []
        for operation, phase in (("prepare", "begin"), ("start", "begin"), ("started", "begin"), ("stopped", "end"), ("release", "end")):
            expected += [f"{guest.name} {operation} {phase} - 1", f"second {operation}"]
        self.assertEqual(self.calls(), expected)

    def test_one_that_says_no_ends_the_start(self):
        guest, domain = self.guest()
        for operation in ("prepare", "start", "started"):
            self.hook(f'echo "$2" >> {self.log}; [ "$2" != {operation} ] || {{ echo "not today" >&2; exit 3; }}\n')
            code, _, text = self.refused(lambda: domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED))
            self.assertEqual(code, libvirt.VIR_ERR_HOOK_SCRIPT_FAILED)
            self.assertIn("unexpected exit status 3: not today", text)
            self.assertEqual((domain.isActive(), processes.emulator_of(guest.name)), (0, None))
            self.assertEqual(self.calls()[-2:], ["stopped", "release"])
        self.hook("exit 0\n")
        domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)

    def test_one_calls_the_daemon_back(self):
        guest, domain = self.guest()
        self.hook(f'virsh -c "{self.subject.uri()}" dumpxml "$1" > {self.folder}/$2.xml 2>&1 || exit 9\n')
        domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
        for operation in ("prepare", "start", "started"):
            self.assertIn(f"<name>{guest.name}</name>", (self.folder / f"{operation}.xml").read_text())
        domain.destroy()
        self.assertIn(f"<name>{guest.name}</name>", (self.folder / "release.xml").read_text())

    def test_one_that_hangs_is_killed_with_what_it_started(self):
        guest, domain = self.guest()
        other = self.new_guest("other")
        self.hook(f'[ "$1" != {guest.name} ] && exit 0\nsleep 4000 & echo $! >> {self.log}\nwait\n')
        begin = time.monotonic()
        ended = []
        starting = threading.Thread(target=lambda: ended.append(self.refused(domain.create)))
        starting.start()
        wait.until(self.calls, "the script")
        # Meanwhile: whoever asks for it, and everybody else.
        self.assertIn(guest.name, domain.XMLDesc())
        self.connection.createXML(other.xml, libvirt.VIR_DOMAIN_START_PAUSED).destroy()
        self.assertEqual(ended, [])
        starting.join(settings.PATIENCE)
        self.assertIn(f"did not end within {TIMEOUT} s", ended[0][2])
        # prepare, and then stopped and release of the start that failed.
        self.assertLess(time.monotonic() - begin, 3 * TIMEOUT + 5)
        self.assertFalse(any(processes.is_running(int(pid)) for pid in self.calls()))

    def test_what_it_leaves_in_the_background_is_not_waited_for(self):
        _, domain = self.guest()
        self.hook(f'sleep 4000 & echo $! >> {self.log}\n')
        begin = time.monotonic()
        domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
        self.assertLess(time.monotonic() - begin, TIMEOUT)
        domain.destroy()
        self.addCleanup(lambda: [os.kill(int(pid), 9) for pid in self.calls()])

    def test_one_changes_what_is_restored(self):
        guest, domain = self.guest()
        domain.create()
        domain.managedSave()
        self.hook('[ "$2" = restore ] && exec sed "s/<name>/<title>from the script<\\/title><name>/"; exit 0\n')
        domain.create()
        self.assertIn("<title>from the script</title>", domain.XMLDesc())

    def test_it_is_told_of_the_daemons_return(self):
        guest, domain = self.guest()
        domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
        self.hook(f'echo "$*" >> {self.log}\n')
        self.subject.kill()
        self.subject.start()
        wait.until(lambda: self.calls() == [f"{guest.name} reconnect begin -"], "the script")

    def test_one_that_others_may_write_is_not_run(self):
        _, domain = self.guest()
        self.hook(f"touch {self.log}\n").chmod(0o777)
        code, _, text = self.refused(domain.create)
        self.assertEqual(code, libvirt.VIR_ERR_HOOK_SCRIPT_FAILED)
        self.assertIn("may be written by others", text)
        self.assertFalse(self.log.exists())
