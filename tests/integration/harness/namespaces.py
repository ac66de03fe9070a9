# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Network namespaces: hosts of a test's own, with cables between them. What a daemon makes in one is nobody else's."""

import subprocess

from . import processes, wait
from .python_client import PythonCase


class Namespace:
    """A network namespace, with a /sys that shows it; there until close()."""

    def __init__(self):
        self.holder = subprocess.Popen(
            ["unshare", "-n", "-m", "sh", "-c",
             "mount --make-rprivate / && mount -t sysfs sysfs /sys && ip link set lo up && echo ready && exec sleep 100000"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        if self.holder.stdout.readline() != "ready\n":
            raise AssertionError("no network namespace to be had")

    def close(self):
        self.holder.kill()
        self.holder.wait()
        self.holder.stdout.close()

    def within(self, *words):
        """A command that runs inside."""
        return ["nsenter", "-t", str(self.holder.pid), "-n", "-m", *words]

    def run(self, *words, input=None):
        """Runs it, which must succeed; what it printed."""
        done = subprocess.run(self.within(*words), capture_output=True, text=True, input=input)
        if done.returncode != 0:
            raise AssertionError(f"{' '.join(words)}: {done.stderr}")
        return done.stdout

    def output(self, *words):
        """What it printed, whatever became of it."""
        return subprocess.run(self.within(*words), capture_output=True, text=True).stdout

    def succeeds(self, *words):
        return subprocess.run(self.within(*words), capture_output=True).returncode == 0

    def connect(self, name, address, other, other_name, other_address):
        """A cable to another namespace."""
        self.run("ip", "link", "add", name, "type", "veth", "peer", "name", other_name, "netns", str(other.holder.pid))
        for space, link, at in ((self, name, address), (other, other_name, other_address)):
            space.run("ip", "address", "add", at, "dev", link)
            space.run("ip", "link", "set", link, "up")


class NamespaceCase(PythonCase):
    """A daemon in a network namespace of its own, `space`, with no network that it would start by itself."""

    def make_subject(self):
        subject = super().make_subject()
        self.space = Namespace()
        self.addCleanup(self.space.close)
        subject.before = self.space.within()
        return subject

    def prepare(self):
        self.subject.configure("plugins:\n  network:\n    default_network: false\n")

    def restart(self):
        self.subject.kill()
        self.subject.start()


def dnsmasq_of(bridge):
    """The pid of who answers for addresses on a bridge, of those that this test started; None: nobody."""
    import os
    for pid in processes.descendants(os.getpid()):
        words = processes.command_line(pid)
        if words and words[0].endswith("dnsmasq") and words[-1].endswith(f"/{bridge}.conf") and processes.is_running(pid):
            return pid
    return None


def expect_dnsmasq(bridge, after=None):
    wait.until(lambda: dnsmasq_of(bridge) not in (None, after), f"dnsmasq on {bridge}")
    return dnsmasq_of(bridge)
