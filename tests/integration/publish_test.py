# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""A define publishes what was authorised (rule R24 of the plugin ABI): a driver that makes another object of a document
than the one that the policy was asked about is refused, and so is its client (needs root)."""

import shutil

import libvirt

from access_test import AccessCase
from harness import settings
from harness.identities import NOBODY
from harness.polyvirtd import Polyvirtd

_DENIED = (libvirt.VIR_ERR_ACCESS_DENIED, libvirt.VIR_FROM_ACCESS)


class Life(Polyvirtd):
    """polyvirtd with one of the drivers of tests/plugins/wrong_life.c alone."""

    def __init__(self, root, call_log, plugin):
        super().__init__(root, call_log)
        folder = root / "plugins"
        folder.mkdir(mode=0o755)
        shutil.copy(settings.BUILD / "tests" / "plugins" / plugin / f"{plugin}.so", folder)
        self.options = ["--plugins", str(folder)]

    def uri(self, kind="rw"):
        return f"life+unix:///default?socket={self.socket(kind)}"


class PublishCase(AccessCase):
    # What this driver answers itself is no proof of anything that is built for users.
    counts_as_test = False
    plugin = "t_right"
    policy = """
default: deny
rules:
  - {name: root, allow: "*", who: {uid: 0}}
  - {name: all, allow: connect.*}
  - {name: no blue ones, deny: "domain.*", on: {uuid: c7a5fdbd-cdaf-9455-926a-d65c16db1809}}
  - {name: web guests, allow: "domain.*", on: {name: "web-*"}}
"""

    def make_subject(self):
        return Life(self.folder, self.running_log, self.plugin)

    @staticmethod
    def document(name, uuid=""):
        return f"<domain type='life'><name>{name}</name>{f'<uuid>{uuid}</uuid>' if uuid else ''}</domain>"


class Right(PublishCase):
    def test_what_was_authorised_is_published(self):
        connection = self.connect_as(NOBODY)
        connection.createXML(self.document("web-1"), 0)
        connection.createXML(self.document("web-2", "11111111-2222-3333-4444-555555555555"), 0)
        self.assertEqual(self.names(self.connect()), ["web-1", "web-2"])
        code, domain, text = self.refused(lambda: connection.createXML(self.document("db-1"), 0))
        self.assertEqual((code, domain), _DENIED)
        self.assertIn("the default denies domain.write on domain 'db-1'", text)

    def test_a_document_that_means_another_object_needs_permission_on_that_too(self):
        uuid = "11111111-2222-3333-4444-555555555555"
        self.connect().createXML(self.document("db-1", uuid), 0)
        connection = self.connect_as(NOBODY)
        code, domain, text = self.refused(lambda: connection.createXML(self.document("web-1", uuid), 0))
        self.assertEqual((code, domain), _DENIED)
        self.assertIn("the default denies domain.write on domain 'db-1'", text)


class Another(PublishCase):
    plugin = "t_publishes_another"

    def test_another_object_is_refused_with_the_rule(self):
        code, domain, text = self.refused(lambda: self.connect_as(NOBODY).createXML(self.document("web-1"), 0))
        self.assertEqual((code, domain), _DENIED)
        self.assertRegex(text, r"driver 't_life' may not publish domain 'another'.* in this call: domain\.write was authorised "
                               r"for domain 'web-1'.*\(rule R24 of the plugin ABI\); the default denies domain\.write on "
                               r"domain 'another'")
        # Not even who may everything gets an object that he did not ask for.
        code, domain, text = self.refused(lambda: self.connect().createXML(self.document("web-1"), 0))
        self.assertEqual((code, domain), _DENIED)
        self.assertTrue(text.endswith("(rule R24 of the plugin ABI)"), text)
        self.assertEqual(self.names(self.connect()), [])
        self.assert_logged("driver 't_life' may not publish")

    def test_without_a_policy_nothing_was_authorised(self):
        self.policy_file().unlink()
        self.subject.stop()
        self.subject.start()
        self.connect().createXML(self.document("web-1"), 0)
        self.assertEqual(self.names(self.connect()), ["another"])
