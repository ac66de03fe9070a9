#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Replies and events made by our encoder (encode.cpp), as the real client library shows them: one of each
shape."""
import subprocess
import unittest

from client import Served, encoded, libvirt
from fake_server import Raw, Then
from cases import UUID

LIFECYCLE, DISK_CHANGE = 0, 9
PATIENCE = 30


def answered(procedure, payload, act):
    with Served({f"remote.{procedure}": Raw(encoded(payload))}) as connection:
        return act(connection)


def guest(connection):
    return connection.lookupByName("guest")


class Replies(unittest.TestCase):
    def test_text(self):
        self.assertEqual(answered("connect_get_capabilities", "capabilities", lambda c: c.getCapabilities()),
                         "<capabilities>\u00e9</capabilities>")

    def test_fixed_characters_and_numbers(self):
        self.assertEqual(answered("node_get_info", "node_info", lambda c: c.getInfo()),
                         ["x86_64", 16384, 8, 2400, 1, 1, 4, 2])

    def test_small_numbers(self):
        self.assertEqual(answered("domain_get_info", "domain_info", lambda c: guest(c).info()),
                         [1, 2 ** 40, 524288, 65535, 12345678901234567])

    def test_list_of_texts(self):
        with Served({"remote.connect_num_of_defined_domains": {"num": 3},
                     "remote.connect_list_defined_domains": Raw(encoded("names"))}) as connection:
            self.assertEqual(connection.listDefinedDomains(), ["a", "", "abcd"])

    def test_list_of_domains(self):
        found = answered("connect_list_all_domains", "domains",
                         lambda c: [(d.name(), d.UUID(), d.ID()) for d in c.listAllDomains()])
        self.assertEqual(found, [("one", UUID, 1), ("two\u00e9", UUID, -1)])

    def test_typed_parameters_of_each_kind(self):
        (_, values), = answered("connect_get_all_domain_stats", "stats", lambda c: c.getAllDomainStats())
        # python-libvirt 9.0 shows an unsigned int above 2^31 as a negative number: virsh, below, does not.
        self.assertEqual(values.pop("ui") % 2 ** 32, 4000000000)
        self.assertEqual(values, {"i": -5, "l": -(1 << 50), "ul": 2 ** 64 - 1, "d": 0.1, "b": True,
                                  "s": "text"})

    def test_typed_parameters_as_virsh_shows_them(self):
        served = Served({"remote.connect_get_all_domain_stats": Raw(encoded("stats"))})
        with served:
            done = subprocess.run(["virsh", "-c", served.uri, "domstats"], capture_output=True, text=True,
                                  timeout=PATIENCE, check=False)
        self.assertEqual(done.stderr, "")
        self.assertEqual(done.stdout.split(),
                         ["Domain:", "'one'", "i=-5", "ui=4000000000", f"l={-(1 << 50)}", f"ul={2 ** 64 - 1}",
                          "d=0.100000", "b=yes", "s=text"])

    def test_character_list_with_its_nul(self):
        self.assertEqual(answered("domain_get_security_label", "security_label",
                                  lambda c: guest(c).securityLabel()), ["system_u:r:svirt_t", True])

    def test_structs_and_bytes(self):
        with Served({"remote.domain_get_vcpus": Raw(encoded("vcpus")),
                     "remote.node_get_cpu_map": {"cpumap": b"\xff", "online": 8, "ret": 8}}) as connection:
            info, maps = guest(connection).vcpus()
        self.assertEqual(info, [(0, 1, 99, 3), (1, 2, 100, -1)])
        self.assertEqual(maps, [tuple(bit == 3 for bit in range(8)), (True,) * 8])

    def test_absent_texts_in_structs(self):
        lease, = answered("network_get_dhcp_leases", "leases",
                          lambda c: c.networkLookupByName("default").DHCPLeases())
        self.assertEqual(lease, {"iface": "virbr0", "expirytime": 1700000000, "type": 0,
                                 "mac": "52:54:00:00:00:01", "iaid": None, "ipaddr": "192.168.122.2",
                                 "prefix": 24, "hostname": None, "clientid": None})

    def test_lists_in_lists(self):
        faces = answered("domain_interface_addresses", "interfaces", lambda c: guest(c).interfaceAddresses(0))
        self.assertEqual(faces, {"lo": {"addrs": None, "hwaddr": None},
                                 "eth0": {"addrs": [{"addr": "10.0.0.2", "prefix": 8, "type": 0}],
                                          "hwaddr": "52:54:00:00:00:01"}})

    def test_bytes_with_nuls(self):
        self.assertEqual(answered("secret_get_value", "secret",
                                  lambda c: c.secretLookupByUsage(2, "pool/one").value()), b"\x00\xffk")


class Events(unittest.TestCase):
    def seen(self, event, callback_id, message, payload):
        register = Then({"callbackID": callback_id}, [(message, encoded(payload))])
        seen = []
        with Served({"remote.connect_domain_event_callback_register_any": register}) as connection:
            connection.domainEventRegisterAny(None, event, lambda *words: seen.append(words), None)
            gave_up = []
            # The loop has nothing else to wake it if the event never comes.
            watchdog = libvirt.virEventAddTimeout(PATIENCE * 1000, lambda *_: gave_up.append(1), None)
            while not seen and not gave_up:
                libvirt.virEventRunDefaultImpl()
            libvirt.virEventRemoveTimeout(watchdog)
        self.assertTrue(seen, "the event did not arrive")
        return seen[0]

    def test_lifecycle(self):
        _, domain, event, detail, _ = self.seen(LIFECYCLE, 11, "domain_event_callback_lifecycle", "lifecycle")
        self.assertEqual((domain.name(), domain.UUID(), domain.ID(), event, detail), ("one", UUID, 1, 2, 1))

    def test_absent_text(self):
        words = self.seen(DISK_CHANGE, 12, "domain_event_callback_disk_change", "disk_change")
        self.assertEqual(words[2:6], ("/old", None, "cd0", 0))


if __name__ == "__main__":
    unittest.main(argv=[__file__], verbosity=2)
