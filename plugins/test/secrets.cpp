// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "secrets.h"

namespace polyvirt::test {

namespace secret = sdk::secret;

namespace {

// What clients look a secret up by.
struct SecretKeys {
    std::string number, id;
    std::vector<pv_key> list;
    explicit SecretKeys(const secret::Secret& s) {
        if (!s.usage) return;
        number = std::to_string(secret::usage_number(s.usage->type));
        id = s.usage->id();
        list = {{"usage-type", number.c_str()}, {"usage-id", id.c_str()}};
    }
    SecretKeys(const SecretKeys&) = delete;
    SecretKeys& operator=(const SecretKeys&) = delete;
};

std::uint64_t attributes(const secret::Secret& s) {
    return attribute_if(s.ephemeral == sdk::xml::YesNo::yes, PV_ATTR_SECRET_EPHEMERAL) |
           attribute_if(s.private_ == sdk::xml::YesNo::yes, PV_ATTR_SECRET_PRIVATE);
}

bool same_usage(const std::optional<secret::SecretUsage>& a, const std::optional<secret::SecretUsage>& b) {
    if (a.has_value() != b.has_value()) return false;
    return !a || (a->type == b->type && a->id() == b->id());
}

Result<DescribedSecret> described_secret(const sdk::xml::Node& root) {
    return describe_object<secret::Secret>(root, [](const sdk::xml::Node& n) { return secret::parse_secret(n); });
}

Error no_secret(const SecretObject& s) {
    return make_error(ErrorCode::no_secret, ErrorDomain::test, "no secret with matching uuid '{}'", s.uuid.to_string());
}

} // namespace

Secrets::Secrets(Driver& driver)
    : driver_(driver), s_(driver.services()), table_(driver.services(), PV_KIND_SECRET, ErrorDomain::test, "secret") {}

Result<DescribedSecret> Secrets::parse(std::string_view xml) const {
    PV_ASSIGN_OR_RETURN(const sdk::xml::Node root, sdk::xml::read(xml, secret::kSecretRoot.what));
    return described_secret(root);
}

namespace {

// Why `wanted` cannot be defined beside the others, or in the place of the one with its uuid.
Status check_usage(const secret::Secret& wanted, const SecretPtr& existing, const std::vector<SecretPtr>& others) {
    for (const SecretPtr& other : others) {
        const ObjectLock lock(other->mu);
        if (wanted.usage && other->document && same_usage(other->document->usage, wanted.usage))
            return make_error(ErrorCode::operation_failed, ErrorDomain::test, "a secret with UUID {} already defined for use with {}",
                              other->uuid.to_string(), wanted.usage->id());
    }
    if (!existing) return {};
    const ObjectLock lock(existing->mu);
    if (!same_usage(existing->document->usage, wanted.usage))
        return make_error(ErrorCode::operation_failed, ErrorDomain::test, "a secret with UUID {} is already defined for use with {}",
                          existing->uuid.to_string(), existing->document->usage ? existing->document->usage->id() : "");
    if (existing->document->private_ == sdk::xml::YesNo::yes && wanted.private_ != sdk::xml::YesNo::yes)
        return make_error(ErrorCode::operation_denied, ErrorDomain::test, "cannot change private flag on existing secret");
    return {};
}

} // namespace

Result<std::uint64_t> Secrets::put(pv_call* call, const DescribedSecret& d) {
    const auto fresh = std::make_shared<SecretObject>(*d.value->uuid, d.value->uuid->to_string());
    {
        const ObjectLock lock(fresh->mu);
        fresh->document = d.value;
    }
    const SecretKeys keys(*d.value);
    pv_obj_desc desc{};
    desc.dom_id = -1;
    desc.attrs = attributes(*d.value);
    desc.nkeys = static_cast<std::uint32_t>(keys.list.size());
    desc.keys = keys.list.data();
    std::uint64_t handle = 0;
    PV_TRY(table_.define(
        fresh, call, desc,
        [&](const SecretPtr& existing, const std::vector<SecretPtr>& others) { return check_usage(*d.value, existing, others); },
        [&](SecretObject& s, bool) PV_REQUIRES(s.mu) {
            s.document = d.value;
            s.faults_text = d.faults_text;
            driver_.faults().declare(s.handle, d.faults);
            set_attributes(s_, s.handle, attributes(*d.value), PV_ATTR_SECRET_EPHEMERAL | PV_ATTR_SECRET_PRIVATE);
            pv_event_secret_lifecycle payload{sizeof(pv_event_secret_lifecycle), PV_SECRET_EVENT_DEFINED, 0, 0};
            post(s, PV_EVENT_SECRET_LIFECYCLE, &payload);
            handle = s.handle;
        }));
    return handle;
}

Status Secrets::change(const SecretPtr& s, const Change& change) {
    const ObjectLock lock(s->mu);
    if (s->removed) return no_secret(*s);
    return change(*s);
}

Status Secrets::undefine(const SecretPtr& s) {
    if (!table_.remove(*s)) return no_secret(*s); // by somebody else, meanwhile
    const ObjectLock lock(s->mu);
    pv_event_secret_lifecycle payload{sizeof(pv_event_secret_lifecycle), PV_SECRET_EVENT_UNDEFINED, 0, 0};
    post(*s, PV_EVENT_SECRET_LIFECYCLE, &payload);
    driver_.faults().declare(s->handle, {});
    return {};
}

void Secrets::post_value_changed(const SecretObject& s) const {
    pv_event_secret_value_changed payload{};
    payload.size = sizeof payload;
    post(s, PV_EVENT_SECRET_VALUE_CHANGED, &payload);
}

void Secrets::post(const SecretObject& s, std::int32_t id, const void* payload) const {
    const SecretKeys keys(*s.document);
    pv_event event{};
    event.size = sizeof event;
    event.kind = PV_KIND_SECRET;
    event.id = id;
    event.dom_id = -1;
    event.object = s.handle;
    std::copy(s.uuid.bytes.begin(), s.uuid.bytes.end(), event.uuid);
    event.name = s.name.c_str();
    event.payload = payload;
    event.keys = keys.list.data();
    event.nkeys = static_cast<std::uint32_t>(keys.list.size());
    driver_.post(event);
}

Status Secrets::load(const sdk::xml::Node& element) {
    PV_ASSIGN_OR_RETURN(const DescribedSecret d, described_secret(element));
    auto put_there = put(nullptr, d);
    return put_there ? Status() : Status(std::move(put_there).error());
}

} // namespace polyvirt::test
