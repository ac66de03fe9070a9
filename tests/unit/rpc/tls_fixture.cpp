// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "tls_fixture.h"

#include <gtest/gtest.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace polyvirt::rpc {
namespace {

std::string contents(BIO* bio) {
    char* text = nullptr;
    const long size = BIO_get_mem_data(bio, &text);
    return {text, static_cast<std::size_t>(size)};
}

void add_text(X509_NAME* name, const char* field, const std::string& value) {
    X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(value.data()),
                               static_cast<int>(value.size()), -1, 0);
}

void add_extension(X509* certificate, int nid, const char* value) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

constexpr long kDay = 24 * 60 * 60;

} // namespace

std::string TestCertificate::certificate_pem() const {
    const BioPtr bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(bio.get(), certificate.get());
    return contents(bio.get());
}

std::string TestCertificate::key_pem() const {
    const BioPtr bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    return contents(bio.get());
}

TestCertificate make_certificate(const TestSubject& subject, const TestCertificate* issuer) {
    static long serial = 0;
    TestCertificate made{.certificate = X509Ptr(X509_new()), .key = TestKey(EVP_EC_gen("P-256"))};
    X509* certificate = made.certificate.get();
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate), subject.from_days * kDay);
    X509_gmtime_adj(X509_getm_notAfter(certificate), subject.to_days * kDay);
    X509_NAME* name = X509_get_subject_name(certificate);
    add_text(name, "C", "GB");
    add_text(name, "O", "polyvirt, tests");
    add_text(name, "CN", subject.name);
    X509_set_issuer_name(certificate,
                         issuer ? X509_get_subject_name(issuer->certificate.get()) : name);
    X509_set_pubkey(certificate, made.key.get());
    add_extension(certificate, NID_basic_constraints,
                  subject.authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (subject.authority)
        add_extension(certificate, NID_key_usage, "keyCertSign,cRLSign");
    X509_sign(certificate, issuer ? issuer->key.get() : made.key.get(), EVP_sha256());
    return made;
}

std::string make_crl(const TestCertificate& issuer, const TestCertificate* revoked, long days) {
    X509_CRL* crl = X509_CRL_new();
    X509_CRL_set_version(crl, X509_CRL_VERSION_2);
    X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer.certificate.get()));
    ASN1_TIME* time = X509_gmtime_adj(nullptr, -60 * kDay);
    X509_CRL_set1_lastUpdate(crl, time);
    X509_gmtime_adj(time, days * kDay);
    X509_CRL_set1_nextUpdate(crl, time);
    if (revoked != nullptr) {
        X509_REVOKED* entry = X509_REVOKED_new();
        X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(revoked->certificate.get()));
        X509_gmtime_adj(time, -1);
        X509_REVOKED_set_revocationDate(entry, time);
        X509_CRL_add0_revoked(crl, entry);
    }
    ASN1_TIME_free(time);
    X509_CRL_sign(crl, issuer.key.get(), EVP_sha256());
    const BioPtr bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509_CRL(bio.get(), crl);
    X509_CRL_free(crl);
    return contents(bio.get());
}

TestTlsClient::TestTlsClient(const TestCertificate* own) : ctx_(SSL_CTX_new(TLS_client_method())) {
    if (own != nullptr) {
        SSL_CTX_use_certificate(ctx_.get(), own->certificate.get());
        SSL_CTX_use_PrivateKey(ctx_.get(), own->key.get());
    }
    ssl_.reset(SSL_new(ctx_.get()));
    in_ = BIO_new(BIO_s_mem());
    out_ = BIO_new(BIO_s_mem());
    SSL_set_bio(ssl_.get(), in_, out_);
    SSL_set_connect_state(ssl_.get());
}

std::string TestTlsClient::take() {
    std::string wire = contents(out_);
    BIO_reset(out_);
    return wire;
}

TlsSession::Progress TestTlsClient::shake_hands(TlsSession& server) {
    for (int round = 0; round < 20; ++round) {
        SSL_do_handshake(ssl_.get());
        const std::string wire = take();
        if (wire.empty())
            return TlsSession::Progress::more;
        EXPECT_TRUE(server.feed({reinterpret_cast<const std::uint8_t*>(wire.data()), wire.size()}));
        const auto progress = server.step();
        const Buffer answer = server.take_output();
        BIO_write(in_, answer.data(), static_cast<int>(answer.size()));
        if (progress != TlsSession::Progress::more)
            return progress;
    }
    return TlsSession::Progress::more;
}

std::string TestTlsClient::encode(std::string_view plain) {
    SSL_do_handshake(ssl_.get()); // TLS 1.2: the server's last message may still wait
    EXPECT_EQ(SSL_write(ssl_.get(), plain.data(), static_cast<int>(plain.size())),
              static_cast<int>(plain.size()));
    return take();
}

std::string TestTlsClient::decode(Layer::Bytes wire) {
    BIO_write(in_, wire.data(), static_cast<int>(wire.size()));
    std::string plain;
    char part[4096];
    for (int n = 0; (n = SSL_read(ssl_.get(), part, sizeof part)) > 0;)
        plain.append(part, static_cast<std::size_t>(n));
    return plain;
}

} // namespace polyvirt::rpc
