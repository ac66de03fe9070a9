# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""The daemon is killed with SIGKILL at random moments of the lives of guests, and started again: what it had acknowledged
is so, and of what it was doing nothing is left half done: no process, folder, record, control group, image, device or
file's owner.

POLYVIRT_KILLS: how many times (20); POLYVIRT_KILL_SEED: the moments of an earlier run, as it printed."""

import json
import os
import random
import re
import subprocess
import threading
from pathlib import Path

import libvirt
import libvirt_qemu

from harness import processes, wait
from harness.python_client import PythonCase, close_quietly

KILLS = int(os.environ.get("POLYVIRT_KILLS", "20"))
MOST_STEPS, LONGEST_DELAY = 4, 0.4  # between two kills; within a step
GONE = "gone"
TRANSIENT_JOB = libvirt.VIR_DOMAIN_BLOCK_COPY_TRANSIENT_JOB


class Killed(Exception):
    """The daemon went while a call was under way, or before it."""


class Known:
    """What a guest must be after all that was acknowledged. Each fact is a set of what may be: more than one where a call
    was under way when the daemon went."""

    def __init__(self, guest, folder):
        self.guest = guest
        self.disk, self.stick = folder / f"{guest.name}.qcow2", folder / f"{guest.name}.stick"
        self.copies = folder / f"{guest.name}.copies"
        self.number = 0  # of the last snapshot or copy
        self.owned = set()  # copies that have begun: whatever becomes of the guest, they are their owner's
        self.defined, self.active = {False}, {False}
        self.states = {libvirt.VIR_DOMAIN_SHUTOFF}
        self.vcpus, self.autostart = {1}, {0}
        self.plugged, self.copying, self.saved, self.snapshots = {False}, {False}, {False}, {0}
        self.lives = False

    def make_files(self):
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(self.disk), "8M"], check=True)
        self.stick.touch(mode=0o600)
        os.truncate(self.stick, 1 << 20)
        self.copies.mkdir(mode=0o755)

    def xml(self, vcpus):
        disk = (f"<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='{self.disk}'/>"
                "<target dev='vda' bus='virtio'/></disk>")
        return self.guest.xml.replace("<vcpu>1", f"<vcpu>{vcpus}").replace("<serial", disk + "<serial", 1)

    def stick_xml(self):
        # A device that the guest need not let go of.
        return (f"<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='{self.stick}'/>"
                "<target dev='sda' bus='usb'/></disk>")

    def next(self):
        self.number += 1
        return self.number

    def copy_xml(self):
        return f"<disk type='file'><source file='{self.copies}/{self.next()}.qcow2'/><driver type='qcow2'/></disk>"


RUNNING, PAUSED, OFF = libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_SHUTOFF


# One step: its name, whether it may be done now, what it does, and what is so afterwards. Further steps are further rows.
def _set(**facts):
    return lambda k: {name: {value} for name, value in facts.items()}


def _snapshots(change):
    return lambda k: {"snapshots": {number + change for number in k.snapshots}}


def _restored(k):
    return {"active": {True}, "states": k.saved_state, "saved": {False}} if True in k.saved else {"active": {True}, "states": {RUNNING}}


def _off(k):
    return True not in k.active


def _on(k):
    return False not in k.active


def _idle(k):
    return _on(k) and True not in k.copying


OVER = {"active": {False}, "states": {OFF}, "plugged": {False}, "copying": {False}}
STEPS = [
    ("define", lambda k: True not in k.defined and _off(k), lambda c, d, k: c.defineXML(k.xml(1)), _set(defined=True, vcpus=1)),
    ("define again", lambda k: False not in k.defined and _off(k) and True not in k.saved, lambda c, d, k: c.defineXML(k.xml(2)),
     _set(vcpus=2)),
    ("start", lambda k: False not in k.defined and _off(k), lambda c, d, k: d.create(), _restored),
    ("start paused", lambda k: False not in k.defined and _off(k) and True not in k.saved,
     lambda c, d, k: d.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED), _set(active=True, states=PAUSED)),
    ("create", lambda k: True not in k.defined and _off(k),
     lambda c, d, k: c.createXML(k.xml(1), libvirt.VIR_DOMAIN_START_PAUSED), _set(active=True, states=PAUSED, vcpus=1)),
    ("suspend", lambda k: k.states == {RUNNING}, lambda c, d, k: d.suspend(), _set(states=PAUSED)),
    ("resume", lambda k: k.states == {PAUSED}, lambda c, d, k: d.resume(), _set(states=RUNNING)),
    ("plug", lambda k: _on(k) and True not in k.plugged,
     lambda c, d, k: d.attachDeviceFlags(k.stick_xml(), libvirt.VIR_DOMAIN_AFFECT_LIVE), _set(plugged=True)),
    ("unplug", lambda k: _on(k) and False not in k.plugged,
     lambda c, d, k: d.detachDeviceFlags(k.stick_xml(), libvirt.VIR_DOMAIN_AFFECT_LIVE), _set(plugged=False)),
    ("snapshot", lambda k: _idle(k) and k.defined == {True} and True not in k.plugged,
     lambda c, d, k: d.snapshotCreateXML(f"<domainsnapshot><name>s{k.next()}</name></domainsnapshot>"), _snapshots(1)),
    ("delete snapshot", lambda k: _idle(k) and 0 not in k.snapshots and True not in k.plugged,
     lambda c, d, k: d.snapshotCurrent().delete(), _snapshots(-1)),
    ("copy", lambda k: _idle(k), lambda c, d, k: d.blockCopy("vda", k.copy_xml(), {}, TRANSIENT_JOB), _set(copying=True)),
    ("end copy", lambda k: _on(k) and False not in k.copying, lambda c, d, k: d.blockJobAbort("vda", 0), _set(copying=False)),
    ("save", lambda k: _idle(k) and k.defined == {True}, lambda c, d, k: d.managedSave(),
     _set(active=False, states=OFF, saved=True)),
    ("destroy", _on, lambda c, d, k: d.destroy(), lambda k: OVER),
    ("autostart", lambda k: False not in k.defined, lambda c, d, k: d.setAutostart(1), _set(autostart=1)),
    ("undefine", lambda k: False not in k.defined and _off(k) and k.saved == {False} and k.snapshots == {0},
     lambda c, d, k: d.undefine(), _set(defined=False, autostart=0)),
]


class Kill(PythonCase):
    def setUp(self):
        super().setUp()
        seed = int(os.environ.get("POLYVIRT_KILL_SEED") or random.randrange(1 << 32))
        print(f"POLYVIRT_KILL_SEED={seed}", flush=True)
        self.random = random.Random(seed)
        self.guests = []
        for number in range(2):
            known = Known(self.new_guest(f"kill{number}"), self.folder)
            known.make_files()
            self.guests.append(known)
        self.connection = None

    def tearDown(self):
        if self.connection is not None:
            close_quietly(self.connection)

    def reconnect(self):
        if self.connection is not None:
            close_quietly(self.connection)

        def opened():
            try:
                return libvirt.open(self.subject.uri())
            except libvirt.libvirtError:
                return None  # an emulator that is just being started may still have held the last daemon's socket
        self.connection = wait.until(opened, "a connection")

    # One step of one guest -----------------------------------------------------------------------

    def step(self):
        known = self.random.choice(self.guests)
        name, _, act, after = self.random.choice([row for row in STEPS if row[1](known)])
        self.last = f"{name} {known.guest.name}"
        facts = {fact: set(values) for fact, values in after(known).items()}
        if name == "save":
            known.saved_state = set(known.states)
        # A save that is cut off, and a start from one, leave the one or the other.
        known.lives = name == "save" or (name == "start" and known.saved == {True})
        before = {fact: getattr(known, fact) for fact in facts}
        for fact, value in facts.items():  # until it is acknowledged, both
            setattr(known, fact, before[fact] | value)
        try:
            domain = None
            if True in known.defined or True in known.active:
                domain = self.find(known)
            act(self.connection, domain, known)
        except libvirt.libvirtError as error:
            if not self.killed.is_set() and self.has_crashed(known):
                print(f"{self.last}: its emulator has crashed, which is its own fault", flush=True)
                for fact, value in {**before, **OVER}.items():
                    setattr(known, fact, value)
                known.lives = False
                return
            if not self.killed.is_set():
                raise AssertionError(f"{self.last}: {error}; its emulator says: {self.emulator_log(known)}") from error
            raise Killed from error
        for fact, value in facts.items():
            setattr(known, fact, value)
        if name == "copy":
            known.owned = set(known.copies.iterdir())

    def has_crashed(self, known):
        """QEMU 7.2's emulation of USB sticks reads a null pointer once in some thousands of these lives."""
        return "the emulator was ended by signal 11" in self.emulator_log(known).rpartition("starting up polyvirt")[2]

    def emulator_log(self, known):
        logs = (self.subject.root / "root" / "var" / "log").rglob(f"{known.guest.name}.log")
        return "".join(path.read_text(errors="replace")[-4000:] for path in logs)

    def find(self, known):
        try:
            return self.connection.lookupByName(known.guest.name)
        except libvirt.libvirtError as error:
            if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN:
                return None
            raise

    def live_until_killed(self):
        """Some steps, and then the daemon is killed within a step or between two."""
        self.killed = threading.Event()
        self.last = "nothing"

        def kill():
            self.killed.set()
            self.subject.kill()
        timer = None
        armed_at = self.random.randrange(MOST_STEPS)
        try:
            for number in range(MOST_STEPS + 40):
                if number == armed_at:
                    timer = threading.Timer(self.random.uniform(0, LONGEST_DELAY), kill)
                    timer.start()
                self.step()
        except Killed:
            pass
        timer.join()

    # What is so afterwards -----------------------------------------------------------------------

    def settle(self, known):
        """Takes what is found, if it may be, for what is so from here on; the complaint if it may not."""
        domain = self.settled(known)
        if known.active == {False} and known.defined == {False}:
            return None if domain is None else f"{known.guest.name} is there"
        if domain is None:
            if False in known.defined and False in known.active:
                known.defined, known.active, known.states, known.autostart = {False}, {False}, {OFF}, {0}
                known.plugged, known.copying, known.saved = {False}, {False}, {False}
                return None
            return f"{known.guest.name} is lost"
        found = {"defined": bool(domain.isPersistent()), "active": bool(domain.isActive()), "states": domain.state()[0],
                 "vcpus": domain.vcpusFlags(libvirt.VIR_DOMAIN_VCPU_MAXIMUM), "autostart": domain.autostart(),
                 "saved": bool(domain.hasManagedSaveImage()), "snapshots": domain.snapshotNum()}
        if found["active"]:
            found["plugged"] = str(known.stick) in domain.XMLDesc()
            found["copying"] = bool(domain.blockJobInfo("vda"))
            if found["copying"]:
                known.owned = set(known.copies.iterdir())
        elif not found["saved"]:  # with the guest goes what only it had
            known.plugged, known.copying = {False}, {False}
        else:
            known.copying = {False}
        if known.lives and not found["active"] and not found["saved"]:
            return f"{known.guest.name} neither runs nor is saved"
        for fact, value in found.items():
            if value not in getattr(known, fact):
                return f"{known.guest.name}: {fact} is {value}, expected one of {getattr(known, fact)}"
        for fact, value in found.items():
            setattr(known, fact, {value})
        return None

    def half_done(self, known, domain):
        """What an emulator has that nobody knows of, and what there should be and is not."""
        found = []
        text = domain.XMLDesc()
        aliases = set(re.findall(r"<alias name='([^']+)'", text))
        devices = {one["name"] for one in self.ask(domain, "qom-list", path="/machine/peripheral") if one["type"].startswith("child<")}
        if ("usb-disk0" in devices) != (True in known.plugged):
            found.append(f"{known.guest.name} has {sorted(devices)}, its document {sorted(aliases)}")
        numbers = set(re.findall(r"<source [^>]*index='(\d+)'", text))
        nodes = {one["node-name"].split("-")[1] for one in self.ask(domain, "query-named-block-nodes", flat=True)
                 if one["node-name"].startswith("libvirt-")}
        if nodes != numbers:
            found.append(f"{known.guest.name} has the images {sorted(nodes)}, its document {sorted(numbers)}")
        jobs = self.ask(domain, "query-jobs")
        if bool(jobs) != (True in known.copying):
            found.append(f"{known.guest.name} has the jobs {jobs}")
        return found

    def ask(self, domain, command, **arguments):
        return json.loads(libvirt_qemu.qemuMonitorCommand(domain, json.dumps({"execute": command, "arguments": arguments}), 0))["return"]

    def images(self, known):
        found = []
        if set(known.copies.iterdir()) != known.owned:
            found.append(f"copies {list(known.copies.iterdir())}, begun {known.owned}")
        text = subprocess.run(["qemu-img", "info", "-U", "--output=json", str(known.disk)], check=True, capture_output=True).stdout
        inside = [one["name"] for one in json.loads(text).get("snapshots", [])]
        if {len(inside)} != known.snapshots:
            found.append(f"{known.disk} has the snapshots {inside}, {known.guest.name} {known.snapshots}")
        saves = {path.name for path in (self.subject.root / "root" / "var" / "lib" / "polyvirt" / "qemu" / "save").glob(f"*{known.guest.name}*")}
        if saves != ({f"{known.guest.name}.save"} if known.saved == {True} else set()):
            found.append(f"saved guests {sorted(saves)}")
        return found

    def settled(self, known):
        """The domain, after the daemon has looked at what it found: until then it has the guest's job."""
        domain = self.find(known)
        if domain is None:
            return None
        try:
            domain.setAutostart(domain.autostart())
        except libvirt.libvirtError:
            pass  # it is transient, or has gone in between
        return self.find(known)

    def leftovers(self):
        """What is there of guests that do not run, and what is missing of those that do."""
        found = []
        active = {known.guest.name for known in self.guests if known.active == {True}}
        run = self.subject.root / "root" / "run" / "polyvirt" / "qemu"
        folders = {path.name.split("-", 2)[2] for path in run.glob("domain-*")}
        wanted = {name[:20] for name in active}
        if folders != wanted:
            found.append(f"folders of {sorted(folders)}")
        records = {path.stem for path in run.glob("*.json")}
        if records != active:
            found.append(f"records of {sorted(records)}")
        if list(run.glob(".pv-new-*")):
            found.append("a record half written")
        for known in self.guests:
            name, runs = known.guest.name, known.guest.name in active
            if (processes.emulator_of(name) is not None) != runs:
                found.append(f"emulator of {name}: {processes.emulator_of(name)}")
            for path, used in ((known.disk, runs), (known.stick, runs and known.plugged == {True})):
                if os.geteuid() == 0 and (path.stat().st_uid != 0) != (used and self.changes_users):
                    found.append(f"owner of {path}: {path.stat().st_uid}")
            found += self.images(known)
            if runs:
                found += self.half_done(known, self.find(known))
            groups = [root for root, _, _ in os.walk("/sys/fs/cgroup") if root.endswith(f"-{name}")]  # named by this test alone
            if groups and not runs:
                found.append(f"control groups {groups}")
        return found

    def complaints(self):
        processes.reap()
        try:
            found = [complaint for complaint in map(self.settle, self.guests) if complaint]
        except libvirt.libvirtError as error:
            return [str(error)]
        return found or self.leftovers()

    def test_at_random_moments_nothing_is_lost_and_nothing_is_left(self):
        self.reconnect()
        self.changes_users = self.emulators_have_a_user()
        for number in range(KILLS):
            self.live_until_killed()
            self.subject.start()
            self.reconnect()
            complaints = []

            def good():
                complaints[:] = self.complaints()
                return not complaints
            try:
                wait.until(good, "what was acknowledged")
            except AssertionError:
                self.fail(f"kill {number}, during or after '{self.last}': {'; '.join(complaints)}")

    def emulators_have_a_user(self):
        known = self.guests[0]
        domain = self.connection.createXML(known.xml(1), libvirt.VIR_DOMAIN_START_PAUSED)
        other = Path(known.disk).stat().st_uid != 0
        domain.destroy()
        return other
