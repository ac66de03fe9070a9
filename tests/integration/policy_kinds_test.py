# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Rules on objects that are no domains: what a user may not see is in none of his lists, counts and events, and its
look-up names the rule. The objects are the sample driver's, the clients root and another user."""

import subprocess
import uuid

import libvirt

from harness import identities, settings, wait
from harness.case import plain_environment
from harness.identities import NOBODY
from harness.sample import ACTIVE, PERSISTENT, SampleCase

_DENIED = (88, 55)
_HIDDEN_SECRET = "99999999-0000-0000-0000-000000000001"
_POLICY = f"""default: allow
rules:
  - {{name: hidden, deny: "*", who: {{uid: {NOBODY}}}, on: {{name: "hidden-*"}}}}
  - {{name: inside, deny: "*", who: {{uid: {NOBODY}}}, on: {{kind: [storage_vol, network_port], parent: "hidden-*"}}}}
  - {{name: this secret, deny: "*", who: {{uid: {NOBODY}}}, on: {{kind: secret, uuid: {_HIDDEN_SECRET}}}}}
"""


class PolicyOfKinds(SampleCase):
    def prepare(self):
        identities.need_root()
        super().prepare()
        (self.subject.root / "root" / "etc" / "polyvirt" / "policy.yaml").write_text(_POLICY)

    def setUp(self):
        super().setUp()
        identities.open_to_all(self.subject)
        with identities.as_user(NOBODY):
            self.other = self.connect()

    def both(self, kind, **facts):
        """One of that kind to see and one that is hidden: their handles."""
        return [self.publish(kind, name, **facts) for name in ("seen-1", "hidden-1")]

    def check(self, listed, seen=("seen-1",), everything=("hidden-1", "seen-1")):
        """`listed`: names on a connection."""
        self.assertEqual(sorted(listed(self.other)), sorted(seen))
        self.assertEqual(sorted(listed(self.connection)), sorted(everything), "root sees all")

    def check_hidden(self, look_up, rule="hidden"):
        code, origin, text = self.refused(lambda: look_up(self.other))
        self.assertEqual((code, origin), _DENIED, text)
        self.assertIn(f"access denied: rule '{rule}' denies ", text)
        look_up(self.connection)

    def test_networks(self):
        self.both("network", attrs=ACTIVE | PERSISTENT)
        self.publish("network", "hidden-off", attrs=PERSISTENT)
        self.check(lambda c: [n.name() for n in c.listAllNetworks()], everything=("hidden-1", "hidden-off", "seen-1"))
        self.check(lambda c: c.listNetworks())
        self.check(lambda c: c.listDefinedNetworks(), (), ("hidden-off",))
        self.assertEqual((self.other.numOfNetworks(), self.connection.numOfNetworks()), (1, 2))
        self.assertEqual((self.other.numOfDefinedNetworks(), self.connection.numOfDefinedNetworks()), (0, 1))
        self.check_hidden(lambda c: c.networkLookupByName("hidden-1"))

    def test_ports_of_networks(self):
        for network in self.both("network", attrs=ACTIVE):
            self.publish("network_port", str(uuid.uuid4()), parent=network)
        seen = self.other.networkLookupByName("seen-1")
        self.assertEqual(len(seen.listAllPorts()), 1)
        hidden = self.connection.networkLookupByName("hidden-1")
        self.assertEqual(len(hidden.listAllPorts()), 1)

    def test_pools_and_volumes(self):
        pools = self.both("pool", attrs=ACTIVE, keys=[["type", "dir"]])
        for pool, path in zip(pools, ("/seen", "/inside")):
            for name in ("seen-v", "hidden-v"):
                self.publish("volume", name, parent=pool, keys=[["key", f"{path}/{name}"], ["path", f"{path}/{name}"]])
        self.check(lambda c: [p.name() for p in c.listAllStoragePools()])
        self.check(lambda c: c.listStoragePools())
        self.assertEqual((self.other.numOfStoragePools(), self.connection.numOfStoragePools()), (1, 2))
        self.check_hidden(lambda c: c.storagePoolLookupByName("hidden-1"))
        volumes = ("seen-v",), ("hidden-v", "seen-v")
        self.check(lambda c: [v.name() for v in c.storagePoolLookupByName("seen-1").listAllVolumes()], *volumes)
        self.check(lambda c: c.storagePoolLookupByName("seen-1").listVolumes(), *volumes)
        self.check_hidden(lambda c: c.storageVolLookupByKey("/seen/hidden-v"))
        self.check_hidden(lambda c: c.storageVolLookupByPath("/inside/seen-v"), "inside")

    def test_node_devices(self):
        self.both("nodedev", attrs=ACTIVE, keys=[["cap", "net"]])
        self.check(lambda c: [d.name() for d in c.listAllDevices()])
        self.check(lambda c: c.listDevices("net"))
        self.assertEqual((self.other.numOfDevices("net"), self.connection.numOfDevices("net")), (1, 2))
        self.check_hidden(lambda c: c.nodeDeviceLookupByName("hidden-1"))

    def test_interfaces(self):
        for name, mac in (("seen-1", "52:54:00:00:00:01"), ("hidden-1", "52:54:00:00:00:02")):
            self.publish("interface", name, attrs=ACTIVE, keys=[["mac", mac]])
        self.check(lambda c: [i.name() for i in c.listAllInterfaces()])
        self.check(lambda c: c.listInterfaces())
        self.assertEqual((self.other.numOfInterfaces(), self.connection.numOfInterfaces()), (1, 2))
        self.check_hidden(lambda c: c.interfaceLookupByMACString("52:54:00:00:00:02"))

    def test_filters_and_their_bindings(self):
        self.both("nwfilter")
        self.both("nwfilter_binding", keys=[["filter", "f"]])
        self.check(lambda c: [f.name() for f in c.listAllNWFilters()])
        self.check(lambda c: c.listNWFilters())
        self.assertEqual((self.other.numOfNWFilters(), self.connection.numOfNWFilters()), (1, 2))
        self.check(lambda c: [b.portDev() for b in c.listAllNWFilterBindings()])
        self.check_hidden(lambda c: c.nwfilterLookupByName("hidden-1"))

    def test_secrets(self):
        seen = "99999999-0000-0000-0000-000000000002"
        for number in (_HIDDEN_SECRET, seen):
            self.publish("secret", number, uuid=number, keys=[["usage-type", "2"], ["usage-id", f"of {number}"]])
        self.check(lambda c: [s.UUIDString() for s in c.listAllSecrets()], (seen,), (_HIDDEN_SECRET, seen))
        self.check(lambda c: c.listSecrets(), (seen,), (_HIDDEN_SECRET, seen))
        self.assertEqual((self.other.numOfSecrets(), self.connection.numOfSecrets()), (1, 2))
        self.check_hidden(lambda c: c.secretLookupByUsage(2, f"of {_HIDDEN_SECRET}"), "this secret")

    def test_virsh_of_that_user(self):
        self.both("network", attrs=ACTIVE)
        command = identities.command_as(NOBODY, self.virsh_command("net-list", "--name"))
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              env=plain_environment(), timeout=settings.PATIENCE)
        self.assertEqual((done.returncode, done.stdout.split()), (0, ["seen-1"]), done.stderr)

    def test_events(self):
        self.both("network", attrs=ACTIVE)
        told = {"other": [], "root": []}

        def hear(_connection, network, _event, _detail, who):
            told[who].append(network.name())

        self.other.networkEventRegisterAny(None, libvirt.VIR_NETWORK_EVENT_ID_LIFECYCLE, hear, "other")
        self.connection.networkEventRegisterAny(None, libvirt.VIR_NETWORK_EVENT_ID_LIFECYCLE, hear, "root")
        for name in ("hidden-1", "seen-1", "hidden-1", "seen-1"):
            self.post("network", libvirt.VIR_NETWORK_EVENT_ID_LIFECYCLE, [["i32", 2], ["i32", 0]], name=name,
                      uuid=self.connection.networkLookupByName(name).UUIDString())
        wait.until(lambda: len(told["root"]) == 4 and len(told["other"]) >= 2, "the events")
        self.assertEqual(told, {"root": ["hidden-1", "seen-1"] * 2, "other": ["seen-1"] * 2})
