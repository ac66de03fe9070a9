// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Which object an XML document describes: its name and uuid, read before any driver is asked. So a rule
// that names objects holds for those that are about to be defined, too.

#include <optional>
#include <string>
#include <string_view>

#include "base/uuid.h"

namespace polyvirt::access {

struct DocumentIdentity {
    std::string name; // empty: none
    Uuid uuid;        // nil: none
};

inline constexpr std::size_t kMaxDocument = std::size_t{32} << 20;

// Of the root's children name and uuid, or the root's attribute name where there is no such child (or of the
// child portdev: a filter binding). Null: it is no such document, or not a clear one: broken, with a name or
// uuid twice, or with a document type. Loads nothing else; any thread.
std::optional<DocumentIdentity> identify_document(std::string_view xml);

} // namespace polyvirt::access
