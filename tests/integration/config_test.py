# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""polyvirtd.yaml: what is wrong with it is told, what is set counts, and a daemon that serves takes over
what changes."""

import os
import re
import signal
import subprocess
import unittest
from pathlib import Path

import yaml

from harness import settings, wait
from harness.case import IntegrationCase, plain_environment
from rawclient import Closed, RawClient
import wire

_OURS_ALONE = unittest.skipIf(settings.SUBJECT == "peer", "the file is polyvirt's own")


class ConfigCase(IntegrationCase):
    def raw(self, kind="rw"):
        client = RawClient(self.subject.socket(kind), wire.Tables(settings.TABLES), settings.PATIENCE)
        self.addCleanup(client.close)
        return client

    def polyvirtd(self, *words):
        return subprocess.run([*self.subject.command(), *words], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, env=plain_environment(),
                              timeout=settings.PATIENCE)

    def reload(self, wanted="configuration read again"):
        """Asks the daemon to read its configuration again; what it logged then."""
        before = len(self.subject.log_text())
        os.kill(self.subject.pid, signal.SIGHUP)

        def answered():
            new = self.subject.log_text()[before:]
            return new if wanted in new else None

        return wait.until(answered, f"'{wanted}' in the log")


@_OURS_ALONE
class CheckConfig(ConfigCase):
    starts = False
    counts_as_test = False

    def test_every_problem_has_its_place(self):
        path = self.subject.configure("limits:\n  max_clinets: 5\n  max_queued: many\nplugins: {qemu: {x: 1}}\n")
        done = self.polyvirtd("--check-config")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertEqual(done.stderr.splitlines(), [
            f"{path}:2:3: limits.max_clinets: there is no such setting; did you mean limits.max_clients?",
            f"{path}:3:15: limits.max_queued: found 'many', expected an integer from 0 to 1000000"])

    def test_a_right_one_is_right_and_nothing_is_made(self):
        self.subject.configure("limits: {max_clients: 7}\n")
        done = self.polyvirtd("--check-config")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        self.assertEqual(sorted(os.listdir(self.folder / "root")), ["etc"])

    def test_what_is_in_force_is_printed_with_its_origin(self):
        main = self.subject.configure("limits: {max_clients: 300}\n")
        more = self.subject.configure("# ours\nlimits:\n  max_in_flight: 3\n", "polyvirtd.d/10-more.yaml")
        done = self.polyvirtd("--print-config")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn(f"  max_clients: 300 # {main}:1\n", done.stdout)
        self.assertIn(f"  max_in_flight: 3 # {more}:3\n", done.stdout)
        self.assertIn("drain_time: 10s # default\n", done.stdout)
        printed = yaml.safe_load(done.stdout)
        self.assertEqual(printed["limits"]["max_clients"], 300)
        self.assertEqual(printed["log"]["outputs"], ["1:stderr"])
        again = self.subject.configure(done.stdout)
        self.assertEqual(self.polyvirtd("--check-config").stderr, "", again)

    def test_a_daemon_does_not_start_with_a_wrong_one(self):
        path = self.subject.configure("limits: {max_clients: none}\n")
        done = self.polyvirtd()
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"{path}:1:23: limits.max_clients: found 'none', expected an integer", done.stderr)
        self.assertFalse(os.path.exists(self.subject.socket()))

    def test_a_file_that_was_asked_for_must_be_there(self):
        done = self.polyvirtd("--config", "/nonexistent/x.yaml", "--check-config")
        self.assertEqual((done.returncode, done.stderr), (1, "/nonexistent/x.yaml: there is no such file\n"))


@_OURS_ALONE
class LibvirtdConf(ConfigCase):
    """The file of the daemon whose place this one takes, where there is none of our own."""

    starts = False

    def write_conf(self, text):
        path = self.subject.root / "root" / "etc" / "libvirt" / "libvirtd.conf"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def test_a_daemon_serves_by_it(self):
        path = self.write_conf('# of the host\'s libvirtd\nunix_sock_rw_perms = "0750"\nmax_clients = 321\n'
                               'log_filters = "1:rpc"\naudit_level = 2\n')
        self.subject.start()
        self.raw().open()
        self.assertEqual(os.stat(self.subject.socket()).st_mode & 0o777, 0o750)
        log = self.subject.log_text()
        self.assertIn(f"{path}: is read, as there is no ", log)
        self.assertIn(f"{path}:5:1: audit_level has no meaning here: ", log)
        done = self.polyvirtd("--print-config")
        self.assertIn(f"  max_clients: 321 # {path}:3\n", done.stdout)
        # A reload reads it again, and a file of our own takes its place.
        self.write_conf("max_clients = 322\n")
        self.assertIn("limits.max_clients: changed", self.reload())
        mine = self.subject.configure("limits: {max_clients: 323}\n")
        self.assertIn(f"{mine}:1: limits.max_clients: changed", self.reload())

    def test_what_is_wrong_with_it_has_its_place(self):
        path = self.write_conf('max_clinets = 5\nlisten_tcp = yes\n')
        done = self.polyvirtd("--check-config")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr.splitlines()[1:], [
            f"{path}:2:14: listen_tcp: found 'y', expected an integer, a text in quotes or a list in [ ]",
            f"{path}:1:1: max_clinets: libvirtd.conf has no such key; did you mean max_clients?"])
        self.assertEqual(self.polyvirtd().returncode, 1, "and the daemon does not start")

    def test_one_that_is_asked_for_by_name(self):
        path = self.folder / "old.conf"
        path.write_text("max_clients = 12\n")
        self.subject.configure("limits: {max_clients: 7}\n")
        done = self.polyvirtd("--config", str(path), "--print-config")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn(f"  max_clients: 12 # {path}:1\n", done.stdout)

    def test_the_one_that_libvirtd_comes_with_is_right(self):
        """Every key that libvirtd has is known here: its own file, with everything that is commented out in force."""
        shipped = Path("/etc/libvirt/libvirtd.conf")
        if not shipped.exists():
            self.skipTest("libvirtd is not installed")
        lines = [line[1:] for line in shipped.read_text().splitlines() if re.match(r"#[a-z_0-9]+ = ", line)]
        self.assertGreater(len(lines), 40)
        path = self.write_conf("\n".join(lines) + "\n")
        done = self.polyvirtd("--check-config")
        complaints = [line for line in done.stderr.splitlines() if "has no meaning here" not in line]
        self.assertEqual(complaints[0].split(": ")[:2], [str(path), f"is read, as there is no {self.etc_file()}"])
        # Groups are those of the machine.
        self.assertEqual([line for line in complaints[1:] if "unix_sock_group" not in line], [])

    def etc_file(self):
        return self.subject.root / "root" / "etc" / "polyvirt" / "polyvirtd.yaml"


@_OURS_ALONE
class Settings(ConfigCase):
    def prepare(self):
        self.subject.configure("reported_version: 8.7.6\nlimits: {max_clients: 1, reserved_clients: 1}\n"
                               "listen: {unix: {mode: 0750, readonly_mode: 0666, admin_mode: 0600, group: 12}}\n")

    def test_they_count(self):
        client = self.raw().open()
        self.assertEqual(client.call("connect_get_lib_version"), {"lib_ver": 8007006})
        modes = [os.stat(self.subject.socket(kind)).st_mode & 0o777 for kind in ("rw", "ro", "admin")]
        self.assertEqual(modes, [0o750, 0o666, 0o600])
        if os.getuid() == 0:
            groups = [os.stat(self.subject.socket(kind)).st_gid for kind in ("rw", "ro")]
            self.assertEqual(groups, [12, 12])


@_OURS_ALONE
class Reload(ConfigCase):
    def prepare(self):
        self.subject.configure("limits: {max_clients: 10}\n")

    def test_new_limits_hold_for_clients_that_are_connected(self):
        client = self.raw().open()
        self.subject.configure("limits: {max_clients: 2, max_anonymous: 1, reserved_clients: 0}\n")
        log = self.reload()
        self.assertIn(":1: limits.max_clients: changed", log)
        second = self.raw().open()
        with self.assertRaises((Closed, ConnectionError, BrokenPipeError)):
            self.raw().open()
        for one in (client, second):
            self.assertEqual(one.call("connect_get_uri"), {"uri": "qemu:///system"})

    def test_a_wrong_file_changes_nothing(self):
        client = self.raw().open()
        path = self.subject.configure("limits: {max_clients: 1, reserved_clients: 0, wrong: 1}\n")
        log = self.reload("everything stays as it was")
        self.assertIn(f"{path}:1:47: limits.wrong: there is no such setting", log)
        self.assertEqual(self.raw().open().call("connect_get_uri"), {"uri": "qemu:///system"})
        self.assertEqual(client.call("connect_get_uri"), {"uri": "qemu:///system"})
        self.subject.configure("limits: {max_clients: 11}\n")
        self.reload()

    def test_what_needs_a_start_is_named(self):
        path = self.subject.configure("listen: {unix: {mode: 0777}}\nlimits: {max_clients: 10}\n"
                                      "plugins: {qemu: {nonsense: 1}}\n")
        log = self.reload()
        self.assertIn(f"{path}:1: listen.unix.mode: changed; takes effect when the daemon starts next", log)
        self.assertIn("plugins.qemu.nonsense: changed; its plugin is told", log)
        self.assertEqual(os.stat(self.subject.socket()).st_mode & 0o777, 0o700)

    def test_many_reloads_under_load_lose_nothing(self):
        client = self.raw().open()
        for i in range(20):
            self.subject.configure(f"limits: {{max_clients: {10 + i}}}\nworkers: {{max: {1 + i % 3}}}\n"
                                   f"log: {{filters: [\"{1 + i % 4}:rpc\"]}}\n")
            os.kill(self.subject.pid, signal.SIGHUP)
            for _ in range(20):
                self.assertEqual(client.call("connect_get_uri"), {"uri": "qemu:///system"})
        self.subject.configure("limits: {max_clients: 99}\n")
        self.reload("limits.max_clients: changed")


@_OURS_ALONE
class Descriptors(ConfigCase):
    def prepare(self):
        self.subject.before = ["prlimit", "--nofile=300:400"]

    def test_too_few_are_reported_and_those_there_are_taken(self):
        self.assert_logged("at most 400 files can be open, but 5132 clients may come")
        limits = open(f"/proc/{self.subject.pid}/limits", encoding="ascii").read()
        line = next(line for line in limits.splitlines() if line.startswith("Max open files"))
        self.assertEqual(line.split()[3:5], ["400", "400"])
