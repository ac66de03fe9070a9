# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Storage pools and volumes in the test driver, contents included."""

import io
import os

import libvirt

from harness import wait
from harness.objects import ObjectCase

KIB, MIB = 1 << 10, 1 << 20
POOL = "<pool type='dir'><name>pool</name><target><path>/pool</path></target></pool>"
FAULTY = """<pool type='dir' xmlns:fault='http://polyvirt.org/schemas/fault/1.0'><name>faulty</name>
<target><path>/faulty</path></target>
<fault:faults><fault:error op='volume.create_xml' code='38' message='disk on fire'/>
<fault:error op='pool.refresh' times='1' message='not now'/></fault:faults></pool>"""


def volume(name="vol", capacity=4 * MIB, more=""):
    return f"<volume><name>{name}</name><capacity>{capacity}</capacity><allocation>0</allocation>{more}</volume>"


class Pools(ObjectCase):
    def test_life_and_its_events(self):
        heard = []
        self.connection.storagePoolEventRegisterAny(None, libvirt.VIR_STORAGE_POOL_EVENT_ID_LIFECYCLE,
                                                    lambda c, p, event, detail, _: heard.append(event), None)
        refreshed = []
        self.connection.storagePoolEventRegisterAny(None, libvirt.VIR_STORAGE_POOL_EVENT_ID_REFRESH,
                                                    lambda c, p, _: refreshed.append(p.name()), None)
        pool = self.connection.storagePoolDefineXML(POOL)
        pool.build()
        pool.create()
        pool.setAutostart(1)
        self.assertEqual((pool.isActive(), pool.isPersistent(), pool.autostart()), (1, 1, 1))
        pool.refresh()
        self.assertEqual(pool.info(), [libvirt.VIR_STORAGE_POOL_RUNNING, 100 << 30, 0, 100 << 30])
        self.assertEqual(self.refusal(pool.undefine), (libvirt.VIR_ERR_OPERATION_INVALID,
                                                       "Requested operation is not valid: storage pool 'pool' is active"))
        pool.destroy()
        self.assertEqual(self.refusal(pool.refresh)[1], "Requested operation is not valid: storage pool 'pool' is not active")
        pool.delete()
        pool.undefine()
        self.assertEqual(self.refusal(lambda: pool.XMLDesc())[0], libvirt.VIR_ERR_NO_STORAGE_POOL)
        transient = self.connection.storagePoolCreateXML(POOL)
        self.assertEqual(self.refusal(lambda: transient.setAutostart(1))[0], libvirt.VIR_ERR_INVALID_ARG)
        transient.destroy()
        self.expect(refreshed, "pool")
        self.expect(heard, 0, 4, 2, 3, 5, 1, 2, 3)

    def test_define_dump_define_is_the_identity(self):
        first = self.connection.storagePoolDefineXML(POOL).XMLDesc()
        self.assertEqual(self.connection.storagePoolDefineXML(first).XMLDesc(), first)

    def test_look_ups(self):
        pool = self.connection.storagePoolCreateXML(POOL)
        self.assertEqual(self.connection.storagePoolLookupByTargetPath("/pool").name(), "pool")
        vol = pool.createXML(volume())
        self.assertEqual(vol.storagePoolLookupByVolume().name(), "pool")
        self.assertEqual(self.connection.storageVolLookupByPath("/pool/vol").key(), "/pool/vol")
        self.assertEqual([v.name() for v in pool.listAllVolumes()], ["vol"])

    def test_sources_and_capabilities(self):
        self.assertIn("testvg1", self.connection.findStoragePoolSources("logical", None))
        self.assertIn("/testshare", self.connection.findStoragePoolSources("netfs", "<source><host name='h'/></source>"))
        self.assertEqual(self.refusal(lambda: self.connection.findStoragePoolSources("netfs", None))[0], libvirt.VIR_ERR_INVALID_ARG)
        self.assertEqual(self.refusal(lambda: self.connection.findStoragePoolSources("rbd", None))[0], libvirt.VIR_ERR_NO_SUPPORT)
        self.assertIn("<pool type='vstorage' supported='yes'>", self.connection.getStoragePoolCapabilities())

    def test_declared_faults_come_true(self):
        pool = self.connection.storagePoolCreateXML(FAULTY)
        self.assertIn("disk on fire", self.refusal(lambda: pool.createXML(volume()))[1])
        self.assertIn("not now", self.refusal(pool.refresh)[1])
        pool.refresh()
        self.assertIn("fault:error", pool.XMLDesc())


class Volumes(ObjectCase):
    def setUp(self):
        super().setUp()
        self.pool = self.connection.storagePoolCreateXML(POOL)

    def put(self, vol, data, offset=0):
        stream = self.connection.newStream()
        vol.upload(stream, offset, len(data))
        stream.sendAll(lambda _s, n, source: source.read(n), io.BytesIO(data))
        stream.finish()

    def get(self, vol, offset=0, length=0):
        stream = self.connection.newStream()
        vol.download(stream, offset, length)
        got = bytearray()
        stream.recvAll(lambda _s, part, _o: got.extend(part), None)
        stream.finish()
        return bytes(got)

    def deleted(self, vol):
        try:
            return vol.delete() == 0
        except libvirt.libvirtError:
            return False

    def test_life(self):
        vol = self.pool.createXML(volume(more="<target><format type='qcow2'/></target>"))
        self.assertEqual(vol.info(), [libvirt.VIR_STORAGE_VOL_FILE, 4 * MIB, 0])
        self.assertEqual(vol.infoFlags(libvirt.VIR_STORAGE_VOL_GET_PHYSICAL), [libvirt.VIR_STORAGE_VOL_FILE, 4 * MIB, 0])
        self.assertEqual((vol.path(), vol.key()), ("/pool/vol", "/pool/vol"))
        self.assertIn("<format type='qcow2'/>", vol.XMLDesc())
        self.assertEqual(self.refusal(lambda: self.pool.createXML(volume()))[0], libvirt.VIR_ERR_STORAGE_VOL_EXIST)
        vol.delete()
        self.assertEqual(self.refusal(lambda: vol.info())[0], libvirt.VIR_ERR_NO_STORAGE_VOL)

    def test_contents_come_back(self):
        vol = self.pool.createXML(volume())
        data = os.urandom(700_001)
        self.put(vol, data)
        self.assertEqual(self.get(vol, 0, len(data)), data)
        self.put(vol, b"middle", 100)
        self.assertEqual(self.get(vol, 98, 10), data[98:100] + b"middle" + data[106:108])
        self.assertEqual(len(self.get(vol)), 4 * MIB)
        vol.wipe()
        self.assertEqual(self.get(vol, 0, 64 * KIB), bytes(64 * KIB))
        vol.wipePattern(libvirt.VIR_STORAGE_VOL_WIPE_ALG_RANDOM)
        self.assertEqual(self.refusal(lambda: vol.wipePattern(77))[0], libvirt.VIR_ERR_INVALID_ARG)

    def test_holes_stay_holes(self):
        self.pool.createXML(volume())
        path = self.folder / "data"
        with open(path, "wb") as file:
            file.write(b"a" * 4096)
            file.seek(2 * MIB)
            file.write(b"b" * 4096)
            file.truncate(4 * MIB)
        self.virsh("vol-upload", "--sparse", "--pool", "pool", "vol", str(path))
        vol = self.pool.storageVolLookupByName("vol")
        self.assertLess(vol.infoFlags(libvirt.VIR_STORAGE_VOL_GET_PHYSICAL)[2], MIB)
        back = self.folder / "back"
        self.virsh("vol-download", "--sparse", "--pool", "pool", "vol", str(back))
        self.assertEqual(back.read_bytes(), path.read_bytes())
        self.assertLess(back.stat().st_blocks * 512, 3 * MIB)

    def test_a_volume_takes_no_more_than_it_has_room_for(self):
        vol = self.pool.createXML(volume(capacity=MIB))
        path = self.folder / "data"
        path.write_bytes(b"x" * 2 * MIB)
        self.assertIn("are more than the", self.virsh_fails("vol-upload", "--pool", "pool", "vol", str(path)))
        self.assertEqual(self.refusal(lambda: vol.download(self.connection.newStream(), 2 * MIB, 0))[0], libvirt.VIR_ERR_INVALID_ARG)
        wait.until(lambda: self.deleted(vol), "the volume given back by the broken upload")

    def test_memory_for_contents_has_a_bound(self):
        self.pool.createXML(volume(capacity=1 << 40))
        path = self.folder / "data"
        with open(path, "wb") as file:
            for _ in range(300):
                file.write(b"\1" * MIB)
        self.assertIn("no space left", self.virsh_fails("vol-upload", "--pool", "pool", "vol", str(path)))

    def test_copies_have_the_same_contents(self):
        vol = self.pool.createXML(volume())
        self.put(vol, b"first")
        copy = self.pool.createXMLFrom(volume("copy"), vol, 0)
        self.put(vol, b"after")
        self.assertEqual(self.get(copy, 0, 5), b"first")
        self.assertEqual(self.get(vol, 0, 5), b"after")

    def test_resize(self):
        vol = self.pool.createXML(volume())
        vol.resize(8 * MIB)
        vol.resize(MIB, libvirt.VIR_STORAGE_VOL_RESIZE_DELTA)
        self.assertEqual(vol.info()[1], 9 * MIB)
        code, message = self.refusal(lambda: vol.resize(MIB))
        self.assertEqual(code, libvirt.VIR_ERR_INVALID_ARG)
        self.assertIn("Can't shrink capacity below current capacity", message)
        self.put(vol, b"x" * 10)
        vol.resize(5, libvirt.VIR_STORAGE_VOL_RESIZE_SHRINK)
        vol.resize(10)
        self.assertEqual(self.get(vol), b"xxxxx" + bytes(5))
        vol.resize(MIB, libvirt.VIR_STORAGE_VOL_RESIZE_ALLOCATE)
        self.assertEqual(self.pool.info()[2], MIB)

    def test_volumes_are_seen_while_their_pool_is_active(self):
        pool = self.connection.storagePoolDefineXML("<pool type='dir'><name>kept</name><target><path>/kept</path></target></pool>")
        pool.create()
        vol = pool.createXML(volume())
        self.put(vol, b"kept")
        pool.destroy()
        self.assertEqual(self.refusal(lambda: pool.createXML(volume("other")))[0], libvirt.VIR_ERR_OPERATION_INVALID)
        pool.create()
        self.assertEqual(self.get(pool.storageVolLookupByName("vol"), 0, 4), b"kept")
