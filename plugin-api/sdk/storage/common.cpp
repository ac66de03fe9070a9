// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/storage/common.h"

namespace polyvirt::sdk::storage {

void describe(xml::Binder& b, Permissions& v) {
    b.element("mode", v.mode);
    b.element("owner", v.owner, xml::Rule{}.limits(-1, 0xffffffff));
    b.element("group", v.group, xml::Rule{}.limits(-1, 0xffffffff));
    b.element("label", v.label);
}

void complete_permissions(std::optional<Permissions>& v) {
    if (!v)
        return;
    if (v->owner == -1)
        v->owner.reset();
    if (v->group == -1)
        v->group.reset();
    if (!v->mode.bits && !v->owner && !v->group && v->label.empty())
        v.reset();
}

void describe(xml::Binder& b, Extent& v) {
    b.attr("start", v.start, xml::kRequired);
    b.attr("end", v.end, xml::kRequired);
}

void describe(xml::Binder& b, SecretRef& v) {
    b.attr("type", v.type);
    b.attr("uuid", v.uuid);
    b.attr("usage", v.usage);
    b.require(v.uuid.has_value() != !v.usage.empty(),
              "a <secret> is named by either 'uuid' or 'usage'");
}

void describe(xml::Binder& b, Cipher& v) {
    b.attr("name", v.name, xml::kRequired);
    b.attr("size", v.size, xml::Rule{true}.limits(1, 4096));
    b.attr("mode", v.mode);
    b.attr("hash", v.hash);
}
void describe(xml::Binder& b, IvGen& v) {
    b.attr("name", v.name, xml::kRequired);
    b.attr("hash", v.hash);
}
void describe(xml::Binder& b, Encryption& v) {
    b.attr("format", v.format, xml::kRequired);
    b.attr("engine", v.engine);
    b.child("secret", v.secrets);
    b.child("cipher", v.cipher);
    b.child("ivgen", v.ivgen);
}

} // namespace polyvirt::sdk::storage
