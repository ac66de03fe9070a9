// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "interfaces.h"

namespace polyvirt::test {

namespace interface = sdk::interface;

namespace {

Result<DescribedInterface> described_interface(const sdk::xml::Node& root) {
    return describe_object<interface::Interface>(root, [](const sdk::xml::Node& n) { return interface::parse_interface(n); });
}
Error no_interface(const std::string& name) {
    return make_error(ErrorCode::no_interface, ErrorDomain::test, "no interface with matching name '{}'", name);
}
Error no_transaction(const char* what) {
    return make_error(ErrorCode::operation_invalid, ErrorDomain::test, "no transaction running, nothing to be {}.", what);
}

} // namespace

Interfaces::Interfaces(Driver& driver) : driver_(driver), s_(driver.services()), table_(driver.services(), PV_KIND_INTERFACE) {}

Result<DescribedInterface> Interfaces::parse(std::string_view xml) const {
    PV_ASSIGN_OR_RETURN(const sdk::xml::Node root, sdk::xml::read(xml, interface::kInterfaceRoot.what));
    return described_interface(root);
}

Result<std::uint64_t> Interfaces::put(pv_call* call, const DescribedInterface& d) {
    const auto fresh = std::make_shared<HostInterface>(d.value->name);
    {
        const ObjectLock lock(fresh->mu);
        fresh->document = d.value;
    }
    const std::string mac = d.value->mac ? d.value->mac->to_string() : "";
    const pv_key keys[] = {{"mac", mac.c_str()}};
    pv_obj_desc desc{};
    desc.dom_id = -1;
    desc.attrs = PV_ATTR_PERSISTENT;
    desc.nkeys = 1;
    desc.keys = keys;
    PV_ASSIGN_OR_RETURN(const Table::Added added, table_.add(fresh, call, desc));
    std::uint64_t handle = 0;
    PV_TRY(change(added.object, [&](HostInterface& i) PV_REQUIRES(i.mu) -> Status {
        i.document = d.value;
        i.faults_text = d.faults_text;
        driver_.faults().declare(i.handle, d.faults);
        pv_obj_update update{};
        update.size = sizeof update;
        update.what = PV_UPDATE_KEYS;
        update.nkeys = 1;
        update.keys = keys;
        s_.registry->update(s_.host, i.handle, &update);
        handle = i.handle;
        return {};
    }));
    return handle;
}

Status Interfaces::change(const HostInterfacePtr& i, const Change& change) {
    const ObjectLock lock(i->mu);
    if (i->removed) return no_interface(i->name);
    return change(*i);
}

void Interfaces::remove(HostInterface& i) {
    {
        const ObjectLock lock(i.mu);
        driver_.faults().declare(i.handle, {});
    }
    table_.remove(i);
}

void Interfaces::set_active(HostInterface& i, bool active) const {
    i.active = active;
    set_attributes(s_, i.handle, attribute_if(active, PV_ATTR_ACTIVE), PV_ATTR_ACTIVE);
}

Status Interfaces::begin() {
    std::vector<Remembered> now;
    for (const HostInterfacePtr& i : table_.all()) {
        const ObjectLock lock(i->mu);
        now.push_back({{i->document, {}, i->faults_text}, i->active});
    }
    const LeafLock lock(changes_mu_);
    if (before_) return make_error(ErrorCode::operation_invalid, ErrorDomain::test, "there is another transaction running.");
    before_ = std::move(now);
    return {};
}

Status Interfaces::commit() {
    const LeafLock lock(changes_mu_);
    if (!before_) return no_transaction("committed");
    before_.reset();
    return {};
}

Status Interfaces::roll_back() {
    std::vector<Remembered> before;
    {
        const LeafLock lock(changes_mu_);
        if (!before_) return no_transaction("rolled back");
        before = std::move(*before_);
        before_.reset();
    }
    for (const HostInterfacePtr& i : table_.all()) {
        const bool was_there = std::any_of(before.begin(), before.end(),
                                           [&](const Remembered& r) { return r.described.value->name == i->name; });
        if (!was_there) remove(*i);
    }
    for (Remembered& r : before) {
        if (r.described.faults_text) {
            PV_ASSIGN_OR_RETURN(r.described.faults, parse_faults(*r.described.faults_text));
        }
        PV_TRY(put(nullptr, r.described).has_value() ? Status() : Status(no_interface(r.described.value->name)));
        if (const HostInterfacePtr i = table_.find(r.described.value->name))
            PV_TRY(change(i, [&](HostInterface& o) PV_REQUIRES(o.mu) -> Status {
                set_active(o, r.active);
                return {};
            }));
    }
    return {};
}

Status Interfaces::load(const sdk::xml::Node& element) {
    PV_ASSIGN_OR_RETURN(const DescribedInterface d, described_interface(element));
    PV_ASSIGN_OR_RETURN(const std::uint64_t handle, put(nullptr, d));
    (void)handle;
    return change(table_.find(d.value->name), [this](HostInterface& i) PV_REQUIRES(i.mu) -> Status {
        set_active(i, true);
        return {};
    });
}

} // namespace polyvirt::test
