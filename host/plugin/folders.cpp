// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/plugin/folders.h"

#include <array>
#include <cctype>
#include <cerrno>

#include <openssl/sha.h>
#include <sys/stat.h>

#include "base/error_text.h"
#include "host/plugin/manager.h"

namespace polyvirt::plugin {
namespace {

// A key comes from a driver and may hold anything: every byte that is not plain becomes %XX.
std::string file_name(const std::string& key) {
    std::string name;
    for (const char c : key) {
        const auto u = static_cast<unsigned char>(c);
        if (std::isalnum(u) != 0 || c == '-' || c == '_') name += c;
        else name += fmt::format("%{:02X}", u);
    }
    // A file's name has 255 bytes. What is too long keeps its beginning, for people, and is told apart by its digest.
    constexpr std::size_t kLongest = 200, kShown = 120;
    if (name.size() <= kLongest) return name;
    std::array<unsigned char, SHA256_DIGEST_LENGTH> sum{};
    ::SHA256(reinterpret_cast<const unsigned char*>(key.data()), key.size(), sum.data());
    name.resize(kShown);
    name += "%%";
    for (const unsigned char byte : sum) name += fmt::format("{:02x}", byte);
    return name;
}

Status make_folders(const std::string& path, mode_t last_mode) {
    for (std::size_t at = path.find('/', 1);; at = path.find('/', at + 1)) {
        const bool last = at == std::string::npos;
        const std::string part = path.substr(0, at);
        if (::mkdir(part.c_str(), last ? last_mode : 0755) != 0 && errno != EEXIST)
            return make_system_error(errno, ErrorDomain::none, "cannot make the folder " + part);
        if (last) return {};
    }
}

// A folder that only whoever installs plugins can make: check_owner() has seen who may write beside the plugin.
std::string programs_of(const std::string& file, const std::string& id) {
    const std::string beside = file.substr(0, file.rfind('/') + 1);
    const std::string own = beside + id + ".programs";
    struct stat st {};
    if (!beside.empty() && ::stat(own.c_str(), &st) == 0 && S_ISDIR(st.st_mode)) return own;
    return beside.size() > 1 ? beside.substr(0, beside.size() - 1) : beside;
}

} // namespace

Folders::Folders(const HostPaths& host, const std::string& id, const std::string& key, const std::string& file) {
    const std::string tail = key.empty() ? "/" + id : "/" + id + ".instances/" + file_name(key);
    names_ = {host.etc + tail, host.state + tail, host.run + tail, host.cache + tail, host.log + tail, programs_of(file, id)};
    made_.back() = true;
}

Result<const char*> Folders::dir(std::uint32_t which) {
    const std::size_t index = which - 1;
    {
        const LeafLock lock(mu_);
        if (made_[index]) return names_[index].c_str();
    }
    // What runs as another user reaches its own files there; it lists nothing.
    const bool open = which == PV_PATH_STATE || which == PV_PATH_LOG || which == PV_PATH_RUN;
    PV_TRY(make_folders(names_[index], open ? 0711 : 0700));
    const LeafLock lock(mu_);
    made_[index] = true;
    return names_[index].c_str();
}

} // namespace polyvirt::plugin
