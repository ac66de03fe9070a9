# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""How a client comes in, what a read-only one may not do, and how it leaves."""

import subprocess

import libvirt

from harness import settings
from harness.case import IntegrationCase, plain_environment
from rawclient import Closed, RawClient, WireError
import wire

_DENIED = 29
_INTERNAL = 1
_RPC_DOMAIN = 7


class OpenSequence(IntegrationCase):
    def setUp(self):
        super().setUp()
        self.tables = wire.Tables(settings.TABLES)

    def raw(self, kind="rw"):
        client = RawClient(self.subject.socket(kind), self.tables, settings.PATIENCE)
        self.addCleanup(client.close)
        return client

    def feature(self, client, number):
        return client.call("connect_supports_feature", feature=number)["supported"]

    def test_sequence_of_a_client_library(self):
        client = self.raw()
        self.assertEqual(client.call("auth_list"), {"types": [0]})
        self.assertEqual(self.feature(client, 10), 1)
        self.assertEqual(client.call("connect_open", name="qemu:///system", flags=0), {})
        self.assertEqual(client.call("connect_get_uri"), {"uri": "qemu:///system"})
        self.assertEqual([self.feature(client, n) for n in (14, 15)], [1, 1])
        client.call("connect_register_close_callback")
        client.call("connect_unregister_close_callback")
        self.assertEqual(client.call("connect_close"), {})
        self.assertTrue(client.is_closed())

    def test_features_that_change_what_clients_send(self):
        client = self.raw().open()
        asked = {number: self.feature(client, number) for number in (2, 8, 9, 14, 15, 16, 9999)}
        # Not 3 and the others of migration, which the peer has: nothing is announced before it is there.
        self.assertEqual(asked, {2: 0, 8: 1, 9: 1, 14: 1, 15: 1, 16: 1, 9999: 0})

    def test_calls_before_open_are_refused(self):
        client = self.raw()
        client.call("auth_list")
        with self.assertRaises(WireError) as refused:
            client.call("connect_get_lib_version")
        self.assertEqual(refused.exception.code, _INTERNAL)
        self.assertIn("connection not open", refused.exception.message)

    def test_second_open_is_refused(self):
        client = self.raw().open()
        with self.assertRaises(WireError):
            client.call("connect_open", name="qemu:///system", flags=0)
        # Whether the first open still holds is left open: the peer forgets it.
        self.assertEqual(client.call("auth_list"), {"types": [0]})

    def test_open_without_a_name_is_refused(self):
        client = self.raw()
        client.call("auth_list")
        with self.assertRaises(WireError):
            client.call("connect_open", name=None, flags=0)

    def test_open_of_an_unknown_driver_is_refused(self):
        with self.assertRaises(WireError) as refused:
            self.raw().open("nosuchdriver:///system")
        self.assertIn("nosuchdriver", refused.exception.message)

    def test_empty_name_opens_the_default_driver(self):
        client = self.raw().open("")
        self.assertEqual(client.call("connect_get_uri"), {"uri": "qemu:///system"})

    def test_close_needs_no_open(self):
        client = self.raw()
        self.assertEqual(client.call("connect_close"), {})
        with self.assertRaises(Closed):
            client.read()

    def test_python_opens_and_closes(self):
        connection = libvirt.open(self.subject.uri())
        self.assertEqual(connection.getURI(), self.subject.uri())
        self.assertEqual(connection.getType(), "QEMU")
        self.assertEqual(connection.isAlive(), 1)
        self.assertEqual(connection.close(), 0)

    def check_denials(self, connection, guest):
        domain = connection.lookupByName(guest.name)
        self.assertEqual(domain.UUIDString(), guest.uuid)
        self.assertIn(guest.name, domain.XMLDesc())
        for name, call in (
                ("virDomainDefineXML", lambda: connection.defineXML(guest.xml)),
                ("virDomainCreate", domain.create),
                ("virDomainDestroy", domain.destroy),
                ("virDomainUndefine", domain.undefine),
                ("virDomainSetAutostart", lambda: domain.setAutostart(1))):
            self.check_denied(call, f"read only access prevents {name}")
        self.check_denied(lambda: domain.XMLDesc(libvirt.VIR_DOMAIN_XML_SECURE),
                          "virDomainGetXMLDesc with secure flag")

    def check_denied(self, call, why):
        with self.subTest(why), self.assertRaises(libvirt.libvirtError) as refused:
            call()
        error = refused.exception
        self.assertEqual((error.get_error_code(), error.get_error_message()),
                         (_DENIED, f"operation forbidden: {why}"))

    def test_read_only_open_flag_denies_changes(self):
        guest = self.defined_guest()
        self.check_denials(libvirt.openReadOnly(self.subject.uri()), guest)

    def test_read_only_socket_denies_changes_whatever_the_flags(self):
        guest = self.defined_guest()
        self.check_denials(libvirt.open(self.subject.uri("ro")), guest)

    def test_read_only_denial_on_the_wire(self):
        guest = self.defined_guest()
        client = self.raw("ro").open()
        dom = client.call("domain_lookup_by_name", name=guest.name)["dom"]
        with self.assertRaises(WireError) as refused:
            client.call("domain_create", dom=dom)
        error = refused.exception
        self.assertEqual((error.code, error.message, error.fields["level"]), (
            _DENIED, "operation forbidden: read only access prevents virDomainCreate", 2))

    def test_admin_socket_answers(self):
        done = subprocess.run(
            ["virt-admin", "-c", f"libvirtd:///system?socket={self.subject.socket('admin')}",
             "srv-list"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
            env=plain_environment(), timeout=settings.PATIENCE)
        if done.returncode != 0:
            self.assertIn("not supported", done.stderr)
        else:
            self.assertRegex(done.stdout, r"Id +Name")

    def test_admin_program_is_not_served_on_the_main_socket(self):
        client = self.raw()
        client.call("auth_list")
        error = client.refusal(client.packet("connect_open", program="admin", flags=0))
        self.assertEqual((error["code"], error["domain"], error["message"]),
                         (39, _RPC_DOMAIN, "Cannot find program 110102160 version 1"))
        self.assertEqual(client.call("auth_list"), {"types": [0]})
