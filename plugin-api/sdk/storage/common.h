// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What pools and volumes share: permissions, encryption, extents.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/uuid.h"
#include "sdk/xml/binder.h"

namespace polyvirt::sdk::storage {

using xml::YesNo;
using Number = std::optional<std::uint32_t>;
using Wide = std::optional<std::uint64_t>;

// Sizes in bytes, whatever unit they were given in.
inline constexpr xml::SizeRule kBytes{1, "bytes", 1, false};

struct Permissions {
    xml::FileMode mode;
    std::optional<std::int64_t> owner, group; // -1: nobody in particular
    std::string label;
};
void describe(xml::Binder& b, Permissions& v);
// What says nothing is dropped.
void complete_permissions(std::optional<Permissions>& v);

struct Extent {
    Wide start, end;
};
void describe(xml::Binder& b, Extent& v);

// A secret by its uuid or by what it is for.
struct SecretRef {
    std::string type;
    std::optional<Uuid> uuid;
    std::string usage;
};
void describe(xml::Binder& b, SecretRef& v);

enum class EncryptionFormat : std::uint8_t { unset, default_, qcow, luks, luks2, luks_any };
inline constexpr std::string_view kEncryptionFormats[] = {"",     "default", "qcow",
                                                          "luks", "luks2",   "luks-any"};
constexpr xml::Names names_of(EncryptionFormat) {
    return kEncryptionFormats;
}
enum class EncryptionEngine : std::uint8_t { unset, qemu, librbd };
inline constexpr std::string_view kEncryptionEngines[] = {"", "qemu", "librbd"};
constexpr xml::Names names_of(EncryptionEngine) {
    return kEncryptionEngines;
}
struct Cipher {
    std::string name, mode, hash;
    Number size;
};
struct IvGen {
    std::string name, hash;
};
struct Encryption {
    EncryptionFormat format{};
    EncryptionEngine engine{};
    std::vector<SecretRef> secrets;
    std::optional<Cipher> cipher;
    std::optional<IvGen> ivgen;
};
void describe(xml::Binder& b, Cipher& v);
void describe(xml::Binder& b, IvGen& v);
void describe(xml::Binder& b, Encryption& v);

} // namespace polyvirt::sdk::storage
