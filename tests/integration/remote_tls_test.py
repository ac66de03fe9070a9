# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""TLS: who is let in and who is not, what clients can do then, and what strangers cannot do to others."""

import os
import signal
import socket
import ssl
import struct
import threading

import libvirt

from harness import guest, pki, wait
from harness.python_client import DEFINED, RESUMED, Recorder, STARTED
from harness.remote import RemoteCase
from harness.terminal import Terminal
from harness.case import plain_environment
from rawclient import Closed, REPLY


class TlsCase(RemoteCase):
    tls = {}      # settings that a class of cases changes
    limits = {}

    def configuration(self):
        if not hasattr(self, "ca"):
            self.ca = pki.Authority(self.folder, "one")
            self.server = self.ca.server("server")
            self.alice = self.ca.client("alice")
        certificate, key = self.server
        tls = {"ca": str(self.ca.certificate), "certificate": str(certificate), "key": str(key)}
        return {"listen": {"tls": {"enabled": True, "addresses": ["127.0.0.1"], "port": 0}},
                "tls": {**tls, **self.tls}, "limits": self.limits}

    def uri_of(self, client):
        return self.remote_uri("TLS", pkipath=client)

    def check_welcome(self, client):
        done = self.run_virsh(self.uri_of(client), "list", "--all")
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def check_refused(self, client, why):
        """virsh fails, be it that its own library sees what is wrong; a client that does not look sees
        the end without an acceptance; and the log says why."""
        done = self.run_virsh(self.uri_of(client), "list")
        # virsh does not ignore SIGPIPE, and its TLS may still have something to say when the daemon left.
        self.assertIn(done.returncode, (1, -signal.SIGPIPE), done.stdout)
        if done.returncode == 1:
            self.assertIn("failed to connect to the hypervisor", done.stderr)
        self.assertEqual(self.at_end(self.dial_tls(client)), b"")
        self.expect_log(why)
        self.check_welcome(self.alice)


class Policy(TlsCase):
    """Rules by the name in the client's certificate."""

    def configuration(self):
        (self.etc / "polyvirt" / "policy.yaml").write_text(
            "default: deny\n"
            "rules:\n"
            "  - {name: root, allow: '*', who: {uid: 0}}\n"
            "  - {name: alice runs, allow: '*', who: {x509: '*,CN=alice'}}\n"
            "  - {name: tls looks, allow: [connect.*, domain.getattr, domain.read], who: {transport: tls}}\n"
            "  - {name: no strangers, deny: '*'}\n")
        return super().configuration()

    def test_they_decide_what_certificates_may(self):
        made = self.define(self.new_guest())
        bob = self.ca.client("bob")
        look = self.run_virsh(self.uri_of(bob), "list", "--all", "--name")
        self.assertEqual((look.returncode, look.stdout.split()), (0, [made.name]))
        start = self.run_virsh(self.uri_of(bob), "start", "--paused", made.name)
        self.assertEqual(start.returncode, 1)
        self.assertIn("access denied: rule 'no strangers' denies domain.start", start.stderr)
        self.expect_log(r"client \d+ \(.*CN=bob.*\) was refused domain_create_with_flags")
        start = self.run_virsh(self.uri_of(self.alice), "start", "--paused", made.name)
        self.assertEqual((start.returncode, start.stderr), (0, ""))


class Certificates(TlsCase):
    def test_a_client_with_a_good_certificate(self):
        uri = self.uri_of(self.alice)
        self.define(guest_of := self.new_guest())
        done = self.run_virsh(uri, "list", "--all", "--name")
        self.assertEqual((done.returncode, done.stdout.split()), (0, [guest_of.name]))
        connection = self.open_uri(uri)
        self.assertEqual((connection.isEncrypted(), connection.isSecure()), (1, 1))
        self.assertEqual(connection.getURI(), uri)

    def test_of_another_authority(self):
        other = pki.Authority(self.folder, "two")
        self.check_refused(other.client("mallory", trusts=self.ca),
                           r"TLS handshake failed: .*CN=mallory")

    def test_expired(self):
        self.check_refused(self.ca.client("old", expired=True),
                           r"TLS handshake failed: certificate has expired .*CN=old")

    def test_none_at_all(self):
        bare = self.folder / "bare"
        bare.mkdir()
        (bare / "cacert.pem").write_bytes(self.ca.certificate.read_bytes())
        self.check_refused(bare, "TLS handshake failed: peer did not return a certificate")

    def test_a_server_certificate_does_not_make_a_client(self):
        home = self.ca.client("host")
        certificate, key = self.ca.server("imposter")
        (home / "clientcert.pem").write_bytes(certificate.read_bytes())
        (home / "clientkey.pem").write_bytes(key.read_bytes())
        self.check_refused(home, "TLS handshake failed: .*CN=imposter")

    def test_a_client_checks_the_server(self):
        other = pki.Authority(self.folder, "two")
        distrustful = self.ca.client("bob", trusts=other)
        done = self.run_virsh(self.uri_of(distrustful), "list")
        self.assertEqual(done.returncode, 1)
        self.assertIn("certificate", done.stderr)


class AllowedNames(TlsCase):
    tls = {"allowed_names": ["C=GB,O=polyvirt tests,CN=a*", "C=DE,*"]}

    def test_only_names_that_fit_a_pattern(self):
        self.check_welcome(self.alice)
        self.check_refused(self.ca.client("bob"),
                           f"'{pki.distinguished_name('bob')}' is not among the allowed names")

    def test_what_a_refused_client_is_told(self):
        done = self.run_virsh(self.uri_of(self.ca.client("bob")), "list")
        if done.returncode != -signal.SIGPIPE:
            self.assertIn("Unable to read TLS confirmation", done.stderr)


class NoClientCertificates(TlsCase):
    tls = {"verify_client": False}

    def test_anybody_comes_in(self):
        bare = self.folder / "bare"
        bare.mkdir()
        (bare / "cacert.pem").write_bytes(self.ca.certificate.read_bytes())
        self.check_welcome(bare)


class Revoked(TlsCase):
    def configuration(self):
        values = super().configuration()
        values["tls"]["crl"] = str(self.ca.revoke())
        return values

    def test_a_revoked_certificate_and_a_reload(self):
        bob = self.ca.client("bob")
        self.check_welcome(bob)
        stays = self.open_uri(self.uri_of(bob))
        self.ca.revoke("bob")
        self.reload()
        self.check_refused(bob, "TLS handshake failed: certificate revoked .*CN=bob")
        self.assertEqual(stays.numOfDomains(), 0)  # who was let in before goes on

    def test_a_wrong_file_changes_nothing(self):
        self.ca.crl.write_text("nonsense")
        self.reload(fails=True)
        self.check_welcome(self.alice)

    def test_a_new_certificate_without_restart(self):
        new = pki.Authority(self.folder, "new")
        certificate, key = new.server("server")
        stays = self.open_uri(self.uri_of(self.alice))
        for mine, theirs in ((self.ca.certificate, new.certificate), (self.server[0], certificate),
                             (self.server[1], key), (self.ca.crl, new.revoke())):
            mine.write_bytes(theirs.read_bytes())
        self.reload()
        self.check_welcome(new.client("carol"))
        self.assertNotEqual(self.run_virsh(self.uri_of(self.alice), "list").returncode, 0)
        self.assertEqual(stays.numOfDomains(), 0)

    def reload(self, fails=False):
        said = self.log().count("TLS files")
        done = self.virt_admin("server-update-tls", "polyvirtd")
        self.assertEqual(done.returncode, 1 if fails else 0, done.stderr)
        if not fails:
            wait.until(lambda: self.log().count("TLS files") > said, "the reload in the log")


class WrongSetUp(TlsCase):
    def check(self, said, **changes):
        log = self.refused_start(**changes)
        self.assertIn(said, log)

    def test_missing_file(self):
        self.check("TLS: CA certificate '/nowhere/ca.pem': cannot open it: No such file",
                   tls__ca="/nowhere/ca.pem")

    def test_no_certificate_in_it(self):
        empty = self.folder / "empty.pem"
        empty.write_text("hello\n")
        self.check(f"TLS: server certificate '{empty}': there is no certificate in it",
                   tls__certificate=str(empty))

    def test_expired_server_certificate(self):
        certificate, key = self.ca.server("expired", expired=True)
        self.check("has expired on Feb  1 00:00:00 2020", tls__certificate=str(certificate),
                   tls__key=str(key))

    def test_key_of_another_certificate(self):
        _, key = self.ca.server("other")
        self.check(f"TLS: private key '{key}': it is not the key of the certificate",
                   tls__key=str(key))

    def test_key_that_others_may_read(self):
        self.server[1].chmod(0o644)
        self.check("its permissions 0644 are too open")

    def test_certificate_of_another_authority(self):
        other = pki.Authority(self.folder, "two")
        self.check(f"authority: '{other.certificate}'", tls__ca=str(other.certificate))

    def test_unknown_cipher(self):
        self.check("TLS: ciphersuites 'NONSENSE': no such ciphers", tls__ciphersuites="NONSENSE")


class Strangers(TlsCase):
    limits = {"auth_deadline": "1s"}

    def test_plain_client_on_the_tls_port(self):
        stranger = self.raw(self.dial("TLS"))
        with self.assertRaises(Closed):
            stranger.call("auth_list")
        self.expect_log("TLS handshake failed")
        self.check_welcome(self.alice)

    def test_noise(self):
        for noise in (b"\0" * 1000, os.urandom(5000), b"GET / HTTP/1.1\r\n\r\n",
                      b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", b"\x16\x03\x03\xff\xff" * 100):
            stranger = self.dial("TLS")
            try:
                stranger.sendall(noise)
                stranger.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            self.at_end(stranger)
        self.check_welcome(self.alice)

    def test_silence_and_half_a_hello_end_at_the_deadline(self):
        silent, slow = self.dial("TLS"), self.dial("TLS")
        slow.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
        self.assertEqual((self.at_end(silent), self.at_end(slow)), (b"", b""))
        wait.until(lambda: self.log().count("did not authenticate in time") == 2, "both in the log")
        self.check_welcome(self.alice)

    def test_endless_handshake_is_cut(self):
        """Records of a handshake that never completes, beyond what a handshake may have."""
        stranger = self.dial("TLS")
        hello = b"\x01" + struct.pack(">I", 0x00FFFFFF)[1:] + bytes(16380)
        stranger.settimeout(60)
        try:
            for _ in range(64):
                stranger.sendall(b"\x16\x03\x01" + struct.pack(">H", len(hello)) + hello)
        except OSError:
            pass
        self.at_end(stranger)
        self.check_welcome(self.alice)

    def test_tls_1_1_is_refused(self):
        with self.assertRaises((ssl.SSLError, ConnectionResetError)):
            self.dial_tls(self.alice, minimum_version=ssl.TLSVersion.TLSv1_1,
                          maximum_version=ssl.TLSVersion.TLSv1_1)


class Work(TlsCase):
    def raw_alice(self, **changes):
        return self.raw_tls(self.alice, **changes).open()

    def test_tls_1_2_and_1_3(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with self.subTest(version):
                client = self.raw_alice(minimum_version=version, maximum_version=version)
                self.assertEqual(client.call("connect_get_type"), {"type": "QEMU"})

    def test_it_is_secure_and_passes_no_descriptors(self):
        client = self.raw_alice()
        self.assertEqual(client.call("connect_is_secure"), {"secure": 1})
        # The peer answers 1, and then cannot.
        self.assertEqual(client.call("connect_supports_feature", feature=8), {"supported": 0})

    def test_five_calls_in_flight(self):
        client = self.raw_alice()
        serials = [client.start("connect_get_hostname") for _ in range(5)]
        answered = [client.next_reply() for _ in serials]
        self.assertEqual(sorted(p.serial for p in answered), serials)
        self.assertEqual({p.type for p in answered}, {REPLY})

    def test_large_call_and_large_reply(self):
        """Many records of TLS make one packet, both ways."""
        made = self.new_guest()
        text = "x" * 1_500_000
        made.xml = made.xml.replace("<memory", f"<description>{text}</description>\n  <memory", 1)
        client = self.raw_alice()
        client.call("domain_define_xml", xml=made.xml)
        dom = client.call("domain_lookup_by_name", name=made.name)["dom"]
        self.assertIn(text, client.call("domain_get_xml_desc", dom=dom, flags=0)["xml"])

    def test_many_replies_to_a_client_that_reads_late(self):
        """The socket fills up while TLS has bytes in hand: none is lost, none comes twice."""
        made = self.new_guest()
        made.xml = made.xml.replace("<memory", f"<description>{'y' * 300_000}</description>\n<memory", 1)
        client = self.raw_alice()
        client.call("domain_define_xml", xml=made.xml)
        dom = client.call("domain_lookup_by_name", name=made.name)["dom"]
        serials = [client.start("domain_get_xml_desc", dom=dom, flags=0) for _ in range(60)]
        for serial in serials:
            xml = client.value_of(client.reply_to(serial))["xml"]
            self.assertIn("y" * 300_000, xml)

    def test_bytes_one_by_one(self):
        """Each record holds one byte of a packet."""
        client = self.raw_alice()
        for byte in client.packet("connect_get_type").encode():
            client.socket.sendall(bytes([byte]))
        self.assertEqual(client.value_of(client.read()), {"type": "QEMU"})

    def test_garbage_inside_tls(self):
        client = self.raw_tls(self.alice)
        client.send_bytes(b"\0\0\0\1" + b"x" * 100)
        self.assertTrue(client.is_closed())
        self.check_welcome(self.alice)

    def test_damaged_record_ends_the_connection(self):
        client = self.raw_alice()
        plain = socket.socket(fileno=os.dup(client.socket.fileno()))
        plain.sendall(b"\x17\x03\x03\x00\x40" + bytes(64))
        plain.close()
        self.assertEqual(self.at_end(client.socket), b"")
        self.expect_log("TLS: ")

    def test_console_and_events(self):
        connection = self.open_uri(self.uri_of(self.alice))
        made = self.new_guest()
        told = Recorder(connection)
        domain = connection.defineXML(made.xml)
        domain.create()
        told.expect(made, STARTED)
        self.assertEqual(told.of(made), [DEFINED, RESUMED, STARTED])
        console = Terminal(["virsh", "-c", self.uri_of(self.alice), "console", made.name],
                           plain_environment())
        self.addCleanup(console.close)
        console.expect("Escape character")
        console.expect_raw()
        console.expect(guest.GREETING)
        console.type("echo $((6*7))-over-tls\r")
        console.expect("42-over-tls")
        told.stop()

    def test_clients_that_come_and_go_together(self):
        """Handshakes compete for the workers that compute them; each client gets its turn."""
        failures = []

        def visit(number):
            try:
                client = self.raw_tls(self.alice).open()
                for _ in range(5):
                    client.call("connect_get_hostname")
                if number % 2:
                    client.call("connect_close")
                client.close()
            except Exception as failure:  # any; the test's thread reports it
                failures.append(failure)

        visitors = [threading.Thread(target=visit, args=(n,)) for n in range(24)]
        for visitor in visitors:
            visitor.start()
        for visitor in visitors:
            visitor.join()
        self.assertEqual(failures, [])
        self.check_welcome(self.alice)

    def test_an_idle_client_is_still_there(self):
        """libvirt's keepalive inside TLS."""
        connection = self.open_uri(self.uri_of(self.alice))
        connection.setKeepAlive(1, 3)
        wait.until(lambda: connection.isAlive() == 1 and connection.getHostname(), "an answer")


class Libvirt(TlsCase):
    def test_no_verify_is_the_clients_affair(self):
        """no_verify=1: the client does not check the server; the server checks the client all the same."""
        stranger = pki.Authority(self.folder, "two").client("mallory")
        done = self.run_virsh(self.remote_uri("TLS", pkipath=stranger, no_verify=1), "list")
        self.assertNotEqual(done.returncode, 0)
        done = self.run_virsh(self.remote_uri("TLS", pkipath=self.alice, no_verify=1), "list")
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_unreachable_after_the_end(self):
        connection = self.open_uri(self.uri_of(self.alice))
        self.assertEqual(self.subject.stop(), 0)
        with self.assertRaises(libvirt.libvirtError):
            connection.getHostname()
        self.subject.start()
        self.check_welcome(self.alice)
