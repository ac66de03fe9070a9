# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Containers of the test's own: a root of busybox alone, and a network namespace in which the daemon runs."""

import os
import shutil
import subprocess
import unittest
from pathlib import Path

import libvirt

from . import processes, settings, wait
from .python_client import PythonCase, close_quietly

_BUSYBOX = "/bin/busybox"
_TOOLS = ("sh", "ls", "cat", "sleep", "dd", "grep", "hostname", "ip", "ping", "mount", "reboot", "stty", "kill", "touch", "env", "trap",
          "echo", "head", "wc", "umount", "mknod", "id")


# A network, and the folder of the kernel that tells of it, with the control groups that stand below.
_SPACE = """
mount --make-rprivate /
mkdir groups && mount --rbind /sys/fs/cgroup groups
mount -t sysfs sysfs /sys
mount --rbind groups /sys/fs/cgroup && umount -l groups && rmdir groups
mkdir -p /run/lxc && mount -t tmpfs tmpfs /run/lxc
ip link set lo up
ip link add pvbr0 type bridge
ip address add 192.0.2.1/24 dev pvbr0
ip link set pvbr0 up
echo ready
exec sleep infinity
"""


def need_containers():
    if os.geteuid() != 0:
        raise unittest.SkipTest("containers need root")
    if not Path(_BUSYBOX).exists():
        raise unittest.SkipTest("no busybox-static")
    if not (settings.BUILD / "plugins" / "lxc.programs" / "polyvirt-lxc").exists():
        raise unittest.SkipTest("the lxc driver is not built")


class ContainerCase(PythonCase):
    """The daemon is in a network namespace of the test's, with a bridge pvbr0 in it."""

    def prepare(self):
        need_containers()
        self.space = subprocess.Popen(["unshare", "-n", "-m", "sh", "-ec", _SPACE], stdout=subprocess.PIPE, cwd=self.folder)
        self.addCleanup(self.end_space)
        self.assertEqual(self.space.stdout.readline(), b"ready\n")
        self.subject.before = ["nsenter", "-n", "-m", "-t", str(self.space.pid)]

    def end_space(self):
        self.space.kill()
        self.space.wait()
        self.space.stdout.close()

    def in_space(self, *command):
        return subprocess.run(["nsenter", "-n", "-t", str(self.space.pid), *command], check=True, capture_output=True, text=True).stdout

    def uri(self, kind="rw"):
        return self.subject.uri(kind).replace("qemu", "lxc", 1)

    def connect(self, kind="rw"):
        connection = libvirt.open(self.uri(kind))
        self.addCleanup(close_quietly, connection)
        return connection

    def make_root(self, name="contents"):
        root = self.folder / name
        for folder in ("bin", "proc", "sys", "dev", "tmp", "etc", "run"):
            (root / folder).mkdir(parents=True)
        shutil.copy(_BUSYBOX, root / "bin" / "busybox")
        for tool in _TOOLS:
            (root / "bin" / tool).symlink_to("busybox")
        return root

    def write_init(self, root, text):
        path = root / "init"
        path.write_text("#!/bin/sh\n" + text)
        path.chmod(0o755)

    def xml(self, name="c1", root=None, init="/bin/sh", memory=64, devices="", extra=""):
        root = root or self.make_root(f"root-{name}")
        return (f"<domain type='lxc'><name>{name}</name><memory unit='MiB'>{memory}</memory>{extra}<os><type>exe</type><init>{init}</init></os>"
                f"<devices><filesystem type='mount'><source dir='{root}'/><target dir='/'/></filesystem>{devices}<console type='pty'/>"
                "</devices></domain>")

    def started(self, *args, **kwargs):
        domain = self.connect().defineXML(self.xml(*args, **kwargs))
        domain.create()
        return domain

    def shell(self, domain):
        return Shell(self, domain)


class Shell:
    """What is typed at the container's shell on its console, and what that prints."""

    def __init__(self, case, domain):
        self.case, self.connection = case, domain.connect()
        self.stream = self.connection.newStream(libvirt.VIR_STREAM_NONBLOCK)
        domain.openConsole(None, self.stream, 0)
        self.text = ""
        self.number = 0

    def read(self):
        got = self.stream.recv(65536)
        if isinstance(got, bytes):
            self.text += got.decode(errors="replace")

    def expect(self, what, seconds=None):
        def seen():
            self.read()
            return what in self.text
        try:
            wait.until(seen, f"the console to say {what!r}", seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}; it said: {self.text!r}") from None

    def run(self, command, seconds=None):
        """Runs a command; what it printed."""
        self.number += 1
        begin, end = f"<<{self.number}", f">>{self.number}"
        # Split, so that its own echo is not taken for its output.
        line = f"echo '<''<{self.number}'; {command}; echo '>''>{self.number}'\n".encode()
        while line:
            sent = self.stream.send(line)
            line = line[max(sent, 0):]
        self.expect(end, seconds)
        inside = self.text.rpartition(begin)[2].partition(end)[0]
        return inside.replace("\r", "").strip()

    def close(self):
        self.stream.abort()


def init_of(domain_name, run_folder):
    """The container's process 1, from its status record; for what the client cannot see."""
    import json
    for path in Path(run_folder).rglob(f"{domain_name}.json"):
        return json.loads(path.read_text())["init"]
    raise AssertionError(f"no status record of {domain_name} below {run_folder}")


__all__ = ["ContainerCase", "Shell", "init_of", "need_containers", "processes"]
