# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""Certificates for a test, made with certtool in a folder of the test's own.

    ca = Authority(folder, "one")
    server = ca.server("server")                    # for 127.0.0.1 and localhost
    alice = ca.client("alice")                      # a folder for the URI parameter pkipath
    ca.revoke("alice")                              # writes ca.crl
"""

import shutil
import subprocess

from . import settings

_NAME = 'country = GB\norganization = polyvirt tests\ncn = "{}"\n'
_PAST = 'activation_date = "2020-01-01 00:00:00 UTC"\nexpiration_date = "2020-02-01 00:00:00 UTC"\n'
_NOW = "expiration_days = 30\n"
# libvirt asks for both uses, which certtool gives to RSA keys alone.
_KEY_USE = "signing_key\nencryption_key\n"
_SERVER = _KEY_USE + "tls_www_server\ndns_name = localhost\nip_address = 127.0.0.1\n"
_CLIENT = _KEY_USE + "tls_www_client\n"


def distinguished_name(name):
    """As libvirt's own tool, virt-pki-query-dn, prints it."""
    return f"C=GB,O=polyvirt tests,CN={name}"


def certtool(*words):
    done = subprocess.run(["certtool", *map(str, words)], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=settings.PATIENCE)
    if done.returncode != 0:
        raise AssertionError(f"certtool {' '.join(map(str, words))}:\n{done.stderr}")
    return done.stdout


def private_key(path):
    certtool("--generate-privkey", "--key-type", "rsa", "--bits", "2048", "--no-text", "--outfile",
             path)
    path.chmod(0o600)
    return path


class Authority:
    def __init__(self, folder, name):
        self.folder = folder / f"ca-{name}"
        self.folder.mkdir()
        self.certificate = self.folder / "cacert.pem"
        self.crl = self.folder / "cacrl.pem"
        self.key = private_key(self.folder / "cakey.pem")
        template = self.template("ca", f'cn = "polyvirt tests {name}"\nca\ncert_signing_key\n'
                                 "crl_signing_key\n" + _NOW)
        certtool("--generate-self-signed", "--load-privkey", self.key, "--template", template,
                 "--no-text", "--outfile", self.certificate)

    def template(self, name, text):
        path = self.folder / f"{name}.template"
        path.write_text(text)
        return path

    def sign(self, name, key, purpose, expired=False):
        template = self.template(name, _NAME.format(name) + purpose + (_PAST if expired else _NOW))
        signed = self.folder / f"{name}.pem"
        certtool("--generate-certificate", "--load-privkey", key, "--template", template,
                 "--load-ca-certificate", self.certificate, "--load-ca-privkey", self.key,
                 "--no-text", "--outfile", signed)
        return signed

    def server(self, name, expired=False):
        """(certificate, key)"""
        key = private_key(self.folder / f"{name}.key")
        return self.sign(name, key, _SERVER, expired), key

    def client(self, name, expired=False, trusts=None):
        """A folder as clients want it: the authority they trust, their certificate and key."""
        home = self.folder / f"client-{name}"
        home.mkdir()
        key = private_key(home / "clientkey.pem")
        shutil.copy(self.sign(name, key, _CLIENT, expired), home / "clientcert.pem")
        shutil.copy((trusts or self).certificate, home / "cacert.pem")
        return home

    def revoke(self, *names):
        """The list of revoked certificates anew, with these in it."""
        revoked = self.folder / "revoked.pem"
        revoked.write_text("".join((self.folder / f"{n}.pem").read_text() for n in names))
        words = ["--load-certificate", revoked] if names else []
        template = self.template("crl", "crl_next_update = 30\ncrl_number = 1\n")
        certtool("--generate-crl", "--load-ca-privkey", self.key, "--load-ca-certificate",
                 self.certificate, *words, "--template", template, "--no-text", "--outfile",
                 self.crl)
        return self.crl
