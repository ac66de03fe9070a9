// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What the sources of TLS share; nobody else includes this, nor OpenSSL's headers.

#include <memory>
#include <string>
#include <vector>

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "base/result.h"
#include "host/rpc/tls_options.h"

namespace polyvirt::rpc {

template <auto Free> struct OpenSslFree {
    template <typename T> void operator()(T* p) const { Free(p); }
};
using SslCtxPtr = std::unique_ptr<SSL_CTX, OpenSslFree<&SSL_CTX_free>>;
using SslPtr = std::unique_ptr<SSL, OpenSslFree<&SSL_free>>;
using X509Ptr = std::unique_ptr<X509, OpenSslFree<&X509_free>>;
using BioPtr = std::unique_ptr<BIO, OpenSslFree<&BIO_free_all>>;

// Immutable once made.
struct TlsMaterial {
    TlsOptions options;
    SslCtxPtr ctx;
};

// tls_material.cpp: reads the files and checks all that can be checked without a client.
[[nodiscard]] Result<std::shared_ptr<const TlsMaterial>> load_tls_material(TlsOptions options);

// Takes what OpenSSL queued for this thread, as text; "" if there is nothing.
[[nodiscard]] std::string take_openssl_errors();
// A distinguished name in the order and words of virt-pki-query-dn: "C=GB,O=Example,CN=alice".
[[nodiscard]] std::string name_text(const X509_NAME* name);
[[nodiscard]] bool name_allowed(const std::vector<std::string>& patterns, const std::string& name);

} // namespace polyvirt::rpc
