// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What Definitions does; for the one source of a driver that makes it for its guests.

#include <utility>

#include <polyvirt/call.h>

#include "base/error_text.h"
#include "sdk/guests/definitions_start_impl.h"

namespace polyvirt::sdk {

template <typename G> pv_status Definitions<G>::define(pv_call* call, const domain::Domain& domain, pv_dom_define_xml_out& out) {
    auto definition = Definition::of(domain);
    if (!definition) return plugin::fail(s_, call, definition.error());
    return define(call, std::make_shared<const Definition>(*std::move(definition)), out);
}

template <typename G>
pv_status Definitions<G>::define(pv_call* call, const std::shared_ptr<const Definition>& definition, pv_dom_define_xml_out& out) {
    const auto added = guests_.add(std::make_shared<G>(definition->uuid, definition->name), call, published_as(PV_ATTR_PERSISTENT));
    if (!added) return plugin::fail(s_, call, added.error());
    const Ptr guest = added->object;
    {
        const ObjectLock lock(guest->mu);
        out.obj = guest->handle;
        // Visible from here on, so it must be something that can be shown.
        if (added->fresh) guest->config = definition->packed;
    }
    return Operation::start(s_, loop_, {.call = call, .object = out.obj, .what = "define"},
                            [this, guest, definition, fresh = added->fresh, result = &out](const OperationPtr& op) {
                                finish_define(op, guest, definition, fresh, *result);
                            });
}

template <typename G>
void Definitions<G>::finish_define(const OperationPtr& op, const Ptr& guest, const std::shared_ptr<const Definition>& definition,
                                   bool fresh, pv_dom_define_xml_out& out) {
    bool removed = false;
    {
        const ObjectLock lock(guest->mu);
        removed = guest->removed;
    }
    if (removed) { // while this waited for its turn; so it is made anew
        pv_call* const call = op->give_up();
        const pv_status status = define(call, definition, out);
        if (status != PV_PENDING) s_.call->complete(call, status);
        return;
    }
    const Status written = records_.put(config_record(guest->name), definition->text, op->call());
    if (!written) {
        bool drop = false;
        if (fresh) {
            const ObjectLock lock(guest->mu);
            guest->config = nullptr; // if somebody has started it already, it goes on as a transient one
            drop = !guest->active();
            notices_.show(*guest);
        }
        if (drop) guests_.remove(*guest);
        return op->finish(written);
    }
    {
        const ObjectLock lock(guest->mu);
        const bool was_persistent = !fresh && guest->config != nullptr;
        guest->config = definition->packed;
        guest->updated = guest->active();
        notices_.show(*guest);
        notices_.lifecycle(*guest, PV_DOMAIN_EVENT_DEFINED,
                           was_persistent ? PV_DOMAIN_EVENT_DEFINED_UPDATED : PV_DOMAIN_EVENT_DEFINED_ADDED);
    }
    op->finish({});
}

template <typename G>
pv_status Definitions<G>::create(pv_call* call, const Uuid& uuid, const std::string& name, const Start& start,
                                 pv_dom_create_xml_out& out) {
    const auto added = guests_.add(std::make_shared<G>(uuid, name), call, published_as(0));
    if (!added) return plugin::fail(s_, call, added.error());
    const Ptr guest = added->object;
    bool active = false;
    {
        const ObjectLock lock(guest->mu);
        out.obj = guest->handle;
        active = guest->active();
    }
    if (active)
        return plugin::fail(s_, call, make_error(ErrorCode::operation_invalid, domain_, "domain '{}' is already active", name));
    const pv_status status = Operation::start(s_, loop_, {.call = call, .object = out.obj, .what = "create"},
                                              [this, guest, start, result = &out](const OperationPtr& op) {
                                                  bool removed = false;
                                                  {
                                                      const ObjectLock lock(guest->mu);
                                                      removed = guest->removed;
                                                  }
                                                  if (!removed) return start(op, guest);
                                                  // It went while this waited for its turn.
                                                  pv_call* const again = op->give_up();
                                                  const pv_status outcome = create(again, guest->uuid, guest->name, start, *result);
                                                  if (outcome != PV_PENDING) s_.call->complete(again, outcome);
                                              });
    if (status != PV_PENDING && added->fresh) guests_.remove(*guest);
    return status;
}

template <typename G> Result<domain::Domain> Definitions<G>::copy(const Ptr& guest) const {
    domain::PackedDomainPtr config;
    {
        const ObjectLock lock(guest->mu);
        if (!guest->removed) config = guest->config;
    }
    if (!config)
        return make_error(ErrorCode::operation_invalid, domain_, "transient domains do not have any persistent config");
    return config->unpack();
}

template <typename G> Status Definitions<G>::put(const Ptr& guest, const domain::Domain& domain, pv_call* call) const {
    PV_ASSIGN_OR_RETURN(const Definition written, Definition::of(domain));
    PV_TRY(records_.put(config_record(guest->name), written.text, call));
    const ObjectLock lock(guest->mu);
    guest->config = written.packed;
    guest->updated = guest->active();
    notices_.show(*guest);
    return {};
}

template <typename G>
Status Definitions<G>::set_autostart(const Ptr& guest, bool wanted, const char* transient, pv_call* call) const {
    bool persistent = false;
    {
        const ObjectLock lock(guest->mu);
        persistent = guest->config != nullptr;
    }
    if (!persistent) return make_error(ErrorCode::operation_invalid, domain_, "{}", transient);
    if (wanted) PV_TRY(records_.put(autostart_record(guest->name), guest->uuid.to_string() + "\n", call));
    else PV_TRY(records_.remove(autostart_record(guest->name)));
    const ObjectLock lock(guest->mu);
    guest->autostart = wanted;
    notices_.show(*guest);
    return {};
}

template <typename G> Status Definitions<G>::erase(const Ptr& guest) const {
    PV_TRY(records_.remove(autostart_record(guest->name)));
    return records_.remove(config_record(guest->name));
}

template <typename G> void Definitions<G>::undefined(const Ptr& guest) const {
    bool remove = false;
    {
        const ObjectLock lock(guest->mu);
        guest->config = nullptr;
        guest->autostart = false;
        guest->updated = false;
        remove = !guest->active();
        notices_.show(*guest);
        notices_.lifecycle(*guest, PV_DOMAIN_EVENT_UNDEFINED, PV_DOMAIN_EVENT_UNDEFINED_REMOVED);
    }
    if (remove) guests_.remove(*guest);
}

template <typename G>
Result<std::shared_ptr<G>> Definitions<G>::rename(const Ptr& guest, const domain::Domain& domain, pv_call* call) const {
    for (const Ptr& other : guests_.all())
        if (other->name == domain.name)
            return make_error(ErrorCode::operation_invalid, domain_, "domain with name '{}' already exists", domain.name);
    PV_ASSIGN_OR_RETURN(const Definition written, Definition::of(domain));
    bool starts = false;
    {
        const ObjectLock lock(guest->mu);
        starts = guest->autostart;
    }
    if (starts) PV_TRY(records_.put(autostart_record(domain.name), guest->uuid.to_string() + "\n", call));
    PV_TRY(records_.put(config_record(domain.name), written.text, call));
    {
        const ObjectLock lock(guest->mu);
        notices_.lifecycle(*guest, PV_DOMAIN_EVENT_UNDEFINED, PV_DOMAIN_EVENT_UNDEFINED_RENAMED);
    }
    const auto fresh = std::make_shared<G>(guest->uuid, domain.name);
    {
        const ObjectLock lock(fresh->mu);
        fresh->config = written.packed;
        fresh->autostart = starts;
    }
    guests_.remove(*guest);
    PV_TRY(guests_.add(fresh, nullptr, published_as(PV_ATTR_PERSISTENT | (starts ? PV_ATTR_AUTOSTART : 0))));
    PV_TRY(erase(guest));
    const ObjectLock lock(fresh->mu);
    notices_.show(*fresh);
    notices_.lifecycle(*fresh, PV_DOMAIN_EVENT_DEFINED, PV_DOMAIN_EVENT_DEFINED_RENAMED);
    return fresh;
}

} // namespace polyvirt::sdk
