# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""SASL over TCP, TLS and unix sockets, with passwords and with Kerberos; its security layer; and TCP
without any authentication."""

import contextlib
import json
import os
import subprocess

import libvirt

import wire
from harness import accounts, guest, pki, settings
from harness.accounts import credentials
from harness.python_client import DEFINED, RESUMED, Recorder, STARTED
from harness.remote import RemoteCase
from harness.terminal import Terminal
from harness.case import plain_environment
from rawclient import Closed, RawClient, WireError

_AUTH_FAILED = 45
_RPC = 39


def signed(data):
    """Bytes as the wire has them: one number of four bytes each."""
    return [byte - 256 if byte > 127 else byte for byte in data]


class SaslCase(RemoteCase):
    sasl = {}
    auth = {}
    listen = {"tcp": {"enabled": True, "addresses": ["127.0.0.1"], "port": 0}}

    def prepare(self):
        super().prepare()
        # Whose leak it is shows only in whole stacks, which take their time.
        self.subject.sanitizer_options["LSAN_OPTIONS"] = "fast_unwind_on_malloc=0"

    def configuration(self):
        users = accounts.password_file(self.folder, fred="secret", wilma="other")
        return {"listen": self.listen, "auth": self.auth,
                "sasl": {"sasldb": str(users), "hostname": accounts.HOST, **self.sasl}}

    def check_fails(self, call):
        with self.assertRaises(libvirt.libvirtError) as caught:
            call()
        self.assertEqual(caught.exception.get_error_code(), _AUTH_FAILED, caught.exception)

    def auth_file(self, user, password):
        path = self.folder / "auth.conf"
        path.write_text(f"[credentials-test]\nauthname={user}\npassword={password}\nrealm={accounts.HOST}\n"
                        f"[auth-libvirt-{accounts.HOST}]\ncredentials=test\n")
        return path


class Tcp(SaslCase):
    """In clear text a mechanism must encrypt: of those with passwords DIGEST-MD5 does, SCRAM does not."""

    sasl = {"mechanisms": ["DIGEST-MD5", "SCRAM-SHA-256"], "allowed_users": ["f*"]}

    def uri(self, **parameters):
        return self.remote_uri("TCP", **parameters)

    def connect_as(self, user="fred", password="secret"):
        return self.open_uri(self.uri(), credentials(user, password))

    def test_a_user_with_a_password(self):
        connection = self.connect_as()
        self.assertEqual((connection.getType(), connection.isSecure()), ("QEMU", 1))
        self.expect_log(r"authenticated as 'fred.*' by DIGEST-MD5, 1\d\d bits")

    def test_virsh_with_an_authentication_file(self):
        done = self.run_virsh(self.uri(authfile=self.auth_file("fred", "secret")), "list", "--all")
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_wrong_password(self):
        self.check_fails(lambda: self.connect_as(password="guess"))
        self.check_fails(lambda: self.connect_as("nobody"))
        self.connect_as()

    def test_user_that_is_not_allowed(self):
        self.check_fails(lambda: self.connect_as("wilma", "other"))
        self.expect_log("user 'wilma.*' is not among the allowed ones")

    def test_only_what_encrypts_is_offered(self):
        client = self.raw_tcp()
        self.assertEqual(client.call("auth_list"), {"types": [1]})
        self.assertEqual(client.call("auth_sasl_init"), {"mechlist": "DIGEST-MD5"})

    def test_five_calls_and_large_packets_through_the_layer(self):
        connection = self.connect_as()
        made = self.new_guest()
        text = "x" * 1_500_000
        made.xml = made.xml.replace("<memory", f"<description>{text}</description>\n  <memory", 1)
        domain = connection.defineXML(made.xml)
        for _ in range(5):
            self.assertIn(text, domain.XMLDesc())

    def test_console_and_events_through_the_layer(self):
        connection = self.connect_as()
        made = self.new_guest()
        told = Recorder(connection)
        connection.defineXML(made.xml).create()
        told.expect(made, STARTED)
        self.assertEqual(told.of(made), [DEFINED, RESUMED, STARTED])
        console = Terminal(["virsh", "-c", self.uri(authfile=self.auth_file("fred", "secret")),
                            "console", made.name], plain_environment())
        self.addCleanup(console.close)
        console.expect("Escape character")
        console.expect_raw()
        console.expect(guest.GREETING)
        console.type("echo $((6*7))-encoded\r")
        console.expect("42-encoded")
        told.stop()


class Policy(SaslCase):
    """Rules by the name that SASL gave."""

    sasl = {"mechanisms": ["DIGEST-MD5"]}

    def configuration(self):
        (self.etc / "polyvirt" / "policy.yaml").write_text(
            "default: deny\n"
            "rules:\n"
            "  - {name: root, allow: '*', who: {uid: 0}}\n"
            "  - {name: fred runs, allow: '*', who: {sasl: 'fred'}}\n"
            "  - {name: tcp looks, allow: [connect.*, domain.getattr, domain.read], who: {transport: tcp}}\n")
        return super().configuration()

    def uri_as(self, user, password):
        return self.remote_uri("TCP", authfile=self.auth_file(user, password))

    def test_they_decide_what_users_may(self):
        made = self.new_guest()
        self.open_uri(self.remote_uri("TCP"), credentials("fred", "secret")).defineXML(made.xml)
        look = self.run_virsh(self.uri_as("wilma", "other"), "list", "--all", "--name")
        self.assertEqual((look.returncode, look.stdout.split()), (0, [made.name]))
        start = self.run_virsh(self.uri_as("wilma", "other"), "start", "--paused", made.name)
        self.assertEqual(start.returncode, 1)
        self.assertIn("access denied: the default denies domain.start", start.stderr)
        self.expect_log(r"client \d+ \(.*wilma.*\) was refused domain_create_with_flags")
        start = self.run_virsh(self.uri_as("fred", "secret"), "start", "--paused", made.name)
        self.assertEqual((start.returncode, start.stderr), (0, ""))

    def test_the_simulation_says_the_same(self):
        for who, allowed, why in (("sasl:fred", True, "rule 'fred runs'"), ("sasl:wilma", False, "the default")):
            done = subprocess.run([str(settings.BUILD / "bin" / "polyvirt"), "--socket", str(self.subject.socket("admin")),
                                   "-o", "json", "policy", "test", "--transport", "tcp", who, "domain.start", "web"],
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True, env=plain_environment(),
                                  timeout=settings.PATIENCE, check=True)
            told = json.loads(done.stdout)
            self.assertEqual(told["allowed"], allowed, told)
            self.assertIn(why, told["why"])


class Refusals(SaslCase):
    """Packet by packet: what is refused before authentication, and exchanges that go wrong."""

    sasl = {"mechanisms": ["DIGEST-MD5"]}

    def check_refused(self, client, name, /, **arguments):
        with self.assertRaises(WireError) as refused:
            client.call(name, **arguments)
        error = refused.exception
        return error.code, error.message

    def check_failed(self, client, name, /, **arguments):
        self.assertEqual(self.check_refused(client, name, **arguments)[0], _AUTH_FAILED)

    def test_nothing_works_before(self):
        client = self.raw_tcp()
        for name, arguments in (("connect_open", {"name": "qemu:///system", "flags": 0}),
                                ("connect_get_hostname", {}), ("connect_close", {}),
                                ("connect_supports_feature", {"feature": 10})):
            self.assertEqual(self.check_refused(client, name, **arguments),
                             (_RPC, "authentication required"))

    def test_steps_out_of_order(self):
        """The first of these ends the peer."""
        client = self.raw_tcp()
        self.check_failed(client, "auth_sasl_step", nil=1, data=[])
        self.check_failed(client, "auth_sasl_start", mech="DIGEST-MD5", nil=1, data=[])
        client.call("auth_sasl_init")
        self.check_failed(client, "auth_sasl_step", nil=1, data=[])
        self.check_failed(client, "auth_sasl_start", mech="DIGEST-MD5", nil=1, data=[])

    def test_mechanisms_that_were_not_offered(self):
        for mechanism in ("PLAIN", "ANONYMOUS", "SCRAM-SHA-256", "", "DIGEST-MD5,", "x" * 1000):
            client = self.raw_tcp()
            client.call("auth_sasl_init")
            self.check_failed(client, "auth_sasl_start", mech=mechanism, nil=1, data=[])

    def test_nonsense_as_an_answer(self):
        for data in (b"", b"\0" * 65536, os.urandom(5000), b'username="fred"'):
            client = self.raw_tcp()
            client.call("auth_sasl_init")
            client.call("auth_sasl_start", mech="DIGEST-MD5", nil=1, data=[])
            self.check_failed(client, "auth_sasl_step", nil=0, data=signed(data))

    def test_the_fifth_failure_ends_the_connection(self):
        client = self.raw_tcp()
        for _ in range(5):
            self.check_failed(client, "auth_sasl_step", nil=1, data=[])
        self.assertTrue(client.is_closed())

    def test_a_new_exchange_after_a_failed_one(self):
        client = self.raw_tcp()
        client.call("auth_sasl_init")
        self.check_failed(client, "auth_sasl_start", mech="PLAIN", nil=1, data=[])
        client.call("auth_sasl_init")
        begun = client.call("auth_sasl_start", mech="DIGEST-MD5", nil=1, data=[])
        self.assertEqual((begun["complete"], begun["nil"]), (0, 0))

    def test_polkit_is_not_its_method(self):
        code, _ = self.check_refused(self.raw_tcp(), "auth_polkit")
        self.assertNotEqual(code, 0)

    def test_pipelined_exchanges_are_refused_or_served_and_never_mixed(self):
        client = self.raw_tcp()
        with contextlib.suppress(Closed):  # it may end after five failures
            for _ in range(40):
                client.start("auth_sasl_init")
                client.start("auth_sasl_start", mech="DIGEST-MD5", nil=1, data=[])
            for _ in range(80):
                client.read()
        self.assertEqual(self.raw_tcp().call("auth_list"), {"types": [1]})


class WeakMechanisms(SaslCase):
    sasl = {"mechanisms": ["SCRAM-SHA-256"]}

    def test_tcp_with_nothing_that_encrypts_says_so(self):
        self.check_fails(lambda: self.open_uri(self.remote_uri("TCP"), credentials("fred", "secret")))
        self.expect_log("none encrypts, as clear text over TCP demands; use GSSAPI, or TLS")


class Unix(SaslCase):
    sasl = {"mechanisms": ["SCRAM-SHA-256"]}
    auth = {"unix": "sasl"}
    listen = {}

    def connect_as(self, password="secret"):
        return self.open_uri(self.subject.uri(), credentials("fred", password))

    def test_scram(self):
        self.assertEqual(self.connect_as().getType(), "QEMU")
        self.expect_log("authenticated as 'fred.*' by SCRAM-SHA-256, 0 bits")
        self.check_fails(lambda: self.connect_as("guess"))

    def test_the_read_only_socket_has_a_method_of_its_own(self):
        self.assertEqual(self.connect("ro").getType(), "QEMU")

    def test_it_waits_for_nobody_who_says_nothing(self):
        client = RawClient(self.subject.socket(), wire.Tables(settings.TABLES), settings.PATIENCE)
        self.addCleanup(client.close)
        self.assertEqual(client.call("auth_list"), {"types": [1]})
        self.assertTrue(client.is_closed())
        self.expect_log("did not authenticate in time")


class Tls(SaslCase):
    """Certificate and password: two things that must be right."""

    sasl = {"mechanisms": ["SCRAM-SHA-256", "SCRAM-SHA-512"]}
    auth = {"tls": "sasl"}
    listen = {"tls": {"enabled": True, "addresses": ["127.0.0.1"], "port": 0}}

    def configuration(self):
        self.ca = pki.Authority(self.folder, "one")
        certificate, key = self.ca.server("server")
        self.alice = self.ca.client("alice")
        return {**super().configuration(),
                "tls": {"ca": str(self.ca.certificate), "certificate": str(certificate),
                        "key": str(key)}}

    def connect_as(self, password="secret"):
        return self.open_uri(self.remote_uri("TLS", pkipath=self.alice), credentials("fred", password))

    def test_both_are_right(self):
        connection = self.connect_as()
        self.assertEqual((connection.getType(), connection.isSecure()), ("QEMU", 1))
        self.expect_log("authenticated as 'fred.*' by SCRAM-SHA-")

    def test_a_certificate_alone_is_not_enough(self):
        self.check_fails(lambda: self.connect_as("guess"))
        client = self.raw_tls(self.alice)
        self.assertEqual(client.call("auth_list"), {"types": [1]})
        with self.assertRaises(WireError) as refused:
            client.call("connect_open", name="qemu:///system", flags=0)
        self.assertEqual(refused.exception.message, "authentication required")

    def test_a_password_alone_is_not_enough(self):
        stranger = pki.Authority(self.folder, "two").client("mallory", trusts=self.ca)
        with self.assertRaises(libvirt.libvirtError):
            self.open_uri(self.remote_uri("TLS", pkipath=stranger), credentials("fred", "secret"))
        # libvirt's client saw by itself that its certificate is not good; this one does not look.
        self.assertEqual(self.at_end(self.dial_tls(stranger)), b"")
        self.expect_log("TLS handshake failed")


class Kerberos(SaslCase):
    def configuration(self):
        self.realm = accounts.Realm(self.folder)
        self.addCleanup(self.realm.end)
        self.sasl = {"mechanisms": ["GSSAPI"], "keytab": str(self.realm.keytab),
                     "allowed_users": ["fred"]}
        return super().configuration()

    def setUp(self):
        before = dict(os.environ)
        self.addCleanup(os.environ.update, before)
        self.addCleanup(os.environ.clear)
        super().setUp()

    def make_subject(self):
        made = super().make_subject()
        os.environ.update(self.realm.environment)  # which the daemon inherits
        return made

    def virsh_over_tcp(self, *words):
        return self.run_virsh(self.remote_uri("TCP"), *words, environment=self.realm.environment)

    def test_a_ticket_opens_and_everything_is_encrypted(self):
        self.realm.log_in("fred")
        done = self.virsh_over_tcp("list", "--all")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        # The library leaves the realm away where it is the host's own.
        self.expect_log(r"authenticated as 'fred' by GSSAPI, (\d{2,}) bits")

    def test_large_packets_through_the_layer(self):
        self.realm.log_in("fred")
        made = self.new_guest()
        text = "z" * 1_000_000
        made.xml = made.xml.replace("<memory", f"<description>{text}</description>\n  <memory", 1)
        self.virsh("define", self.write_xml(made))
        done = self.virsh_over_tcp("dumpxml", made.name)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(text, done.stdout)

    def test_without_a_ticket(self):
        done = self.virsh_over_tcp("list")
        self.assertEqual(done.returncode, 1)
        self.assertIn("authentication failed", done.stderr)

    def test_somebody_elses_ticket(self):
        self.realm.log_in("barney")
        done = self.virsh_over_tcp("list")
        self.assertEqual(done.returncode, 1)
        self.expect_log("user 'barney' is not among the allowed ones")


class Open(SaslCase):
    """auth.tcp: none, for networks that are closed by other means."""

    auth = {"tcp": "none"}

    def configuration(self):
        values = super().configuration()
        del values["sasl"]
        return values

    def test_anybody_comes_in_and_the_log_warns(self):
        done = self.run_virsh(self.remote_uri("TCP"), "list", "--all")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.expect_log("whoever reaches the TCP port owns this host")

    def test_it_is_not_secure_and_passes_no_descriptors(self):
        client = self.raw_tcp().open()
        self.assertEqual(client.call("connect_is_secure"), {"secure": 0})
        self.assertEqual(client.call("connect_supports_feature", feature=8), {"supported": 0})
        with self.assertRaises(WireError) as refused:
            client.call("auth_sasl_init")
        self.assertEqual(refused.exception.code, _AUTH_FAILED)

    def test_the_admin_program_is_not_there(self):
        client = self.raw_tcp()
        error = client.refusal(client.packet("connect_open", program="admin", flags=0))
        self.assertEqual(error["code"], _RPC)
