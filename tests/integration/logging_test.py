# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""The log: where it goes, what is in it, and that it never holds up the daemon."""

import os
import re
import signal
import socket
import threading
import unittest

from harness import settings, wait
from harness.tools import AdminCase
from rawclient import RawClient
import wire

_OURS_ALONE = unittest.skipIf(settings.SUBJECT == "peer", "about polyvirt's own log")


class LogCase(AdminCase):
    counts_as_test = False

    def raw(self, kind="rw"):
        client = RawClient(self.subject.socket(kind), wire.Tables(settings.TABLES), settings.PATIENCE)
        self.addCleanup(client.close)
        return client

    def hang_up(self):
        os.kill(self.subject.pid, signal.SIGHUP)

    def until_in(self, path, words):
        def there():
            try:
                text = path.read_text(errors="replace")
            except OSError:
                return None
            return text if words in text else None

        return wait.until(there, f"'{words}' in {path}")


@_OURS_ALONE
class LogFile(LogCase):
    def prepare(self):
        self.file = self.folder / "polyvirtd.log"
        self.subject.configure(f"log: {{outputs: [\"1:file:{self.file}\", \"4:stderr\"]}}\n")

    def test_it_is_begun_anew_when_it_was_moved_away(self):
        self.until_in(self.file, "ready on")
        moved = self.folder / "polyvirtd.log.1"
        self.file.rename(moved)
        self.hang_up()
        self.until_in(self.file, "configuration read again")
        size = moved.stat().st_size
        self.hang_up()
        wait.until(lambda: self.file.read_text().count("configuration read again") == 2, "a second reload")
        self.assertEqual(moved.stat().st_size, size)
        self.assertEqual(self.subject.log_text(), "")  # stderr has errors alone

    def test_a_full_disk_does_no_harm(self):
        self.file.unlink()
        self.file.symlink_to("/dev/full")
        self.hang_up()
        client = self.raw().open()
        for _ in range(10):
            self.hang_up()
            self.assertEqual(client.call("connect_get_uri"), {"uri": "qemu:///system"})
        self.file.unlink()
        self.hang_up()
        self.assertIn("No space left on device", self.until_in(self.file, "lines were lost here"))


@_OURS_ALONE
class CallIds(LogCase):
    def prepare(self):
        self.subject.configure("log: {level: debug}\n")

    def lines(self, pattern):
        return wait.until(lambda: re.findall(pattern, self.subject.log_text()), f"'{pattern}' in the log")

    def test_lines_of_a_call_carry_its_client_serial_and_procedure(self):
        client = self.raw().open()
        client.call("domain_define_xml", xml=self.new_guest().xml)
        # The first guest makes the driver look at its emulator, within the call.
        (number, serial), = self.lines(r" qemu\.emulators: \[c(\d+)/(\d+) domain_define_xml\] ")
        self.assertEqual(int(serial), client.serial - 1)  # the one before the next
        self.assertGreater(int(number), 0)


@_OURS_ALONE
class StuckReader(LogCase):
    """stderr is a pipe that nobody reads: it is full after 64 KiB."""
    def prepare(self):
        pipe = self.folder / "stderr"
        os.mkfifo(pipe)
        # Open at both ends in the daemon itself, so that it has a reader, who never reads.
        self.subject.before = ["sh", "-c", f'exec "$@" 3<>{pipe} 2>{pipe}', "sh"]
        self.subject.options = ["--verbose"]

    def test_nobody_waits_for_it(self):
        client = self.raw().open()
        for _ in range(300):
            self.hang_up()
            for _ in range(10):
                self.assertEqual(client.call("connect_get_uri"), {"uri": "qemu:///system"})


@_OURS_ALONE
@unittest.skipUnless(os.getuid() == 0, "needs root, for a mount namespace")
class Journal(LogCase):
    """A journal of the test's own, at the place of the system's, in a mount namespace."""
    def prepare(self):
        self.journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.journal.close)
        place = self.folder / "journal"
        place.mkdir()
        self.journal.bind(str(place / "socket"))
        self.journal.settimeout(0.1)
        self.entries = []
        # Read as it comes: what a full journal does not take is lost.
        threading.Thread(target=self.read, daemon=True).start()
        self.subject.configure("log: {level: debug, outputs: [\"1:journald\"]}\n")
        self.subject.before = ["unshare", "-m", "sh", "-c",
                               "mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/journal && "
                               f"mount --bind {place} /run/systemd/journal && exec \"$@\"", "sh"]

    def read(self):
        while True:
            try:
                lines = self.journal.recv(1 << 20).decode(errors="replace").splitlines()
            except TimeoutError:
                continue
            except OSError:
                return  # closed
            self.entries.append(dict(line.split("=", 1) for line in lines if "=" in line))

    def entry(self, wanted):
        def found():
            return next((e for e in self.entries[:] if all(e.get(name, "") == value for name, value in wanted.items())), None)
        return wait.until(found, f"an entry with {wanted}")

    def test_it_gets_fields(self):
        self.defined_guest()
        entry = self.entry({"POLYVIRT_PROCEDURE": "domain_define_xml"})
        self.assertEqual(entry["SYSLOG_IDENTIFIER"], "polyvirtd")
        self.assertRegex(entry["POLYVIRT_CLIENT"], r"^c\d+$")
        self.assertRegex(entry["POLYVIRT_SERIAL"], r"^\d+$")
        self.assertIn(entry["PRIORITY"], "3467")

    def test_a_dead_one_does_no_harm(self):
        self.journal.close()
        guest = self.defined_guest()
        self.assertIn(guest.name, self.virsh("list", "--all", "--name"))
