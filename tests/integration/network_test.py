# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Networks for real: bridges, addresses, names and the firewall, in namespaces of the test's own."""

import json
import os
import re
import signal
import subprocess
import unittest
import uuid
from pathlib import Path

import libvirt

from harness import processes, wait
from harness.namespaces import Namespace, NamespaceCase, dnsmasq_of, expect_dnsmasq

NAT = """<network><name>inside</name><forward mode='nat'/><bridge name='pvbr1' stp='off' delay='0'/><mac address='52:54:00:cc:00:01'/>
  <domain name='inside.test'/>
  <ip address='10.45.0.1' netmask='255.255.255.0'><dhcp><range start='10.45.0.10' end='10.45.0.99'/>
    <host mac='52:54:00:aa:bb:01' ip='10.45.0.50'/></dhcp></ip></network>"""
ISOLATED = """<network><name>alone</name><bridge name='pvbr2' stp='off' delay='0'/>
  <ip address='10.46.0.1' netmask='255.255.255.0'><dhcp><range start='10.46.0.10' end='10.46.0.99'/></dhcp></ip></network>"""
ROUTED = """<network><name>routed</name><forward mode='route'/><bridge name='pvbr3' stp='off' delay='0'/>
  <ip address='10.47.0.1' netmask='255.255.255.0'/><ip family='ipv6' address='fd00:47::1' prefix='64'/>
  <route address='10.48.0.0' prefix='24' gateway='10.47.0.2'/></network>"""
CARD = "<interface type='network'><mac address='{mac}'/><source network='{network}'/><model type='virtio'/></interface>"
PORT = "<networkport><uuid>{}</uuid><owner><name>g</name><uuid>c7a5fdbd-edaf-9455-926a-d65c16db1801</uuid></owner><mac address='52:54:00:aa:bb:02'/></networkport>"
TABLE = ("nft", "list", "table", "inet", "polyvirt_network")


@unittest.skipIf(os.geteuid() != 0, "networks are made by root")
class NetworkCase(NamespaceCase):
    def start(self, *documents):
        connection = self.connect()
        networks = [connection.networkDefineXML(document) for document in documents]
        for network in networks:
            network.create()
        return networks

    def table(self):
        return self.space.run(*TABLE)


class Networks(NetworkCase):
    def test_bridge_has_what_its_document_says(self):
        inside, routed = self.start(NAT, ROUTED)
        shown = self.space.run("ip", "-d", "address", "show", "pvbr1")
        for expected in ("52:54:00:cc:00:01", "10.45.0.1/24", "stp_state 0"):
            self.assertIn(expected, shown)
        self.assertNotIn("inet6", shown)
        self.assertIn("fd00:47::1/64", self.space.run("ip", "address", "show", "pvbr3"))
        self.assertIn("10.48.0.0/24 via 10.47.0.2", self.space.run("ip", "route"))
        self.assertEqual(self.space.run("cat", "/proc/sys/net/ipv4/ip_forward"), "1\n")
        self.assertEqual((inside.isActive(), inside.bridgeName(), inside.DHCPLeases()), (1, "pvbr1", []))
        table = self.table()
        self.assertIn("masquerade", table)
        self.assertIn("10.47.0.0/24", table)
        for network in (inside, routed):
            network.destroy()
        self.assertFalse(self.space.succeeds("ip", "link", "show", "pvbr1"))
        self.assertIsNone(dnsmasq_of("pvbr1"))
        self.assertFalse(self.space.succeeds(*TABLE))

    def test_networks_are_found_again_or_rebuilt(self):
        inside, _ = self.start(NAT, ISOLATED)
        inside.setAutostart(1)
        self.connect().networkCreateXML(ROUTED)
        servers = [expect_dnsmasq(bridge) for bridge in ("pvbr1", "pvbr2", "pvbr3")]
        self.restart()
        self.assertEqual([dnsmasq_of(bridge) for bridge in ("pvbr1", "pvbr2", "pvbr3")], servers)
        networks = {n.name(): (n.isActive(), n.isPersistent(), n.autostart() if n.isPersistent() else 0) for n in self.connect().listAllNetworks()}
        self.assertEqual(networks, {"inside": (1, 1, 1), "alone": (1, 1, 0), "routed": (1, 0, 0)})
        # While no daemon looks, all of it goes.
        self.subject.kill()
        self.space.run("ip", "link", "del", "pvbr1")
        self.space.run("nft", "flush", "ruleset")
        processes.end(servers[1])
        self.subject.start()
        self.connect()  # nobody is let in before it has found what there is
        self.assertIn("10.45.0.1/24", self.space.run("ip", "address", "show", "pvbr1"))
        self.assertIn("masquerade", self.table())
        expect_dnsmasq("pvbr1")
        expect_dnsmasq("pvbr2", after=servers[1])

    def test_who_answers_is_started_again(self):
        self.start(NAT)
        before = expect_dnsmasq("pvbr1")
        os.kill(before, signal.SIGKILL)
        expect_dnsmasq("pvbr1", after=before)

    def test_rules_that_others_flush_come_back(self):
        self.start(NAT)
        before = self.table()
        self.space.run("nft", "add", "table", "inet", "theirs")
        self.space.run("nft", "flush", "ruleset")
        wait.until(lambda: self.space.succeeds(*TABLE), "the rules to come back")
        self.assertEqual(self.table(), before)
        self.assert_logged("somebody else has changed the rules of networks")

    def test_tables_of_others_are_left_alone_and_named(self):
        self.space.run("nft", "-f", "-", input="table inet theirs { chain their_forward { type filter hook forward priority 0; policy drop; }; }")
        inside, = self.start(NAT)
        self.assert_logged("chain 'their_forward' of table 'inet theirs' drops what is forwarded")
        inside.destroy()
        self.assertIn("policy drop", self.space.run("nft", "list", "table", "inet", "theirs"))

    def test_changes_reach_who_answers(self):
        inside, = self.start(NAT)
        both = libvirt.VIR_NETWORK_UPDATE_AFFECT_LIVE | libvirt.VIR_NETWORK_UPDATE_AFFECT_CONFIG
        add, host, name = libvirt.VIR_NETWORK_UPDATE_COMMAND_ADD_LAST, libvirt.VIR_NETWORK_SECTION_IP_DHCP_HOST, libvirt.VIR_NETWORK_SECTION_DNS_HOST
        inside.update(add, host, -1, "<host mac='52:54:00:aa:bb:09' ip='10.45.0.60'/>", both)
        inside.update(add, name, -1, "<host ip='10.45.0.77'><hostname>seven</hostname></host>", libvirt.VIR_NETWORK_UPDATE_AFFECT_LIVE)
        expect_dnsmasq("pvbr1")
        self.assertIn("10.45.0.77", self.space.output("busybox", "nslookup", "seven.inside.test", "10.45.0.1"))
        self.assertIn("10.45.0.60", inside.XMLDesc(libvirt.VIR_NETWORK_XML_INACTIVE))
        self.assertNotIn("seven", inside.XMLDesc(libvirt.VIR_NETWORK_XML_INACTIVE))
        self.restart()
        self.assertIn("seven", self.connect().networkLookupByName("inside").XMLDesc())

    def test_addresses_in_use_are_refused(self):
        self.start(NAT)
        other = self.connect().networkDefineXML(NAT.replace("inside", "other").replace("pvbr1", "pvbr9").replace("cc:00:01", "cc:00:02"))
        code, domain, message = self.refused(other.create)
        self.assertEqual((code, domain), (libvirt.VIR_ERR_INTERNAL_ERROR, libvirt.VIR_FROM_NETWORK))
        self.assertIn("Network is already in use by interface pvbr1", message)
        self.assertFalse(other.isActive())
        self.assertFalse(self.space.succeeds("ip", "link", "show", "pvbr9"))

    def test_autostarted_networks_start_once(self):
        self.connect().networkDefineXML(NAT).setAutostart(1)
        self.subject.kill()
        self.subject.empty_run_folder()
        self.subject.start()
        wait.until(lambda: self.connect().networkLookupByName("inside").isActive(), "the network to start")
        self.connect().networkLookupByName("inside").destroy()
        self.restart()
        self.assertFalse(self.connect().networkLookupByName("inside").isActive())


    def test_start_that_was_cut_off_is_undone(self):
        inside, = self.start(NAT)
        server = expect_dnsmasq("pvbr1")
        self.subject.kill()
        record = self.subject.root / "root" / "run" / "polyvirt" / "network" / "inside.json"
        record.write_text(record.read_text().replace('"active"', '"starting"'))
        self.subject.start()
        inside = self.connect().networkLookupByName("inside")
        self.assertFalse(inside.isActive())
        self.assertFalse(processes.is_running(server))
        self.assertFalse(self.space.succeeds("ip", "link", "show", "pvbr1"))
        wait.until(lambda: not self.space.succeeds(*TABLE), "the rules to go")
        inside.create()

    def test_pools_of_devices(self):
        connection = self.connect()
        none = connection.networkDefineXML("<network><name>none</name><forward mode='hostdev'><pf dev='lo'/></forward></network>")
        self.assertIn("No usable Vf's present on SRIOV PF lo", self.refused(none.create)[2])
        empty = connection.networkDefineXML("<network><name>empty</name><forward mode='hostdev'/></network>")
        empty.create()
        self.assertIn("none are available", self.refused(lambda: empty.portCreateXML(PORT.format(uuid.uuid4())))[2])
        direct = connection.networkDefineXML("<network><name>direct</name><forward mode='passthrough'><interface dev='lo'/></forward></network>")
        direct.create()
        port = direct.portCreateXML(PORT.format(uuid.uuid4()))
        self.assertIn("<plug type='direct' dev='lo' mode='passthrough'/>", port.XMLDesc())
        self.assertIn("none are available", self.refused(lambda: direct.portCreateXML(PORT.format(uuid.uuid4())))[2])
        self.restart()
        direct = self.connect().networkLookupByName("direct")
        self.assertIn("<interface dev='lo' connections='1'/>", direct.XMLDesc())

    def test_virtual_ports_are_kept_for_whoever_can_use_them(self):
        switched = self.connect().networkDefineXML("<network><name>switched</name><forward mode='bridge'/><bridge name='ovs'/>"
                                                   "<virtualport type='openvswitch'/></network>")
        switched.create()
        self.assertRegex(switched.portCreateXML(PORT.format(uuid.uuid4())).XMLDesc(),
                         "<virtualport type='openvswitch'>\n +<parameters interfaceid='[-0-9a-f]{36}'/>")


class Ports(NetworkCase):
    """Interfaces of guests, which here never run an instruction."""

    def ports(self, name):
        return len(self.connect().networkLookupByName(name).listAllPorts())

    def test_interfaces_have_ports_as_long_as_their_guest_runs(self):
        self.start(NAT)
        self.space.run("ip", "link", "add", "hostbr", "type", "bridge")
        self.connect().networkCreateXML("<network><name>host</name><forward mode='bridge'/><bridge name='hostbr'/></network>")
        guest = self.new_guest()
        card = CARD.format(mac="52:54:00:aa:bb:01", network="host")
        domain = self.connect().defineXML(guest.xml.replace("<serial type", card + "<serial type", 1))
        domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
        self.assertRegex(domain.XMLDesc(), r"<interface type='bridge'>\s*<mac [^>]*>\s*<source network='host' portid='[^']*' bridge='hostbr'/>")
        self.assertRegex(domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE), r"<interface type='network'>\s*<mac [^>]*>\s*<source network='host'/>")
        domain.attachDevice(CARD.format(mac="52:54:00:aa:bb:02", network="inside"))
        self.assertEqual((self.ports("host"), self.ports("inside")), (1, 1))
        self.assertIn("connections='1'", self.connect().networkLookupByName("inside").XMLDesc())
        port, = self.connect().networkLookupByName("inside").listAllPorts()
        self.assertIn(f"<name>{guest.name}</name>", port.XMLDesc())
        self.assertIn("master pvbr1", self.space.run("ip", "link", "show", "vnet1"))
        self.restart()
        self.assertEqual((self.ports("host"), self.ports("inside")), (1, 1))
        self.connect().lookupByName(guest.name).destroy()
        wait.until(lambda: (self.ports("host"), self.ports("inside")) == (0, 0), "the ports to be free")

    def test_taps_have_a_queue_for_each_that_the_card_has(self):
        self.start(NAT)
        guest = self.new_guest()
        cards = [CARD.format(mac=f"52:54:00:aa:bb:0{n}", network="inside").replace("</interface>", f"<driver queues='{n}'/></interface>") for n in (2, 3)]
        domain = self.connect().createXML(guest.xml.replace("<serial type", cards[1] + "<serial type", 1), libvirt.VIR_DOMAIN_START_PAUSED)
        record = self.subject.root / "root" / "run" / "polyvirt" / "qemu" / f"{guest.name}.json"
        folder = Path("/proc") / str(json.loads(record.read_text())["pid"]) / "fd"

        def queues():
            return len([fd for fd in folder.iterdir() if os.readlink(fd) == "/dev/net/tun"])

        self.assertEqual(queues(), 3)
        domain.attachDevice(cards[0])
        self.assertEqual(queues(), 5)
        domain.destroy()

    @unittest.skipUnless(subprocess.run(["unshare", "-n", "tc", "qdisc", "add", "dev", "lo", "root", "htb"], capture_output=True).returncode == 0,
                         "the kernel has no htb")
    def test_bandwidth_of_network_and_group_is_set(self):
        group = "<portgroup name='slow'><bandwidth><inbound average='128'/></bandwidth></portgroup>"
        self.start(NAT.replace("<domain ", "<bandwidth><inbound average='512'/></bandwidth><domain ").replace("</network>", group + "</network>"))
        guest = self.new_guest()
        card = CARD.format(mac="52:54:00:aa:bb:01", network="inside").replace("network='inside'", "network='inside' portgroup='slow'")
        domain = self.connect().createXML(guest.xml.replace("<serial type", card + "<serial type", 1), libvirt.VIR_DOMAIN_START_PAUSED)
        self.assertIn("rate 4096Kbit", self.space.run("tc", "class", "show", "dev", "pvbr1"))
        self.assertIn("rate 1024Kbit", self.space.run("tc", "class", "show", "dev", "vnet0"))
        domain.destroy()

    def test_why_no_guest_starts_by_itself_is_told(self):
        connection = self.connect()
        connection.networkDefineXML(ISOLATED)  # and not started
        guest = self.new_guest()
        card = CARD.format(mac="52:54:00:aa:bb:01", network="alone")
        connection.defineXML(guest.xml.replace("<serial type", card + "<serial type", 1)).setAutostart(1)
        self.subject.reboot_host()
        self.subject.start()
        wait.until(lambda: "driver 'network' refused another driver's" in self.subject.log_text(), "the reason in the log")
        self.assertRegex(self.subject.log_text(), "driver 'network' refused another driver's .*: .*network 'alone' is not active")

    def test_port_that_nobody_has_any_more_goes(self):
        inside, = self.start(NAT)
        guest = self.new_guest()
        self.connect().defineXML(guest.xml)
        inside.portCreateXML(f"<networkport><owner><name>{guest.name}</name><uuid>{guest.uuid}</uuid></owner><mac address='52:54:00:aa:bb:01'/></networkport>")
        self.assertEqual(self.ports("inside"), 1)
        self.restart()
        self.assertEqual(self.ports("inside"), 0)

    def test_a_network_that_is_started_again_has_its_guests(self):
        alone, = self.start(ISOLATED.replace("<bridge ", "<port isolated='yes'/><bridge "))
        guest = self.new_guest()
        card = CARD.format(mac="52:54:00:aa:bb:01", network="alone")
        domain = self.connect().createXML(guest.xml.replace("<serial type", card + "<serial type", 1), libvirt.VIR_DOMAIN_START_PAUSED)
        plugged = self.space.run("ip", "-d", "link", "show", "vnet0")
        self.assertIn("master pvbr2", plugged)
        self.assertIn("isolated on", plugged)
        port, = alone.listAllPorts()
        alone.destroy()
        self.assertNotIn("master", self.space.run("ip", "link", "show", "vnet0"))
        # By another name, too, and what the next daemon reads says so.
        self.connect().networkDefineXML(alone.XMLDesc(libvirt.VIR_NETWORK_XML_INACTIVE).replace("pvbr2", "pvbr4"))
        alone.create()
        shown = wait.until(lambda: (text := self.space.run("ip", "-d", "link", "show", "vnet0")) and "isolated on" in text and text,
                           "the guest to be back on its network")
        self.assertIn("master pvbr4", shown)
        self.assertEqual([p.UUIDString() for p in alone.listAllPorts()], [port.UUIDString()])
        self.assertIn("bridge='pvbr4'", domain.XMLDesc())
        self.restart()
        self.assertIn("bridge='pvbr4'", self.connect().lookupByName(guest.name).XMLDesc())
        self.assertEqual(self.ports("alone"), 1)
        self.connect().lookupByName(guest.name).destroy()
        wait.until(lambda: self.ports("alone") == 0, "the port to be free")

    def test_graphics_listen_where_the_host_is_on_a_network(self):
        self.start(NAT)
        self.space.run("ip", "link", "add", "hostbr", "type", "bridge")
        self.space.run("ip", "address", "add", "10.49.0.1/24", "dev", "hostbr")
        self.space.run("ip", "link", "set", "hostbr", "up")
        self.connect().networkCreateXML("<network><name>host</name><forward mode='bridge'/><bridge name='hostbr'/></network>")
        for network, address in (("inside", "10.45.0.1"), ("host", "10.49.0.1")):
            with self.subTest(network):
                guest = self.new_guest(network)
                screen = f"<graphics type='vnc' autoport='yes'><listen type='network' network='{network}'/></graphics>"
                domain = self.connect().defineXML(guest.xml.replace("<serial type", screen + "<serial type", 1))
                domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
                text = domain.XMLDesc()
                self.assertIn(f"<listen type='network' address='{address}' network='{network}'/>", text)
                self.assertNotIn(address, domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))
                port = re.search(rf"<graphics type='vnc' port='(\d+)' autoport='yes' listen='{address}'", text).group(1)
                self.assertEqual(self.space.run("bash", "-c", f"exec 3<>/dev/tcp/{address}/{port}; head -c 3 <&3"), "RFB")
                domain.destroy()
        self.connect().networkLookupByName("inside").destroy()
        domain = self.connect().defineXML(self.new_guest("none").xml.replace("<serial type", screen.replace("'host'", "'inside'") + "<serial type", 1))
        self.assertEqual(self.refused(domain.create)[0], libvirt.VIR_ERR_CONFIG_UNSUPPORTED)

    def test_guest_without_its_network_does_not_start(self):
        guest = self.new_guest()
        card = CARD.format(mac="52:54:00:aa:bb:01", network="{}")
        domain = self.connect().defineXML(guest.xml.replace("<serial type", card.format("nosuch") + "<serial type", 1))
        self.assertEqual(self.refused(domain.create)[0], libvirt.VIR_ERR_NO_NETWORK)
        self.connect().networkDefineXML(NAT)
        domain = self.connect().defineXML(guest.xml.replace("<serial type", card.format("inside") + "<serial type", 1))
        code, _, message = self.refused(domain.create)
        self.assertEqual(code, libvirt.VIR_ERR_OPERATION_INVALID)
        self.assertIn("network 'inside' is not active", message)


class FirstNetwork(NetworkCase):
    def prepare(self):
        pass

    def test_default_network_is_there_once(self):
        default = self.connect().networkLookupByName("default")
        self.assertEqual((default.isActive(), default.autostart(), default.bridgeName()), (0, 0, "virbr0"))
        default.undefine()
        self.restart()
        self.assertEqual(self.connect().listAllNetworks(), [])


class Guests(NetworkCase):
    """Two guests on a network with a way out by translation, one on a network without."""

    def setUp(self):
        super().setUp()
        self.outside = Namespace()
        self.addCleanup(self.outside.close)
        self.space.connect("uplink", "203.0.113.1/24", self.outside, "world", "203.0.113.2/24")

    def boot(self, label, mac, network):
        guest = self.new_guest(label)
        guest.xml = guest.xml.replace("<serial type", CARD.format(mac=mac, network=network) + "<serial type", 1)
        self.connect().createXML(guest.xml)
        return guest

    def ask(self, terminal, command, answer):
        at = len(terminal.text)
        terminal.type(command + "; echo DO''NE\n")
        at_end = terminal.expect("DONE", at)
        self.assertRegex(terminal.text[at:at_end], answer)

    def lease(self, guest):
        terminal = self.console(guest)
        terminal.type("\n")
        terminal.expect("guest:")
        terminal.type("lease\n")
        terminal.expect(r"LEASED-[0-9.]+")
        return terminal

    def test_guests_reach_what_they_may(self):
        inside, alone = self.start(NAT, ISOLATED)
        guests = [self.boot("first", "52:54:00:aa:bb:01", "inside"), self.boot("second", "52:54:00:aa:bb:02", "inside"),
                  self.boot("third", "52:54:00:aa:bb:03", "alone")]
        first, second, third = [self.lease(guest) for guest in guests]
        leases = {lease["mac"]: lease["ipaddr"] for lease in inside.DHCPLeases()}
        self.assertEqual(leases["52:54:00:aa:bb:01"], "10.45.0.50")
        self.ask(first, f"ping -c 1 -W 5 {leases['52:54:00:aa:bb:02']}", "1 packets received")
        self.ask(second, "ping -c 1 -W 5 203.0.113.2", "1 packets received")
        self.ask(third, "ping -c 1 -W 1 203.0.113.2", "unreachable|0 packets received")
        self.ask(third, "ping -c 1 -W 1 10.46.0.1", "1 packets received")
        domain = self.connect().lookupByName(guests[0].name)
        found = domain.interfaceAddresses(libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_LEASE)
        self.assertEqual([[a["addr"] for a in i["addrs"]] for i in found.values()], [["10.45.0.50"]])
        self.assertEqual(len(inside.listAllPorts()), 2)
        self.assertRegex(domain.XMLDesc(), r"<source network='inside' portid='[0-9a-f-]{36}' bridge='pvbr1'/>")
        self.outlive_the_daemon(first, leases["52:54:00:aa:bb:02"])
        for guest in guests:
            self.connect().lookupByName(guest.name).destroy()
        wait.until(lambda: not self.connect().networkLookupByName("inside").listAllPorts(), "the ports to be free")

    def outlive_the_daemon(self, terminal, neighbour):
        """Killed with guests running: they keep their network, and the console's end is the daemon's alone."""
        self.subject.kill()
        self.space.run("ip", "link", "del", "pvbr1")
        self.subject.start()
        network = self.connect().networkLookupByName("inside")
        self.assertEqual(len(network.listAllPorts()), 2)
        again = self.console(next(g for g in (self.guest_named("first"),)))
        again.type("\n")
        again.expect("guest:")
        self.ask(again, f"ping -c 1 -W 5 {neighbour}", "1 packets received")
        self.ask(again, "ping -c 1 -W 5 203.0.113.2", "1 packets received")
        del terminal

    def guest_named(self, label):
        class Named:
            name = next(d.name() for d in self.connect().listAllDomains() if d.name().startswith(label))
        return Named
