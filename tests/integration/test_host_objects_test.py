# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Node devices, interfaces, secrets and filters in the test driver."""

import threading

import libvirt

from harness import settings
from harness.objects import ObjectCase
from rawclient import RawClient
import wire

HBA = """<device><parent>scsi_host1</parent><capability type='scsi_host'><capability type='fc_host'>
<wwnn>2000000012341235</wwnn><wwpn>1000000012341235</wwpn></capability></capability></device>"""
MDEV = """<device><parent>computer</parent><capability type='mdev'><type id='t1'/>
<uuid>3627463d-b7f0-4fea-b468-f1da537d301b</uuid><attr name='a' value='1'/></capability></device>"""
PCI_HOST = """<node><device><name>pci_0000_00_02_0</name><capability type='pci'><domain>0</domain><bus>0</bus><slot>2</slot>
<function>0</function></capability></device></node>"""
SECRET = """<secret ephemeral='no' private='no'><uuid>aa6c7af2-45a7-477c-85a2-fe86d9f2514e</uuid>
<usage type='ceph'><name>client.x</name></usage></secret>"""
FILTER = "<filter name='{0}'><rule action='drop' direction='in'><tcp dstportstart='22'/></rule>{1}</filter>"
BINDING = """<filterbinding><owner><name>g</name><uuid>d54df46f-1ab5-4a22-8618-4560ef5fac2c</uuid></owner><portdev name='vnet0'/>
<mac address='52:54:00:7b:35:93'/><filterref filter='clean'/></filterbinding>"""


def at_once(clients, call):
    """call(client, number) on a thread for each client, begun together; the error codes, 0 for success."""
    begin, outcomes = threading.Barrier(len(clients)), [None] * len(clients)

    def run(number):
        begin.wait()
        try:
            call(clients[number], number)
            outcomes[number] = 0
        except libvirt.libvirtError as error:
            outcomes[number] = error.get_error_code()
    threads = [threading.Thread(target=run, args=(number,), daemon=True) for number in range(len(clients))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


class Devices(ObjectCase):
    def listen(self, kind=libvirt.VIR_NODE_DEVICE_EVENT_ID_LIFECYCLE):
        heard = []
        if kind == libvirt.VIR_NODE_DEVICE_EVENT_ID_UPDATE:
            self.connection.nodeDeviceEventRegisterAny(None, kind, lambda c, d, _: heard.append(d.name()), None)
        else:
            self.connection.nodeDeviceEventRegisterAny(None, kind, lambda c, d, event, detail, _: heard.append((d.name(), event)), None)
        return heard

    def test_the_default_devices(self):
        names = sorted(d.name() for d in self.connection.listAllDevices())
        self.assertEqual(names, ["computer", "scsi_host1", "scsi_host11", "scsi_host2"])
        device = self.connection.nodeDeviceLookupByName("scsi_host11")
        self.assertEqual((device.parent(), device.listCaps()), ("scsi_host1", ["scsi_host", "fc_host"]))
        self.assertEqual(self.connection.nodeDeviceLookupSCSIHostByWWN("2000000034563456", "1000000034563456").name(), "scsi_host11")
        self.assertIn("scsi_host2", self.virsh("nodedev-list", "--tree"))
        self.assertEqual(self.virsh("nodedev-list", "--cap", "system"), "computer")

    def test_a_virtual_adapter(self):
        heard = self.listen()
        device = self.connection.nodeDeviceCreateXML(HBA)
        self.assertEqual(device.name(), "scsi_host12")
        self.assertIn("<fabric_wwn>2000000043214321</fabric_wwn>", device.XMLDesc())
        device.destroy()
        self.expect(heard, ("scsi_host12", 0), ("scsi_host12", 1))
        self.assertEqual(self.refusal(lambda: device.XMLDesc())[0], libvirt.VIR_ERR_NO_NODE_DEVICE)
        code, message = self.refusal(lambda: self.connection.nodeDeviceCreateXML(HBA.replace("scsi_host1<", "scsi_host99<")))
        self.assertIn("Could not find parent device for 'scsi_host99'", message)

    def test_a_mediated_device(self):
        heard = self.listen()
        updated = self.listen(libvirt.VIR_NODE_DEVICE_EVENT_ID_UPDATE)
        device = self.connection.nodeDeviceDefineXML(MDEV)
        name = "mdev_3627463d_b7f0_4fea_b468_f1da537d301b_computer"
        self.assertEqual((device.name(), device.isActive(), device.isPersistent()), (name, 0, 1))
        device.create()
        device.setAutostart(1)
        self.assertEqual((device.isActive(), device.autostart()), (1, 1))
        client = RawClient(self.subject.socket(), wire.Tables(settings.TABLES), settings.PATIENCE)
        self.addCleanup(client.close)
        client.open("test:///default")
        client.call("node_device_update", name=name, xml_desc=MDEV.replace("value='1'", "value='2'"), flags=0)
        self.assertIn("value='2'", device.XMLDesc())
        device.undefine()
        self.assertEqual(device.isPersistent(), 0)
        device.destroy()
        self.expect(heard, (name, 2), (name, 0), (name, 3), (name, 1))
        self.expect(updated, name)

    def test_a_pci_device_is_lent(self):
        path = self.file("host.xml", PCI_HOST)
        connection = libvirt.open(f"test+unix://{path}?socket={self.subject.socket()}")
        self.addCleanup(connection.close)
        device = connection.nodeDeviceLookupByName("pci_0000_00_02_0")
        self.assertEqual(self.refusal(device.reset)[0], libvirt.VIR_ERR_OPERATION_INVALID)
        device.dettach()
        self.assertIn("vfio-pci", device.XMLDesc())
        device.reset()
        device.reAttach()
        self.assertNotIn("vfio-pci", device.XMLDesc())
        device.detachFlags("vfio")
        self.assertEqual(self.refusal(lambda: device.detachFlags("x"))[0], libvirt.VIR_ERR_INVALID_ARG)


class Interfaces(ObjectCase):
    XML = "<interface type='ethernet' name='eth9'><start mode='none'/><mac address='aa:bb:cc:dd:ee:09'/></interface>"

    def test_life(self):
        interface = self.connection.interfaceDefineXML(self.XML)
        self.assertEqual((interface.isActive(), interface.MACString()), (0, "aa:bb:cc:dd:ee:09"))
        interface.create()
        self.assertEqual(self.refusal(interface.create)[0], libvirt.VIR_ERR_OPERATION_INVALID)
        self.assertEqual(self.connection.interfaceLookupByMACString("aa:bb:cc:dd:ee:09").name(), "eth9")
        interface.destroy()
        self.assertIn("eth9", interface.XMLDesc())
        interface.undefine()
        self.assertEqual([i.name() for i in self.connection.listAllInterfaces()], ["eth1"])

    def test_changes_are_taken_back(self):
        self.connection.changeBegin()
        self.connection.interfaceDefineXML(self.XML)
        self.connection.interfaceLookupByName("eth1").undefine()
        self.connection.changeRollback()
        left = [(i.name(), i.isActive()) for i in self.connection.listAllInterfaces()]
        self.assertEqual(left, [("eth1", 1)])
        self.assertEqual(self.refusal(self.connection.changeRollback)[0], libvirt.VIR_ERR_OPERATION_INVALID)
        self.connection.changeBegin()
        self.connection.interfaceDefineXML(self.XML)
        self.connection.changeCommit()
        self.assertEqual(len(self.connection.listAllInterfaces()), 2)


class Secrets(ObjectCase):
    def test_life_and_its_events(self):
        heard, changed = [], []
        self.connection.secretEventRegisterAny(None, libvirt.VIR_SECRET_EVENT_ID_LIFECYCLE,
                                               lambda c, s, event, detail, _: heard.append((s.usageID(), event)), None)
        self.connection.secretEventRegisterAny(None, libvirt.VIR_SECRET_EVENT_ID_VALUE_CHANGED,
                                               lambda c, s, _: changed.append(s.usageID()), None)
        secret = self.connection.secretDefineXML(SECRET)
        self.assertEqual(self.refusal(secret.value)[0], libvirt.VIR_ERR_NO_SECRET)
        secret.setValue(b"top\0secret")
        self.assertEqual(secret.value(), b"top\0secret")
        again = self.connection.secretLookupByUsage(libvirt.VIR_SECRET_USAGE_TYPE_CEPH, "client.x")
        self.assertEqual(again.UUIDString(), secret.UUIDString())
        self.assertIn("client.x", secret.XMLDesc())
        self.assertNotIn("top", secret.XMLDesc())
        secret.undefine()
        self.assertEqual(self.connection.listAllSecrets(), [])
        self.expect(heard, ("client.x", 0), ("client.x", 1))
        self.expect(changed, "client.x")

    def test_private_values_are_not_told(self):
        secret = self.connection.secretDefineXML(SECRET.replace("private='no'", "private='yes'"))
        secret.setValue(b"x")
        self.assertEqual(self.refusal(secret.value), (libvirt.VIR_ERR_INVALID_SECRET, "Invalid secret: secret is private"))
        self.assertEqual(self.refusal(lambda: self.connection.secretDefineXML(SECRET))[0], libvirt.VIR_ERR_OPERATION_DENIED)

    def test_one_use_has_one_secret(self):
        self.connection.secretDefineXML(SECRET)
        other = SECRET.replace("aa6c7af2", "bb6c7af2")
        self.assertIn("already defined for use with client.x", self.refusal(lambda: self.connection.secretDefineXML(other))[1])


    def test_of_many_that_want_one_use_one_gets_it(self):
        """Secrets of one use, defined by eight clients at once: whichever comes first, there is one."""
        clients = [self.connect() for _ in range(8)]
        for round_ in range(10):
            outcomes = at_once(clients, lambda c, i: c.secretDefineXML(
                SECRET.replace("aa6c7af2", f"{round_:04x}{i:04x}").replace("client.x", f"use{round_}")))
            self.assertEqual(sorted(outcomes), [0] + [libvirt.VIR_ERR_OPERATION_FAILED] * 7)
        self.assertEqual(sorted(s.usageID() for s in self.connection.listAllSecrets()), sorted(f"use{n}" for n in range(10)))


class Filters(ObjectCase):
    def test_life(self):
        clean = self.connection.nwfilterDefineXML(FILTER.format("clean", ""))
        self.connection.nwfilterDefineXMLFlags(FILTER.format("more", "<filterref filter='clean'/>"), 0)
        self.assertIn("dstportstart='22'", clean.XMLDesc())
        self.assertEqual([f.name() for f in self.connection.listAllNWFilters()], ["clean", "more"])
        self.assertIn("nwfilter is in use", self.refusal(clean.undefine)[1])
        code, message = self.refusal(lambda: self.connection.nwfilterDefineXML(
            clean.XMLDesc().replace("</filter>", "<filterref filter='more'/></filter>")))
        self.assertIn("filter would introduce a loop", message)
        self.connection.nwfilterLookupByName("more").undefine()
        clean.undefine()
        self.assertEqual(self.connection.listAllNWFilters(), [])

    def test_two_that_would_close_a_circle_at_once(self):
        """Each of two changes is right alone; of both, one is refused, whichever comes second."""
        clients = [self.connect() for _ in range(2)]
        for round_ in range(10):
            made = [self.connection.nwfilterDefineXML(FILTER.format(f"{side}{round_}", "")) for side in "ab"]
            changes = [made[i].XMLDesc().replace("</filter>", f"<filterref filter='{'ba'[i]}{round_}'/></filter>") for i in range(2)]
            outcomes = at_once(clients, lambda c, i, changes=changes: c.nwfilterDefineXML(changes[i]))
            self.assertEqual(sorted(outcomes), [0, libvirt.VIR_ERR_OPERATION_FAILED])

    def test_a_filter_that_is_bound_while_it_is_undefined(self):
        """Either it is bound and stays, or it is gone and the binding is refused."""
        clients = [self.connect() for _ in range(2)]
        for _ in range(10):
            clean = self.connection.nwfilterDefineXML(FILTER.format("clean", ""))
            outcomes = at_once(clients, lambda c, i, clean=clean: c.nwfilterBindingCreateXML(BINDING) if i else
                               c.nwfilterLookupByName("clean").undefine())
            bindings, filters = self.connection.listAllNWFilterBindings(), self.connection.listAllNWFilters()
            self.assertEqual((outcomes[0] == 0, outcomes[1] == 0), (not filters, bool(bindings)))
            self.assertNotEqual(bool(filters), outcomes[0] == 0)
            self.assertLessEqual(len(bindings), len(filters))
            for thing in bindings:
                thing.delete()
            for thing in filters:
                thing.undefine()

    def test_bindings(self):
        self.assertIn("referenced filter 'clean' is missing", self.refusal(lambda: self.connection.nwfilterBindingCreateXML(BINDING))[1])
        clean = self.connection.nwfilterDefineXML(FILTER.format("clean", ""))
        binding = self.connection.nwfilterBindingCreateXML(BINDING)
        self.assertEqual((binding.portDev(), binding.filterName()), ("vnet0", "clean"))
        self.assertIn("<portdev name='vnet0'/>", binding.XMLDesc())
        self.assertIn("nwfilter is in use", self.refusal(clean.undefine)[1])
        self.assertEqual(self.refusal(lambda: self.connection.nwfilterBindingCreateXML(BINDING))[0], libvirt.VIR_ERR_OPERATION_FAILED)
        binding.delete()
        self.assertEqual(self.connection.listAllNWFilterBindings(), [])
        clean.undefine()
