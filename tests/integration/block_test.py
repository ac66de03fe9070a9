# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""The storage of running guests: chains as the images say them, jobs that move contents, limits and figures."""

import json
import os
import re
import signal
import subprocess
import time
import xml.etree.ElementTree as ElementTree

import libvirt
import libvirt_qemu

from harness import processes, wait
from harness.python_client import PythonCase
from harness.qmp import Monitor

MIB = 1 << 20
LIVE, CONFIG = libvirt.VIR_DOMAIN_AFFECT_LIVE, libvirt.VIR_DOMAIN_AFFECT_CONFIG
PIVOT = libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT
TRANSIENT_JOB = libvirt.VIR_DOMAIN_BLOCK_COPY_TRANSIENT_JOB
PULL, COPY = libvirt.VIR_DOMAIN_BLOCK_JOB_TYPE_PULL, libvirt.VIR_DOMAIN_BLOCK_JOB_TYPE_COPY
COMMIT = libvirt.VIR_DOMAIN_BLOCK_JOB_TYPE_COMMIT
ACTIVE_COMMIT = libvirt.VIR_DOMAIN_BLOCK_JOB_TYPE_ACTIVE_COMMIT
COMPLETED, FAILED = libvirt.VIR_DOMAIN_BLOCK_JOB_COMPLETED, libvirt.VIR_DOMAIN_BLOCK_JOB_FAILED
CANCELED, READY = libvirt.VIR_DOMAIN_BLOCK_JOB_CANCELED, libvirt.VIR_DOMAIN_BLOCK_JOB_READY


def image(*arguments):
    subprocess.run(["qemu-img", *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)


def contents(path, pattern, size=MIB):
    """Whether the first bytes are those of the pattern, as a guest would read them."""
    command = f"read -P {pattern:#x} 0 {size}"
    done = subprocess.run(["qemu-io", "-r", "-U", "-c", command, str(path)], capture_output=True, text=True, check=False)
    return done.returncode == 0 and "verification failed" not in done.stdout


class Block(PythonCase):
    def setUp(self):
        super().setUp()
        self.connection = self.connect()
        self.events = []
        self.listen(self.connection)

    def listen(self, connection):
        connection.domainEventRegisterAny(
            None, libvirt.VIR_DOMAIN_EVENT_ID_BLOCK_JOB_2,
            lambda _c, _d, disk, kind, status, _o: self.events.append((disk, kind, status)), None)

    def path(self, name):
        return os.path.join(self.images, name)

    def start(self, persistent=True, kernel=True):
        """A guest without a system: top.qcow2 -> mid.qcow2 -> base.qcow2, and b.raw."""
        self.images = str(self.folder / "images")
        os.makedirs(self.images, exist_ok=True)
        image("create", "-f", "qcow2", self.path("base.qcow2"), "64M")
        subprocess.run(["qemu-io", "-c", f"write -P 0x11 0 {8 * MIB}", self.path("base.qcow2")], check=True, stdout=subprocess.DEVNULL)
        image("create", "-f", "qcow2", "-b", "base.qcow2", "-F", "qcow2", self.path("mid.qcow2"))
        subprocess.run(["qemu-io", "-c", f"write -P 0x22 {2 * MIB} {MIB}", self.path("mid.qcow2")], check=True, stdout=subprocess.DEVNULL)
        image("create", "-f", "qcow2", "-b", self.path("mid.qcow2"), "-F", "qcow2", self.path("top.qcow2"))
        image("create", "-f", "raw", self.path("b.raw"), "32M")
        disks = "".join(
            f"<disk type='file' device='disk'><driver name='qemu' type='{form}'/><source file='{self.path(name)}'/>"
            f"<target dev='{target}' bus='virtio'/></disk>"
            for name, form, target in (("top.qcow2", "qcow2", "vda"), ("b.raw", "raw", "vdb")))
        guest = self.new_guest()
        text = guest.xml.replace("<devices>", "<devices>" + disks)
        if not kernel:  # the firmware reads its disks
            text = re.sub("<(kernel|initrd|cmdline)>.*</[a-z]*>", "", text)
        if persistent:
            self.domain = self.connection.defineXML(text)
            self.domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
        else:
            self.domain = self.connection.createXML(text, libvirt.VIR_DOMAIN_START_PAUSED)
        self.guest = guest
        return self.domain

    def restart(self):
        self.subject.kill()
        self.subject.start()
        self.connection = self.connect()
        self.listen(self.connection)
        self.domain = self.connection.lookupByName(self.guest.name)

    def disk(self, target="vda", flags=0):
        document = ElementTree.fromstring(self.domain.XMLDesc(flags))
        return next(d for d in document.iter("disk") if d.find("target").get("dev") == target)

    def chain(self, target="vda", flags=0):
        disk = self.disk(target, flags)
        names, at = [os.path.basename(disk.find("source").get("file"))], disk.find("backingStore")
        while at is not None and at.find("source") is not None:
            names.append(os.path.basename(at.find("source").get("file")))
            at = at.find("backingStore")
        return names

    def qmp(self, command, **arguments):
        text = json.dumps({"execute": command, "arguments": arguments})
        return json.loads(libvirt_qemu.qemuMonitorCommand(self.domain, text, 0))["return"]

    def nodes(self):
        return sorted(n["node-name"] for n in self.qmp("query-named-block-nodes", flat=True) if n["node-name"].startswith("libvirt-"))

    def write(self, alias, command):
        """As the guest would, through its device."""
        libvirt_qemu.qemuMonitorCommand(
            self.domain, f'qemu-io -d /machine/peripheral/{alias}/virtio-backend "{command}"', libvirt_qemu.VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP)

    def expect(self, *event):
        wait.until(lambda: event in self.events, f"event {event}, of {self.events}")

    def ready(self, target="vda"):
        def is_ready():
            info = self.domain.blockJobInfo(target)
            return info and info["cur"] == info["end"]
        wait.until(is_ready, f"the job of {target} to be ready")

    def copy_to(self, name, flags=0, target="vda", **parameters):
        self.domain.blockCopy(target, f"<disk type='file'><source file='{self.path(name)}'/><driver type='qcow2'/></disk>",
                              parameters, flags)

    # --- chains ---

    def test_chain_is_read_from_the_images(self):
        self.start()
        self.assertEqual(self.chain(), ["top.qcow2", "mid.qcow2", "base.qcow2"])
        self.assertEqual(self.chain(flags=libvirt.VIR_DOMAIN_XML_INACTIVE), ["top.qcow2"])
        self.assertEqual(self.disk().find("source").get("index"), "2")
        self.assertEqual(self.nodes(), [f"libvirt-{n}-{kind}" for n in range(1, 5) for kind in ("format", "storage")])

    def test_missing_backing_file_is_named(self):
        self.start().destroy()
        os.unlink(self.path("base.qcow2"))
        code, _, text = self.refused(self.domain.create)
        self.assertEqual(code, libvirt.VIR_ERR_SYSTEM_ERROR)
        self.assertIn(f"Cannot access backing file '{self.path('base.qcow2')}' of storage file '{self.path('mid.qcow2')}'", text)

    # --- jobs ---

    def test_pull_of_a_chain(self):
        domain = self.start()
        domain.blockRebase("vda", self.path("base.qcow2"), 0, 0)
        self.expect("vda", PULL, COMPLETED)
        self.assertEqual(self.chain(), ["top.qcow2", "base.qcow2"])
        domain.blockPull("vda", 0, 0)
        wait.until(lambda: self.events.count(("vda", PULL, COMPLETED)) == 2, "the second pull")
        self.assertEqual(self.chain(), ["top.qcow2"])
        self.assertEqual(len(self.nodes()), 4)
        self.assertEqual(domain.blockJobInfo("vda"), {})
        domain.destroy()
        self.assertTrue(contents(self.path("top.qcow2"), 0x11))
        domain.create()

    def test_intermediate_commit_deletes_what_it_merged(self):
        domain = self.start()
        domain.blockCommit("vda", None, self.path("mid.qcow2"), 0, libvirt.VIR_DOMAIN_BLOCK_COMMIT_DELETE)
        self.expect("vda", COMMIT, COMPLETED)
        self.assertEqual(self.chain(), ["top.qcow2", "base.qcow2"])
        self.assertFalse(os.path.exists(self.path("mid.qcow2")))
        domain.destroy()
        domain.create()
        self.assertEqual(self.chain(), ["top.qcow2", "base.qcow2"])

    def test_active_commit_and_pivot(self):
        domain = self.start()
        self.write("virtio-disk0", "write -P 0x33 0 65536")
        domain.blockCommit("vda", None, None, 0, libvirt.VIR_DOMAIN_BLOCK_COMMIT_ACTIVE)
        self.expect("vda", ACTIVE_COMMIT, READY)
        mirror = self.disk().find("mirror")
        self.assertEqual((mirror.get("job"), mirror.get("ready")), ("active-commit", "yes"))
        code, _, text = self.refused(lambda: domain.blockPull("vda", 0, 0))
        self.assertEqual((code, text), (libvirt.VIR_ERR_BLOCK_COPY_ACTIVE, "block copy still active: disk 'vda' already in active block job"))
        domain.blockJobAbort("vda", PIVOT)
        self.expect("vda", ACTIVE_COMMIT, COMPLETED)
        self.assertEqual(self.chain(), ["base.qcow2"])
        self.assertEqual(self.chain(flags=libvirt.VIR_DOMAIN_XML_INACTIVE), ["base.qcow2"])
        self.assertEqual(len(self.nodes()), 4)
        domain.destroy()
        self.assertTrue(contents(self.path("base.qcow2"), 0x33, 65536))
        domain.create()

    def test_copy_and_pivot(self):
        domain = self.start()
        self.copy_to("copy.qcow2", TRANSIENT_JOB, bandwidth=MIB)
        code, _, text = self.refused(lambda: domain.blockJobAbort("vda", PIVOT))
        self.assertEqual((code, text), (libvirt.VIR_ERR_BLOCK_COPY_ACTIVE,
                                        "block copy still active: block job 'copy-vda-libvirt-2-format' not ready for pivot yet"))
        self.assertEqual(domain.blockJobInfo("vda", 0)["bandwidth"], 1)
        domain.blockJobSetSpeed("vda", 0, 0)
        self.ready()
        self.expect("vda", COPY, READY)
        domain.blockJobAbort("vda", PIVOT)
        self.expect("vda", COPY, COMPLETED)
        for flags in (0, libvirt.VIR_DOMAIN_XML_INACTIVE):
            self.assertEqual(self.chain(flags=flags), ["copy.qcow2"])
        self.assertIsNone(self.disk().find("mirror"))
        self.assertEqual(len(self.nodes()), 4)
        domain.destroy()
        self.assertTrue(contents(self.path("copy.qcow2"), 0x11))
        domain.create()

    def test_copy_and_abort(self):
        domain = self.start(persistent=False)
        for ready in (False, True):
            self.events.clear()
            self.copy_to(f"copy-{ready}.qcow2", 0, **({} if ready else {"bandwidth": MIB}))
            if ready:
                self.ready()
            domain.blockJobAbort("vda", 0)
            self.expect("vda", COPY, CANCELED)
            self.assertEqual(self.chain(), ["top.qcow2", "mid.qcow2", "base.qcow2"])
            self.assertIsNone(self.disk().find("mirror"))
            self.assertEqual(len(self.nodes()), 8)

    def test_shallow_copy_keeps_what_is_below(self):
        domain = self.start()
        self.copy_to("copy.qcow2", TRANSIENT_JOB | libvirt.VIR_DOMAIN_BLOCK_COPY_SHALLOW)
        self.ready()
        domain.blockJobAbort("vda", PIVOT)
        self.assertEqual(self.chain(), ["copy.qcow2", "mid.qcow2", "base.qcow2"])
        domain.destroy()
        domain.create()
        self.assertEqual(self.chain(), ["copy.qcow2", "mid.qcow2", "base.qcow2"])

    def test_copy_fails_where_it_cannot_be_written(self):
        domain = self.start(persistent=False)
        code, _, text = self.refused(lambda: self.copy_to("nowhere/copy.qcow2"))
        self.assertEqual(code, libvirt.VIR_ERR_SYSTEM_ERROR)
        self.assertIn("nowhere/copy.qcow2", text)
        code, _, text = self.refused(lambda: self.copy_to("mid.qcow2"))
        self.assertIn("external destination file for disk vda already exists and is not a block device", text)
        self.assertEqual((self.chain(), domain.blockJobInfo("vda")), (["top.qcow2", "mid.qcow2", "base.qcow2"], {}))

    # --- the daemon dies ---

    def test_copy_outlives_the_daemon(self):
        domain = self.start()
        self.copy_to("copy.qcow2", TRANSIENT_JOB, bandwidth=MIB)
        self.restart()
        domain = self.domain
        info = domain.blockJobInfo("vda", 0)
        self.assertEqual(info["type"], COPY)
        self.assertLess(info["cur"], info["end"])
        self.assertEqual(self.disk().find("mirror").get("job"), "copy")
        domain.blockJobSetSpeed("vda", 0, 0)
        self.expect("vda", COPY, READY)
        self.restart()
        self.ready()
        self.domain.blockJobAbort("vda", PIVOT)
        self.assertEqual(self.chain(), ["copy.qcow2"])
        self.assertEqual(len(self.nodes()), 4)

    def test_job_that_ended_without_a_daemon_is_concluded(self):
        domain = self.start()
        domain.blockPull("vda", 1, 0)  # 1 MiB/s of eight
        self.assertEqual(domain.blockJobInfo("vda", 0)["type"], PULL)
        self.subject.kill()
        with Monitor.of(self.guest, self.folder) as monitor:
            monitor.ask("block-job-set-speed", device="pull-vda-libvirt-2-format", speed=0)
            monitor.concluded("pull-vda-libvirt-2-format")
        self.subject.start()
        self.connection = self.connect()
        self.domain = self.connection.lookupByName(self.guest.name)
        wait.until(lambda: self.domain.blockJobInfo("vda") == {}, "the end of the pull")
        self.assertEqual(self.chain(), ["top.qcow2"])
        self.assertEqual(len(self.nodes()), 4)

    def test_job_ends_with_its_guest(self):
        domain = self.start()
        self.copy_to("copy.qcow2", TRANSIENT_JOB, bandwidth=MIB)
        domain.destroy()
        self.assertEqual(self.chain(), ["top.qcow2"])
        domain.create()
        self.assertEqual(domain.blockJobInfo("vda"), {})
        self.assertIsNone(self.disk().find("mirror"))

    # --- sizes, limits, figures ---

    def test_resize_is_seen_by_the_emulator(self):
        domain = self.start()
        domain.blockResize("vdb", 48 * 1024, 0)
        domain.blockResize("vda", 65 * MIB + 1, libvirt.VIR_DOMAIN_BLOCK_RESIZE_BYTES)
        sizes = {n["node-name"]: n["image"]["virtual-size"] for n in self.qmp("query-named-block-nodes", flat=True)}
        self.assertEqual((sizes["libvirt-1-format"], sizes["libvirt-2-format"]), (48 * MIB, 65 * MIB + 512))
        self.assertEqual(domain.blockInfo("vdb")[0], 48 * MIB)
        domain.destroy()
        self.assertEqual(domain.blockInfo("vda")[0], 65 * MIB + 512)

    def test_threshold_is_told_once_it_is_passed(self):
        domain, told = self.start(), []
        self.connection.domainEventRegisterAny(
            domain, libvirt.VIR_DOMAIN_EVENT_ID_BLOCK_THRESHOLD,
            lambda _c, _d, dev, path, threshold, excess, _o: told.append((dev, path, threshold, excess)), None)
        domain.setBlockThreshold("vdb", MIB)
        self.write("virtio-disk1", "write 0 65536")
        self.assertEqual(told, [])
        self.write("virtio-disk1", f"write {MIB} 65536")
        wait.until(lambda: len(told) >= 2, "the event")
        self.assertEqual(sorted(told), [("vdb", self.path("b.raw"), MIB, 65536), ("vdb[1]", self.path("b.raw"), MIB, 65536)])

    def test_io_limits_live_and_config(self):
        domain = self.start()
        domain.setBlockIoTune("vda", {"total_iops_sec": 100}, LIVE)
        domain.setBlockIoTune("vda", {"total_bytes_sec": 5 * MIB, "group_name": "g"}, CONFIG)
        self.assertEqual(domain.blockIoTune("vda", LIVE)["total_iops_sec"], 100)
        config = domain.blockIoTune("vda", CONFIG)
        self.assertEqual((config["total_iops_sec"], config["total_bytes_sec"], config["group_name"]), (0, 5 * MIB, "g"))
        code, _, text = self.refused(lambda: domain.setBlockIoTune("vda", {"total_iops_sec": 1, "read_iops_sec": 1}, LIVE))
        self.assertEqual(code, libvirt.VIR_ERR_INVALID_ARG)
        self.assertIn("total and read/write of iops_sec cannot be set at the same time", text)
        limits = {d["qdev"]: d["inserted"]["iops"] for d in self.qmp("query-block") if "inserted" in d}
        self.assertEqual(limits["/machine/peripheral/virtio-disk0/virtio-backend"], 100)
        domain.destroy()
        domain.create()
        limits = {d["qdev"]: (d["inserted"]["bps"], d["inserted"]["group"]) for d in self.qmp("query-block") if "inserted" in d and "group" in d["inserted"]}
        self.assertEqual(limits["/machine/peripheral/virtio-disk0/virtio-backend"], (5 * MIB, "g"))

    def test_stuck_emulator_makes_nobody_wait(self):
        domain = self.start()
        told = domain.blockStats("vdb")
        self.copy_to("copy.qcow2", TRANSIENT_JOB, bandwidth=MIB)
        emulator = processes.emulator_of(self.guest.name)
        os.kill(emulator, signal.SIGSTOP)
        self.addCleanup(os.kill, emulator, signal.SIGCONT)
        for ask in (lambda: self.assertEqual(domain.blockStats("vdb"), told), lambda: domain.blockInfo("vda"),
                    lambda: self.assertEqual(domain.blockJobInfo("vda")["type"], COPY), lambda: domain.blockIoTune("vda")):
            begin = time.monotonic()
            ask()
            self.assertLess(time.monotonic() - begin, 3)
        os.kill(emulator, signal.SIGCONT)
        domain.blockJobAbort("vda", 0)
        self.assertEqual(domain.blockJobInfo("vda"), {})

    def test_figures_are_those_of_the_devices(self):
        domain = self.start(kernel=False)
        domain.resume()
        wait.until(lambda: domain.blockStats("vda")[1] > 0, "the guest to read its disk")
        domain.suspend()
        told = domain.blockStats("vda")
        (device,) = [d["stats"] for d in self.qmp("query-blockstats") if "virtio-disk0/" in d["qdev"]]
        self.assertEqual(told, (device["rd_operations"], device["rd_bytes"], 0, 0, -1))
        self.assertEqual(domain.blockStats(self.path("top.qcow2")), told)
        self.assertGreaterEqual(domain.blockStats("")[1], told[1])
        self.assertEqual(domain.blockStatsFlags("vda")["rd_bytes"], told[1])
        self.write("virtio-disk1", "write 0 65536")
        self.assertEqual(domain.blockPeek("vdb", 0, 4), b"\xcd" * 4)
        self.assertEqual(domain.diskErrors(), {})
        code, _, text = self.refused(lambda: domain.blockStats("vdx"))
        self.assertEqual((code, text), (libvirt.VIR_ERR_INVALID_ARG, "invalid argument: invalid path: vdx"))
