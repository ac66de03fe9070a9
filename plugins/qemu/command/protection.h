// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What the settings say of connections to a guest's displays, character devices and disks: whether over TLS, and who may come.

#include <string>

namespace polyvirt::qemu {

struct Protection {
    bool tls = false;         // where the document does not say
    bool verify = false;      // who comes shows a certificate, too
    bool sasl = false;        // displays alone
    std::string certificates; // folder with ca-cert.pem, and server-cert.pem with server-key.pem or client-cert.pem with client-key.pem
    std::string sasl_folder;  // with SASL's qemu.conf; empty: where the library looks by itself
};

struct Protections {
    Protection vnc, spice, chardev, nbd;
};

} // namespace polyvirt::qemu
