// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// What of a plugin's file administrators compare with what its vendor says.
#include "host/plugin/plugin_file.h"

#include <array>
#include <cerrno>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "base/error_text.h"

namespace polyvirt::plugin {
namespace {

std::string hex(const unsigned char* bytes, std::size_t n) {
    std::string text;
    for (std::size_t i = 0; i < n; ++i) text += fmt::format("{:02x}", bytes[i]);
    return text;
}

Result<std::string> sha256(const PluginFile& file) {
    const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> digest(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    if (!digest || EVP_DigestInit_ex(digest.get(), EVP_sha256(), nullptr) != 1)
        return make_error(ErrorCode::internal_error, ErrorDomain::none, "SHA-256 is not to be had");
    std::array<char, 65536> buffer{};
    for (off_t at = 0;;) {
        const ssize_t n = ::pread(file.fd.get(), buffer.data(), buffer.size(), at);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return make_system_error(errno, ErrorDomain::none, "plugin " + file.path + ": read");
        if (n == 0) break;
        EVP_DigestUpdate(digest.get(), buffer.data(), static_cast<std::size_t>(n));
        at += n;
    }
    std::array<unsigned char, EVP_MAX_MD_SIZE> sum{};
    unsigned length = 0;
    EVP_DigestFinal_ex(digest.get(), sum.data(), &length);
    return hex(sum.data(), length);
}

} // namespace

Result<Facts> file_facts(const PluginFile& file) {
    struct stat st {};
    if (::fstat(file.fd.get(), &st) != 0) return make_system_error(errno, ErrorDomain::none, "plugin " + file.path);
    PV_ASSIGN_OR_RETURN(const std::string sum, sha256(file));
    Facts facts = manifest_facts(file.manifest);
    facts.push_back({"file", {file.path}});
    facts.push_back({"size", {std::to_string(st.st_size)}});
    facts.push_back({"owner", {fmt::format("uid {}, gid {}, mode {:04o}", st.st_uid, st.st_gid, st.st_mode & 07777)}});
    facts.push_back({"sha256", {sum}});
    return facts;
}

} // namespace polyvirt::plugin
