# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Displays, lines and disks over TLS, displays with SASL. A viewer of the test's own speaks as much of SPICE and of VNC as it takes to see whose
certificate it is shown, and whether it is let in."""

import base64
import socket
import ssl
import struct
import subprocess
import xml.etree.ElementTree as ElementTree

import libvirt

from harness import settings, wait
from harness.pki import Authority
from harness.python_client import PythonCase

_UNSUPPORTED = 67
_MAIN, _INPUTS = 1, 3
_GOOD, _NEED_SECURED, _DENIED = 0, 5, 7
_TLS, _SASL = 19, 20
_X509_NONE, _X509_SASL = 260, 263
_SPICE = "<graphics type='spice' autoport='yes'{}><listen type='address' address='127.0.0.1'/>{}</graphics>"
_VNC = "<graphics type='vnc' autoport='yes' listen='127.0.0.1'/>"


def der(pem):
    return ssl.PEM_cert_to_DER_cert(pem.read_text())


class Spice:
    """The link of one channel; `error`: what the server thinks of it, `key`: for what password."""

    def __init__(self, connection, channel):
        self.connection = connection
        body = struct.pack("<IBBIII", 0, channel, 0, 0, 0, 18)
        connection.sendall(b"REDQ" + struct.pack("<III", 2, 2, len(body)) + body)
        magic, _, _, size = struct.unpack("<4sIII", self.read(16))
        assert magic == b"REDQ"
        reply = self.read(size)
        self.error, self.key = struct.unpack("<I", reply[:4])[0], reply[4:166]

    def read(self, size):
        data = b""
        while len(data) < size:
            more = self.connection.recv(size - len(data))
            if not more:
                raise EOFError("the server has gone")
            data += more
        return data

    def log_in(self, password, folder):
        key = folder / "spice.key"
        key.write_text("-----BEGIN PUBLIC KEY-----\n" + base64.encodebytes(self.key).decode() + "-----END PUBLIC KEY-----\n")
        ticket = subprocess.run(["openssl", "pkeyutl", "-encrypt", "-pubin", "-inkey", str(key), "-pkeyopt", "rsa_padding_mode:oaep"],
                                input=password.encode() + b"\0", check=True, capture_output=True).stdout
        self.connection.sendall(ticket)
        return struct.unpack("<I", self.read(4))[0]


class Secured(PythonCase):
    configuration = "spice: {{tls: true, tls_certificates: {0}}}, vnc: {{tls: true, tls_certificates: {0}}}"

    def prepare(self):
        self.authority = Authority(self.folder, "one")
        self.certificate, key = self.authority.server("server")
        self.certificates = self.folder / "certificates"
        self.certificates.mkdir()
        for path, name in ((self.authority.certificate, "ca-cert"), (self.certificate, "server-cert"), (key, "server-key")):
            copy = self.certificates / f"{name}.pem"
            copy.write_bytes(path.read_bytes())
            copy.chmod(0o644)  # the emulator reads them itself
        self.subject.configure("plugins: {qemu: {" + self.configuration.format(self.certificates, self.folder) + "}}\n")

    def described(self, graphics):
        guest = self.new_guest()
        guest.xml = guest.xml.replace("<serial", graphics + "<video><model type='vga'/></video><serial", 1)
        return guest.xml

    def started(self, graphics):
        domain = self.connect().defineXML(self.described(graphics))
        domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
        self.domain = domain
        return ElementTree.fromstring(domain.XMLDesc()).find("devices/graphics")

    def plain(self, port):
        connection = socket.create_connection(("127.0.0.1", port), settings.PATIENCE)
        self.addCleanup(connection.close)
        return connection

    def secured(self, connection, identity=None):
        """Over TLS from here on; who answers has shown the certificate of the test's server."""
        context = ssl.create_default_context(cafile=str(self.authority.certificate))
        if identity:
            context.load_cert_chain(identity / "clientcert.pem", identity / "clientkey.pem")
        wrapped = context.wrap_socket(connection, server_hostname="localhost")
        self.addCleanup(wrapped.close)
        self.assertEqual(wrapped.getpeercert(binary_form=True), der(self.certificate))
        return wrapped

    def greeted(self, port):
        """(connection, kinds of authentication) of a VNC server."""
        connection = self.plain(port)
        connection.sendall(connection.recv(12))
        return connection, list(connection.recv(connection.recv(1)[0]))

    def encrypted(self, port):
        """(connection, kinds of authentication) behind VeNCrypt's door."""
        connection, kinds = self.greeted(port)
        self.assertEqual(kinds, [_TLS])
        connection.sendall(bytes([_TLS]))
        self.assertEqual(connection.recv(2), b"\0\2")
        connection.sendall(b"\0\2")
        self.assertEqual(connection.recv(1), b"\0")
        count = connection.recv(1)[0]
        return connection, list(struct.unpack(f">{count}I", connection.recv(4 * count)))


class SpiceDisplays(Secured):
    def test_both_ports_where_the_mode_is_any(self):
        seen = self.started(_SPICE.format("", "<channel name='main' mode='secure'/><channel name='inputs' mode='insecure'/>"))
        port, tls_port = int(seen.get("port")), int(seen.get("tlsPort"))
        self.assertEqual(Spice(self.secured(self.plain(tls_port)), _MAIN).error, _GOOD)
        self.assertEqual(Spice(self.plain(port), _INPUTS).error, _GOOD)
        self.assertEqual(Spice(self.plain(port), _MAIN).error, _NEED_SECURED)
        # Nobody else is given them, not even by the next daemon.
        self.subject.kill()
        self.subject.start()
        other = self.new_guest("other")
        other.xml = other.xml.replace("<serial", _SPICE.format("", "") + "<serial", 1)
        domain = self.connect().createXML(other.xml, libvirt.VIR_DOMAIN_START_PAUSED)
        second = ElementTree.fromstring(domain.XMLDesc()).find("devices/graphics")
        self.assertEqual(len({port, tls_port, int(second.get("port")), int(second.get("tlsPort"))}), 4)

    def test_one_port_where_all_is_secure(self):
        seen = self.started(_SPICE.format(" defaultMode='secure'", ""))
        self.assertIn(seen.get("port"), (None, "-1"))
        self.assertEqual(Spice(self.secured(self.plain(int(seen.get("tlsPort")))), _MAIN).error, _GOOD)

    def test_none_where_nothing_is(self):
        seen = self.started(_SPICE.format(" defaultMode='insecure'", ""))
        self.assertIn(seen.get("tlsPort"), (None, "-1"))

    def test_passwords_and_their_end(self):
        for valid_to, password, outcome in (("2099-01-01T00:00:00", "secret", _GOOD), ("2099-01-01T00:00:00", "wrong", _DENIED),
                                            ("2001-01-01T00:00:00", "secret", _DENIED)):
            with self.subTest(valid_to=valid_to, password=password):
                seen = self.started(_SPICE.format(f" defaultMode='secure' passwd='secret' passwdValidTo='{valid_to}'", ""))
                link = Spice(self.secured(self.plain(int(seen.get("tlsPort")))), _MAIN)
                self.assertEqual(link.log_in(password, self.folder), outcome)
                self.domain.destroy()
                self.domain.undefine()


class VncDisplays(Secured):
    def test_a_viewer_comes_over_tls(self):
        connection, kinds = self.encrypted(int(self.started(_VNC).get("port")))
        self.assertEqual(kinds, [_X509_NONE])
        connection.sendall(struct.pack(">I", _X509_NONE))
        self.assertEqual(connection.recv(1), b"\1")
        self.assertEqual(self.secured(connection).recv(4), b"\0\0\0\0")


class Known(Secured):
    configuration = "vnc: {{tls: true, tls_verify: true, sasl: true, sasl_folder: {1}/sasl, tls_certificates: {0}}}"

    def prepare(self):
        super().prepare()
        folder = self.folder / "sasl"
        folder.mkdir()
        (folder / "qemu.conf").write_text("mech_list: anonymous\n")

    def test_who_shows_a_certificate_and_a_name(self):
        port = int(self.started(_VNC).get("port"))
        for identity in (None, self.authority.client("alice")):
            with self.subTest(identity=identity):
                connection, kinds = self.encrypted(port)
                self.assertEqual(kinds, [_X509_SASL])
                connection.sendall(struct.pack(">I", _X509_SASL))
                self.assertEqual(connection.recv(1), b"\1")
                viewer = self.secured(connection, identity)
                if identity is None:
                    with self.assertRaises((ssl.SSLError, ConnectionError, AssertionError)):
                        self.assertNotEqual(viewer.recv(4), b"")
                else:
                    size = struct.unpack(">I", viewer.recv(4))[0]
                    self.assertEqual(viewer.recv(size), b"ANONYMOUS")


class Lines(Secured):
    configuration = "chardev: {{tls_certificates: {0}}}"
    LINE = "<serial type='tcp'><source mode='bind' host='127.0.0.1' service='{}'{}/><protocol type='raw'/><target port='1'/></serial>"

    def test_one_that_listens_with_a_certificate(self):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        guest = self.new_guest()
        guest.xml = guest.xml.replace("<console", self.LINE.format(port, " tls='yes'") + "<console", 1)
        self.connect().createXML(guest.xml, libvirt.VIR_DOMAIN_START_PAUSED)
        self.secured(self.plain(port))


class Disks(Secured):
    configuration = "nbd: {{tls_certificates: {0}}}"
    DISK = ("<disk type='network' device='disk'><driver name='qemu' type='raw'/><source protocol='nbd' name='images'{}>"
            "<host name='127.0.0.1' port='{}'/></source><target dev='{}' bus='virtio'/></disk>")

    def test_they_are_read_over_tls_where_the_document_says_so(self):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        image = self.folder / "image"
        image.write_bytes(bytes(1 << 20))
        server = subprocess.Popen(
            ["qemu-nbd", "-t", "-f", "raw", "-x", "images", "-b", "127.0.0.1", "-p", str(port), "-e", "4", "--object",
             f"tls-creds-x509,id=tls0,endpoint=server,verify-peer=off,dir={self.certificates}", "--tls-creds", "tls0", str(image)],
            stdin=subprocess.DEVNULL)
        self.addCleanup(lambda: [server.kill(), server.wait()])
        wait.until(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0, "the server of images")
        connection = self.connect()
        guest = self.new_guest()
        secured = self.DISK.format(" tls='yes' tlsHostname='localhost'", port, "vda")
        plain = self.DISK.format("", port, "vda")
        whole = guest.xml
        guest.xml = whole.replace("<serial", plain + "<serial", 1)
        self.assertIn("TLS", self.refused(lambda: connection.createXML(guest.xml, libvirt.VIR_DOMAIN_START_PAUSED))[2])
        guest.xml = whole.replace("<serial", secured + "<serial", 1)
        domain = connection.createXML(guest.xml, libvirt.VIR_DOMAIN_START_PAUSED)
        domain.attachDevice(secured.replace("vda", "vdb"))
        self.assertEqual(domain.XMLDesc().count("tlsHostname='localhost'"), 2)


class Plain(PythonCase):
    def test_what_asks_for_tls_is_refused(self):
        refusals = [(_SPICE.format(" tlsPort='5999'", "").replace("'yes'", "'no'"), "spice TLS port set in XML configuration, but TLS is disabled in qemu.conf"),
                    (_SPICE.format(" defaultMode='secure'", ""), "Auto allocation of spice TLS port requested but spice TLS is disabled in qemu.conf")]
        for graphics, words in refusals:
            with self.subTest(graphics=graphics):
                guest = self.new_guest()
                guest.xml = guest.xml.replace("<serial", graphics + "<serial", 1)
                found = self.refused(lambda: self.connect().createXML(guest.xml, 0))
                self.assertEqual((found[0], found[2]), (_UNSUPPORTED, "unsupported configuration: " + words))
