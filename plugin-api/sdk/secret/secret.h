// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The secret document. A secret's value is never part of it.

#include <optional>
#include <string>

#include "base/uuid.h"
#include "sdk/xml/root.h"

namespace polyvirt::sdk::secret {

// The wire's numbers stand in usage_number().
enum class Usage : std::uint8_t { unset, none, volume, ceph, iscsi, tls, vtpm };
inline constexpr std::string_view kUsages[] = {"", "none", "volume", "ceph", "iscsi", "tls", "vtpm"};
constexpr xml::Names names_of(Usage) {
    return kUsages;
}
constexpr int usage_number(Usage usage) {
    return usage == Usage::unset ? 0 : static_cast<int>(usage) - 1;
}

// Which of the texts is used follows from the type.
struct SecretUsage {
    Usage type{};
    std::string volume, name, target;
    // What the secret is for: the path, name or target.
    [[nodiscard]] const std::string& id() const;
};

struct Secret {
    xml::YesNo ephemeral{}, private_{};
    std::optional<Uuid> uuid;
    std::string description;
    std::optional<SecretUsage> usage;
};

void describe(xml::Binder& b, SecretUsage& v);
void describe(xml::Binder& b, Secret& v);

inline constexpr xml::RootName kSecretRoot{"secret", "secret description", ErrorDomain::secret};
using ParsedSecret = xml::ParsedRoot<Secret>;
// Read and completed (uuid, both attributes). Errors: xml_error.
Result<ParsedSecret> parse_secret(std::string_view text, const xml::Limits& limits = {});
Result<ParsedSecret> parse_secret(const xml::Node& root);
std::string format_secret(const Secret& v);

} // namespace polyvirt::sdk::secret
