// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/domain/packed.h"

#include <utility>

#include "sdk/domain/notes.h"

namespace polyvirt::sdk::domain {

Summary summarize(const Domain& domain) {
    Summary s;
    s.memory = domain.memory.value_or(0);
    s.current_memory = domain.current_memory.value_or(s.memory);
    s.max_vcpus = domain.vcpu.max.value_or(1);
    s.vcpus = domain.vcpu.current.value_or(s.max_vcpus);
    s.os_type = domain.os.type.type;
    s.notes = domain.notes;
    return s;
}

Result<PackedDomainPtr> PackedDomain::pack(const Domain& domain, std::string_view text) {
    PV_ASSIGN_OR_RETURN(xml::PackedText packed, xml::PackedText::pack(text));
    return std::make_shared<const PackedDomain>(summarize(domain), std::move(packed));
}

Result<Domain> PackedDomain::unpack() const {
    PV_ASSIGN_OR_RETURN(const std::string text, text_.unpack());
    PV_ASSIGN_OR_RETURN(Parsed parsed, parse_domain(text));
    parsed.domain.notes = notes_of(text);
    return std::move(parsed.domain);
}

} // namespace polyvirt::sdk::domain
