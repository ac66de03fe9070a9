# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Networks and their ports in the test driver."""

import xml.etree.ElementTree as ET

import libvirt

from harness import settings, wait
from harness.objects import ObjectCase
from rawclient import RawClient, WireError
import wire

NET = """<network>
  <name>net</name>
  <forward mode='nat'/>
  <bridge name='virbr7' stp='on' delay='0'/>
  <ip address='10.7.0.1' netmask='255.255.255.0'>
    <dhcp>
      <range start='10.7.0.10' end='10.7.0.20'/>
      <host mac='52:54:00:00:00:02' name='known' ip='10.7.0.10'/>
    </dhcp>
  </ip>
</network>
"""
GUEST = """<domain type='test'><name>{0}</name><memory>1024</memory><os><type>hvm</type></os><devices>
<interface type='network'><mac address='{1}'/><source network='net'/></interface></devices></domain>"""
PORT = """<networkport>
  <owner><name>guest</name><uuid>d54df46f-1ab5-4a22-8618-4560ef5fac2c</uuid></owner>
  <mac address='52:54:00:7b:35:93'/>
  <plug type='network' bridge='virbr7'/>
</networkport>"""


class Networks(ObjectCase):
    def listen(self):
        heard = []
        self.connection.networkEventRegisterAny(None, libvirt.VIR_NETWORK_EVENT_ID_LIFECYCLE,
                                                lambda c, net, event, detail, _: heard.append((net.name(), event)), None)
        return heard

    def test_life_and_its_events(self):
        heard = self.listen()
        net = self.connection.networkDefineXML(NET)
        self.assertEqual((net.isActive(), net.isPersistent(), net.autostart()), (0, 1, 0))
        net.create()
        net.setAutostart(1)
        self.assertEqual((net.isActive(), net.autostart(), net.bridgeName()), (1, 1, "virbr7"))
        self.assertEqual(self.refusal(net.create), (libvirt.VIR_ERR_OPERATION_INVALID,
                                                    "Requested operation is not valid: Network 'net' is already running"))
        self.assertEqual(self.refusal(net.undefine)[0], libvirt.VIR_ERR_OPERATION_INVALID)
        net.destroy()
        net.undefine()
        self.assertEqual(self.refusal(lambda: net.XMLDesc())[0], libvirt.VIR_ERR_NO_NETWORK)
        transient = self.connection.networkCreateXML(NET)
        self.assertEqual(self.refusal(lambda: transient.setAutostart(1))[0], libvirt.VIR_ERR_OPERATION_INVALID)
        transient.destroy()
        self.assertEqual([n.name() for n in self.connection.listAllNetworks()], ["default"])
        self.expect(heard, *[("net", e) for e in (0, 2, 3, 1, 2, 3)])

    def test_flags_variants_of_define_and_create(self):
        net = self.connection.networkDefineXMLFlags(NET, libvirt.VIR_NETWORK_DEFINE_VALIDATE)
        net.undefine()
        net = self.connection.networkCreateXMLFlags(NET, libvirt.VIR_NETWORK_CREATE_VALIDATE)
        self.assertEqual(net.isPersistent(), 0)

    def test_define_dump_define_is_the_identity(self):
        first = self.connection.networkDefineXML(NET).XMLDesc()
        self.assertEqual(self.connection.networkDefineXML(first).XMLDesc(), first)

    def test_update_live_and_stored(self):
        net = self.connection.networkDefineXML(NET)
        net.create()
        host = "<host mac='00:16:3e:77:e2:ed' name='tea' ip='10.7.0.9'/>"
        net.update(libvirt.VIR_NETWORK_UPDATE_COMMAND_ADD_LAST, libvirt.VIR_NETWORK_SECTION_IP_DHCP_HOST, -1, host,
                   libvirt.VIR_NETWORK_UPDATE_AFFECT_LIVE)
        self.assertIn("tea", net.XMLDesc())
        self.assertNotIn("tea", net.XMLDesc(libvirt.VIR_NETWORK_XML_INACTIVE))
        code, message = self.refusal(lambda: net.update(
            libvirt.VIR_NETWORK_UPDATE_COMMAND_ADD_LAST, libvirt.VIR_NETWORK_SECTION_IP_DHCP_HOST, -1, host,
            libvirt.VIR_NETWORK_UPDATE_AFFECT_LIVE))
        self.assertEqual(code, libvirt.VIR_ERR_OPERATION_INVALID)
        self.assertIn("there is an existing dhcp host entry", message)

    def test_guests_have_leases(self):
        self.connection.networkCreateXML(NET)
        self.connection.createXML(GUEST.format("a", "52:54:00:00:00:01"))
        self.connection.createXML(GUEST.format("b", "52:54:00:00:00:02"))
        net = self.connection.networkLookupByName("net")
        leases = [(l["mac"], l["ipaddr"], l["hostname"], l["prefix"]) for l in net.DHCPLeases()]
        self.assertEqual(leases, [("52:54:00:00:00:01", "10.7.0.11", "a", 24), ("52:54:00:00:00:02", "10.7.0.10", "known", 24)])
        self.assertEqual(len(net.DHCPLeases("52:54:00:00:00:02")), 1)
        self.assertEqual(self.refusal(lambda: net.DHCPLeases("x"))[0], libvirt.VIR_ERR_INVALID_ARG)
        self.assertIn("10.7.0.11/24", self.virsh("net-dhcp-leases", "net"))

    def test_a_wrong_document_says_where(self):
        code, message = self.refusal(lambda: self.connection.networkDefineXML("<network><name>n</name>\n<forward mode='bride'/></network>"))
        self.assertEqual(code, libvirt.VIR_ERR_XML_ERROR)
        self.assertIn("line 2: attribute 'mode' of <forward>: found 'bride'", message)
        self.assertIn("did you mean 'bridge'?", message)

    def test_metadata(self):
        """By the raw client: the library's calls for it came later than Debian 12's."""
        net = self.connection.networkDefineXML(NET)
        heard_at = net.UUIDString()
        client = RawClient(self.subject.socket(), wire.Tables(settings.TABLES), settings.PATIENCE)
        self.addCleanup(client.close)
        client.open("test:///default")
        one = {"name": "net", "uuid": net.UUID()}
        client.call("network_set_metadata", network=one, type=1, metadata="a title", key=None, uri=None, flags=0)
        client.call("network_set_metadata", network=one, type=2, metadata="<x y='1'/>", key="k", uri="urn:k", flags=0)
        self.assertEqual(client.call("network_get_metadata", network=one, type=1, uri=None, flags=0)["metadata"], "a title")
        self.assertEqual(ET.canonicalize(client.call("network_get_metadata", network=one, type=2, uri="urn:k", flags=0)["metadata"]),
                         '<k:x xmlns:k="urn:k" y="1"></k:x>')
        with self.assertRaises(WireError):
            client.call("network_get_metadata", network=one, type=0, uri=None, flags=0)
        self.assertIn("<title>a title</title>", net.XMLDesc())
        self.assertEqual(heard_at, net.UUIDString())


class Ports(ObjectCase):
    def setUp(self):
        super().setUp()
        self.net = self.connection.networkCreateXML(NET)

    def test_life(self):
        port = self.net.portCreateXML(PORT)
        self.assertIn("<name>guest</name>", port.XMLDesc())
        self.assertEqual([p.UUIDString() for p in self.net.listAllPorts()], [port.UUIDString()])
        self.assertEqual(self.net.portLookupByUUIDString(port.UUIDString()).UUIDString(), port.UUIDString())
        port.delete()
        self.assertEqual(self.net.listAllPorts(), [])
        self.assertEqual(self.refusal(lambda: port.XMLDesc())[0], libvirt.VIR_ERR_NO_NETWORK_PORT)

    def test_parameters(self):
        """By the raw client: setParameters() of Debian 12's python3-libvirt refuses what it is told the parameters are."""
        port = self.net.portCreateXML(PORT)
        client = RawClient(self.subject.socket(), wire.Tables(settings.TABLES), settings.PATIENCE)
        self.addCleanup(client.close)
        client.open("test:///default")
        net = {"name": self.net.name(), "uuid": self.net.UUID()}
        uint = 2
        client.call("network_port_set_parameters", port={"net": net, "uuid": port.UUID()}, flags=0, params=[
            {"field": field, "value": (uint, value)}
            for field, value in (("inbound.average", 100), ("inbound.peak", 200), ("outbound.average", 7))])
        got = {p["field"]: p["value"][1] for p in client.call(
            "network_port_get_parameters", port={"net": net, "uuid": port.UUID()}, nparams=0, flags=0)["params"]}
        self.assertEqual((got["inbound.average"], got["inbound.peak"], got["outbound.average"]), (100, 200, 7))
        self.assertIn("<inbound average='100' peak='200'/>", port.XMLDesc())

    def test_ports_end_with_their_network(self):
        port = self.net.portCreateXML(PORT)
        self.assertEqual(self.refusal(lambda: self.net.portCreateXML(port.XMLDesc()))[0], libvirt.VIR_ERR_NETWORK_PORT_EXIST)
        self.net.destroy()
        self.assertEqual(self.refusal(lambda: port.XMLDesc())[0] in (libvirt.VIR_ERR_NO_NETWORK, libvirt.VIR_ERR_NO_NETWORK_PORT), True)
        wait.until(lambda: len(self.connection.listAllNetworks()) == 1, "the network gone")

    def test_a_wrong_port_is_refused(self):
        self.assertEqual(self.refusal(lambda: self.net.portCreateXML("<networkport/>"))[0], libvirt.VIR_ERR_XML_ERROR)
