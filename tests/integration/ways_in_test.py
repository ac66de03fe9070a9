# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""How clients find the daemon: sockets that it is handed over, a user's session, libvirt's own paths, ssh."""

import os
import shutil
import socket
import subprocess
import unittest
from pathlib import Path

from harness import settings, wait
from harness.case import IntegrationCase, plain_environment
from harness.polyvirtd import Polyvirtd

_OURS_ALONE = unittest.skipIf(settings.SUBJECT == "peer", "about polyvirt's own sockets")
_AS_ROOT = unittest.skipUnless(os.getuid() == 0, "needs root, for namespaces or another user")


class WaysIn(IntegrationCase):
    counts_as_test = False

    def virsh_at(self, uri, *words, before=(), environment=None):
        """Runs virsh at a URI of its own, which must succeed; what it printed."""
        done = subprocess.run([*before, "virsh", "-c", uri, *words], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, env=dict(plain_environment(), **(environment or {})),
                              timeout=settings.PATIENCE)
        self.assertEqual((done.returncode, done.stderr), (0, ""), f"{uri} {words}\n{done.stdout}")
        return done.stdout.strip()


@_OURS_ALONE
class SocketActivation(WaysIn):
    starts = False

    def activate(self, names, *paths):
        words = ["systemd-socket-activate", f"--fdname={names}"]
        for path in paths:
            path.parent.mkdir(parents=True, exist_ok=True)
            words += ["-l", str(path)]
        self.subject.before = words

    def test_sockets_that_are_handed_over_are_served(self):
        if shutil.which("systemd-socket-activate") is None:
            self.skipTest("systemd-socket-activate is not installed")
        sockets = {kind: self.subject.socket(kind) for kind in ("rw", "ro", "admin")}
        self.activate("rw:ro:admin", *sockets.values())
        self.subject.start()  # its first connection starts the daemon
        wait.until(lambda: all(path.exists() for path in sockets.values()), "all sockets of the launcher")
        inodes = {kind: os.stat(path).st_ino for kind, path in sockets.items()}
        guest = self.defined_guest()
        self.assertIn(guest.name, self.virsh("list", "--all", "--name", kind="ro"))
        self.assertIn("read only", self.virsh_fails("undefine", guest.name, kind="ro"))
        uri = f"libvirtd:///system?socket={sockets['admin']}"
        done = subprocess.run(["virt-admin", "-c", uri, "server-list"], capture_output=True, text=True,
                              env=plain_environment(), timeout=settings.PATIENCE)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        # The very sockets of whoever made them, and his to remove.
        self.assertEqual({kind: os.stat(path).st_ino for kind, path in sockets.items()}, inodes)
        self.assertEqual(self.subject.stop(), 0)
        self.assertTrue(all(path.exists() for path in sockets.values()))

    def test_what_was_not_handed_over_is_opened(self):
        if shutil.which("systemd-socket-activate") is None:
            self.skipTest("systemd-socket-activate is not installed")
        other = self.folder / "other"
        self.activate("rw", other)
        self.subject.socket = lambda kind="rw": other if kind == "rw" else Polyvirtd.socket(self.subject, kind)
        self.subject.start()
        self.virsh("list")
        wait.until(self.subject.socket("ro").exists, "the read-only socket")
        self.virsh("list", kind="ro")
        self.assertFalse(Polyvirtd.socket(self.subject, "rw").exists())

    def test_an_unknown_one_is_named(self):
        if shutil.which("systemd-socket-activate") is None:
            self.skipTest("systemd-socket-activate is not installed")
        odd = self.folder / "odd"
        self.activate("odd", odd)
        with open(self.subject.log_path, "ab") as log:
            launcher = subprocess.Popen([*self.subject.before, *self.subject.command()], stdin=subprocess.DEVNULL,
                                        stdout=log, stderr=log, start_new_session=True)

        def connected():
            with socket.socket(socket.AF_UNIX) as probe:
                return probe.connect_ex(str(odd)) == 0

        wait.until(connected, "the launcher to listen")
        self.assertEqual(launcher.wait(settings.PATIENCE), 1)
        self.assert_logged(f"(name 'odd', path '{odd}') is none that it knows")


@_OURS_ALONE
class Notify(WaysIn):
    """The service manager is the test: it hears what systemd would."""
    starts = False

    def test_states_and_life_signs(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(str(self.folder / "notify"))
            manager.settimeout(settings.PATIENCE)
            self.subject.environment = {"NOTIFY_SOCKET": str(self.folder / "notify"), "WATCHDOG_USEC": "200000"}
            self.subject.start()
            heard = []

            def until(state):
                while state not in heard:
                    heard.extend(manager.recv(4096).decode().splitlines())

            until("READY=1")
            self.assertLess(heard.index("READY=1"), 3)
            until("WATCHDOG=1")
            os.kill(self.subject.pid, 1)
            until("RELOADING=1")
            heard.clear()
            until("READY=1")
            self.assertEqual(self.subject.stop(), 0)
            until("STOPPING=1")


class SessionOfUser(Polyvirtd):
    """polyvirtd as an ordinary user runs it: no --root, all below the XDG folders."""
    def __init__(self, root, call_log, user):
        super().__init__(root, call_log)
        self.home = root / "home"
        self.program = root / "bin" / "polyvirtd"
        for source in ("bin/polyvirtd", "plugins/qemu.so"):
            (root / source).parent.mkdir(exist_ok=True)
            shutil.copy(settings.BUILD / source, root / source)
        self.home.mkdir()
        (self.home / "run").mkdir(mode=0o700)
        if user is not None:
            for path in (self.home, self.home / "run"):
                os.chown(path, user, user)
            self.before = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
        self.environment = self.variables()

    def variables(self):
        home = str(self.home)
        return {"HOME": home, "XDG_RUNTIME_DIR": home + "/run", "XDG_CONFIG_HOME": home + "/.config",
                "XDG_DATA_HOME": home + "/.local/share", "XDG_CACHE_HOME": home + "/.cache",
                "XDG_STATE_HOME": home + "/.local/state"}

    def command(self):
        return [str(self.program), *self.options]

    def socket(self, kind="rw"):
        return self.home / "run" / "polyvirt" / Polyvirtd.socket(self, kind).name


@_OURS_ALONE
class Session(WaysIn):
    starts = False

    def prepare(self):
        self.user = 65534 if os.getuid() == 0 else None
        self.subject = SessionOfUser(self.folder, "/dev/null", self.user)
        config = self.subject.home / ".config" / "polyvirt"
        config.mkdir(parents=True)
        (config / "polyvirtd.yaml").write_text("listen: {drop_in: {enabled: true}}\n")
        if self.user is not None:
            for path in (config.parent, config):
                os.chown(path, self.user, self.user)
        self.subject.start()

    def of_user(self, uri, *words):
        return self.virsh_at(uri, *words, before=self.subject.before, environment=self.subject.variables())

    def test_an_ordinary_user_has_guests(self):
        guest = self.new_guest()
        xml = self.write_xml(guest)
        for uri in (f"qemu:///session?socket={self.subject.socket()}", "qemu:///session"):
            self.of_user(uri, "define", xml)
            self.assertIn(guest.name, self.of_user(uri, "list", "--all", "--name"))
            self.assertEqual(self.of_user(uri, "uri"), uri.partition("?")[0] if "?" not in uri else uri)
            self.of_user(uri, "undefine", guest.name)
        owner = os.stat(self.subject.home / ".config" / "polyvirt").st_uid
        self.assertEqual(owner, self.user if self.user is not None else os.getuid())
        self.assertEqual(os.stat(self.subject.socket()).st_mode & 0o777, 0o700)


@_OURS_ALONE
@_AS_ROOT
class DropIn(WaysIn):
    """Clients that were never told of polyvirt, in a mount namespace where /run/libvirt is ours."""
    def prepare(self):
        self.subject.configure("listen: {drop_in: {enabled: true}}\n")

    def inside(self):
        ours = self.folder / "root" / "run" / "libvirt"
        return ["unshare", "-m", "sh", "-c", "mount -t tmpfs tmpfs /run && mkdir /run/libvirt && "
                f"mount --bind {ours} /run/libvirt && exec \"$@\"", "sh"]

    def test_plain_uris_find_us(self):
        guest = self.new_guest()
        self.virsh_at("qemu:///system", "define", self.write_xml(guest), before=self.inside())
        self.assertIn(guest.name, self.virsh("list", "--all", "--name"))
        for mode in ("auto", "legacy", "direct"):
            self.assertIn(guest.name, self.virsh_at(f"qemu:///system?mode={mode}", "list", "--all", "--name",
                                                    before=self.inside()))
        done = subprocess.run([*self.inside(), "virsh", "-r", "-c", "qemu:///system", "undefine", guest.name],
                              capture_output=True, text=True, env=plain_environment(), timeout=settings.PATIENCE)
        self.assertIn("read only", done.stderr)
        for daemon in ("libvirtd:///system", "virtqemud:///system"):
            done = subprocess.run([*self.inside(), "virt-admin", "-c", daemon, "server-list"], capture_output=True,
                                  text=True, env=plain_environment(), timeout=settings.PATIENCE)
            self.assertEqual((done.returncode, done.stderr), (0, ""), daemon)

    def check_ssh(self, proxy, program):
        if shutil.which(program) is None:
            self.skipTest(f"{program} is not installed")
        guest = self.defined_guest()
        uri = f"qemu+ssh://there/system?command={fake_ssh(self.folder)}&proxy={proxy}"
        self.assertIn(guest.name, self.virsh_at(uri, "list", "--all", "--name", before=self.inside()))

    def test_ssh_finds_us_with_the_helper(self):
        """The helper is in the package of libvirt's daemon, which need not be there."""
        self.check_ssh("native", "virt-ssh-helper")

    def test_ssh_finds_us_with_netcat(self):
        self.check_ssh("netcat", "nc")

    def test_ssh_finds_us_with_what_there_is(self):
        self.check_ssh("auto", "nc")

    def test_a_daemon_that_is_there_already_is_not_pushed_aside(self):
        self.subject.stop()
        taken = self.folder / "root" / "run" / "libvirt" / "libvirt-sock"
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(taken))
            other.listen()
            done = subprocess.run(self.subject.command(), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                  timeout=settings.PATIENCE)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"socket '{taken}': another process serves it", done.stderr)
        self.assertIn("polyvirtd.yaml:1: listen.drop_in.enabled", done.stderr)


def fake_ssh(folder):
    """Does what ssh would, on this host: the command as one text to a shell."""
    path = Path(folder) / "fake-ssh"
    path.write_text('#!/bin/sh\nwhile [ "$1" != "--" ]; do shift; done\nshift 2\nexec sh -c "$*"\n')
    path.chmod(0o755)
    return path


class Ssh(WaysIn):
    def test_netcat_reaches_the_socket(self):
        if shutil.which("nc") is None:
            self.skipTest("nc is not installed")
        guest = self.defined_guest()
        uri = f"qemu+ssh://there/system?command={fake_ssh(self.folder)}&proxy=netcat&socket={self.subject.socket()}"
        self.assertIn(guest.name, self.virsh_at(uri, "list", "--all", "--name"))
        self.virsh_at(uri, "undefine", guest.name)
        self.assertNotIn(guest.name, self.virsh("list", "--all", "--name"))
