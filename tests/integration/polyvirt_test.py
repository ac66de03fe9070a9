# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""The `polyvirt` command, and its program on the admin socket. The peer has neither."""

import json
import os

import libvirt

from harness import settings
from harness.tools import AdminCase
from rawclient import RawClient, WireError
import wire

_RPC, _INVALID_ARGUMENT = 39, 8
_LONGEST = 65536


class PolyvirtCommand(AdminCase):
    def setUp(self):
        if settings.SUBJECT == "peer":
            self.skipTest("the peer has no such command")
        super().setUp()

    def test_status_shows_servers_workers_and_plugins(self):
        status = self.polyvirt_json("status")
        self.assertEqual(status["pid"], self.subject.pid)
        self.assertEqual([row["name"] for row in status["servers"]], ["polyvirtd", "admin"])
        self.assertIn("qemu", [row["id"] for row in status["plugins"]])
        self.assertGreaterEqual(status["workers"]["current"], 1)
        self.assertRegex(self.polyvirt("status"), rf"process {self.subject.pid}\n")

    def test_clients_are_shown_with_who_they_are(self):
        connection = libvirt.open(self.subject.uri())
        self.addCleanup(connection.close)
        row, = [row for row in self.polyvirt_json("clients") if row["server"] == "polyvirtd"]
        self.assertEqual((row["pid"], row["uid"], row["readonly"], row["transport"]),
                         (os.getpid(), os.getuid(), False, "unix"))
        self.assertRegex(self.polyvirt("clients"), rf"polyvirtd +{row['id']} +unix +uid {os.getuid()}")

    def test_text_and_json_can_be_asked_for_behind_the_command_too(self):
        self.assertEqual(json.loads(self.polyvirt("status", "-o", "json"))["pid"], self.subject.pid)

    def test_every_command_has_a_summary(self):
        commands = self.polyvirt_json("call", "commands")
        self.assertIn("status", [row["name"] for row in commands])
        self.assertEqual([row["name"] for row in commands if not row["summary"]], [])

    def test_what_is_wrong_is_said(self):
        self.assertEqual(self.polyvirt_fails("call", "no such"),
                         "polyvirt: invalid argument: unknown command 'no such'; 'commands' lists them")
        self.assertEqual(self.polyvirt_fails("call", "status", '{"x": 1}'),
                         "polyvirt: invalid argument: unknown argument 'x'")
        self.assertIn("no daemon answers on", self.polyvirt_fails("status", socket=self.folder / "none"))
        # The other sockets do not know the program.
        self.assertIn("Cannot find program",
                      self.polyvirt_fails("status", socket=self.subject.socket("rw")))


class PolyvirtProgram(AdminCase):
    def setUp(self):
        if settings.SUBJECT == "peer":
            self.skipTest("the peer has no such program")
        super().setUp()
        self.client = RawClient(self.subject.socket("admin"), wire.Tables(settings.TABLES),
                                settings.PATIENCE)
        self.addCleanup(self.client.close)

    def command(self, name, arguments=""):
        return self.client.call("command", program="polyvirt", name=name, arguments=arguments)

    def refused(self, name, arguments):
        with self.assertRaises(WireError) as refused:
            self.command(name, arguments)
        return refused.exception

    def test_arguments_that_make_no_sense_are_refused_and_the_connection_lives(self):
        for arguments in ("[]", "7", "{", "null", '{"a":' * 40 + "1" + "}" * 40,
                          "[" * (_LONGEST // 2) + "]" * (_LONGEST // 2)):
            with self.subTest(arguments[:20]):
                error = self.refused("status", arguments)
                self.assertEqual(error.code, _INVALID_ARGUMENT)
                self.assertIn("arguments", error.message)
        self.assertEqual(json.loads(self.command("status")["answer"])["pid"], self.subject.pid)

    def test_arguments_beyond_the_limit_cannot_be_decoded(self):
        procedure = self.client.tables.program("polyvirt").call("command")
        procedure.program.limits["arguments"] = _LONGEST + 1
        self.assertEqual(self.refused("status", " " * (_LONGEST + 1)).code, _RPC)
        self.assertEqual(self.refused("s" * 64, "").code, _INVALID_ARGUMENT)
        self.assertEqual(json.loads(self.command("status", " " * (_LONGEST - 2) + "{}")["answer"])["pid"],
                         self.subject.pid)
