// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// TlsOptions: what TLS listeners need to know, as configured. A plain value.

#include <string>
#include <vector>

namespace polyvirt::rpc {

struct TlsOptions {
    // PEM. `certificate` may be followed by those of intermediate authorities.
    std::string ca, certificate, key;
    std::string crl;           // empty: none
    bool crl_required = false; // false: a file that is not there is no error
    // False: clients may come without a certificate, and those that have one are not asked for it.
    bool verify_client = true;
    // Patterns (fnmatch) of distinguished names of which a client's must fit one; empty: every
    // client whose certificate is good. Written as virt-pki-query-dn prints them.
    std::vector<std::string> allowed_names;
    // OpenSSL's lists; empty: the library's own choice, as the system's policy has it.
    std::string ciphers;      // TLS 1.2
    std::string ciphersuites; // TLS 1.3
    bool only_1_3 = false;
};

} // namespace polyvirt::rpc
