# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""RemoteCase: a daemon that is configured, and reached over TCP or TLS on the loopback interface, at
ports that the system chose."""

import json
import re
import socket
import ssl
import subprocess

import libvirt

import wire
from rawclient import RawClient
from . import settings, subject, wait
from .case import plain_environment
from .python_client import PythonCase, close_quietly



class RemoteCase(PythonCase):
    """configuration() says what stands in polyvirtd.yaml; what it names is made there, too."""

    def configuration(self):
        return {}

    def make_subject(self):
        if settings.SUBJECT != "polyvirtd":
            self.skipTest("the configuration is polyvirtd's own")
        made = subject.create(self.folder, self.running_log)
        self.etc = self.folder / "root" / "etc"
        (self.etc / "polyvirt").mkdir(parents=True)
        self.write_configuration(self.configuration())
        return made

    def write_configuration(self, values):
        # JSON is YAML, too.
        (self.etc / "polyvirt" / "polyvirtd.yaml").write_text(json.dumps(values, indent=1))

    def log(self):
        return self.subject.log_tail(100_000)

    def expect_log(self, pattern):
        wait.until(lambda: re.search(pattern, self.log()), f"{pattern!r} in the daemon's log")

    def port(self, kind):
        """Of the running daemon, whose leader's lines have its process's number."""
        line = rf" {self.subject.pid} info .*listening on 127\.0\.0\.1:(\d+) \({kind}\)"
        return int(wait.until(lambda: re.search(line, self.log()), f"the {kind} port in the log")[1])

    def remote_uri(self, kind, **parameters):
        scheme, port = {"TCP": "tcp", "TLS": "tls"}[kind], self.port(kind)
        words = "&".join(f"{name}={value}" for name, value in parameters.items())
        return f"qemu+{scheme}://localhost:{port}/system" + (f"?{words}" if words else "")

    def run_virsh(self, uri, *words, environment=None):
        return subprocess.run(["virsh", "-c", uri, *words], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=settings.PATIENCE,
                              env=dict(plain_environment(), **(environment or {})))

    def virt_admin(self, *words):
        return subprocess.run(
            ["virt-admin", "-c", f"libvirtd:///system?socket={self.subject.socket('admin')}", *words],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, env=plain_environment(),
            timeout=settings.PATIENCE)

    def open_uri(self, uri, credentials=None):
        """A connection of the binding; `credentials`: what to answer, by the kind of question."""
        if credentials is None:
            connection = libvirt.open(uri)
        else:
            def answer(questions, _):
                for question in questions:
                    question[4] = credentials[question[0]]
                return 0
            connection = libvirt.openAuth(uri, [list(credentials), answer, None], 0)
        self.addCleanup(close_quietly, connection)
        return connection

    # Sockets -----------------------------------------------------------------------------------

    def dial(self, kind):
        """A bare TCP connection to that port."""
        connection = socket.create_connection(("127.0.0.1", self.port(kind)), settings.PATIENCE)
        self.addCleanup(connection.close)
        return connection

    def raw(self, connected):
        client = RawClient(None, wire.Tables(settings.TABLES), settings.PATIENCE, connected)
        self.addCleanup(client.close)
        return client

    def raw_tcp(self):
        return self.raw(self.dial("TCP"))

    def dial_tls(self, pki, **changes):
        """A TLS connection on which the daemon has said that it accepts the certificate."""
        context = ssl.create_default_context(cafile=str(pki / "cacert.pem"))
        if (pki / "clientcert.pem").exists():
            context.load_cert_chain(pki / "clientcert.pem", pki / "clientkey.pem")
        for name, value in changes.items():
            setattr(context, name, value)
        made = context.wrap_socket(self.dial("TLS"), server_hostname="localhost")
        self.addCleanup(made.close)
        return made

    def raw_tls(self, pki, **changes):
        made = self.dial_tls(pki, **changes)
        self.assertEqual(made.recv(1), b"\1")
        return self.raw(made)

    def at_end(self, connected):
        """Waits for the daemon to close; what it sent before."""
        data = b""
        while True:
            try:
                part = connected.recv(65536)
            except (ConnectionResetError, ssl.SSLError):
                return data
            if not part:
                return data
            data += part

    def refused_start(self, **changes):
        """Runs a second daemon in a folder of its own with the configuration changed; its log. It
        must not start."""
        values = self.configuration()
        for path, value in changes.items():
            section, name = path.split("__")
            values[section][name] = value
        root = self.folder / "refused"
        (root / "etc" / "polyvirt").mkdir(parents=True, exist_ok=True)
        (root / "etc" / "polyvirt" / "polyvirtd.yaml").write_text(json.dumps(values))
        done = subprocess.run([str(self.subject.program), "--root", str(root)],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=settings.PATIENCE)
        self.assertEqual(done.returncode, 1, done.stderr)
        return done.stderr
