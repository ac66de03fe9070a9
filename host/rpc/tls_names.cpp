// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/rpc/tls_material.h"

#include <algorithm>

#include <fnmatch.h>

#include <openssl/bio.h>

namespace polyvirt::rpc {
namespace {

// Where GnuTLS, whose spelling administrators have in their lists, departs from OpenSSL's.
const char* gnutls_name(int nid) {
    switch (nid) {
    case NID_pkcs9_emailAddress:
        return "EMAIL";
    case NID_surname:
        return "surName";
    case NID_givenName:
        return "givenName";
    default:
        return nullptr;
    }
}

void print_type(BIO* out, const ASN1_OBJECT* object, int nid) {
    if (const char* name = gnutls_name(nid))
        BIO_puts(out, name);
    else if (nid != NID_undef)
        BIO_puts(out, OBJ_nid2sn(nid));
    else
        i2a_ASN1_OBJECT(out, object);
}

} // namespace

std::string name_text(const X509_NAME* name) {
    const BioPtr out(BIO_new(BIO_s_mem()));
    if (!out)
        return {};
    int set = -1;
    for (int i = 0; i < X509_NAME_entry_count(name); ++i) {
        const X509_NAME_ENTRY* entry = X509_NAME_get_entry(name, i);
        const ASN1_OBJECT* object = X509_NAME_ENTRY_get_object(entry);
        const int nid = OBJ_obj2nid(object);
        if (i != 0)
            BIO_puts(out.get(), X509_NAME_ENTRY_set(entry) == set ? "+" : ",");
        set = X509_NAME_ENTRY_set(entry);
        print_type(out.get(), object, nid);
        BIO_puts(out.get(), "=");
        constexpr unsigned long kText = ASN1_STRFLGS_RFC2253 & ~ASN1_STRFLGS_ESC_MSB;
        ASN1_STRING_print_ex(out.get(), X509_NAME_ENTRY_get_data(entry),
                             nid != NID_undef ? kText : kText | ASN1_STRFLGS_DUMP_ALL);
    }
    char* text = nullptr;
    const long size = BIO_get_mem_data(out.get(), &text);
    return size > 0 ? std::string(text, static_cast<std::size_t>(size)) : std::string();
}

bool name_allowed(const std::vector<std::string>& patterns, const std::string& name) {
    // A backslash is part of a name ("O=Smith\, Ltd"), and so it is of a pattern.
    return patterns.empty() ||
           std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
               return ::fnmatch(pattern.c_str(), name.c_str(), FNM_NOESCAPE) == 0;
           });
}

} // namespace polyvirt::rpc
