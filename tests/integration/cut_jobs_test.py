# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""The daemon is killed within a save or a snapshot. What it had done by then is made by hand, with its records and its
emulator's monitor, so that each of these moments is met each time (kill_test meets them by chance)."""

import json
import shutil
import subprocess

import libvirt
import libvirt_qemu

from harness import processes, wait
from harness.python_client import PythonCase
from harness.qmp import Monitor

RUNNING, PAUSED = libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_PAUSED


class Cut(PythonCase):
    def setUp(self):
        super().setUp()
        self.guest = self.new_guest()
        self.image = self.folder / "disk.qcow2"
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(self.image), "8M"], check=True)
        disk = (f"<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='{self.image}'/>"
                "<target dev='vda' bus='virtio'/></disk>")
        self.guest.xml = self.guest.xml.replace("<devices>", "<devices>" + disk, 1)
        self.domain = self.connect().defineXML(self.guest.xml)

    def kill(self):
        self.subject.kill()
        return Monitor.of(self.guest, self.folder)

    def again(self):
        """The daemon is there again, and has looked at what it found: until then it has the guest's job."""
        self.subject.start()
        self.domain = self.connect().lookupByName(self.guest.name)
        self.domain.setAutostart(0)

    def record(self, **changes):
        """Changes the guest's status record; with None a member goes."""
        (path,) = (self.folder / "root" / "run").rglob(f"{self.guest.name}.json")
        record = json.loads(path.read_text())
        record.update(changes)
        path.write_text(json.dumps({key: value for key, value in record.items() if value is not None}))
        return path

    def snapshots(self):
        text = subprocess.run(["qemu-img", "info", "-U", "--output=json", str(self.image)], check=True, capture_output=True).stdout
        return [one["name"] for one in json.loads(text).get("snapshots", [])]

    def emulator_says(self):
        return json.loads(libvirt_qemu.qemuMonitorCommand(self.domain, '{"execute":"query-status"}', 0))["return"]["status"]

    def put(self, name, text):
        folder = self.folder / "root" / "var" / "lib" / "polyvirt" / "qemu" / "snapshots"
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(text)

    def has_state(self, state):
        wait.until(lambda: self.domain.state()[0] == state, f"state {state}")
        self.assertEqual(self.emulator_says(), "running" if state == RUNNING else "paused")


class Pauses(Cut):
    def test_guest_goes_on_that_was_paused_for_a_job_which_was_cut_before_that_was_recorded(self):
        for reason in (libvirt.VIR_DOMAIN_PAUSED_SAVE, libvirt.VIR_DOMAIN_PAUSED_DUMP, libvirt.VIR_DOMAIN_PAUSED_SNAPSHOT):
            with self.subTest(reason):
                self.domain.create()
                with self.kill() as monitor:
                    path = self.record(pausing=reason)
                    monitor.ask("stop")
                self.again()
                self.has_state(RUNNING)
                wait.until(lambda: json.loads(path.read_text())["state"] == RUNNING, "the record")
                self.assertNotIn("pausing", json.loads(path.read_text()))
                self.domain.destroy()

    def test_guest_that_was_about_to_be_paused_runs_on(self):
        self.domain.create()
        with self.kill():
            self.record(pausing=libvirt.VIR_DOMAIN_PAUSED_SAVE)
        self.again()
        self.has_state(RUNNING)
        self.domain.suspend()
        self.subject.kill()
        self.again()
        self.has_state(PAUSED)

    def test_guest_that_somebody_else_paused_stays_paused(self):
        self.domain.create()
        with self.kill() as monitor:
            monitor.ask("stop")
        self.again()
        self.has_state(PAUSED)


class Saves(Cut):
    def write_out(self, monitor):
        """All of the guest's state, as a save does. (The emulator may start no program that would take it.)"""
        with open("/dev/null", "wb") as nowhere:
            monitor.give("getfd", [nowhere.fileno()], fdname="out")
        monitor.ask("migrate", uri="fd:out")
        wait.until(lambda: monitor.ask("query-migrate")["status"] == "completed", "the end of the save")

    def test_paused_guest_whose_save_was_cut_at_its_end_has_its_images(self):
        self.domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
        with self.kill() as monitor:
            self.write_out(monitor)
            self.assertEqual(monitor.ask("query-status")["status"], "postmigrate")
        self.again()
        self.has_state(PAUSED)
        self.domain.resume()
        self.has_state(RUNNING)
        self.domain.blockResize("vda", 16 << 20, libvirt.VIR_DOMAIN_BLOCK_RESIZE_BYTES)  # it can be written to

    def test_running_guest_whose_save_was_cut_at_its_end_goes_on(self):
        self.domain.create()
        with self.kill() as monitor:
            self.record(state=PAUSED, reason=libvirt.VIR_DOMAIN_PAUSED_SAVE)
            monitor.ask("stop")
            self.write_out(monitor)
        self.again()
        self.has_state(RUNNING)
        self.domain.blockResize("vda", 16 << 20, libvirt.VIR_DOMAIN_BLOCK_RESIZE_BYTES)


    def test_guest_whose_image_is_whole_is_saved_be_its_emulator_there_or_not(self):
        state = self.folder / "root" / "var" / "lib" / "polyvirt" / "qemu"
        image, half = state / "save" / f"{self.guest.name}.save", state / "save" / "half"
        record = state / "saving" / f"{self.guest.uuid}.json"
        for then in ("stays", "ends", "stays and has its image's name"):
            with self.subTest(then):
                self.domain.create()
                self.domain.managedSave()
                shutil.copy(image, half)
                self.domain.create()  # from that image, which goes
                run = self.domain.ID()
                self.assertFalse(image.exists())
                emulator = processes.emulator_of(self.guest.name)
                with self.kill() as monitor:
                    self.record(state=PAUSED, reason=libvirt.VIR_DOMAIN_PAUSED_SAVE)
                    record.write_text(json.dumps({"temporary": str(half), "final": str(image), "whole": True, "managed": True,
                                                  "run": run}))
                    monitor.ask("stop")
                    if then == "ends":
                        monitor.ask("quit")
                        wait.until(lambda: not processes.is_running(emulator), "the emulator's end")
                    elif then != "stays":
                        half.rename(image)
                self.again()
                self.assertEqual(self.domain.state(), [libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_SHUTOFF_SAVED])
                self.assertFalse(processes.is_running(emulator))
                self.assertEqual((self.domain.hasManagedSaveImage(), record.exists(), half.exists()), (1, False, False))
                self.domain.create()
                self.assertEqual(self.domain.state(), [RUNNING, libvirt.VIR_DOMAIN_RUNNING_RESTORED])
                self.domain.destroy()

    def test_record_of_an_earlier_run_ends_no_guest(self):
        """It outlived its save, where it could not be removed."""
        image = self.folder / "earlier.save"
        record = self.folder / "root" / "var" / "lib" / "polyvirt" / "qemu" / "saving" / f"{self.guest.uuid}.json"
        self.domain.create()
        run = self.domain.ID()
        self.domain.save(str(image))
        self.domain.create()
        self.subject.kill()
        record.write_text(json.dumps({"temporary": f"{image}.part", "final": str(image), "whole": True, "managed": False, "run": run}))
        self.again()
        self.has_state(RUNNING)
        self.assertEqual((record.exists(), image.exists()), (False, True))


class Snapshots(Cut):
    def cut(self, name, *, ended=True):
        """A snapshot that was cut when its emulator had begun it, or had ended it; nobody was told of it."""
        (node,) = [one["node-name"] for one in json.loads(libvirt_qemu.qemuMonitorCommand(
            self.domain, '{"execute":"query-named-block-nodes","arguments":{"flat":true}}', 0))["return"] if one["drv"] == "qcow2"]
        with self.kill() as monitor:
            self.put(f"{self.guest.uuid}.unfinished", json.dumps({"name": name, "removing": False, "files": []}))
            self.record(pausing=libvirt.VIR_DOMAIN_PAUSED_SAVE)
            monitor.ask("stop")
            monitor.ask("snapshot-save", **{"job-id": "polyvirt-cut", "tag": name, "vmstate": node, "devices": [node]})
            if ended:
                monitor.concluded("polyvirt-cut")

    def test_snapshot_that_nobody_was_told_of_goes_and_the_guest_goes_on(self):
        for ended in (True, False):
            with self.subTest(ended):
                self.domain.create()
                self.cut("cut", ended=ended)
                self.again()
                self.has_state(RUNNING)
                self.assertEqual((self.snapshots(), self.domain.snapshotNum()), ([], 0))
                self.domain.snapshotCreateXML("<domainsnapshot><name>cut</name></domainsnapshot>")
                self.assertEqual(self.snapshots(), ["cut"])
                self.domain.snapshotCurrent().delete()
                self.domain.destroy()

    def test_snapshot_goes_too_where_the_guest_ended_before_the_daemon_came(self):
        self.domain.create()
        self.domain.snapshotCreateXML("<domainsnapshot><name>kept</name></domainsnapshot>")
        self.cut("cut")
        self.assertEqual(self.snapshots(), ["kept", "cut"])
        processes.end(processes.emulator_of(self.guest.name))
        self.again()
        self.assertEqual((self.domain.isActive(), self.domain.snapshotListNames()), (0, ["kept"]))
        wait.until(lambda: not list(self.folder.rglob("*.unfinished")), "the end of the snapshot")
        self.assertEqual(self.snapshots(), ["kept"])

    def test_where_the_current_one_was_only_being_made_the_one_before_is_current(self):
        self.domain.create()
        for name in ("first", "second"):
            self.domain.snapshotCreateXML(f"<domainsnapshot><name>{name}</name></domainsnapshot>")
        with self.kill():
            self.put(f"{self.guest.uuid}.current", "third")
            self.put(f"{self.guest.uuid}.unfinished", json.dumps({"name": "third", "removing": False, "files": []}))
        self.again()
        self.assertEqual(self.domain.snapshotCurrent().getName(), "second")
        self.domain.snapshotCreateXML("<domainsnapshot><name>third</name></domainsnapshot>")
        self.assertEqual(self.domain.snapshotCurrent().getParent().getName(), "second")
