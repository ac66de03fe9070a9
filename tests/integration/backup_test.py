# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Checkpoints and backups of running guests: whole, of what changed, and pulled."""

import subprocess

import libvirt

from harness import wait
from snapshot_test import SnapshotCase


class Backup(SnapshotCase):
    def running(self):
        guest, domain = self.with_disk()
        domain.create()
        return guest, domain

    def over(self, domain):
        wait.until(lambda: domain.jobInfo()[0] == libvirt.VIR_DOMAIN_JOB_NONE, "the backup's end")
        return domain.jobStats(libvirt.VIR_DOMAIN_JOB_STATS_COMPLETED)

    def push(self, name, since=""):
        to = self.subject.root / name
        incremental = f"<incremental>{since}</incremental>" if since else ""
        return to, f"<domainbackup>{incremental}<disks><disk name='vda'><target file='{to}'/></disk></disks></domainbackup>"

    def test_whole_backup_and_one_of_what_changed(self):
        guest, domain = self.running()
        to, xml = self.push("full.qcow2")
        domain.backupBegin(xml, "<domaincheckpoint><name>first</name></domaincheckpoint>")
        stats = self.over(domain)
        self.assertEqual((stats["operation"], stats["success"]), (libvirt.VIR_DOMAIN_JOB_OPERATION_BACKUP, True))
        subprocess.run(["qemu-img", "compare", "-U", "-q", str(to), guest.disk], check=True)
        self.assertEqual([one.getName() for one in domain.listAllCheckpoints()], ["first"])
        later, xml = self.push("later.qcow2", "first")
        domain.backupBegin(xml, "<domaincheckpoint><name>second</name></domaincheckpoint>")
        self.over(domain)
        self.assertTrue(later.exists())
        self.assertEqual(domain.checkpointLookupByName("second").getParent().getName(), "first")

    def test_pulled_backup_lasts_until_it_is_ended(self):
        _, domain = self.running()
        socket = self.subject.root / "nbd.sock"
        domain.backupBegin(f"<domainbackup mode='pull'><server transport='unix' socket='{socket}'/></domainbackup>", None)
        self.assertIn("mode='pull'", domain.backupGetXMLDesc())
        subprocess.run(["qemu-img", "info", f"nbd+unix:///vda?socket={socket}"], check=True, capture_output=True)
        domain.abortJob()
        self.over(domain)
        self.assertEqual(self.refused(domain.backupGetXMLDesc)[0], libvirt.VIR_ERR_NO_DOMAIN_BACKUP)

    def test_checkpoints_come_and_go(self):
        guest, domain = self.running()
        for name in ("a", "b", "c"):
            domain.checkpointCreateXML(f"<domaincheckpoint><name>{name}</name></domaincheckpoint>")
        a = domain.checkpointLookupByName("a")
        self.assertIn("size=", a.getXMLDesc(libvirt.VIR_DOMAIN_CHECKPOINT_XML_SIZE))
        domain.checkpointLookupByName("b").delete()
        self.assertEqual(domain.checkpointLookupByName("c").getParent().getName(), "a")
        self.assertEqual(self.refused(lambda: domain.snapshotCreateXML("<domainsnapshot/>"))[0],
                         libvirt.VIR_ERR_OPERATION_UNSUPPORTED)
        self.subject.kill()
        self.subject.start()
        domain = self.connect().lookupByName(guest.name)
        self.assertEqual(sorted(one.getName() for one in domain.listAllCheckpoints()), ["a", "c"])
        domain.checkpointLookupByName("a").delete(libvirt.VIR_DOMAIN_CHECKPOINT_DELETE_CHILDREN)
        self.assertEqual(domain.listAllCheckpoints(), [])

    def test_backup_that_cannot_be_written_leaves_nothing(self):
        _, domain = self.running()
        to, xml = self.push("there.qcow2")
        to.write_text("mine")
        self.assertEqual(self.refused(lambda: domain.backupBegin(xml, None))[0], libvirt.VIR_ERR_CONFIG_UNSUPPORTED)
        self.assertEqual((to.read_text(), domain.jobInfo()[0]), ("mine", libvirt.VIR_DOMAIN_JOB_NONE))
