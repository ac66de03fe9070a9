# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""What virsh prints of lists that the host answers."""

from harness.sample import ACTIVE, AUTOSTART, PERSISTENT, SampleCase

UUID = "11111111-2222-3333-4444-555555555555"


class VirshLists(SampleCase):
    def table(self, *words):
        """Rows of a list of virsh's, each as its words."""
        lines = self.virsh(*words).splitlines()
        return [line.split() for line in lines[2:] if line.strip()]

    def test_domains(self):
        self.publish("domain", "on", id=4, state=1, attrs=ACTIVE | PERSISTENT)
        self.publish("domain", "off", state=5, attrs=PERSISTENT | AUTOSTART)
        self.assertEqual(self.table("list"), [["4", "on", "running"]])
        self.assertEqual(self.table("list", "--all"), [["4", "on", "running"], ["-", "off", "shut", "off"]])
        self.assertEqual(self.virsh("list", "--all", "--autostart", "--name"), "off")
        self.assertEqual(self.virsh("domstate", "--reason", "on"), "running (unknown)")
        self.assertEqual(self.virsh("domid", "on"), "4")

    def test_networks(self):
        self.publish("network", "on", attrs=ACTIVE)
        self.publish("network", "off", attrs=PERSISTENT | AUTOSTART)
        self.assertEqual(self.table("net-list", "--all"),
                         [["off", "inactive", "yes", "yes"], ["on", "active", "no", "no"]])
        self.assertEqual(self.virsh("net-list", "--inactive", "--name"), "off")

    def test_volumes(self):
        """Not the pools themselves: for these virsh asks sizes, which only a driver of pools knows."""
        pool = self.publish("pool", "p", attrs=ACTIVE | PERSISTENT, keys=[["type", "dir"]])
        self.publish("pool", "q", attrs=PERSISTENT, keys=[["type", "iscsi"]])
        self.publish("volume", "v", parent=pool, keys=[["key", "/v"], ["path", "/srv/v"]])
        self.assertEqual(self.table("vol-list", "p"), [["v", "/srv/v"]])
        self.assertEqual(self.virsh("vol-pool", "/srv/v"), "p")
        self.assertIn("storage pool 'q' is not active", self.virsh_fails("vol-list", "q"))

    def test_interfaces(self):
        self.publish("interface", "eth0", attrs=ACTIVE, keys=[["mac", "00:11:22:33:44:55"]])
        self.publish("interface", "eth1", keys=[["mac", "00:11:22:33:44:66"]])
        self.assertEqual(self.table("iface-list", "--all"),
                         [["eth0", "active", "00:11:22:33:44:55"], ["eth1", "inactive", "00:11:22:33:44:66"]])

    def test_node_devices(self):
        self.publish("nodedev", "computer", attrs=ACTIVE, keys=[["cap", "system"]])
        self.publish("nodedev", "net_eth0", attrs=ACTIVE, keys=[["cap", "net"], ["parent", "computer"]])
        self.assertEqual(self.virsh("nodedev-list").split(), ["computer", "net_eth0"])
        self.assertEqual(self.virsh("nodedev-list", "--cap", "net"), "net_eth0")
        self.assertEqual(self.virsh("nodedev-list", "--tree").split(), ["computer", "|", "+-", "net_eth0"])

    def test_filters_and_secrets(self):
        self.publish("nwfilter", "clean", uuid=UUID)
        self.publish("nwfilter_binding", "vnet0", keys=[["filter", "clean"]])
        self.publish("secret", "s", uuid=UUID, keys=[["usage-type", "2"], ["usage-id", "client.x"]])
        self.assertEqual(self.table("nwfilter-list"), [[UUID, "clean"]])
        self.assertEqual(self.table("nwfilter-binding-list"), [["vnet0", "clean"]])
        self.assertEqual(self.table("secret-list"), [[UUID, "ceph", "client.x"]])

    def test_refusals(self):
        for words, text in ((("dominfo", "nix"), "failed to get domain 'nix'"),
                            (("net-info", "nix"), "failed to get network 'nix'"),
                            (("vol-list", "nix"), "failed to get pool 'nix'"),
                            (("nwfilter-dumpxml", "nix"), "failed to get nwfilter 'nix'")):
            self.assertIn(text, self.virsh_fails(*words))
