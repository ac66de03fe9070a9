// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// For the tests of TLS: certificates made in memory, and a client whose bytes the test moves.

#include <string>

#include "host/rpc/tls_material.h"
#include "host/rpc/tls_session.h"

namespace polyvirt::rpc {

using TestKey = std::unique_ptr<EVP_PKEY, OpenSslFree<&EVP_PKEY_free>>;

struct TestCertificate {
    X509Ptr certificate;
    TestKey key;
    [[nodiscard]] std::string certificate_pem() const;
    [[nodiscard]] std::string key_pem() const;
};

struct TestSubject {
    std::string name = "test";
    bool authority = false;
    long from_days = -1, to_days = 30; // from now
};

// Signed by `issuer`, or by itself.
TestCertificate make_certificate(const TestSubject& subject, const TestCertificate* issuer);
// What `issuer` has revoked; it expires in `days`.
std::string make_crl(const TestCertificate& issuer, const TestCertificate* revoked, long days = 30);

// The client's side of a connection. Nothing is checked of the server.
class TestTlsClient {
  public:
    explicit TestTlsClient(const TestCertificate* own);
    // Moves bytes between the two until the server says other than `more`, or nothing moves.
    TlsSession::Progress shake_hands(TlsSession& server);
    std::string encode(std::string_view plain); // as the wire has it
    std::string decode(Layer::Bytes wire);      // plain text

  private:
    std::string take();
    SslCtxPtr ctx_;
    SslPtr ssl_;
    BIO *in_ = nullptr, *out_ = nullptr;
};

} // namespace polyvirt::rpc
