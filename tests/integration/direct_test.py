# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Interfaces of guests that stand directly on a device of the host's: macvtaps, on cables of the test's own, in a network
namespace of its own."""

import json
import os
import re
import subprocess
import unittest
from pathlib import Path

import libvirt

from harness import processes, wait
from harness.namespaces import Namespace, NamespaceCase

BOTH = libvirt.VIR_DOMAIN_AFFECT_LIVE | libvirt.VIR_DOMAIN_AFFECT_CONFIG
PAUSED = libvirt.VIR_DOMAIN_START_PAUSED
FIRST, SECOND, THIRD = (f"52:54:00:aa:cc:0{i}" for i in (1, 2, 3))


def why_no_macvtap():
    """What the kernel says to one; empty: it makes it."""
    script = "ip link add low type veth peer name other && ip link add link low name high type macvtap"
    done = subprocess.run(["unshare", "-n", "sh", "-c", script], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else f"this kernel has no macvtap: {done.stderr.strip()}"


WHY_NOT = why_no_macvtap()
needs_macvtap = unittest.skipIf(WHY_NOT, WHY_NOT)


def card(mac, device="eth8", mode="bridge", inside=""):
    return (f"<interface type='direct'><mac address='{mac}'/><source dev='{device}' mode='{mode}'/><model type='virtio'/>"
            f"{inside}</interface>")


def network_card(mac, network):
    return f"<interface type='network'><mac address='{mac}'/><source network='{network}'/><model type='virtio'/></interface>"


@unittest.skipIf(os.geteuid() != 0, "links are made by root")
class DirectCase(NamespaceCase):
    def make_subject(self):
        subject = super().make_subject()
        for device in ("eth8", "eth9"):
            self.space.run("ip", "link", "add", device, "type", "veth", "peer", "name", f"{device}far")
            self.space.run("ip", "link", "set", f"{device}far", "up")
        return subject

    def document(self, *cards, label="guest"):
        self.guest = self.new_guest(label)
        return self.guest.xml.replace("<serial type", "".join(cards) + "<serial type", 1)

    def define(self, *cards, label="guest"):
        return self.connect().defineXML(self.document(*cards, label=label))

    def started(self, *cards, label="guest"):
        domain = self.define(*cards, label=label)
        domain.createWithFlags(PAUSED)
        return domain

    def links(self, kind="macvtap"):
        """Those of that kind in the namespace, by name."""
        all_links = json.loads(self.space.run("ip", "-d", "-j", "link"))
        return {link["ifname"]: link for link in all_links if link.get("linkinfo", {}).get("info_kind") == kind}

    def mac(self, device="eth8"):
        return json.loads(self.space.run("ip", "-j", "link", "show", device))[0]["address"]

    def is_up(self, device):
        return "UP" in json.loads(self.space.run("ip", "-j", "link", "show", device))[0]["flags"]

    def record(self, domain):
        return self.subject.root / "root" / "run" / "polyvirt" / "qemu" / f"{domain.name()}.json"


class Refusals(DirectCase):
    def test_what_no_kernel_can_give_is_refused(self):
        for wrong, code, told in (
                (card(FIRST).replace(" dev='eth8'", ""), libvirt.VIR_ERR_XML_ERROR, "No <source> 'dev' attribute"),
                (card(FIRST, mode="passthru"), libvirt.VIR_ERR_XML_ERROR, "'passthru'"),
                (card(FIRST, inside="<mtu size='1400'/>"), libvirt.VIR_ERR_CONFIG_UNSUPPORTED, "setting MTU on interface type direct")):
            with self.subTest(told):
                refused = self.refused(lambda text=self.document(wrong): self.connect().defineXML(text))
                self.assertEqual(refused[0], code)
                self.assertIn(told, refused[2])

    def test_what_this_host_has_not_is_refused_at_the_start(self):
        switch = ("<virtualport type='802.1Qbg'><parameters managerid='1' typeid='2' typeidversion='3'/></virtualport>",
                  "<virtualport type='802.1Qbh'><parameters profileid='p'/></virtualport>")
        for wrong, code, told in (
                (card(FIRST, device="eth7"), libvirt.VIR_ERR_SYSTEM_ERROR, "Unable to get index for interface eth7: No such device"),
                (card(FIRST, inside="<target dev='eth9'/>"), libvirt.VIR_ERR_SYSTEM_ERROR, "Unable to create macvtap device eth9: File exists"),
                (card(FIRST, inside=switch[0]), libvirt.VIR_ERR_CONFIG_UNSUPPORTED, "802.1Qbg"),
                (card(FIRST, inside=switch[1]), libvirt.VIR_ERR_CONFIG_UNSUPPORTED, "802.1Qbh"),
                (card(FIRST, inside="<vlan><tag id='5'/></vlan>"), libvirt.VIR_ERR_CONFIG_UNSUPPORTED, "vlan tag not supported")):
            with self.subTest(told):
                domain = self.define(wrong)
                refused = self.refused(lambda domain=domain: domain.createWithFlags(PAUSED))
                self.assertEqual(refused[0], code)
                self.assertIn(told, refused[2])
                self.assertFalse(domain.isActive())
                self.assertEqual(self.links(), {})
                domain.undefine()

    def test_how_it_is_to_stand_there_is_kept(self):
        text = self.define(card(FIRST).replace(" mode='bridge'", ""), card(SECOND, "eth9", "passthrough")).XMLDesc()
        self.assertIn("<source dev='eth8' mode='vepa'/>", text)
        self.assertIn("<source dev='eth9' mode='passthrough'/>", text)


@needs_macvtap
class Links(DirectCase):
    def test_a_link_is_what_the_document_says_and_goes_with_its_guest(self):
        domain = self.started(card(FIRST), card(SECOND, "eth9", "private", "<target dev='mine'/>"))
        links = self.links()
        self.assertEqual({name: (link["link"], link["address"], link["linkinfo"]["info_data"]["mode"]) for name, link in links.items()},
                         {"macvtap0": ("eth8", FIRST, "bridge"), "mine": ("eth9", SECOND, "private")})
        self.assertEqual([self.is_up(name) for name in ("eth8", "eth9", "macvtap0", "mine")], [True, True, False, False])
        self.assertIn("<target dev='macvtap0'/>", domain.XMLDesc())
        self.assertNotIn("macvtap0", domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))
        domain.destroy()
        self.assertEqual(self.links(), {})

    def test_a_device_has_its_own_mac_again(self):
        own = self.mac()
        domain = self.started(card(FIRST, mode="passthrough"))
        self.assertEqual((self.mac(), self.links()["macvtap0"]["address"]), (FIRST, FIRST))
        self.assertEqual(self.links()["macvtap0"]["linkinfo"]["info_data"]["mode"], "passthru")
        other = self.define(card(SECOND, mode="passthrough"), label="other")
        self.assertRegex(self.refused(other.create)[2], "error creating macvtap interface .*; 'macvtap0' is on it")
        self.assertEqual((self.mac(), list(self.links())), (FIRST, ["macvtap0"]))
        domain.destroy()
        self.assertEqual((self.mac(), self.links()), (own, {}))

    def test_a_start_that_fails_leaves_nothing(self):
        own = self.mac()
        domain = self.define(card(FIRST, mode="passthrough"), card(SECOND, "eth7"))
        self.assertIn("eth7", self.refused(domain.create)[2])
        self.assertEqual((self.mac(), self.links()), (own, {}))
        self.assertFalse(self.record(domain).exists())

    def test_queues_are_as_many_as_the_guest_is_given(self):
        domain = self.started(card(FIRST, inside="<driver queues='3'/>"), card(SECOND, "eth9").replace("virtio", "e1000"))
        pid = json.loads(self.record(domain).read_text())["pid"]
        opened = [os.readlink(fd) for fd in Path(f"/proc/{pid}/fd").iterdir()]
        self.assertEqual(len([path for path in opened if "tap" in path]), 4, opened)
        # What the daemon makes in /dev it takes away at once.
        self.assertEqual(list(Path("/dev").glob(".polyvirt-tap-*")), [])

    def test_a_node_of_anothers_network_is_not_taken_for_ours(self):
        other = Namespace()
        self.addCleanup(other.close)
        other.run("ip", "link", "add", "low", "type", "veth", "peer", "name", "far")
        index = max(link["ifindex"] for link in json.loads(self.space.run("ip", "-j", "link"))) + 1
        other.run("ip", "link", "add", "link", "low", "name", "theirs", "index", str(index), "type", "macvtap", "mode", "bridge")
        domain = self.started(card(FIRST))
        self.assertEqual(self.links()["macvtap0"]["ifindex"], index)
        pid = json.loads(self.record(domain).read_text())["pid"]
        number = self.space.run("cat", f"/sys/class/net/macvtap0/tap{index}/dev").strip()
        opened = [os.stat(fd).st_rdev for fd in Path(f"/proc/{pid}/fd").iterdir() if "tap" in os.readlink(fd)]
        self.assertEqual([f"{os.major(device)}:{os.minor(device)}" for device in opened], [number])

    def test_what_is_told_and_set_of_it(self):
        domain = self.started(card(FIRST))
        self.assertRegex(self.virsh("domiflist", domain.name()), rf"macvtap0 +direct +eth8 +virtio +{FIRST}")
        self.assertEqual(len(domain.interfaceStats("macvtap0")), 8)
        self.virsh("domif-setlink", domain.name(), "macvtap0", "down")
        self.assertIn("<link state='down'/>", domain.XMLDesc())
        self.assertIn("down", self.virsh("domif-getlink", domain.name(), "macvtap0"))
        if subprocess.run(["unshare", "-n", "tc", "qdisc", "add", "dev", "lo", "root", "htb"], capture_output=True, check=False).returncode:
            return
        # What the guest receives comes in here, and what it sends leaves.
        domain.setInterfaceParameters("macvtap0", {"outbound.average": 128}, 0)
        self.assertIn("rate 1024Kbit", self.space.run("tc", "class", "show", "dev", "macvtap0"))
        domain.updateDeviceFlags(re.search("<interface.*</interface>", domain.XMLDesc(), re.S).group().replace("average='128'", "average='256'"))
        self.assertIn("rate 2048Kbit", self.space.run("tc", "class", "show", "dev", "macvtap0"))
        self.assertEqual(domain.interfaceParameters("macvtap0", 0)["outbound.average"], 256)


@needs_macvtap
class Crashes(DirectCase):
    def test_links_outlive_the_daemon(self):
        own = self.mac()
        domain = self.started(card(FIRST, mode="passthrough"), card(SECOND, "eth9"))
        before = self.links()
        self.restart()
        self.assertEqual(self.links(), before)
        self.connect().lookupByName(domain.name()).destroy()
        self.assertEqual((self.mac(), self.links()), (own, {}))

    def test_links_of_a_guest_that_ended_meanwhile_go(self):
        own = self.mac()
        domain = self.started(card(FIRST, mode="passthrough"))
        pid = json.loads(self.record(domain).read_text())["pid"]
        self.subject.kill()
        processes.end(pid)
        self.subject.start()
        self.connect()
        wait.until(lambda: not self.links(), "the link to go")
        self.assertEqual(self.mac(), own)

    def test_a_start_that_was_cut_off_is_undone(self):
        own = self.mac()
        domain = self.started(card(FIRST, mode="passthrough"))
        self.subject.kill()
        record = json.loads(self.record(domain).read_text())
        record["pid"] = 0
        self.record(domain).write_text(json.dumps(record))
        self.subject.start()
        self.connect()
        self.assertEqual((self.mac(), self.links()), (own, {}))

    def test_a_link_of_an_attach_that_was_cut_off_goes(self):
        domain = self.started(card(FIRST))
        self.space.run("ip", "link", "add", "link", "eth9", "name", "macvtap7", "type", "macvtap", "mode", "bridge")
        self.space.run("ip", "link", "add", "macvtap8", "type", "veth", "peer", "name", "far")
        self.subject.kill()
        record = json.loads(self.record(domain).read_text())
        record["links"] += [{"alias": f"net{i}", "name": f"macvtap{i}", "device": "eth9"} for i in (7, 8)]
        self.record(domain).write_text(json.dumps(record))
        self.subject.start()
        wait.until(lambda: list(self.links()) == ["macvtap0"], "the link that no interface is on to go")
        # And one that only has the name stays.
        self.assertIn("macvtap8", self.links("veth"))


@needs_macvtap
class Pools(DirectCase):
    """Networks that hand out devices of the host's."""

    def network(self, mode):
        pool = "<interface dev='eth8'/><interface dev='eth9'/>"
        return self.connect().networkCreateXML(f"<network><name>pool</name><forward mode='{mode}'>{pool}</forward></network>")

    def test_a_device_for_each_guest_alone(self):
        own = {device: self.mac(device) for device in ("eth8", "eth9")}
        pool = self.network("passthrough")
        first = self.started(network_card(FIRST, "pool"), label="first")
        second = self.started(network_card(SECOND, "pool"), label="second")
        self.assertEqual([self.mac(device) for device in ("eth8", "eth9")], [FIRST, SECOND])
        self.assertRegex(first.XMLDesc(), "<interface type='direct'>\\s*<mac [^>]*>\\s*"
                                          "<source network='pool' portid='[^']*' dev='eth8' mode='passthrough'/>")
        self.assertRegex(first.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE), "<interface type='network'>\\s*<mac [^>]*>\\s*<source network='pool'/>")
        text = pool.XMLDesc()
        for shown in ("<network connections='2'", "<interface dev='eth8' connections='1'/>", "<interface dev='eth9' connections='1'/>"):
            self.assertIn(shown, text)
        third = self.define(network_card(THIRD, "pool"), label="third")
        code, _, message = self.refused(third.create)
        self.assertEqual(code, libvirt.VIR_ERR_INTERNAL_ERROR)
        self.assertIn("network 'pool' requires exclusive access to interfaces, but none are available", message)
        second.destroy()
        third.createWithFlags(PAUSED)
        self.assertEqual(self.mac("eth9"), THIRD)
        for domain in (first, third):
            domain.destroy()
        self.assertEqual({device: self.mac(device) for device in own}, own)
        self.assertEqual((self.links(), pool.listAllPorts()), ({}, []))

    def test_devices_are_taken_in_turn(self):
        self.network("vepa")
        for label, mac in (("first", FIRST), ("second", SECOND)):
            self.started(network_card(mac, "pool"), label=label)
        self.assertEqual(sorted(link["link"] for link in self.links().values()), ["eth8", "eth9"])
        self.assertEqual({link["linkinfo"]["info_data"]["mode"] for link in self.links().values()}, {"vepa"})

    def test_a_network_that_is_started_again_knows_whose_its_devices_are(self):
        pool = self.connect().networkDefineXML("<network><name>pool</name><forward mode='passthrough'>"
                                               "<interface dev='eth8'/><interface dev='eth9'/></forward></network>")
        pool.create()
        self.started(network_card(FIRST, "pool"), label="first").destroy()
        domain = self.started(network_card(FIRST, "pool"), label="second")
        domain.attachDeviceFlags(network_card(SECOND, "pool"), BOTH)
        pool.destroy()
        pool.create()
        wait.until(lambda: len(pool.listAllPorts()) == 2, "the ports to be back")
        self.assertEqual(pool.XMLDesc().count("connections='1'"), 2)
        self.restart()
        self.assertEqual(len(self.connect().networkLookupByName("pool").listAllPorts()), 2)
        self.connect().lookupByName(domain.name()).destroy()
        wait.until(lambda: not self.connect().networkLookupByName("pool").listAllPorts(), "the ports to be free")


@needs_macvtap
class Guests(DirectCase):
    """Guests that run."""

    def boot(self, label, mac):
        self.connect().createXML(self.document(card(mac), label=label))
        return self.guest, self.shell()

    def shell(self):
        terminal = self.console(self.guest)
        terminal.type("\n")
        terminal.expect("guest:")
        return terminal

    def ask(self, terminal, command, answer):
        at = len(terminal.text)
        terminal.type(command + "; echo DO''NE\n")
        at_end = terminal.expect("DONE", at)
        self.assertRegex(terminal.text[at:at_end], answer)

    def test_two_guests_on_one_device_reach_each_other(self):
        (guest, first), (_, second) = self.boot("first", FIRST), self.boot("second", SECOND)
        for number, terminal in ((1, first), (2, second)):
            self.ask(terminal, f"ip link set eth0 up && ip address add 10.60.0.{number}/24 dev eth0; ip address show eth0", f"10.60.0.{number}")
        self.ask(first, "ping -c 1 -W 10 10.60.0.2", "1 packets received")
        # One that stands still says nothing, and is back when it goes on; also where that was while no daemon ran.
        domain = self.connect().lookupByName(guest.name)
        domain.suspend()
        wait.until(lambda: not self.is_up("macvtap0"), "the link to be down")
        self.assertTrue(self.is_up("macvtap1"))
        domain.resume()
        wait.until(lambda: self.is_up("macvtap0"), "the link to be up again")
        self.subject.kill()
        self.space.run("ip", "link", "set", "macvtap0", "down")
        self.subject.start()
        wait.until(lambda: self.is_up("macvtap0"), "the link to be up again")

    def test_a_trusted_guest_says_what_its_card_receives(self):
        trusted = card(FIRST).replace("type='direct'", "type='direct' trustGuestRxFilters='yes'")
        domain = self.connect().createXML(self.document(trusted, label="first"))
        terminal = self.shell()
        self.ask(terminal, "ip link set eth0 address 52:54:00:aa:cc:77 && ip link set eth0 up; ip link show eth0", "52:54:00:aa:cc:77")
        wait.until(lambda: self.links()["macvtap0"]["address"] == "52:54:00:aa:cc:77", "the link to have its guest's MAC")
        self.ask(terminal, "ip link set eth0 promisc on; echo so", "so")
        wait.until(lambda: "PROMISC" in self.links()["macvtap0"]["flags"], "the link to be promiscuous")
        domain.destroy()
        self.assertEqual(self.links(), {})

    def test_cards_come_and_go(self):
        domain = self.define(label="first")
        domain.create()
        terminal = self.shell()
        domain.attachDeviceFlags(card(FIRST, inside="<driver queues='2'/>"), BOTH)
        link, = self.links().values()
        self.assertEqual((link["link"], link["address"]), ("eth8", FIRST))
        self.assertIn("<source dev='eth8' mode='bridge'/>", domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))
        self.ask(terminal, f"until ip link show | grep {FIRST}; do sleep 1; done", FIRST)
        self.assertIn("eth7", self.refused(lambda: domain.attachDeviceFlags(card(SECOND, "eth7"), BOTH))[2])
        self.assertNotIn(SECOND, domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))
        domain.detachDeviceFlags(card(FIRST), BOTH)
        wait.until(lambda: not self.links(), "the link to go with its card")
        self.assertNotIn(FIRST, domain.XMLDesc() + domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))
        self.assertNotIn("macvtap", self.record(domain).read_text())
