# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Snapshots of guests that run and that are off, in their images and over them."""

import json
import subprocess
import xml.etree.ElementTree as ElementTree

import libvirt

from harness.python_client import PythonCase, Recorder

STARTED_FROM_SNAPSHOT, STOPPED_FROM_SNAPSHOT = (2, 3), (5, 6)
DISK_ONLY = libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY
REDEFINE = libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE


class SnapshotCase(PythonCase):
    def disk(self, name):
        path = self.subject.root / name
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(path), "8M"], check=True)
        return str(path)

    def with_disk(self, label="guest"):
        guest = self.new_guest(label)
        guest.disk = self.disk(f"{label}.qcow2")
        guest.xml = guest.xml.replace("<devices>", f"""<devices>
            <disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='{guest.disk}'/>
            <target dev='vda' bus='virtio'/></disk>""")
        return guest, self.connect().defineXML(guest.xml)

    def image_snapshots(self, path):
        out = subprocess.run(["qemu-img", "info", "-U", "--output=json", path], check=True, capture_output=True)
        return [one["name"] for one in json.loads(out.stdout).get("snapshots", [])]

    def source(self, domain, flags=0):
        return ElementTree.fromstring(domain.XMLDesc(flags)).find("devices/disk/source").get("file")


class Snapshots(SnapshotCase):
    def test_internal_of_a_guest_that_is_off(self):
        guest, domain = self.with_disk()
        one = domain.snapshotCreateXML("<domainsnapshot><name>one</name></domainsnapshot>")
        self.assertEqual(self.image_snapshots(guest.disk), ["one"])
        self.assertEqual((one.isCurrent(), one.hasMetadata(), domain.hasCurrentSnapshot()), (1, 1, 1))
        domain.snapshotCreateXML("<domainsnapshot><name>two</name></domainsnapshot>")
        self.assertEqual(domain.snapshotLookupByName("two").getParent().getName(), "one")
        domain.revertToSnapshot(one)
        self.assertEqual(domain.state(), [libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_SHUTOFF_FROM_SNAPSHOT])
        self.assertEqual(domain.snapshotCurrent().getName(), "one")
        one.delete()
        self.assertEqual((self.image_snapshots(guest.disk), domain.snapshotListNames()), (["two"], ["two"]))
        self.assertIsNone(ElementTree.fromstring(domain.snapshotLookupByName("two").getXMLDesc()).find("parent"))

    def test_internal_of_a_running_guest_and_back(self):
        guest, domain = self.with_disk()
        domain.create()
        events = Recorder(self.connect())
        one = domain.snapshotCreateXML("<domainsnapshot><name>live</name></domainsnapshot>")
        self.assertEqual(domain.state()[0], libvirt.VIR_DOMAIN_RUNNING)
        self.assertEqual(self.image_snapshots(guest.disk), ["live"])
        self.assertEqual(ElementTree.fromstring(one.getXMLDesc()).findtext("state"), "running")
        domain.revertToSnapshot(one)
        self.assertEqual(domain.state(), [libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_RUNNING_FROM_SNAPSHOT])
        events.expect(guest, STOPPED_FROM_SNAPSHOT)
        events.expect(guest, STARTED_FROM_SNAPSHOT)
        domain.destroy()
        domain.revertToSnapshot(one, libvirt.VIR_DOMAIN_SNAPSHOT_REVERT_PAUSED)
        self.assertEqual(domain.state(), [libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_FROM_SNAPSHOT])
        one.delete()
        self.assertEqual(self.image_snapshots(guest.disk), [])

    def test_overlay_of_a_running_guest(self):
        guest, domain = self.with_disk()
        domain.create()
        snapshot = domain.snapshotCreateXML("<domainsnapshot><name>over</name></domainsnapshot>", DISK_ONLY)
        over = str(self.subject.root / "guest.over")
        self.assertEqual((self.source(domain), self.source(domain, libvirt.VIR_DOMAIN_XML_INACTIVE)), (over, over))
        backing = ElementTree.fromstring(domain.XMLDesc()).find("devices/disk/backingStore/source").get("file")
        self.assertEqual(backing, guest.disk)
        self.assertEqual(ElementTree.fromstring(snapshot.getXMLDesc()).findtext("state"), "disk-snapshot")
        self.assertEqual(domain.listAllSnapshots(libvirt.VIR_DOMAIN_SNAPSHOT_LIST_EXTERNAL)[0].getName(), "over")
        code, _, text = self.refused(lambda: domain.revertToSnapshot(snapshot))
        self.assertEqual(code, libvirt.VIR_ERR_CONFIG_UNSUPPORTED)
        self.assertIn("external", text)
        domain.destroy()
        domain.create()

    def test_overlay_that_is_refused_changes_nothing(self):
        guest, domain = self.with_disk()
        domain.create()
        over = self.subject.root / "taken"
        over.write_text("data")
        xml = f"<domainsnapshot><disks><disk name='vda'><source file='{over}'/></disk></disks></domainsnapshot>"
        self.assertEqual(self.refused(lambda: domain.snapshotCreateXML(xml, DISK_ONLY))[0], libvirt.VIR_ERR_CONFIG_UNSUPPORTED)
        self.assertEqual((self.source(domain), over.read_text(), domain.snapshotNum()), (guest.disk, "data", 0))

    def test_memory_in_a_file_of_its_own(self):
        guest, domain = self.with_disk()
        domain.create()
        memory = self.subject.root / "memory.save"
        domain.snapshotCreateXML(f"<domainsnapshot><name>m</name><memory snapshot='external' file='{memory}'/></domainsnapshot>")
        self.assertEqual(domain.state()[0], libvirt.VIR_DOMAIN_RUNNING)
        self.assertIn(guest.uuid, self.connect().saveImageGetXMLDesc(str(memory)))

    def test_everything_is_there_after_a_kill(self):
        guest, domain = self.with_disk()
        domain.create()
        domain.snapshotCreateXML("<domainsnapshot><name>a</name></domainsnapshot>")
        domain.snapshotCreateXML("<domainsnapshot><name>b/..</name></domainsnapshot>".replace("b/..", "b ü"))
        before = {one.getName(): (one.getXMLDesc(), one.isCurrent()) for one in domain.listAllSnapshots()}
        self.subject.kill()
        self.subject.start()
        domain = self.connect().lookupByName(guest.name)
        self.assertEqual({one.getName(): (one.getXMLDesc(), one.isCurrent()) for one in domain.listAllSnapshots()}, before)
        self.assertEqual(domain.snapshotLookupByName("b ü").getParent().getName(), "a")

    def test_broken_record_is_set_aside(self):
        guest, domain = self.with_disk()
        for name in ("a", "b"):
            domain.snapshotCreateXML(f"<domainsnapshot><name>{name}</name></domainsnapshot>")
        self.subject.kill()
        record = next(self.subject.root.rglob(f"snapshots/{guest.uuid}.a.xml"))
        record.write_text("<domainsnapshot")
        self.subject.start()
        domain = self.connect().lookupByName(guest.name)
        self.assertEqual(domain.snapshotListNames(), ["b"])
        self.assertTrue(list(record.parent.glob("*.broken")))

    def test_undefine_wants_to_be_told(self):
        _, domain = self.with_disk()
        domain.snapshotCreateXML("<domainsnapshot/>")
        self.assertEqual(self.refused(domain.undefine)[0], libvirt.VIR_ERR_OPERATION_INVALID)
        domain.undefineFlags(libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA)
        self.assertEqual([p.name for p in self.subject.root.rglob("snapshots/*") if p.is_file()], [])

    def test_redefinition_makes_trees_without_cycles(self):
        _, domain = self.with_disk()
        domain.snapshotCreateXML("<domainsnapshot><name>a</name></domainsnapshot>")
        b = domain.snapshotCreateXML("<domainsnapshot><name>b</name></domainsnapshot>")
        text = domain.snapshotLookupByName("a").getXMLDesc()
        cycle = text.replace("<creationTime>", "<parent><name>b</name></parent><creationTime>")
        self.assertEqual(self.refused(lambda: domain.snapshotCreateXML(cycle, REDEFINE))[0], libvirt.VIR_ERR_INVALID_ARG)
        b.delete(libvirt.VIR_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY)
        domain.snapshotCreateXML(text.replace("<name>a</name>", "<name>c</name>"), REDEFINE)
        self.assertEqual(sorted(domain.snapshotListNames()), ["a", "c"])
        self.assertEqual(domain.snapshotCurrent().getName(), "a")
