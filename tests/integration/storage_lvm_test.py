# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Pools that are volume groups of LVM, on a loop device of the test's own: LVM is told of no other device. The daemon has
a mount namespace, in which /etc/lvm is the test's."""

import os
import shutil
import subprocess
from pathlib import Path

import libvirt

from harness.python_client import PythonCase
from harness.storage import volume

MIB = 1 << 20
CONFIG = """devices {{
    dir = "/dev"
    scan = [ "/dev" ]
    filter = [ "a|^{device}$|", "r|.*|" ]
    global_filter = [ "a|^{device}$|", "r|.*|" ]
    use_devicesfile = 0
    obtain_device_list_from_udev = 0
}}
activation {{
    udev_sync = 0
    udev_rules = 0
    monitoring = 0
}}
backup {{
    backup = 0
    archive = 0
}}
global {{
    locking_dir = "{folder}/lock"
    event_activation = 0
}}
"""


class Lvm(PythonCase):
    starts = False

    def setUp(self):
        if os.getuid() != 0:
            self.skipTest("needs root, for a loop device")
        if shutil.which("lvs", path="/usr/sbin:/sbin") is None:
            self.skipTest("lvm2 is not installed")
        super().setUp()
        image = self.folder / "disk.img"
        with open(image, "wb") as file:
            file.truncate(64 * MIB)
        loop = subprocess.run(["losetup", "-f", "--show", image], capture_output=True, text=True, check=False)
        if loop.returncode != 0:
            self.skipTest(f"no loop device to be had: {loop.stderr.strip()}")
        self.device = loop.stdout.strip()
        if not os.path.exists("/dev/mapper"):  # LVM makes a node there, driver or not
            self.addCleanup(shutil.rmtree, "/dev/mapper", ignore_errors=True)
        self.addCleanup(subprocess.run, ["losetup", "-d", self.device], check=False)
        lvm = self.folder / "lvm"
        lvm.mkdir()
        (lvm / "lvm.conf").write_text(CONFIG.format(device=self.device, folder=self.folder))
        os.makedirs("/etc/lvm", exist_ok=True)
        self.subject.before = ["unshare", "-m", "--propagation", "private", "sh", "-c", f'mount --bind {lvm} /etc/lvm && exec "$@"', "sh"]
        self.subject.start()
        self.group = f"pvt{os.getpid()}"
        self.addCleanup(self.remove_group)
        self.connection = self.connect()

    def remove_group(self):
        """What a case left, if it failed; through the same configuration, so that nothing else can be meant."""
        environment = dict(os.environ, LVM_SYSTEM_DIR=str(self.folder / "lvm"))
        for command in (["vgremove", "-ff", "-y", self.group], ["pvremove", "-ff", "-y", self.device]):
            subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)

    def pool(self):
        return self.connection.storagePoolDefineXML(
            f"<pool type='logical'><name>lvm</name><source><device path='{self.device}'/><name>{self.group}</name>"
            f"<format type='lvm2'/></source><target><path>/dev/{self.group}</path></target></pool>")

    def test_group(self):
        pool = self.pool()
        pool.build()
        pool.create()
        state, capacity, allocation, available = pool.info()
        self.assertEqual((state, allocation, available), (libvirt.VIR_STORAGE_POOL_RUNNING, 0, capacity))
        self.assertGreater(capacity, 50 * MIB)
        pool.refresh()
        self.assertEqual(pool.listVolumes(), [])
        self.assertIn(f"<name>{self.group}</name>", self.connection.findStoragePoolSources("logical", None))
        self.assertEqual(self.refused(lambda: pool.createXML(volume("a", 1 << 40, allocation=1 << 40)))[0], libvirt.VIR_ERR_INTERNAL_ERROR)
        self.subject.kill()
        self.subject.start()
        pool = self.connect().storagePoolLookupByName("lvm")
        self.assertEqual(pool.isActive(), 1)
        pool.destroy()
        pool.delete()
        self.assertEqual(self.refused(pool.create)[0], libvirt.VIR_ERR_INTERNAL_ERROR)

    def test_volumes(self):
        if "device-mapper" not in Path("/proc/misc").read_text():
            self.skipTest("this kernel has no device mapper")
        pool = self.pool()
        pool.build()
        pool.create()
        vol = pool.createXML(volume("a", 8 * MIB, allocation=8 * MIB))
        self.assertEqual(vol.info(), [libvirt.VIR_STORAGE_VOL_BLOCK, 8 * MIB, 8 * MIB])
        self.assertEqual(vol.path(), f"/dev/{self.group}/a")
        copy = pool.createXMLFrom(volume("b", 0), vol)
        self.assertEqual(pool.listVolumes(), ["a", "b"])
        for one in (copy, vol):
            one.wipe()
            one.delete()
        self.assertEqual(pool.info()[2], 0)
        pool.destroy()
        pool.delete()
