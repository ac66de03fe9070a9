# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Lists and counts of the old style, their limits, and lists of ten thousand objects, none of which
enters a driver."""

import libvirt

from harness import settings
from harness.sample import ACTIVE, PERSISTENT, URI, SampleCase
from rawclient import RawClient, WireError
import wire

# call: its limiting argument, the kind of list that the limit is named after
LIMITED = {"connect_list_domains": ("maxids", "DOMAIN_LIST"),
           "connect_list_defined_domains": ("maxnames", "DOMAIN_LIST"),
           "connect_list_networks": ("maxnames", "NETWORK_LIST"),
           "connect_list_defined_networks": ("maxnames", "NETWORK_LIST"),
           "connect_list_storage_pools": ("maxnames", "STORAGE_POOL_LIST"),
           "connect_list_defined_storage_pools": ("maxnames", "STORAGE_POOL_LIST"),
           "connect_list_interfaces": ("maxnames", "INTERFACE_LIST"),
           "connect_list_defined_interfaces": ("maxnames", "INTERFACE_LIST"),
           "connect_list_nwfilters": ("maxnames", "NWFILTER_LIST"),
           "connect_list_secrets": ("maxuuids", "SECRET_LIST")}
MANY = 10_000


class OldLists(SampleCase):
    def raw(self):
        client = RawClient(self.subject.socket(), wire.Tables(settings.TABLES), settings.PATIENCE)
        self.addCleanup(client.close)
        return client.open(URI)

    def fill(self):
        on = [("a0", ACTIVE | PERSISTENT), ("a1", ACTIVE)]
        off = [("i0", PERSISTENT), ("i1", PERSISTENT), ("i2", PERSISTENT)]
        for kind in ("domain", "network", "pool", "interface"):
            self.publish_all([(kind, name, {"attrs": attrs, "id": i + 1 if attrs & ACTIVE else -1})
                              for i, (name, attrs) in enumerate(on + off)])
        self.publish("nwfilter", "f")
        self.publish("secret", "s", uuid="11111111-2222-3333-4444-555555555555")

    def test_active_and_inactive_ones(self):
        self.fill()
        c = self.connection
        on, off = ["a0", "a1"], ["i0", "i1", "i2"]
        self.assertEqual((c.listDomainsID(), c.listDefinedDomains()), ([1, 2], off))
        self.assertEqual((c.listNetworks(), c.listDefinedNetworks()), (on, off))
        self.assertEqual((c.listStoragePools(), c.listDefinedStoragePools()), (on, off))
        self.assertEqual((c.listInterfaces(), c.listDefinedInterfaces()), (on, off))
        self.assertEqual((c.listNWFilters(), c.listSecrets()),
                         (["f"], ["11111111-2222-3333-4444-555555555555"]))
        self.assertEqual([c.numOfDomains(), c.numOfDefinedDomains(), c.numOfNetworks(),
                          c.numOfDefinedNetworks(), c.numOfStoragePools(),
                          c.numOfDefinedStoragePools(), c.numOfInterfaces(),
                          c.numOfDefinedInterfaces(), c.numOfNWFilters(), c.numOfSecrets()],
                         [2, 3, 2, 3, 2, 3, 2, 3, 1, 1])

    def test_limits(self):
        self.fill()
        client = self.raw()
        for call, (argument, name) in LIMITED.items():
            with self.subTest(call):
                (answer,) = client.call(call, **{argument: 1}).values()
                self.assertEqual(len(answer), 1, "no more than asked for")
                for value, text in ((16385, f"{argument} > REMOTE_{name}_MAX"),
                                    (-1, f"{argument} must be non-negative")):
                    with self.assertRaises(WireError) as refused:
                        client.call(call, **{argument: value})
                    self.assertEqual((refused.exception.code, refused.exception.message),
                                     (libvirt.VIR_ERR_RPC, text))

    def test_count_without_results(self):
        self.fill()
        answer = self.raw().call("connect_list_all_domains", need_results=0, flags=0)
        self.assertEqual(answer, {"domains": [], "ret": 5})

    def test_ten_thousand(self):
        kinds = {"domain": "listAllDomains", "network": "listAllNetworks", "nodedev": "listAllDevices"}
        c = self.connection
        for number, kind in ((1, "domain"), (2, "network"), (7, "nodedev")):
            uuid = "aaaaaaaa-0000-4000-8000-000000000000" if kind != "nodedev" else ""
            self.tell({"do": "many", "kind": number, "prefix": "x", "count": MANY, "uuid": uuid,
                       "attrs": PERSISTENT})
        before, = self.tell({"do": "entered"})
        for kind, method in kinds.items():
            names = [one.name() for one in getattr(c, method)()]
            self.assertEqual(names, [f"x{i}" for i in range(MANY)], kind)
        self.assertEqual((c.numOfDefinedDomains(), len(c.listDefinedNetworks())), (MANY, MANY))
        self.assertEqual(c.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE), [])
        self.assertEqual(c.lookupByName("x9999").name(), "x9999")
        after, = self.tell({"do": "entered"})
        self.assertEqual(after, before + 1, "nothing but the question itself entered the driver")

    def test_more_than_a_list_can_carry(self):
        self.tell({"do": "many", "kind": 1, "prefix": "x", "count": 16385, "attrs": PERSISTENT,
                   "uuid": "aaaaaaaa-0000-4000-8000-000000000000"})
        self.assertEqual(self.refused(self.connection.listAllDomains)[2],
                         "internal error: Too many domains '16385' for limit '16384'")
        self.assertEqual(self.connection.numOfDefinedDomains(), 16385)
