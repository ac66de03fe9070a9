# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Permissions as clients meet them: who may do what, what lists and events leave out, how a refusal
reads, and that a policy can be changed under connected clients."""

import os
import signal
import subprocess

import libvirt

from harness import identities, settings, wait
from harness.case import plain_environment
from harness.identities import NOBODY
from harness.python_client import DEFINED, PythonCase, Recorder, UNDEFINED

_DENIED = (88, 55)


class AccessCase(PythonCase):
    policy = ""

    def setUp(self):
        identities.need_root()
        if settings.SUBJECT != "polyvirtd":
            self.skipTest("the form of the policy is polyvirtd's own")
        super().setUp()
        self.policy_file().write_text(self.policy)
        self.subject.stop()
        self.subject.start()
        identities.open_to_all(self.subject)

    def policy_file(self):
        return self.subject.root / "root" / "etc" / "polyvirt" / "policy.yaml"

    def reload_policy(self, text):
        """Puts another file in place and has the daemon load it."""
        fresh = self.policy_file().with_suffix(".new")
        fresh.write_text(text)
        fresh.rename(self.policy_file())
        said = self.said_of_policy()
        os.kill(self.subject.pid, signal.SIGHUP)
        wait.until(lambda: self.said_of_policy() > said, "the policy to be loaded")

    def said_of_policy(self):
        return sum("policy.yaml" in line for line in self.subject.log_tail(10_000).splitlines())

    def connect_as(self, uid, groups=(), kind="rw"):
        with identities.as_user(uid, groups=groups):
            return self.connect(kind)

    def names(self, connection):
        return sorted(domain.name() for domain in connection.listAllDomains())


class Permissions(AccessCase):
    policy = """
default: deny
rules:
  - {name: root, allow: "*", who: {uid: 0}}
  - {name: no-db, deny: "domain.*", on: {name: "db-*"}}
  - {name: look, allow: [connect.*, domain.getattr, domain.read]}
  - {name: run-web, allow: [domain.start, domain.stop, domain.save, domain.write, domain.delete], on: {name: "web-*"}}
"""

    def setUp(self):
        super().setUp()
        self.web = self.defined_guest("web")
        self.mail = self.defined_guest("mail")
        self.db = self.defined_guest("db")

    def test_root_may_everything(self):
        self.assertEqual(self.names(self.connect()), sorted([self.web.name, self.mail.name, self.db.name]))

    def test_denied_start_names_the_rule(self):
        domain = self.connect_as(NOBODY).lookupByName(self.mail.name)
        code, origin, text = self.refused(domain.create)
        self.assertEqual((code, origin), _DENIED)
        self.assertEqual(text, f"access denied: the default denies domain.start on domain '{self.mail.name}'")

    def test_allowed_by_name(self):
        domain = self.connect_as(NOBODY).lookupByName(self.web.name)
        domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
        domain.destroy()

    def test_hidden_object_is_denied_by_its_rule(self):
        self.connect().lookupByName(self.db.name)
        connection = self.connect_as(NOBODY)
        code, origin, text = self.refused(lambda: connection.lookupByName(self.db.name))
        self.assertEqual((code, origin), _DENIED)
        self.assertIn("rule 'no-db' denies domain.getattr", text)

    def test_lists_and_counts_leave_out_what_is_hidden(self):
        connection = self.connect_as(NOBODY)
        self.assertEqual(self.names(connection), sorted([self.web.name, self.mail.name]))
        self.assertEqual(sorted(connection.listDefinedDomains()), sorted([self.web.name, self.mail.name]))
        self.assertEqual(connection.numOfDefinedDomains(), 2)
        self.assertEqual(connection.numOfDomains(), 0)
        for guest in (self.web, self.db):
            self.virsh("start", "--paused", guest.name)
        self.assertEqual((connection.numOfDomains(), len(connection.listDomainsID())), (1, 1))

    def test_definitions_are_judged_by_the_name_in_the_document(self):
        connection = self.connect_as(NOBODY)
        allowed, denied = self.new_guest("web-new"), self.new_guest("db-new")
        connection.defineXML(allowed.xml).undefine()
        code, origin, text = self.refused(lambda: connection.defineXML(denied.xml))
        self.assertEqual((code, origin), _DENIED)
        self.assertIn(f"rule 'no-db' denies domain.write on domain '{denied.name}'", text)

    def test_secure_document_needs_its_own_permission(self):
        domain = self.connect_as(NOBODY).lookupByName(self.web.name)
        self.assertIn(self.web.name, domain.XMLDesc())
        code, origin, text = self.refused(lambda: domain.XMLDesc(libvirt.VIR_DOMAIN_XML_SECURE))
        self.assertEqual((code, origin), _DENIED)
        self.assertIn("domain.read_secure", text)
        self.connect().lookupByName(self.web.name).XMLDesc(libvirt.VIR_DOMAIN_XML_SECURE)

    def test_read_only_rule_stands_beside_the_policy(self):
        domain = self.connect_as(0, kind="ro").lookupByName(self.web.name)
        code, _, text = self.refused(domain.create)
        self.assertEqual(code, 29)
        self.assertIn("read only access prevents", text)

    def test_virsh_of_another_user(self):
        command = identities.command_as(NOBODY, self.virsh_command("start", self.mail.name))
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              env=plain_environment(), timeout=settings.PATIENCE)
        self.assertEqual(done.returncode, 1)
        self.assertIn("error: access denied: the default denies domain.start", done.stderr)

    def test_denials_are_logged_once(self):
        domain = self.connect_as(NOBODY).lookupByName(self.mail.name)
        for _ in range(5):
            self.refused(domain.create)
        text = f"the default denies domain.start on domain '{self.mail.name}'"
        lines = [line for line in self.subject.log_tail(10_000).splitlines() if text in line]
        self.assertEqual(len(lines), 1, lines)
        self.assertIn("uid 65534", lines[0])
        self.assertIn("domain_create", lines[0])


class Events(AccessCase):
    policy = """
default: allow
rules:
  - {name: no-db, deny: "domain.*", who: {uid: 65534}, on: {name: "db-*"}}
"""

    def test_events_of_hidden_objects_are_left_out(self):
        everything = Recorder(self.connect())
        filtered = Recorder(self.connect_as(NOBODY))
        db, web = self.defined_guest("db"), self.defined_guest("web")
        for guest in (db, web):
            self.virsh("undefine", guest.name)
        filtered.expect(web, UNDEFINED)  # in order: those of db would have come before
        everything.expect(web, UNDEFINED)
        self.assertEqual(everything.of(db), [DEFINED, UNDEFINED])
        self.assertEqual(filtered.of(db), [])


class Reload(AccessCase):
    policy = "default: allow"

    def test_new_rules_hold_for_connected_clients(self):
        guest = self.defined_guest()
        domain = self.connect_as(NOBODY).lookupByName(guest.name)
        self.assertEqual(domain.info()[0], libvirt.VIR_DOMAIN_SHUTOFF)
        self.reload_policy('{default: allow, rules: [{name: blind, deny: domain.read, who: {uid: 65534}}]}')
        self.assertIn("rule 'blind' denies domain.read", self.refused(domain.info)[2])
        self.reload_policy("default: allow")
        self.assertEqual(domain.info()[0], libvirt.VIR_DOMAIN_SHUTOFF)

    def test_wrong_file_leaves_the_rules_that_hold(self):
        guest = self.defined_guest()
        domain = self.connect_as(NOBODY).lookupByName(guest.name)
        self.reload_policy('{default: allow, rules: [{name: blind, deny: domain.read, who: {uid: 65534}}]}')
        self.reload_policy("default: allow\nrules: [{name: a, deny: domain.strat}]")
        self.assertIn("policy.yaml:2:25: unknown permission 'domain.strat', did you mean 'domain.start'?",
                      self.subject.log_tail(100))
        self.assertIn("rule 'blind' denies domain.read", self.refused(domain.info)[2])
