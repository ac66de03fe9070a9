# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Users for SASL: a file of passwords made with saslpasswd2, and a Kerberos realm with a key server of
its own on the loopback interface."""

import os
import socket
import subprocess

import libvirt

from . import settings, wait

HOST = "localhost"  # in the names of realms and services


def password_file(folder, **users):
    path = folder / "sasldb"
    for name, password in users.items():
        subprocess.run(["saslpasswd2", "-p", "-c", "-f", str(path), "-a", "libvirt", "-u", HOST, name],
                       input=password, text=True, check=True, capture_output=True,
                       timeout=settings.PATIENCE)
    return path


def credentials(user, password):
    """What the binding is to answer when the library asks."""
    return {libvirt.VIR_CRED_AUTHNAME: user, libvirt.VIR_CRED_PASSPHRASE: password,
            libvirt.VIR_CRED_REALM: HOST}


_KRB5_CONF = """[libdefaults]
 default_realm = {realm}
 dns_lookup_kdc = false
 dns_lookup_realm = false
 dns_canonicalize_hostname = false
 rdns = false
 udp_preference_limit = 1
[realms]
 {realm} = {{
  kdc = 127.0.0.1:{port}
 }}
[domain_realm]
 localhost = {realm}
"""

_KDC_CONF = """[kdcdefaults]
 kdc_listen = ""
 kdc_tcp_listen = 127.0.0.1:{port}
[realms]
 {realm} = {{
  database_name = {folder}/principal
  key_stash_file = {folder}/stash
  acl_file = {folder}/acl
  max_life = 1h
 }}
"""


class Realm:
    """environment: what clients and the daemon need to find it."""

    name = "POLYVIRT.TEST"

    def __init__(self, folder):
        self.folder = folder / "krb"
        self.folder.mkdir()
        self.keytab = self.folder / "keytab"
        self.process = None
        self.environment = {"KRB5_CONFIG": str(self.folder / "krb5.conf"),
                            "KRB5CCNAME": f"FILE:{self.folder}/tickets",
                            "KRB5RCACHENAME": "none:"}
        self.start()

    def start(self):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        (self.folder / "krb5.conf").write_text(_KRB5_CONF.format(realm=self.name, port=port))
        (self.folder / "kdc.conf").write_text(
            _KDC_CONF.format(realm=self.name, port=port, folder=self.folder))
        self.run("kdb5_util", "create", "-s", "-P", "master", "-W")
        self.admin(f"addprinc -randkey libvirt/{HOST}")
        self.admin(f"ktadd -k {self.keytab} libvirt/{HOST}")
        self.process = subprocess.Popen(["/usr/sbin/krb5kdc", "-n"], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        env=self.all_environment())
        wait.until(lambda: self.answers(port), "the key server")

    def answers(self, port):
        if self.process.poll() is not None:
            raise AssertionError(f"krb5kdc ended with {self.process.returncode}")
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    def all_environment(self):
        return dict(os.environ, **self.environment, KRB5_KDC_PROFILE=str(self.folder / "kdc.conf"))

    def run(self, program, *words, told=None):
        path = f"/usr/sbin/{program}" if os.path.exists(f"/usr/sbin/{program}") else program
        subprocess.run([path, *words], input=told, text=True, check=True, capture_output=True,
                       env=self.all_environment(), timeout=settings.PATIENCE)

    def admin(self, query):
        self.run("kadmin.local", "-q", query)

    def log_in(self, user):
        """Makes the user and gets a ticket for it."""
        self.admin(f"addprinc -pw secret {user}")
        self.run("kinit", user, told="secret\n")

    def end(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait(settings.PATIENCE)
