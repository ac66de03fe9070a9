// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Documents about one processor: a host's (with <arch>, as in capabilities) or a guest's (as in a domain).

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sdk/domain/machine.h"
#include "sdk/xml/node.h"

namespace polyvirt::sdk::cpu {

struct Description {
    bool guest = true;
    std::string arch; // of a host's; empty: whatever it is compared with
    domain::Cpu cpu;  // a host's has no modes and policies: all its features are there
    std::vector<xml::Node> kept;
};
void describe(xml::Binder& b, Description& v);

enum class Kind : std::uint8_t { host, either };
enum class Unknown : std::uint8_t { accepted, refused }; // elements and attributes that nobody knows

// `either`: a host's where it says an architecture. Errors: xml_error, config_unsupported, internal_error (an
// architecture that nobody knows), xml_invalid_schema (what is unknown and refused).
Result<Description> parse_description(std::string_view xml, Kind kind, Unknown unknown = Unknown::accepted);
// At least one. Errors: the same, invalid_arg for none.
Result<std::vector<Description>> parse_descriptions(const std::vector<std::string_view>& xmls, Kind kind);

std::string format_cpu(const domain::Cpu& cpu);

} // namespace polyvirt::sdk::cpu
