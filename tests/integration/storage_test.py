# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""The storage driver: pools and volumes of real files, contents as streams, what a restart and a crash leave, a file
system that hangs, a guest that boots from a volume."""

import io
import os
import stat
import statistics
import subprocess
import threading
import time
import unittest
import uuid
import xml.etree.ElementTree as ElementTree

import libvirt

from harness import wait
from harness.python_client import PythonCase
from harness.storage import Files, boot_image, image_info, volume

KIB, MIB = 1 << 10, 1 << 20
INVALID, FAILED = libvirt.VIR_ERR_OPERATION_INVALID, libvirt.VIR_ERR_OPERATION_FAILED
SPARSE_UP, SPARSE_DOWN = libvirt.VIR_STORAGE_VOL_UPLOAD_SPARSE_STREAM, libvirt.VIR_STORAGE_VOL_DOWNLOAD_SPARSE_STREAM
AS_ROOT = unittest.skipUnless(os.getuid() == 0, "needs root, for mounts of its own")


class Storage(PythonCase):
    def setUp(self):
        super().setUp()
        self.connection = self.connect()

    def folder_of(self, name="pool"):
        return self.folder / name

    def document(self, name="pool", more=""):
        return f"<pool type='dir'><name>{name}</name><target><path>{self.folder_of(name)}</path>{more}</target></pool>"

    def pool(self, name="pool"):
        """Defined, built and started."""
        pool = self.connection.storagePoolDefineXML(self.document(name))
        pool.build()
        pool.create()
        return pool

    def restart(self, how="kill"):
        getattr(self.subject, how)()
        self.subject.start()
        self.connection = self.connect()
        return self.connection

    def upload(self, vol, data, offset=0, length=0):
        stream = self.connection.newStream()
        vol.upload(stream, offset, length)
        source = io.BytesIO(data)
        stream.sendAll(lambda _s, count, _o: source.read(count), None)
        stream.finish()

    def download(self, vol, offset=0, length=0):
        stream, got = self.connection.newStream(), bytearray()
        vol.download(stream, offset, length)
        stream.recvAll(lambda _s, data, _o: got.extend(data), None)
        stream.finish()
        return bytes(got)


class Pools(Storage):
    def test_life_and_its_events(self):
        heard, refreshed = [], []
        self.connection.storagePoolEventRegisterAny(None, libvirt.VIR_STORAGE_POOL_EVENT_ID_LIFECYCLE,
                                                    lambda c, p, event, detail, _: heard.append(event), None)
        self.connection.storagePoolEventRegisterAny(None, libvirt.VIR_STORAGE_POOL_EVENT_ID_REFRESH,
                                                    lambda c, p, _: refreshed.append(p.name()), None)
        pool = self.connection.storagePoolDefineXML(self.document())
        self.assertEqual(self.refused(pool.create)[0], libvirt.VIR_ERR_SYSTEM_ERROR)
        pool.build()
        pool.create()
        pool.setAutostart(1)
        self.assertEqual((pool.isActive(), pool.isPersistent(), pool.autostart()), (1, 1, 1))
        state, capacity, allocation, available = pool.info()
        self.assertEqual((state, capacity), (libvirt.VIR_STORAGE_POOL_RUNNING, allocation + available))
        self.assertGreater(capacity, 0)
        pool.refresh()
        for call in (pool.create, pool.build, pool.undefine, pool.delete):
            self.assertEqual(self.refused(call)[0], INVALID)
        pool.destroy()
        for call in (pool.refresh, pool.destroy, lambda: pool.createXML(volume())):
            self.assertEqual(self.refused(call)[0], INVALID)
        pool.delete()
        self.assertFalse(self.folder_of().exists())
        pool.undefine()
        self.assertEqual(self.refused(pool.XMLDesc)[0], libvirt.VIR_ERR_NO_STORAGE_POOL)
        transient = self.connection.storagePoolCreateXML(self.document(), libvirt.VIR_STORAGE_POOL_CREATE_WITH_BUILD)
        self.assertEqual(self.refused(lambda: transient.setAutostart(1))[0], libvirt.VIR_ERR_INVALID_ARG)
        transient.destroy()
        wait.until(lambda: heard == [0, 4, 2, 3, 5, 1, 4, 2, 3] and refreshed == ["pool"], f"events: {heard}, {refreshed}")

    def test_document(self):
        more = "<permissions><mode>0750</mode><owner>0</owner><group>0</group></permissions>" if os.getuid() == 0 else ""
        pool = self.connection.storagePoolDefineXML(self.document(more=more))
        inactive = pool.XMLDesc()
        self.assertEqual(self.connection.storagePoolDefineXML(inactive).XMLDesc(), inactive)
        pool.build()
        pool.create()
        if more:
            self.assertEqual(stat.S_IMODE(self.folder_of().stat().st_mode), 0o750)
        tree = ElementTree.fromstring(pool.XMLDesc())
        self.assertEqual(int(tree.findtext("capacity")), pool.info()[1])
        elsewhere = inactive.replace(str(self.folder_of()), str(self.folder_of("elsewhere")))
        self.connection.storagePoolDefineXML(elsewhere)  # for its next start
        self.assertIn(f"<path>{self.folder_of()}</path>", pool.XMLDesc())
        self.assertIn(f"<path>{self.folder_of('elsewhere')}</path>", pool.XMLDesc(libvirt.VIR_STORAGE_XML_INACTIVE))
        pool.destroy()
        self.assertIn(f"<path>{self.folder_of('elsewhere')}</path>", pool.XMLDesc())

    def test_what_there_can_be(self):
        document = ElementTree.fromstring(self.connection.getStoragePoolCapabilities())
        there = {one.get("type") for one in document if one.get("supported") == "yes"}
        self.assertEqual(there, {"dir", "fs", "netfs", "logical", "scsi", "mpath"})
        rbd = "<pool type='rbd'><name>r</name><source><host name='h'/><name>n</name></source></pool>"
        self.assertEqual(self.refused(lambda: self.connection.storagePoolDefineXML(rbd))[0], libvirt.VIR_ERR_INTERNAL_ERROR)
        self.assertEqual(self.refused(lambda: self.connection.findStoragePoolSources("dir", None))[0], libvirt.VIR_ERR_NO_SUPPORT)
        self.assertEqual(self.refused(lambda: self.connection.findStoragePoolSources("netfs", None))[0], libvirt.VIR_ERR_INVALID_ARG)

    def test_two_of_one_folder(self):
        self.pool()
        other = self.document("other").replace(str(self.folder_of("other")), str(self.folder_of()))
        self.assertEqual(self.refused(lambda: self.connection.storagePoolDefineXML(other))[0], FAILED)

    def test_refresh_finds_what_others_did(self):
        pool = self.pool()
        Files(self.folder_of()).make("a", b"x" * 5000)
        (self.folder_of() / "sub").mkdir()
        os.mkfifo(self.folder_of() / "fifo")
        os.symlink("/nowhere", self.folder_of() / "dangling")
        (self.folder_of() / "no\nname").write_bytes(b"")
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", "a", "-F", "raw", self.folder_of() / "b"], check=True)
        (self.folder_of() / "garbage").write_bytes(b"QFI\xfb\0\0\0\3" + b"\xff" * 600)
        self.assertEqual(pool.numOfVolumes(), 0)
        pool.refresh()
        self.assertEqual(sorted(pool.listVolumes()), ["a", "b", "garbage", "sub"])
        tree = ElementTree.fromstring(pool.storageVolLookupByName("b").XMLDesc())
        self.assertEqual((tree.findtext("backingStore/path"), tree.find("backingStore/format").get("type")),
                         (str(self.folder_of() / "a"), "raw"))
        self.assertEqual(tree.find("target/format").get("type"), "qcow2")
        self.assertEqual(pool.storageVolLookupByName("sub").info()[0], libvirt.VIR_STORAGE_VOL_DIR)
        (self.folder_of() / "a").unlink()
        pool.refresh()
        self.assertEqual(sorted(pool.listVolumes()), ["b", "garbage", "sub"])

    def test_pool_whose_folder_has_gone_is_stopped(self):
        pool = self.pool()
        self.folder_of().rmdir()
        self.assertEqual(self.refused(pool.refresh)[0], libvirt.VIR_ERR_SYSTEM_ERROR)
        self.assertEqual(pool.isActive(), 0)


class Volumes(Storage):
    def test_formats(self):
        pool = self.pool()
        raw = pool.createXML(volume("a", 3 * MIB))
        self.assertEqual(raw.info(), [libvirt.VIR_STORAGE_VOL_FILE, 3 * MIB, 0])
        whole = pool.createXML(volume("whole", MIB, allocation=MIB))
        self.assertEqual(whole.info()[2], MIB)
        top = pool.createXML(volume("top", 8 * MIB, "qcow2", backing=(raw.path(), "raw")))
        info = image_info(top.path())
        self.assertEqual((info["format"], info["virtual-size"], info["backing-filename"], info["backing-filename-format"]),
                         ("qcow2", 8 * MIB, raw.path(), "raw"))
        old = pool.createXML(volume("old", MIB, "qcow2", target="<compat>0.10</compat>"))
        self.assertEqual(image_info(old.path())["format-specific"]["data"]["compat"], "0.10")
        meta = pool.createXML(volume("meta", 4 * MIB, "qcow2"), libvirt.VIR_STORAGE_VOL_CREATE_PREALLOC_METADATA)
        self.assertGreater(os.stat(meta.path()).st_size, 4 * MIB)
        folder = pool.createXML(volume("folder", 0, "dir"))
        self.assertEqual(folder.info()[0], libvirt.VIR_STORAGE_VOL_DIR)
        for vol in (folder, meta, top):
            vol.delete()
        self.assertEqual(sorted(os.listdir(self.folder_of())), ["a", "old", "whole"])

    def test_what_is_refused(self):
        pool = self.pool()
        pool.createXML(volume("a"))
        (self.folder_of() / "foreign").write_text("not ours")
        secret = "<encryption format='luks'/>"
        for document, code in ((volume("a"), libvirt.VIR_ERR_STORAGE_VOL_EXIST), (volume("foreign"), FAILED),
                               (volume("foreign", form="qcow2"), FAILED), (volume("b", form="qcow2", target=secret), 67),
                               (volume("b", form="nonsense"), 67), (volume("x/y"), INVALID),
                               (volume("b", form="qcow2", backing=("/nowhere", "raw")), libvirt.VIR_ERR_INTERNAL_ERROR)):
            self.assertEqual(self.refused(lambda d=document: pool.createXML(d))[0], code, document)
        self.assertEqual(sorted(os.listdir(self.folder_of())), ["a", "foreign"])
        self.assertEqual((self.folder_of() / "foreign").read_text(), "not ours")

    def test_permissions(self):
        pool = self.pool()
        vol = pool.createXML(volume("a", target="<permissions><mode>0640</mode></permissions>"))
        self.assertEqual(stat.S_IMODE(os.stat(vol.path()).st_mode), 0o640)
        self.assertEqual(ElementTree.fromstring(vol.XMLDesc()).findtext("target/permissions/mode"), "0640")

    def test_clones(self):
        pool, other = self.pool(), self.pool("other")
        source = pool.createXML(volume("a", 2 * MIB))
        self.upload(source, b"first" * 1000)
        copy = other.createXMLFrom(volume("copy", 0), source)
        self.assertEqual(self.download(copy), self.download(source))
        image = pool.createXMLFrom(volume("image", 4 * MIB, "qcow2"), source)
        self.assertEqual((image_info(image.path())["format"], image.info()[1]), ("qcow2", 4 * MIB))
        back = other.createXMLFrom(volume("back", 0), image)
        self.assertEqual(self.download(back, 0, 2 * MIB), self.download(source))
        self.assertEqual(self.refused(lambda: other.createXMLFrom(volume("back", 0), image))[0], libvirt.VIR_ERR_INTERNAL_ERROR)

    def test_resize(self):
        pool = self.pool()
        raw = pool.createXML(volume("a", 2 * MIB))
        raw.resize(4 * MIB)
        raw.resize(MIB, libvirt.VIR_STORAGE_VOL_RESIZE_DELTA)
        self.assertEqual(os.stat(raw.path()).st_size, 5 * MIB)
        self.assertEqual(self.refused(lambda: raw.resize(MIB))[0], libvirt.VIR_ERR_INVALID_ARG)
        raw.resize(MIB, libvirt.VIR_STORAGE_VOL_RESIZE_SHRINK)
        raw.resize(3 * MIB, libvirt.VIR_STORAGE_VOL_RESIZE_ALLOCATE)
        self.assertEqual(raw.info()[1:], [3 * MIB, 2 * MIB])
        image = pool.createXML(volume("b", 2 * MIB, "qcow2"))
        image.resize(3 * MIB)
        self.assertEqual((image.info()[1], image_info(image.path())["virtual-size"]), (3 * MIB, 3 * MIB))

    def test_wipe(self):
        pool = self.pool()
        vol = pool.createXML(volume("a", MIB, allocation=MIB))
        self.upload(vol, b"\xff" * MIB)
        vol.wipe()
        self.assertEqual(self.download(vol), bytes(MIB))
        for algorithm, codes in ((99, {libvirt.VIR_ERR_INVALID_ARG}), (libvirt.VIR_STORAGE_VOL_WIPE_ALG_TRIM, {libvirt.VIR_ERR_ARGUMENT_UNSUPPORTED})):
            self.assertIn(self.refused(lambda a=algorithm: vol.wipePattern(a))[0], codes)

    def test_look_ups(self):
        pool = self.pool()
        vol = pool.createXML(volume("a"))
        for found in (pool.storageVolLookupByName("a"), self.connection.storageVolLookupByPath(vol.path()),
                      self.connection.storageVolLookupByKey(vol.key())):
            self.assertEqual(found.name(), "a")
        self.assertEqual(vol.storagePoolLookupByVolume().UUIDString(), pool.UUIDString())
        self.assertEqual(self.connection.storagePoolLookupByTargetPath(str(self.folder_of())).name(), "pool")
        vol.delete()
        self.assertEqual(self.refused(vol.info)[0], libvirt.VIR_ERR_NO_STORAGE_VOL)

    def test_figures_follow_what_others_write(self):
        vol = self.pool().createXML(volume("a", 4 * MIB))
        self.assertEqual(vol.info()[2], 0)
        with open(vol.path(), "r+b") as file:
            file.write(b"x" * MIB)
            os.fsync(file.fileno())
        wait.until(lambda: vol.info()[2] >= MIB, "the volume's allocation to be looked at")


class Streams(Storage):
    def test_parts(self):
        vol = self.pool().createXML(volume("a", 4 * MIB))
        data = os.urandom(3 * MIB)
        self.upload(vol, data, 4096)
        self.assertEqual(self.download(vol, 4096, 3 * MIB), data)
        self.assertEqual(self.download(vol)[:4096], bytes(4096))
        self.upload(vol, b"end", 0, 3)
        self.assertEqual(self.download(vol, 0, 3), b"end")
        self.assertEqual(vol.info()[1], 4 * MIB)

    def test_more_than_was_said(self):
        vol = self.pool().createXML(volume("a", MIB))
        with self.assertRaises(libvirt.libvirtError) as caught:
            self.upload(vol, b"x" * 200_000, 0, 100_000)
        self.assertEqual(caught.exception.get_error_code(), libvirt.VIR_ERR_SYSTEM_ERROR)
        vol.delete()  # nobody uses it any more

    def test_holes(self):
        vol = self.pool().createXML(volume("a", 64 * MIB))
        self.upload(vol, b"begin")
        holes, data = [], bytearray()
        stream = self.connection.newStream()
        vol.download(stream, 0, 0, SPARSE_DOWN)
        stream.sparseRecvAll(lambda _s, piece, _o: data.extend(piece), lambda _s, length, _o: holes.append(length), None)
        stream.finish()
        self.assertEqual(len(data) + sum(holes), 64 * MIB)
        self.assertLess(len(data), MIB)
        self.assertTrue(data.startswith(b"begin"))
        other = self.connection.storagePoolLookupByName("pool").createXML(volume("b", 64 * MIB))
        with open(vol.path(), "rb") as source:
            stream = self.connection.newStream()
            other.upload(stream, 0, 0, SPARSE_UP)
            places = Files.holes(source.fileno())
            stream.sparseSendAll(lambda _s, count, _o: source.read(min(count, places.left())), lambda _s, _o: places.where(),
                                 lambda _s, length, _o: places.skip(length), None)
            stream.finish()
        self.assertEqual((os.stat(other.path()).st_size, os.stat(other.path()).st_blocks < 2048), (64 * MIB, True))
        self.assertEqual(self.download(other, 0, 5), b"begin")

    def test_aborted(self):
        vol = self.pool().createXML(volume("a", 64 * MIB))
        stream = self.connection.newStream()
        vol.download(stream, 0, 0)
        stream.recv(1000)
        self.assertEqual(self.refused(vol.delete)[0], INVALID)
        stream.abort()
        wait.until(lambda: self.gone(vol), "the volume to be free again")

    def gone(self, vol):
        try:
            vol.delete()
        except libvirt.libvirtError:
            return False
        return True


class Restarts(Storage):
    def test_everything_is_there_again(self):
        pool = self.pool()
        pool.createXML(volume("a"))
        self.connection.storagePoolDefineXML(self.document("idle"))
        self.connection.storagePoolCreateXML(self.document("transient"), libvirt.VIR_STORAGE_POOL_CREATE_WITH_BUILD)
        before = pool.UUIDString()
        connection = self.restart()
        facts = {one.name(): (one.isActive(), one.isPersistent()) for one in connection.listAllStoragePools()}
        self.assertEqual(facts, {"pool": (1, 1), "idle": (0, 1), "transient": (1, 0)})
        pool = connection.storagePoolLookupByName("pool")
        self.assertEqual((pool.UUIDString(), pool.listVolumes()), (before, ["a"]))

    def test_autostart_once_a_boot(self):
        self.pool().setAutostart(1)
        self.subject.reboot_host()
        self.subject.start()
        self.connection = self.connect()
        pool = self.connection.storagePoolLookupByName("pool")
        wait.until(pool.isActive, "the pool to be started")
        pool.destroy()
        self.assertEqual(self.restart("stop").storagePoolLookupByName("pool").isActive(), 0)

    def test_what_a_crash_cut_short_is_removed(self):
        self.pool()
        self.subject.kill()
        name = str(uuid.uuid4())
        part = self.folder_of() / f".polyvirt-{name}.part"
        part.write_bytes(b"half")
        records = self.subject.root / "root" / "var" / "lib" / "polyvirt" / "storage"
        making = records / "making"
        making.mkdir(parents=True)
        (making / name).write_text(f"pool=pool\ntype=dir\nfolder={self.folder_of()}\npath={part}\n\n")
        self.subject.start()
        wait.until(lambda: not part.exists() and not (making / name).exists(), "the file in the making to be removed")
        self.assertEqual(self.connect().storagePoolLookupByName("pool").listVolumes(), [])

    def test_killed_in_the_middle_of_a_clone(self):
        pool = self.pool()
        source = pool.createXML(volume("a", 256 * MIB))
        with open(source.path(), "r+b") as file:
            for _ in range(256):
                file.write(b"x" * MIB)
        thread = threading.Thread(target=self.refused_or_not, args=(lambda: pool.createXMLFrom(volume("copy", 0), source),))
        thread.start()
        wait.until(lambda: len(os.listdir(self.folder_of())) > 1, "the copy to begin")
        connection = self.restart()
        thread.join()
        copy = self.folder_of() / "copy"
        wait.until(lambda: not [name for name in os.listdir(self.folder_of()) if name.endswith(".part")], "the rest to be removed")
        self.assertTrue(not copy.exists() or copy.stat().st_size == 256 * MIB)
        pool = connection.storagePoolLookupByName("pool")
        pool.refresh()
        self.assertEqual(sorted(pool.listVolumes()), sorted(os.listdir(self.folder_of())))

    @staticmethod
    def refused_or_not(call):
        try:
            call()
        except libvirt.libvirtError:
            pass


@AS_ROOT
class Mounted(Storage):
    """In a mount namespace of the daemon's own."""

    def prepare(self):
        self.subject.configure("plugins:\n  storage:\n    deadline: 1s\n")
        self.subject.before = ["unshare", "-m", "--propagation", "private"]

    def inside(self, *command, **options):
        return subprocess.Popen(["nsenter", "-m", "-t", str(self.subject.pid), *map(str, command)], **options)

    def hang(self, folder):
        """From here on `folder` does not answer."""
        script = os.path.join(os.path.dirname(__file__), "harness", "stuck_files.py")
        server = self.inside("/usr/bin/python3", script, folder, stdout=subprocess.PIPE)
        self.addCleanup(lambda: (server.kill(), server.wait(), server.stdout.close()))
        if server.stdout.readline() != b"mounted\n":
            self.skipTest("no file systems of users' (FUSE) here")
        return server

    def test_pool_that_hangs_holds_up_nobody(self):
        stuck, well = self.pool("stuck"), self.pool("well")
        vol = stuck.createXML(volume("a"))
        well.createXML(volume("b"))
        server = self.hang(self.folder_of("stuck"))
        begun = time.monotonic()
        self.assertEqual(self.refused(stuck.refresh)[0], libvirt.VIR_ERR_OPERATION_TIMEOUT)
        self.assertLess(time.monotonic() - begun, 30)
        self.assert_logged("storage pool 'stuck' did not answer")
        begun = time.monotonic()
        took = []
        for _ in range(50):
            took.append(time.monotonic())
            self.assertEqual(stuck.info()[0], libvirt.VIR_STORAGE_POOL_DEGRADED)
            self.assertEqual(stuck.listVolumes(), ["a"])
            self.assertEqual(self.connection.storageVolLookupByPath(vol.path()).name(), "a")
            self.assertIn("<name>a</name>", vol.XMLDesc())
            self.connection.storagePoolLookupByUUIDString(stuck.UUIDString())
            self.assertEqual(well.info()[0], libvirt.VIR_STORAGE_POOL_RUNNING)
            took[-1] = time.monotonic() - took[-1]
        self.assertLess(statistics.median(took), 0.05)  # seven calls
        well.refresh()
        well.createXML(volume("c")).delete()
        self.assertLess(time.monotonic() - begun, 20)
        self.refused(vol.delete)
        self.refused(lambda: stuck.createXML(volume("d")))
        # It has left enough processes behind: it is asked no more.
        self.assertIn("does not answer", self.refused(stuck.refresh)[2])
        begun = time.monotonic()
        self.assertEqual(self.subject.stop(), 0)
        self.assertLess(time.monotonic() - begun, 30)
        server.kill()

    def test_pool_that_hangs_does_not_hold_up_the_start(self):
        self.pool("stuck"), self.pool("well").createXML(volume("b"))
        server = self.hang(self.folder_of("stuck"))
        self.subject.kill()
        self.subject.before = ["nsenter", "-m", "-t", str(server.pid)]
        begun = time.monotonic()
        self.subject.start()
        self.connection = self.connect()
        self.assertLess(time.monotonic() - begun, 30)
        pools = {pool.name(): pool for pool in self.connection.listAllStoragePools()}
        self.assertEqual(pools["well"].listVolumes(), ["b"])
        wait.until(lambda: pools["stuck"].info()[0] == libvirt.VIR_STORAGE_POOL_DEGRADED, "the pool to be degraded")
        server.kill()

    def test_pool_that_answers_again(self):
        stuck = self.pool("stuck")
        server = self.hang(self.folder_of("stuck"))
        self.refused(stuck.refresh)
        server.kill()
        server.wait()
        # Lazily: who waited for it may still be about to end. A refresh that found it dead would stop the pool.
        self.assertEqual(self.inside("umount", "-l", self.folder_of("stuck")).wait(), 0)
        wait.until(lambda: self.refreshed(stuck), "the pool to answer again")
        self.assertEqual(stuck.info()[0], libvirt.VIR_STORAGE_POOL_RUNNING)
        self.assert_logged("storage pool 'stuck' answers again")

    def refreshed(self, pool):
        try:
            pool.refresh()
        except libvirt.libvirtError:
            return False
        return True

    def test_file_system_of_the_pools_own(self):
        image = self.folder / "disk.img"
        with open(image, "wb") as file:
            file.truncate(64 * MIB)
        loop = subprocess.run(["losetup", "-f", "--show", image], capture_output=True, text=True, check=False)
        if loop.returncode != 0:
            self.skipTest(f"no loop device to be had: {loop.stderr.strip()}")
        device = loop.stdout.strip()
        self.addCleanup(subprocess.run, ["losetup", "-d", device], check=False)
        pool = self.connection.storagePoolDefineXML(
            f"<pool type='fs'><name>fs</name><source><device path='{device}'/><format type='ext4'/></source>"
            f"<target><path>{self.folder_of('fs')}</path></target></pool>")
        pool.build(libvirt.VIR_STORAGE_POOL_BUILD_NO_OVERWRITE)
        self.assertEqual(self.refused(lambda: pool.build(libvirt.VIR_STORAGE_POOL_BUILD_NO_OVERWRITE))[0], INVALID)
        pool.create()
        self.assertLess(pool.info()[1], 64 * MIB)
        pool.createXML(volume("a"))
        self.assertEqual(os.listdir(self.folder_of("fs")), [])  # it is mounted in the daemon's namespace alone
        pool.destroy()
        pool.create()
        self.assertEqual(pool.listVolumes(), ["a"])
        pool.destroy()


class Guests(Storage):
    """Guests with disks by pool and volume."""

    def document_of(self, guest, disks, serial):
        return f"""<domain type='qemu'><name>{guest.name}</name><uuid>{guest.uuid}</uuid><memory unit='MiB'>64</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='pc'>hvm</type><boot dev='hd'/></os><features><acpi/></features><devices>{disks}
<serial type='file'><source path='{serial}'/></serial></devices></domain>"""

    @staticmethod
    def disk(vol, form, target):
        return (f"<disk type='volume' device='disk'><driver name='qemu' type='{form}'/>"
                f"<source pool='pool' volume='{vol}'/><target dev='{target}' bus='virtio'/></disk>")

    def test_boots_from_a_volume_above_another_one(self):
        pool = self.pool()
        self.folder_of().chmod(0o755)
        base = pool.createXML(volume("base", MIB))
        self.upload(base, boot_image("HELLO-FROM-VOLUME"))
        top = pool.createXML(volume("top", MIB, "qcow2", backing=(base.path(), "raw")))
        pool.createXML(volume("more", MIB))
        paths = top.path(), base.path()
        guest, serial = self.new_guest(), self.folder / "serial"
        domain = self.connection.defineXML(self.document_of(guest, self.disk("top", "qcow2", "vda"), serial))
        domain.create()
        wait.until(lambda: serial.exists() and b"HELLO-FROM-VOLUME" in serial.read_bytes(), "the volume's greeting")
        domain.attachDeviceFlags(self.disk("more", "raw", "vdb"), libvirt.VIR_DOMAIN_AFFECT_LIVE)
        for _ in range(2):  # and after a restart
            sources = ElementTree.fromstring(domain.XMLDesc()).findall("devices/disk[@type='volume']/source")
            self.assertEqual([(s.get("pool"), s.get("volume"), s.get("file")) for s in sources], [("pool", "top", None), ("pool", "more", None)])
            self.assertEqual(domain.blockInfo("vda")[0], MIB)
            domain = self.restart().lookupByName(guest.name)
        domain.destroy()
        self.assertEqual(image_info(paths[0])["backing-filename"], paths[1])

    def test_volumes_that_are_not_there(self):
        guest = self.new_guest()
        domain = self.connection.defineXML(self.document_of(guest, self.disk("none", "raw", "vda"), self.folder / "serial"))
        self.assertEqual(self.refused(domain.create)[0], libvirt.VIR_ERR_NO_STORAGE_POOL)
        pool = self.pool()
        self.assertEqual(self.refused(domain.create)[0], libvirt.VIR_ERR_NO_STORAGE_VOL)
        pool.destroy()
        self.assertEqual(self.refused(domain.create)[0], 67)
