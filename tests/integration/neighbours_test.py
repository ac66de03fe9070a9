# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Drivers that call each other (host.driver/1), from outside: the second driver sees the client of the first, and
does for it only what that client may have done itself. tests/plugins/caller.cpp and callee.cpp."""

import shutil

import libvirt

from access_test import AccessCase
from harness import settings
from harness.identities import NOBODY
from harness.polyvirtd import Polyvirtd


class Two(Polyvirtd):
    """polyvirtd with these two drivers alone."""

    def __init__(self, root, call_log):
        super().__init__(root, call_log)
        folder = root / "plugins"
        folder.mkdir(mode=0o755)
        for name in ("caller", "callee"):
            shutil.copy(settings.BUILD / "tests" / "plugins" / name / f"{name}.so", folder)
        self.options = ["--plugins", str(folder)]

    def uri(self, kind="rw"):
        return f"caller+unix:///default?socket={self.socket(kind)}"


class Neighbours(AccessCase):
    # What these drivers answer themselves is no proof of anything that is built for users.
    counts_as_test = False
    policy = """
default: deny
rules:
  - {name: root, allow: "*", who: {uid: 0}}
  - {name: all, allow: connect.*}
  - {name: lan, allow: [network.getattr, network.read], on: {name: "lan"}}
"""

    def make_subject(self):
        return Two(self.folder, self.running_log)

    def ask(self, connection, command):
        return connection.domainXMLFromNative("caller", command)

    def test_the_other_driver_sees_the_client(self):
        self.assertEqual(self.ask(self.connect_as(NOBODY), "desc lan"),
                         f"<network name='lan' flags='0' uid='{NOBODY}' client='yes'/>")
        self.assertEqual(self.ask(self.connect(), "async dmz"),
                         "<network name='dmz' flags='0' uid='0' client='yes'/>")

    def test_a_client_gets_no_further_through_a_driver_than_alone(self):
        connection = self.connect_as(NOBODY)
        for command in ("desc dmz", "async dmz", "destroy lan"):
            code, domain, text = self.refused(lambda c=command: self.ask(connection, c))
            self.assertEqual((code, domain), (libvirt.VIR_ERR_ACCESS_DENIED, libvirt.VIR_FROM_ACCESS), text)
        self.assertEqual(self.ask(self.connect(), "destroy lan"), "destroyed")

    def test_lists_of_the_other_driver(self):
        self.assertEqual(self.ask(self.connect(), "leases lan").splitlines(),
                         ["192.0.2.1/24 until 1000000000001 on lan for one",
                          "192.0.2.2/24 until 1000000000002 on lan for nobody"])
        self.assertEqual(self.ask(self.connect(), "ports lan").splitlines()[0], "2 ports")
        # A client lists no further through a driver than alone: it may not see ports.
        self.assertEqual(self.ask(self.connect_as(NOBODY), "ports lan"), "0 ports\n")
        code, domain, text = self.refused(lambda: self.ask(self.connect_as(NOBODY), "leases dmz"))
        self.assertEqual((code, domain), (libvirt.VIR_ERR_ACCESS_DENIED, libvirt.VIR_FROM_ACCESS), text)

    def test_the_other_drivers_error_arrives_whole(self):
        code, domain, text = self.refused(lambda: self.ask(self.connect(), "undefine lan"))
        self.assertEqual((code, domain, text), (libvirt.VIR_ERR_OPERATION_INVALID, libvirt.VIR_FROM_NETWORK,
                                                "Requested operation is not valid: network 'lan' stays"))

    def test_what_the_driver_asks_for_itself_needs_no_client(self):
        self.assertEqual(self.ask(self.connect_as(NOBODY), "start"),
                         "<network name='lan' flags='0' uid='host' client='no'/>")
