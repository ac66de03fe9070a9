// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/rpc/tls_session.h"

#include <openssl/err.h>

#include "base/error_text.h"
#include "host/rpc/tls_material.h"

namespace polyvirt::rpc {
namespace {

// A hello, a chain of certificates and what proves them; the largest of genuine clients have some
// 20 KiB.
constexpr std::size_t kMaxHandshake = std::size_t{128} << 10;
constexpr std::size_t kRecord = std::size_t{16} << 10;

Error tls_error(std::string_view what) {
    return make_error(ErrorCode::rpc, ErrorDomain::rpc, "TLS: {}", what);
}

// The text of a failed handshake for the log: what the client did wrong.
std::string explain(const SSL* ssl, const std::string& refused_name) {
    const unsigned long code = ERR_peek_last_error();
    const long verdict = SSL_get_verify_result(ssl);
    std::string why = take_openssl_errors();
    if (ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED)
        why = X509_verify_cert_error_string(verdict);
    if (!refused_name.empty())
        why += " (certificate of '" + refused_name + "')";
    return why.empty() ? "the client ended it" : why;
}

} // namespace

struct TlsSession::State {
    SslPtr ssl;
    BIO* in = nullptr;  // from the client; both owned by ssl
    BIO* out = nullptr; // to the client
    std::string refused_name; // of a certificate that was not good
};

TlsSession::TlsSession(std::shared_ptr<const TlsMaterial> material)
    : material_(std::move(material)), state_(std::make_unique<State>()) {
    BioPtr in(BIO_new(BIO_s_mem())), out(BIO_new(BIO_s_mem()));
    SslPtr ssl(SSL_new(material_->ctx.get()));
    if (!in || !out || !ssl)
        return;
    state_->in = in.get();
    state_->out = out.get();
    SSL_set_bio(ssl.get(), in.release(), out.release());
    SSL_set_accept_state(ssl.get());
    SSL_set_app_data(ssl.get(), &state_->refused_name);
    state_->ssl = std::move(ssl);
}

TlsSession::~TlsSession() = default;

bool TlsSession::usable() const {
    return state_->ssl != nullptr;
}

bool TlsSession::feed(Bytes wire) {
    fed_ += wire.size();
    return fed_ <= kMaxHandshake &&
           BIO_write(state_->in, wire.data(), static_cast<int>(wire.size())) ==
               static_cast<int>(wire.size());
}

TlsSession::Progress TlsSession::step() {
    ERR_clear_error();
    SSL* ssl = state_->ssl.get();
    const int n = SSL_do_handshake(ssl);
    if (n == 1)
        return check_client();
    const int error = SSL_get_error(ssl, n);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
        return Progress::more;
    return fail(explain(ssl, state_->refused_name));
}

TlsSession::Progress TlsSession::fail(std::string why) {
    failure_ = std::move(why);
    return Progress::failed;
}

// OpenSSL has judged the certificate, and refused clients without one if they must have one.
TlsSession::Progress TlsSession::check_client() {
    const TlsOptions& options = material_->options;
    const X509* certificate = SSL_get0_peer_certificate(state_->ssl.get());
    if (!options.verify_client)
        return Progress::done;
    if (certificate == nullptr)
        return fail("the client has no certificate");
    std::string name = name_text(X509_get_subject_name(certificate));
    if (!name_allowed(options.allowed_names, name))
        return fail("the client '" + name + "' is not among the allowed names");
    client_name_ = std::move(name);
    return Progress::done;
}

Buffer TlsSession::take_output() {
    Buffer wire(BIO_ctrl_pending(state_->out));
    if (!wire.empty())
        BIO_read(state_->out, wire.data(), static_cast<int>(wire.size()));
    return wire;
}

unsigned TlsSession::secret_bits() const {
    const int bits = SSL_get_cipher_bits(state_->ssl.get(), nullptr);
    return bits > 0 ? static_cast<unsigned>(bits) : 0;
}

Result<bool> TlsSession::decode(Bytes wire, const Take& take) {
    std::uint8_t plain[kRecord];
    SSL* ssl = state_->ssl.get();
    bool fed = wire.empty();
    for (;;) {
        int n = 0, error = SSL_ERROR_NONE;
        std::string why;
        {
            LeafLock lock(mu_);
            ERR_clear_error();
            if (!fed && BIO_write(state_->in, wire.data(), static_cast<int>(wire.size())) < 0)
                return make_error(ErrorCode::no_memory, ErrorDomain::rpc, "TLS");
            fed = true;
            n = SSL_read(ssl, plain, sizeof plain);
            if (n <= 0) {
                error = SSL_get_error(ssl, n);
                why = take_openssl_errors();
            }
        }
        if (n > 0 && take(Bytes(plain, static_cast<std::size_t>(n))))
            continue;
        if (n > 0 || error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
            return true;
        if (error == SSL_ERROR_ZERO_RETURN)
            return false;
        return tls_error(why.empty() ? "broken" : why);
    }
}

Status TlsSession::encode(Bytes plain, Buffer& wire) {
    LeafLock lock(mu_);
    ERR_clear_error();
    const int n =
        SSL_write(state_->ssl.get(), plain.data(), static_cast<int>(plain.size()));
    if (n != static_cast<int>(plain.size()))
        return tls_error(take_openssl_errors());
    char* encoded = nullptr;
    const long size = BIO_get_mem_data(state_->out, &encoded);
    wire.insert(wire.end(), encoded, encoded + size);
    BIO_reset(state_->out);
    return {};
}

} // namespace polyvirt::rpc
