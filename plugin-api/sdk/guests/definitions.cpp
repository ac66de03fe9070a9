// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/guests/definitions.h"

#include <utility>

#include "base/error_text.h"
#include "sdk/domain/notes.h"

namespace polyvirt::sdk {

std::string record_stem(std::string_view record, std::string_view suffix) {
    // Listed with or without the folder's name, by the host's choice.
    if (const std::size_t slash = record.rfind('/'); slash != std::string_view::npos) record.remove_prefix(slash + 1);
    if (record.size() <= suffix.size() || !record.ends_with(suffix)) return {};
    return std::string(record.substr(0, record.size() - suffix.size()));
}

Result<domain::Domain> live_of_record(std::string_view xml, const std::string& name, const Uuid& uuid) {
    PV_ASSIGN_OR_RETURN(auto parsed, domain::parse_domain(xml, {.inactive = false}));
    parsed.domain.notes = domain::notes_of(xml);
    if (parsed.domain.name != name || parsed.domain.uuid != uuid)
        return make_error(ErrorCode::internal_error, ErrorDomain::none, "name or uuid of record and description differ");
    return std::move(parsed.domain);
}

Result<Definition> Definition::of(const domain::Domain& domain) {
    Definition d{*domain.uuid, domain.name, {}, {}};
    d.text = domain::with_notes(format_domain(domain, {.inactive = true, .secure = true}), domain.notes);
    PV_ASSIGN_OR_RETURN(d.packed, domain::PackedDomain::pack(domain, d.text));
    return d;
}

} // namespace polyvirt::sdk
