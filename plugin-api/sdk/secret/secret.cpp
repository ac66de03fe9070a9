// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/secret/secret.h"

#include "sdk/xml/format.h"

namespace polyvirt::sdk::secret {

const std::string& SecretUsage::id() const {
    return type == Usage::volume ? volume : type == Usage::iscsi ? target : name;
}

void describe(xml::Binder& b, SecretUsage& v) {
    b.attr("type", v.type, xml::kRequired);
    b.when(v.type == Usage::volume, "type is volume", [&] {
        b.element("volume", v.volume, xml::kRequired);
    });
    b.when(v.type == Usage::ceph || v.type == Usage::tls || v.type == Usage::vtpm, "type is ceph, tls or vtpm",
           [&] { b.element("name", v.name, xml::kRequired); });
    b.when(v.type == Usage::iscsi, "type is iscsi", [&] {
        b.element("target", v.target, xml::kRequired);
    });
}

void describe(xml::Binder& b, Secret& v) {
    b.attr("ephemeral", v.ephemeral);
    b.attr("private", v.private_);
    b.element("uuid", v.uuid);
    b.element("description", v.description);
    b.child("usage", v.usage);
}

Result<ParsedSecret> parse_secret(std::string_view text, const xml::Limits& limits) {
    PV_ASSIGN_OR_RETURN(const xml::Node root, xml::read(text, kSecretRoot.what, limits));
    return parse_secret(root);
}

Result<ParsedSecret> parse_secret(const xml::Node& root) {
    PV_ASSIGN_OR_RETURN(ParsedSecret parsed, xml::parse_root<Secret>(root, kSecretRoot));
    Secret& v = parsed.value;
    if (v.ephemeral == xml::YesNo::unset)
        v.ephemeral = xml::YesNo::no;
    if (v.private_ == xml::YesNo::unset)
        v.private_ = xml::YesNo::no;
    if (!v.uuid)
        v.uuid = Uuid::random();
    if (v.usage && v.usage->type == Usage::none)
        v.usage.reset();
    return parsed;
}

std::string format_secret(const Secret& v) {
    return xml::format("secret", v);
}

} // namespace polyvirt::sdk::secret
