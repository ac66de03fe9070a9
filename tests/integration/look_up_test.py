# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Look-ups of every kind by whatever clients know an object by, and what is said of objects that are
not there. The refusals were recorded from the peer and are checked against it too."""

import uuid

import libvirt

from harness import settings
from harness.python_client import PythonCase
from harness.sample import (ACTIVE, AUTOSTART, AUTOSTART_ONCE, CURRENT, MANAGED_SAVE, METADATA,
                            PERSISTENT, UPDATED, Sample, SampleCase)

UUID = "11111111-2222-3333-4444-555555555555"
BYTES = uuid.UUID(UUID).bytes
MATCHING_UUID = f"with matching uuid '{UUID}'"


class Refusals(PythonCase):
    """Nothing is there. Runs against the peer as well."""

    def make_subject(self):
        if settings.SUBJECT == "peer":
            return super().make_subject()
        return Sample(self.folder, self.running_log)

    def setUp(self):
        super().setUp()
        self.peer = settings.SUBJECT == "peer"
        self.own = libvirt.VIR_FROM_QEMU if self.peer else libvirt.VIR_FROM_TEST

    def check(self, call, code, domain, message):
        self.assertEqual(self.refused(call), (code, domain, message))

    def test_domains(self):
        c, code = self.connect(), libvirt.VIR_ERR_NO_DOMAIN
        for call, text in ((lambda: c.lookupByID(77), "with matching id 77"),
                           (lambda: c.lookupByName("nix"), "with matching name 'nix'"),
                           (lambda: c.lookupByUUID(BYTES), MATCHING_UUID)):
            self.check(call, code, self.own, f"Domain not found: no domain {text}")

    def test_networks(self):
        c, code, domain = self.connect(), libvirt.VIR_ERR_NO_NETWORK, libvirt.VIR_FROM_NETWORK
        self.check(lambda: c.networkLookupByName("nix"), code, domain,
                   "Network not found: no network with matching name 'nix'")
        self.check(lambda: c.networkLookupByUUID(BYTES), code, domain,
                   f"Network not found: no network {MATCHING_UUID}")

    def test_pools(self):
        c, code, domain = self.connect(), libvirt.VIR_ERR_NO_STORAGE_POOL, libvirt.VIR_FROM_STORAGE
        for call, text in (
                (lambda: c.storagePoolLookupByName("nix"), "with matching name 'nix'"),
                (lambda: c.storagePoolLookupByUUID(BYTES), MATCHING_UUID),
                (lambda: c.storagePoolLookupByTargetPath("/nix"), "with matching target path '/nix'"),
                (lambda: c.storagePoolLookupByTargetPath("/nix//x"),
                 "with matching target path '/nix//x' (/nix/x)")):
            self.check(call, code, domain, f"Storage pool not found: no storage pool {text}")

    def test_volumes(self):
        c, code, domain = self.connect(), libvirt.VIR_ERR_NO_STORAGE_VOL, libvirt.VIR_FROM_STORAGE
        for call, text in (
                (lambda: c.storageVolLookupByKey("nix"), "with matching key nix"),
                (lambda: c.storageVolLookupByPath("/nix/x"), "with matching path '/nix/x'"),
                (lambda: c.storageVolLookupByPath("/nix//x"), "with matching path '/nix//x' (/nix/x)")):
            self.check(call, code, domain, f"Storage volume not found: no storage vol {text}")

    def test_interfaces(self):
        c, code, domain = self.connect(), libvirt.VIR_ERR_NO_INTERFACE, libvirt.VIR_FROM_INTERFACE
        self.check(lambda: c.interfaceLookupByName("nix"), code, domain,
                   "Interface not found: couldn't find interface named 'nix'")
        self.check(lambda: c.interfaceLookupByMACString("00:11:22:33:44:55"), code, domain,
                   "Interface not found: couldn't find interface with MAC address '00:11:22:33:44:55'")

    def test_node_devices(self):
        c, domain = self.connect(), libvirt.VIR_FROM_NODEDEV
        self.check(lambda: c.nodeDeviceLookupByName("nix"), libvirt.VIR_ERR_NO_NODE_DEVICE, domain,
                   "Node device not found: no node device with matching name 'nix'")
        self.check(lambda: c.nodeDeviceLookupSCSIHostByWWN("20", "21", 4), libvirt.VIR_ERR_INVALID_ARG,
                   domain, "unsupported flags (0x4) in function nodeDeviceLookupSCSIHostByWWN")
        self.check(lambda: c.numOfDevices("net", 1), libvirt.VIR_ERR_INVALID_ARG, domain,
                   "unsupported flags (0x1) in function nodeNumOfDevices")
        self.assertEqual(c.listDevices("nix"), [])

    def test_scsi_host_by_names(self):
        if settings.SUBJECT == "peer":
            self.skipTest("the peer says: An error occurred, but the cause is unknown")
        c = self.connect()
        self.check(lambda: c.nodeDeviceLookupSCSIHostByWWN("20", "21"), libvirt.VIR_ERR_NO_NODE_DEVICE,
                   libvirt.VIR_FROM_NODEDEV,
                   "Node device not found: no SCSI host with wwnn '20' and wwpn '21'")

    def test_filters(self):
        c, code, domain = self.connect(), libvirt.VIR_ERR_NO_NWFILTER, libvirt.VIR_FROM_NWFILTER
        self.check(lambda: c.nwfilterLookupByName("nix"), code, domain,
                   "Network filter not found: no nwfilter with matching name 'nix'")
        self.check(lambda: c.nwfilterLookupByUUID(BYTES), code, domain,
                   f"Network filter not found: no nwfilter {MATCHING_UUID}")
        self.check(lambda: c.nwfilterBindingLookupByPortDev("vnet9"),
                   libvirt.VIR_ERR_NO_NWFILTER_BINDING, domain,
                   "Network filter binding not found: no nwfilter binding for port dev 'vnet9'")

    def test_secrets(self):
        c, code, domain = self.connect(), libvirt.VIR_ERR_NO_SECRET, libvirt.VIR_FROM_SECRET
        self.check(lambda: c.secretLookupByUUID(BYTES), code, domain,
                   f"Secret not found: no secret {MATCHING_UUID}")
        self.check(lambda: c.secretLookupByUsage(1, "nix"), code, domain,
                   "Secret not found: no secret with matching usage 'nix'")

    def test_flags_of_lists(self):
        c = self.connect()
        name = "qemu" if self.peer else "sample"
        for call, domain, function in (
                (c.listAllDomains, self.own, f"{name}ConnectListAllDomains"),
                (c.listAllNetworks, libvirt.VIR_FROM_NETWORK, "networkConnectListAllNetworks"),
                (c.listAllStoragePools, libvirt.VIR_FROM_STORAGE, "storageConnectListAllStoragePools"),
                (c.listAllDevices, libvirt.VIR_FROM_NODEDEV, "nodeConnectListAllNodeDevices"),
                (c.listAllInterfaces, libvirt.VIR_FROM_INTERFACE, "udevConnectListAllInterfaces"),
                (c.listAllSecrets, libvirt.VIR_FROM_SECRET, "secretConnectListAllSecrets"),
                (c.listAllNWFilters, libvirt.VIR_FROM_NWFILTER, "nwfilterConnectListAllNWFilters"),
                (c.listAllNWFilterBindings, libvirt.VIR_FROM_NWFILTER,
                 "nwfilterConnectListAllNWFilterBindings")):
            self.check(lambda: call(1 << 27), libvirt.VIR_ERR_INVALID_ARG, domain,
                       f"unsupported flags (0x8000000) in function {function}")


class LookUps(SampleCase):
    def test_domains(self):
        self.publish("domain", "vm", uuid=UUID, id=9, state=1, reason=2,
                     attrs=ACTIVE | PERSISTENT | AUTOSTART | MANAGED_SAVE | AUTOSTART_ONCE)
        for found in (self.connection.lookupByName("vm"), self.connection.lookupByID(9),
                      self.connection.lookupByUUIDString(UUID)):
            self.assertEqual((found.name(), found.UUIDString(), found.ID()), ("vm", UUID, 9))
        self.assertEqual(found.state(), [1, 2])
        self.assertEqual([found.isActive(), found.isPersistent(), found.isUpdated(),
                          found.autostart(), found.hasManagedSaveImage()], [1, 1, 0, 1, 1])
        self.assertEqual(self.refused(lambda: found.state(1)),
                         (libvirt.VIR_ERR_INVALID_ARG, libvirt.VIR_FROM_TEST,
                          "unsupported flags (0x1) in function sampleDomainGetState"))

    def test_domain_follows_its_updates(self):
        handle = self.publish("domain", "vm", uuid=UUID, id=-1, state=5, attrs=PERSISTENT)
        vm = self.connection.lookupByName("vm")
        self.tell({"do": "update", "handle": handle, "id": 3, "state": 1, "attrs": ACTIVE | UPDATED,
                   "mask": ACTIVE | UPDATED, "name": "other"})
        self.assertEqual([vm.isActive(), vm.isPersistent(), vm.isUpdated()], [1, 1, 1])
        self.assertEqual(self.connection.lookupByID(3).name(), "other")
        self.assertEqual(self.refused(lambda: self.connection.lookupByName("vm"))[0],
                         libvirt.VIR_ERR_NO_DOMAIN)
        self.tell({"do": "retire", "handles": [handle]})
        self.assertEqual(self.refused(vm.isActive),
                         (libvirt.VIR_ERR_NO_DOMAIN, libvirt.VIR_FROM_TEST,
                          f"Domain not found: no domain {MATCHING_UUID} (vm)"))

    def test_networks_and_their_ports(self):
        net = self.publish("network", "net", uuid=UUID, attrs=ACTIVE | AUTOSTART)
        port = "11111111-0000-4000-8000-000000000001"
        self.publish("network_port", port, parent=net, uuid=port)
        for found in (self.connection.networkLookupByName("net"),
                      self.connection.networkLookupByUUIDString(UUID)):
            self.assertEqual((found.name(), found.UUIDString()), ("net", UUID))
        self.assertEqual([found.isActive(), found.isPersistent(), found.autostart()], [1, 0, 1])
        self.assertEqual(found.portLookupByUUIDString(port).UUIDString(), port)
        self.assertEqual(self.refused(lambda: found.portLookupByUUIDString(UUID)),
                         (libvirt.VIR_ERR_NO_NETWORK_PORT, libvirt.VIR_FROM_NETWORK,
                          f"network port not found: Network port with UUID {UUID} does not exist"))
        other = self.publish("network", "other", attrs=ACTIVE)
        self.assertTrue(other)
        self.assertEqual(self.refused(lambda: self.connection.networkLookupByName("other")
                                      .portLookupByUUIDString(port))[0], libvirt.VIR_ERR_NO_NETWORK_PORT)

    def test_pools_and_their_volumes(self):
        handle = self.publish("pool", "pool", uuid=UUID, attrs=ACTIVE | PERSISTENT,
                              keys=[["type", "dir"], ["target-path", "/srv/pool"]])
        self.publish("volume", "v.img", parent=handle, keys=[["key", "k1"], ["path", "/srv/pool/v.img"]])
        c = self.connection
        for found in (c.storagePoolLookupByName("pool"), c.storagePoolLookupByUUIDString(UUID),
                      c.storagePoolLookupByTargetPath("/srv//pool/")):
            self.assertEqual((found.name(), found.UUIDString()), ("pool", UUID))
        self.assertEqual([found.isActive(), found.isPersistent(), found.autostart()], [1, 1, 0])
        for volume in (found.storageVolLookupByName("v.img"), c.storageVolLookupByKey("k1"),
                       c.storageVolLookupByPath("/srv/pool//v.img")):
            self.assertEqual((volume.name(), volume.key(), volume.path()), ("v.img", "k1", "/srv/pool/v.img"))
        self.assertEqual(volume.storagePoolLookupByVolume().name(), "pool")
        self.tell({"do": "update", "handle": handle, "attrs": PERSISTENT})
        for call in (lambda: c.storageVolLookupByKey("k1"),
                     lambda: c.storageVolLookupByPath("/srv/pool/v.img")):
            self.assertEqual(self.refused(call)[0], libvirt.VIR_ERR_NO_STORAGE_VOL)
        self.assertEqual(self.refused(lambda: c.storagePoolLookupByTargetPath("/srv/pool"))[0],
                         libvirt.VIR_ERR_NO_STORAGE_POOL)

    def test_interfaces(self):
        self.publish("interface", "eth0", attrs=ACTIVE, keys=[["mac", "00:11:22:aa:bb:cc"]])
        self.publish("interface", "br0", keys=[["mac", "00:11:22:aa:bb:cc"]])
        self.publish("interface", "eth1", keys=[["mac", "00:11:22:aa:bb:dd"]])
        c = self.connection
        self.assertEqual((c.interfaceLookupByName("eth0").isActive(),
                          c.interfaceLookupByName("eth1").isActive()), (1, 0))
        self.assertEqual(c.interfaceLookupByMACString("00:11:22:AA:BB:DD").name(), "eth1")
        self.assertEqual(c.interfaceLookupByName("eth1").MACString(), "00:11:22:aa:bb:dd")
        self.assertEqual(self.refused(lambda: c.interfaceLookupByMACString("00:11:22:aa:bb:cc"))[0],
                         libvirt.VIR_ERR_MULTIPLE_INTERFACES)

    def test_node_devices(self):
        self.publish("nodedev", "computer", attrs=ACTIVE, keys=[["cap", "system"]])
        handle = self.publish("nodedev", "scsi_host1", attrs=ACTIVE | PERSISTENT | AUTOSTART,
                              keys=[["parent", "computer"], ["cap", "scsi_host"], ["cap", "fc_host"],
                                    ["wwnn", "20"], ["wwpn", "21"]])
        c = self.connection
        host = c.nodeDeviceLookupSCSIHostByWWN("20", "21")
        self.assertEqual((host.name(), host.parent(), host.listCaps(), host.numOfCaps()),
                         ("scsi_host1", "computer", ["scsi_host", "fc_host"], 2))
        self.assertEqual([host.isActive(), host.isPersistent(), host.autostart()], [1, 1, 1])
        self.assertIsNone(c.nodeDeviceLookupByName("computer").parent())
        self.assertEqual((c.numOfDevices(None), c.numOfDevices("fc_host")), (2, 1))
        self.assertEqual((c.listDevices(None), c.listDevices("system")),
                         (["computer", "scsi_host1"], ["computer"]))
        self.tell({"do": "update", "handle": handle, "keys": [["cap", "scsi_host"]]})
        self.assertEqual((host.listCaps(), c.numOfDevices("fc_host")), (["scsi_host"], 0))

    def test_filters_and_bindings(self):
        self.publish("nwfilter", "clean", uuid=UUID)
        self.publish("nwfilter_binding", "vnet0", keys=[["filter", "clean"]])
        c = self.connection
        self.assertEqual(c.nwfilterLookupByName("clean").UUIDString(), UUID)
        self.assertEqual(c.nwfilterLookupByUUIDString(UUID).name(), "clean")
        self.assertEqual(c.nwfilterBindingLookupByPortDev("vnet0").filterName(), "clean")

    def test_secrets(self):
        self.publish_all([("secret", "a", {"uuid": UUID, "keys": [["usage-type", "1"], ["usage-id", "/x"]]}),
                          ("secret", "b", {"keys": [["usage-type", "2"], ["usage-id", "/x"]]})])
        c = self.connection
        first, second = c.secretLookupByUsage(1, "/x"), c.secretLookupByUsage(2, "/x")
        self.assertEqual((first.UUIDString(), first.usageType(), first.usageID()), (UUID, 1, "/x"))
        self.assertNotEqual(second.UUIDString(), UUID)
        self.assertEqual(c.secretLookupByUUIDString(UUID).usageID(), "/x")
        self.assertEqual(self.refused(lambda: c.secretLookupByUsage(3, "/x"))[0], libvirt.VIR_ERR_NO_SECRET)

    def test_snapshots_and_checkpoints(self):
        domain = self.publish("domain", "vm", uuid=UUID)
        self.publish("snapshot", "s", parent=domain, attrs=METADATA)
        self.publish("checkpoint", "c", parent=domain)
        self.publish("checkpoint", "d", parent=domain, keys=[["parent", "c"]])
        vm = self.connection.lookupByName("vm")
        snapshot = vm.snapshotLookupByName("s")
        self.assertEqual((snapshot.getName(), snapshot.getDomain().name()), ("s", "vm"))
        self.assertEqual((snapshot.isCurrent(), snapshot.hasMetadata(), vm.hasCurrentSnapshot()), (0, 1, 0))
        self.assertEqual(self.refused(vm.snapshotCurrent),
                         (libvirt.VIR_ERR_NO_DOMAIN_SNAPSHOT, libvirt.VIR_FROM_TEST,
                          "Domain snapshot not found: the domain does not have a current snapshot"))
        self.assertEqual(vm.checkpointLookupByName("d").getParent().getName(), "c")
        for call, code in ((lambda: vm.snapshotLookupByName("x"), libvirt.VIR_ERR_NO_DOMAIN_SNAPSHOT),
                           (lambda: vm.checkpointLookupByName("x"), libvirt.VIR_ERR_NO_DOMAIN_CHECKPOINT),
                           (vm.checkpointLookupByName("c").getParent,
                            libvirt.VIR_ERR_NO_DOMAIN_CHECKPOINT)):
            self.assertEqual(self.refused(call)[:2], (code, libvirt.VIR_FROM_TEST))
        self.assertTrue(CURRENT)
