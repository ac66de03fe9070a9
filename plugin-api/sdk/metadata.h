// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What users write about a domain: title, description, elements of their own. Pure.

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "sdk/domain/domain.h"

namespace polyvirt::sdk {

// What pv.dom.config's set_metadata brings.
struct MetadataChange {
    std::int32_t type = 0; // PV_DOMAIN_METADATA_*
    std::string text;      // empty: it goes
    std::string key, uri;  // of elements: their prefix and their namespace
};
// Errors, of `in`: invalid_arg; those of reading the element.
Status set_metadata(domain::Domain& domain, const MetadataChange& change, ErrorDomain in);
// Errors: no_domain_metadata, invalid_arg.
Result<std::string> get_metadata(const domain::Domain& domain, std::int32_t type, std::string_view uri, ErrorDomain in);

} // namespace polyvirt::sdk
