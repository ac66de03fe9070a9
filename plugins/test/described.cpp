// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "described.h"

#include "sdk/xml/writer.h"

namespace polyvirt::test {

std::string with_faults(std::string text, const std::shared_ptr<const sdk::xml::Node>& faults) {
    if (!faults) return text;
    const std::size_t end = text.rfind("</");
    if (end == std::string::npos) return text;
    sdk::xml::Node element = *faults;
    const std::string declaration = "xmlns:" + element.prefix;
    if (!element.prefix.empty() && element.attribute(declaration) == nullptr) element.attributes.push_back({declaration, element.uri});
    sdk::xml::Writer writer;
    writer.raw(element);
    return text.insert(end, "  " + writer.take()); // with the end of its line
}

pv_status write_document(const plugin::Services& s, pv_call* call, pv_sink* sink, const std::string& text) {
    if (plugin::write(s, sink, text)) return PV_OK;
    return plugin::fail(s, call, make_error(ErrorCode::internal_error, ErrorDomain::test,
                                            "the description has {} bytes, more than can be sent", text.size()));
}

void set_attributes(const plugin::Services& s, std::uint64_t handle, std::uint64_t attrs, std::uint64_t mask) {
    pv_obj_update update{};
    update.size = sizeof update;
    update.what = PV_UPDATE_ATTRS;
    update.attrs = attrs;
    update.attrs_mask = mask;
    s.registry->update(s.host, handle, &update);
}

void post_event(const Driver& driver, std::uint32_t kind, const sdk::Object& object, std::uint64_t handle, std::int32_t id,
                const void* payload) {
    pv_event event{};
    event.size = sizeof event;
    event.kind = kind;
    event.id = id;
    event.dom_id = -1;
    event.object = handle;
    std::copy(object.uuid.bytes.begin(), object.uuid.bytes.end(), event.uuid);
    event.name = object.name.c_str();
    event.payload = payload;
    driver.post(event);
}

} // namespace polyvirt::test
