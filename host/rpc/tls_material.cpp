// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/rpc/tls_material.h"

#include <array>
#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/core.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/error_text.h"
#include "base/unique_fd.h"

namespace polyvirt::rpc {
namespace {

constexpr std::size_t kMaxFile = std::size_t{16} << 20; // lists of revoked certificates grow
constexpr int kMaxChain = 10;

using KeyPtr = std::unique_ptr<EVP_PKEY, OpenSslFree<&EVP_PKEY_free>>;
using CrlPtr = std::unique_ptr<X509_CRL, OpenSslFree<&X509_CRL_free>>;
using StorePtr = std::unique_ptr<X509_STORE, OpenSslFree<&X509_STORE_free>>;
using StoreCtxPtr = std::unique_ptr<X509_STORE_CTX, OpenSslFree<&X509_STORE_CTX_free>>;
void free_chain(STACK_OF(X509) * chain) {
    sk_X509_free(chain);
}
using ChainPtr = std::unique_ptr<STACK_OF(X509), OpenSslFree<&free_chain>>;

// A file of the TLS set-up, and how messages call it.
struct File {
    std::string_view what;
    std::string_view path;
};

template <typename... A> Error wrong(const File& file, fmt::format_string<A...> f, A&&... a) {
    return make_error(ErrorCode::operation_failed, ErrorDomain::rpc, "TLS: {} '{}': {}", file.what,
                      file.path, fmt::format(f, std::forward<A>(a)...));
}

Error from_errno(const File& file, std::string_view what) {
    return make_system_error(errno, ErrorDomain::rpc,
                             fmt::format("TLS: {} '{}': {}", file.what, file.path, what));
}

std::string time_text(const ASN1_TIME* time) {
    const BioPtr out(BIO_new(BIO_s_mem()));
    char* text = nullptr;
    if (!out || ASN1_TIME_print(out.get(), time) != 1)
        return "?";
    const long size = BIO_get_mem_data(out.get(), &text);
    return {text, static_cast<std::size_t>(size)};
}

Status check_key_file(const File& file, const struct stat& found) {
    if ((found.st_mode & (S_IWGRP | S_IRWXO)) != 0)
        return wrong(file,
                     "its permissions {:04o} are too open; nobody but its owner may write and its "
                     "group read it: chmod 0600",
                     static_cast<unsigned>(found.st_mode & 07777));
    if (found.st_uid != 0 && found.st_uid != ::geteuid())
        return wrong(file, "it belongs to user {}; expected root or the daemon's user {}",
                     found.st_uid, ::geteuid());
    return {};
}

Result<std::string> read_file(const File& file, bool is_key) {
    const UniqueFd fd(::open(std::string(file.path).c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!fd)
        return from_errno(file, "cannot open it");
    struct stat found {};
    if (::fstat(fd.get(), &found) != 0)
        return from_errno(file, "cannot look at it");
    if (!S_ISREG(found.st_mode))
        return wrong(file, "it is no regular file");
    if (is_key)
        PV_TRY(check_key_file(file, found));
    std::string text;
    std::array<char, 16384> part{};
    for (;;) {
        const ssize_t n = ::read(fd.get(), part.data(), part.size());
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return from_errno(file, "cannot read it");
        if (n == 0)
            return text;
        text.append(part.data(), static_cast<std::size_t>(n));
        if (text.size() > kMaxFile)
            return wrong(file, "it has more than {} bytes", kMaxFile);
    }
}

BioPtr memory(const std::string& text) {
    return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// Every item of one kind in a PEM text; an error if there is none or one is damaged.
template <typename Ptr, typename Read>
Result<std::vector<Ptr>> read_all(const File& file, Read read, std::string_view kind) {
    PV_ASSIGN_OR_RETURN(const std::string text, read_file(file, false));
    const BioPtr bio = memory(text);
    std::vector<Ptr> all;
    ERR_clear_error();
    while (bio) {
        Ptr one(read(bio.get(), nullptr, nullptr, nullptr));
        if (!one)
            break;
        all.push_back(std::move(one));
    }
    const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    const std::string why = take_openssl_errors();
    if (!at_end)
        return wrong(file, "it is damaged: {}", why);
    if (all.empty())
        return wrong(file, "there is no {} in it; expected PEM", kind);
    return all;
}

Result<std::vector<X509Ptr>> read_certificates(const File& file) {
    PV_ASSIGN_OR_RETURN(auto all, read_all<X509Ptr>(file, &PEM_read_bio_X509, "certificate"));
    for (const X509Ptr& one : all) {
        const std::string name = name_text(X509_get_subject_name(one.get()));
        if (X509_cmp_current_time(X509_get0_notBefore(one.get())) > 0)
            return wrong(file, "the certificate of '{}' is not valid before {}", name,
                         time_text(X509_get0_notBefore(one.get())));
        if (X509_cmp_current_time(X509_get0_notAfter(one.get())) < 0)
            return wrong(file, "the certificate of '{}' has expired on {}", name,
                         time_text(X509_get0_notAfter(one.get())));
    }
    return all;
}

int no_password(char*, int, int, void*) {
    return 0;
}

Result<KeyPtr> read_key(const File& file) {
    PV_ASSIGN_OR_RETURN(std::string text, read_file(file, true));
    const BioPtr bio = memory(text);
    ERR_clear_error();
    KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, &no_password, nullptr));
    OPENSSL_cleanse(text.data(), text.size());
    if (!key)
        return wrong(file, "there is no private key in it that can be read ({}); expected PEM "
                           "without a password",
                     take_openssl_errors());
    return key;
}

// OpenSSL's verdict on a certificate of a client's chain, which is final but for one thing: where there
// is no list of an issuer's revoked certificates, none is revoked, as the peer has it.
int judge(int good, X509_STORE_CTX* ctx) {
    if (good != 0)
        return good;
    if (X509_STORE_CTX_get_error(ctx) == X509_V_ERR_UNABLE_TO_GET_CRL) {
        X509_STORE_CTX_set_error(ctx, X509_V_OK);
        return 1;
    }
    // A connection forgets the certificate that it refuses; its name is for the log.
    const auto* ssl = static_cast<const SSL*>(
        X509_STORE_CTX_get_ex_data(ctx, SSL_get_ex_data_X509_STORE_CTX_idx()));
    auto* name = ssl != nullptr ? static_cast<std::string*>(SSL_get_app_data(ssl)) : nullptr;
    if (name != nullptr)
        *name = name_text(X509_get_subject_name(X509_STORE_CTX_get0_cert(ctx)));
    return 0;
}

Status add_revoked(X509_STORE* store, const TlsOptions& options) {
    if (options.crl.empty())
        return {};
    const File file{"list of revoked certificates", options.crl};
    if (!options.crl_required && ::access(options.crl.c_str(), F_OK) != 0 && errno == ENOENT)
        return {};
    PV_ASSIGN_OR_RETURN(const auto all, read_all<CrlPtr>(file, &PEM_read_bio_X509_CRL, "list"));
    for (const CrlPtr& one : all) {
        const ASN1_TIME* next = X509_CRL_get0_nextUpdate(one.get());
        if (next != nullptr && X509_cmp_current_time(next) < 0)
            return wrong(file, "it has expired on {}; get a new one from '{}'", time_text(next),
                         name_text(X509_CRL_get_issuer(one.get())));
        X509_STORE_add_crl(store, one.get());
    }
    X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
    return {};
}

// Clients would refuse it; better to be told here.
Status check_own_certificate(X509_STORE* store, const std::vector<X509Ptr>& chain,
                             const TlsOptions& options) {
    const StoreCtxPtr ctx(X509_STORE_CTX_new());
    const ChainPtr others(sk_X509_new_null());
    for (std::size_t i = 1; i < chain.size() && others; ++i)
        sk_X509_push(others.get(), chain[i].get());
    if (!ctx || !others ||
        X509_STORE_CTX_init(ctx.get(), store, chain.front().get(), others.get()) != 1)
        return make_error(ErrorCode::no_memory, ErrorDomain::rpc, "TLS certificates");
    X509_STORE_CTX_set_purpose(ctx.get(), X509_PURPOSE_SSL_SERVER);
    if (X509_verify_cert(ctx.get()) == 1)
        return {};
    ERR_clear_error();
    return wrong({"server certificate", options.certificate}, "{} (authority: '{}')",
                 X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx.get())), options.ca);
}

Status set_versions_and_ciphers(SSL_CTX* ctx, const TlsOptions& options) {
    SSL_CTX_set_min_proto_version(ctx, options.only_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION);
    // No resumption: each connection shows its certificate, which may have been revoked meanwhile.
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(ctx, 0);
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS); // idle connections are many
    const auto refused = [](std::string_view setting, const std::string& value) {
        return make_error(ErrorCode::invalid_arg, ErrorDomain::rpc,
                          "TLS: {} '{}': no such ciphers ({}); expected names as "
                          "`openssl ciphers -s -v` shows them, with ':' between",
                          setting, value, take_openssl_errors());
    };
    if (!options.ciphers.empty() && SSL_CTX_set_cipher_list(ctx, options.ciphers.c_str()) != 1)
        return refused("ciphers", options.ciphers);
    if (!options.ciphersuites.empty() &&
        SSL_CTX_set_ciphersuites(ctx, options.ciphersuites.c_str()) != 1)
        return refused("ciphersuites", options.ciphersuites);
    return {};
}

Status use_own(SSL_CTX* ctx, const std::vector<X509Ptr>& chain, EVP_PKEY* key,
               const TlsOptions& options) {
    const File file{"private key", options.key};
    if (X509_check_private_key(chain.front().get(), key) != 1) {
        ERR_clear_error();
        return wrong(file, "it is not the key of the certificate '{}'", options.certificate);
    }
    if (SSL_CTX_use_certificate(ctx, chain.front().get()) != 1)
        return wrong({"server certificate", options.certificate}, "it cannot be used: {}",
                     take_openssl_errors());
    if (SSL_CTX_use_PrivateKey(ctx, key) != 1)
        return wrong(file, "it cannot be used: {}", take_openssl_errors());
    for (std::size_t i = 1; i < chain.size(); ++i)
        SSL_CTX_add1_chain_cert(ctx, chain[i].get());
    return {};
}

void ask_for_client_certificates(SSL_CTX* ctx, const std::vector<X509Ptr>& authorities) {
    for (const X509Ptr& authority : authorities)
        SSL_CTX_add_client_CA(ctx, authority.get());
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, &judge);
    SSL_CTX_set_verify_depth(ctx, kMaxChain);
}

} // namespace

std::string take_openssl_errors() {
    std::string text;
    while (const unsigned long code = ERR_get_error()) {
        const char* reason = ERR_reason_error_string(code);
        text.append(text.empty() ? "" : "; ").append(reason != nullptr ? reason : "unknown error");
    }
    return text;
}

Result<std::shared_ptr<const TlsMaterial>> load_tls_material(TlsOptions options) {
    ERR_clear_error();
    PV_ASSIGN_OR_RETURN(const auto authorities, read_certificates({"CA certificate", options.ca}));
    PV_ASSIGN_OR_RETURN(const auto chain,
                        read_certificates({"server certificate", options.certificate}));
    PV_ASSIGN_OR_RETURN(const KeyPtr key, read_key({"private key", options.key}));
    auto material = std::make_shared<TlsMaterial>();
    material->ctx.reset(SSL_CTX_new(TLS_server_method()));
    SSL_CTX* ctx = material->ctx.get();
    StorePtr store(X509_STORE_new());
    if (ctx == nullptr || !store)
        return make_error(ErrorCode::no_memory, ErrorDomain::rpc, "TLS");
    for (const X509Ptr& authority : authorities)
        X509_STORE_add_cert(store.get(), authority.get());
    PV_TRY(set_versions_and_ciphers(ctx, options));
    PV_TRY(use_own(ctx, chain, key.get(), options));
    PV_TRY(check_own_certificate(store.get(), chain, options));
    PV_TRY(add_revoked(store.get(), options));
    SSL_CTX_set_cert_store(ctx, store.release());
    if (options.verify_client)
        ask_for_client_certificates(ctx, authorities);
    material->options = std::move(options);
    return std::shared_ptr<const TlsMaterial>(std::move(material));
}

} // namespace polyvirt::rpc
