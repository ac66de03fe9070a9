# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Administration: a transcript of every virt-admin command, with what can be changed changed and read
back, and the admin program's answers to arguments that virt-admin would not send."""

import os
import re

import libvirt

from harness import settings, wait
from harness.tools import AdminCase
from rawclient import Closed, RawClient, WireError
import wire

_INT, _UINT, _ULLONG = 1, 2, 4
_INVALID, _UNSUPPORTED, _NO_SERVER, _NO_CLIENT, _INTERNAL = 8, 74, 95, 96, 1
_UNAUTH_TEXT = ("invalid argument: The overall maximum number of clients waiting for authentication "
                "must not be less than the overall maximum number of clients")


class VirtAdmin(AdminCase):
    """virt-admin 9.0.0 has twenty-one commands; those that only concern its own shell are left out."""

    def setUp(self):
        super().setUp()
        self.server = self.main_server()

    def client_ids(self, server=None):
        return re.findall(r"^ *(\d+) ", self.virt_admin("client-list", server or self.server), re.M)

    def connected(self):
        """A connection and its id."""
        before = self.client_ids()
        connection = libvirt.open(self.subject.uri())
        self.addCleanup(self.close_quietly, connection)
        new, = set(self.client_ids()) - set(before)
        return connection, new

    @staticmethod
    def close_quietly(connection):
        try:
            connection.close()
        except libvirt.libvirtError:
            pass

    def test_an_administrator_takes_nothing_along_of_the_client_with_the_same_number(self):
        connections = [libvirt.open(self.subject.uri()) for _ in range(20)]
        last = connections.pop()
        for connection in connections:
            self.addCleanup(connection.close)
        number = max(int(found) for found in self.client_ids())
        dom = last.createXML(self.new_guest().xml,
                                        libvirt.VIR_DOMAIN_START_PAUSED | libvirt.VIR_DOMAIN_START_AUTODESTROY)
        for _ in range(number + 5):   # each is a client of the admin server, whose numbers begin at 1, too
            self.virt_admin("uri")
        self.assertTrue(dom.isActive())
        del dom   # it would keep its connection open
        last.close()
        wait.until(lambda: not connections[0].listDomainsID(), "the guest to end with its own client")

    def test_uri_and_version(self):
        self.assertEqual(self.virt_admin("uri"),
                         f"libvirtd:///system?socket={self.subject.socket('admin')}")
        self.assertIn("Running against daemon: 9.0.0", self.virt_admin("version"))

    def test_servers(self):
        listed = self.virt_admin("server-list")
        names = re.findall(r"^ *\d+ +(\S+)$", listed, re.M)
        self.assertEqual(sorted(names), sorted([self.server, "admin"]))

    def test_workers_are_shown_and_changed(self):
        shown = self.virt_admin_pairs("server-threadpool-info", self.server)
        self.assertEqual(list(shown), ["minWorkers", "maxWorkers", "nWorkers", "freeWorkers",
                                       "prioWorkers", "jobQueueDepth"])
        self.assertEqual(shown["maxWorkers"], "20")
        self.virt_admin("server-threadpool-set", self.server, "--min-workers", "6", "--max-workers",
                        "9", "--priority-workers", "3")
        now = self.virt_admin_pairs("server-threadpool-info", self.server)
        self.assertEqual((now["minWorkers"], now["maxWorkers"], now["prioWorkers"]), ("6", "9", "3"))
        # The workers that the new least number asks for are there, and go when it falls.
        self.assertGreaterEqual(int(now["nWorkers"]), 6)
        self.virt_admin("server-threadpool-set", self.server, "--min-workers", "1", "--max-workers", "2")
        wait.until(lambda: int(self.virt_admin_pairs("server-threadpool-info", self.server)
                               ["nWorkers"]) <= 2, "the surplus workers to end")
        self.assertEqual(self.virsh("list", "--all", "--name"), "")

    def test_workers_that_make_no_sense_are_refused(self):
        for words, why in (
                (["--min-workers", "30"], "minWorkers cannot be larger than maxWorkers"),
                (["--max-workers", "0"], "minWorkers cannot be larger than maxWorkers"),
                (["--min-workers", "5", "--max-workers", "4"], "--min-workers must be less than"),
                ([], "At least one of options")):
            with self.subTest(words):
                before = self.virt_admin_pairs("server-threadpool-info", self.server)
                self.assertIn(why, self.virt_admin_fails("server-threadpool-set", self.server, *words))
                after = self.virt_admin_pairs("server-threadpool-info", self.server)
                self.assertEqual([before[k] for k in ("minWorkers", "maxWorkers", "prioWorkers")],
                                 [after[k] for k in ("minWorkers", "maxWorkers", "prioWorkers")])

    def test_limits_of_clients_are_shown_and_changed(self):
        shown = self.virt_admin_pairs("server-clients-info", self.server)
        self.assertEqual(list(shown),
                         ["nclients_max", "nclients", "nclients_unauth_max", "nclients_unauth"])
        self.assertEqual((shown["nclients_max"], shown["nclients"]), ("5000", "0"))
        self.virt_admin("server-clients-set", self.server, "--max-clients", "100",
                        "--max-unauth-clients", "10")
        _connection, _ = self.connected()
        now = self.virt_admin_pairs("server-clients-info", self.server)
        self.assertEqual(now, {"nclients_max": "100", "nclients": "1", "nclients_unauth_max": "10",
                               "nclients_unauth": "0"})

    def test_limits_of_clients_that_make_no_sense_are_refused(self):
        for words, why in (
                (["--max-unauth-clients", "6000"], _UNAUTH_TEXT),
                (["--max-clients", "0"], _UNAUTH_TEXT),
                (["--max-clients", "5", "--max-unauth-clients", "10"], "--max-unauth-clients must be"),
                ([], "At least one of options")):
            with self.subTest(words):
                before = self.virt_admin("server-clients-info", self.server)
                self.assertIn(why, self.virt_admin_fails("server-clients-set", self.server, *words))
                self.assertEqual(self.virt_admin("server-clients-info", self.server), before)

    def test_clients_are_listed_described_and_disconnected(self):
        connection, number = self.connected()
        self.assertRegex(self.virt_admin("client-list", self.server),
                         rf"(?m)^ *{number} +unix +\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d\+0000$")
        info = self.virt_admin_pairs("client-info", self.server, number)
        pid = "-1" if settings.SUBJECT == "peer" else str(os.getpid())  # the peer has a pid namespace
        self.assertRegex(info.pop("connection_time"), r"^\d{4}-\d\d-\d\d ")
        info.pop("selinux_context", None)
        self.assertEqual(info, {
            "id": number, "transport": "unix", "readonly": "no", "unix_user_id": "0",
            "unix_user_name": "root", "unix_group_id": "0", "unix_group_name": "root",
            "unix_process_id": pid})
        self.assertEqual(self.virt_admin("client-disconnect", self.server, number),
                         f"Client '{number}' disconnected")
        with self.assertRaises(libvirt.libvirtError):
            connection.getLibVersion()
        self.assertEqual(self.client_ids(), [])

    def test_read_only_clients_are_shown_as_such(self):
        connection = libvirt.openReadOnly(self.subject.uri("ro"))
        self.addCleanup(self.close_quietly, connection)
        number, = self.client_ids()
        self.assertEqual(self.virt_admin_pairs("client-info", self.server, number)["readonly"], "yes")

    def test_the_administrators_own_connection_is_a_client_too(self):
        self.assertEqual(len(self.client_ids("admin")), 1)

    def test_unknown_servers_and_clients(self):
        for words in (["server-threadpool-info", "none"], ["client-list", "none"],
                      ["server-clients-info", "none"], ["client-info", "none", "1"],
                      ["client-disconnect", "none", "1"], ["server-update-tls", "none"]):
            self.assertIn("Server not found: No server named 'none'", self.virt_admin_fails(*words))
        for command in ("client-info", "client-disconnect"):
            self.assertIn("Client not found: No client with matching ID '99'",
                          self.virt_admin_fails(command, self.server, "99"))

    def test_log_filters_are_shown_and_changed(self):
        self.assertEqual(self.virt_admin("daemon-log-filters"), "Logging filters:")
        self.assertEqual(self.virt_admin("daemon-log-filters", "1:qemu 3:rpc"), "")
        self.assertEqual(self.virt_admin("daemon-log-filters"), "Logging filters: 1:*qemu* 3:*rpc*")
        for wrong, why in (("7:foo", "Invalid priority '7' for filter '7:foo'"),
                           ("1:qemu x", "Malformed format for filter 'x'")):
            self.assertIn(why, self.virt_admin_fails("daemon-log-filters", wrong))
            self.assertEqual(self.virt_admin("daemon-log-filters"), "Logging filters: 1:*qemu* 3:*rpc*")
        self.virt_admin("daemon-log-filters", "")
        self.assertEqual(self.virt_admin("daemon-log-filters"), "Logging filters:")

    def test_log_outputs_are_shown_and_changed(self):
        path = self.folder / "other.log"
        self.virt_admin("daemon-log-outputs", f"1:file:{path}")
        self.assertEqual(self.virt_admin("daemon-log-outputs"), f"Logging outputs: 1:file:{path}")
        self.virt_admin("daemon-log-filters", "1:*")
        self.virsh("list")
        wait.until(lambda: path.exists() and path.stat().st_size, "lines in the new log")
        for wrong, why in (("9:stderr", r"Invalid (log )?priority '9' for log output '9:stderr'"),
                           ("1:nosuch", "Invalid log destination 'nosuch' for log output '1:nosuch'"),
                           ("zz", "Malformed format for log output 'zz'"),
                           (f"1:file:{self.folder}/none/x", "failed to open .*/none/x: No such file")):
            self.assertRegex(self.virt_admin_fails("daemon-log-outputs", wrong), why)
            self.assertEqual(self.virt_admin("daemon-log-outputs"), f"Logging outputs: 1:file:{path}")
        self.virt_admin("daemon-log-outputs", "")
        self.assertNotIn(str(path), self.virt_admin("daemon-log-outputs"))

    def test_certificates_of_a_daemon_without_tls(self):
        for server in (self.server, "admin"):
            self.assertIn("internal error: no tls service found, unable to update tls files",
                          self.virt_admin_fails("server-update-tls", server))

    def test_daemon_timeout_ends_an_idle_daemon(self):
        self.virt_admin("daemon-timeout", "--timeout", "1")
        wait.until(lambda: not self.subject.is_running(), "the idle daemon to end")
        self.assertEqual(self.subject.process.returncode, 0)

    def test_daemon_timeout_waits_for_clients_and_guests(self):
        guest = self.paused_guest()
        connection, _ = self.connected()
        self.virt_admin("daemon-timeout", "--timeout", "1")
        # Looked at, not slept for: a second client must still be served after the timeout.
        end = wait.after(3)
        wait.until(end, "three seconds")
        self.assertTrue(self.subject.is_running())
        connection.close()
        wait.until(wait.after(3), "three seconds more")
        self.assertTrue(self.subject.is_running(), "it ended although a guest runs")
        self.virsh("destroy", guest.name)
        wait.until(lambda: not self.subject.is_running(), "the idle daemon to end")

    def test_daemon_timeout_is_taken_back(self):
        self.virt_admin("daemon-timeout", "--timeout", "3")
        self.virt_admin("daemon-timeout", "--timeout", "0")
        wait.until(wait.after(5), "five seconds")
        self.assertTrue(self.subject.is_running())


class AdminProgram(AdminCase):
    def setUp(self):
        super().setUp()
        self.client = RawClient(self.subject.socket("admin"), wire.Tables(settings.TABLES),
                                settings.PATIENCE)
        self.addCleanup(self.client.close)
        self.srv = {"name": self.main_server()}

    def call(self, procedure, /, **arguments):
        return self.client.call(procedure, program="admin", **arguments)

    def refused(self, procedure, /, **arguments):
        with self.assertRaises(WireError) as refused:
            self.call(procedure, **arguments)
        fields = refused.exception.fields
        return fields["code"], fields["domain"], fields["message"]

    def test_unknown_flags_are_refused_with_the_functions_name(self):
        srv = self.srv
        for procedure, name, arguments in (
                ("connect_open", "adminDispatchConnectOpen", {}),
                ("connect_list_servers", "adminConnectListServers", {"need_results": 1}),
                ("server_get_threadpool_parameters", "adminServerGetThreadPoolParameters", {"srv": srv}),
                ("server_update_tls_files", "adminServerUpdateTlsFiles", {"srv": srv}),
                ("connect_set_daemon_timeout", "adminConnectSetDaemonTimeout", {"timeout": 100})):
            with self.subTest(procedure):
                self.assertEqual(self.refused(procedure, flags=1, **arguments),
                                 (_INVALID, 62, f"unsupported flags (0x1) in function {name}"))

    def test_lists_answer_numbers_alone_when_asked_so(self):
        self.assertEqual(self.call("connect_list_servers", need_results=0, flags=0),
                         {"servers": [], "ret": 2})
        admin = {"name": "admin"}
        self.assertEqual(self.call("server_list_clients", srv=admin, need_results=0, flags=0),
                         {"clients": [], "ret": 1})

    def set_workers(self, *parameters):
        return self.refused("server_set_threadpool_parameters", srv=self.srv, flags=0, params=[
            {"field": field, "value": (kind, value)} for field, kind, value in parameters])

    def test_parameters_are_checked_before_any_is_applied(self):
        before = self.call("server_get_threadpool_parameters", srv=self.srv, flags=0)
        self.assertEqual(self.set_workers(("minWorkers", _INT, 3)), (
            _INVALID, 0, "invalid argument: invalid type 'int' for parameter 'minWorkers', expected 'uint'"))
        self.assertEqual(self.set_workers(("maxWorkers", _UINT, 30), ("minWorkers", _ULLONG, 3)), (
            _INVALID, 0, "invalid argument: invalid type 'ullong' for parameter 'minWorkers', expected 'uint'"))
        for field in ("bogus", "nWorkers", "freeWorkers", "jobQueueDepth"):
            self.assertEqual(self.set_workers(("maxWorkers", _UINT, 30), (field, _UINT, 3)), (
                _UNSUPPORTED, 0, f"argument unsupported: parameter '{field}' not supported"))
        self.assertEqual(self.set_workers(("minWorkers", _UINT, 3), ("minWorkers", _UINT, 4)), (
            _INVALID, 0, "invalid argument: parameter 'minWorkers' occurs multiple times"))
        after = self.call("server_get_threadpool_parameters", srv=self.srv, flags=0)
        configured = ("minWorkers", "maxWorkers", "prioWorkers")
        self.assertEqual(*[[p for p in one["params"] if p["field"] in configured]
                           for one in (before, after)])

    def test_no_parameters_change_nothing(self):
        self.assertEqual(self.call("server_set_threadpool_parameters", srv=self.srv, params=[], flags=0), {})
        self.assertEqual(self.call("server_set_client_limits", srv=self.srv, params=[], flags=0), {})

    def test_more_workers_than_can_be_are_refused(self):
        if settings.SUBJECT == "peer":
            self.skipTest("the peer starts threads until the system has none left")
        for field in ("maxWorkers", "prioWorkers"):
            code, _, message = self.set_workers((field, _UINT, 100_000))
            self.assertEqual((code, message), (
                _INVALID, "invalid argument: 100000 workers are asked for, at most 10000 can be"))

    def test_limits_that_cannot_be_set(self):
        for field in ("nclients", "nclients_unauth"):
            self.assertEqual(self.refused("server_set_client_limits", srv=self.srv, flags=0, params=[
                {"field": field, "value": (_UINT, 3)}]), (
                    _UNSUPPORTED, 0, f"argument unsupported: parameter '{field}' not supported"))

    def test_a_client_that_is_not_there(self):
        client = {"srv": self.srv, "id": 77, "timestamp": 0, "transport": 0}
        self.assertEqual(self.refused("client_get_info", clnt=client, flags=0), (
            _NO_CLIENT, 62, "Client not found: no client with matching id '77' found"))
        for procedure, arguments in (("client_close", {"clnt": client}),
                                     ("server_lookup_client", {"srv": self.srv, "id": 77})):
            self.assertEqual(self.refused(procedure, flags=0, **arguments), (
                _NO_CLIENT, 7, "Client not found: No client with matching ID '77'"))
        self.assertEqual(self.refused("server_lookup_client", srv={"name": "x"}, id=1, flags=0)[0],
                         _NO_SERVER)

    def test_a_client_may_close_itself(self):
        row, = self.call("server_list_clients", srv={"name": "admin"}, need_results=1, flags=0)["clients"]
        found = self.call("server_lookup_client", srv={"name": "admin"}, id=row["id"], flags=0)["clnt"]
        self.assertEqual(found, row)
        with self.assertRaises(Closed):
            self.call("client_close", clnt=row, flags=0)

    def test_no_limit_of_unauthenticated_clients_means_any_number(self):
        self.call("server_set_client_limits", srv=self.srv, flags=0, params=[
            {"field": "nclients_unauth_max", "value": (_UINT, 0)}])
        self.assertEqual(self.virsh("list", "--all", "--name"), "")
