// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// What Definitions does at a driver's start; part of definitions_impl.h.

#include <utility>

#include <polyvirt/job.h>

#include "base/log.h"
#include "sdk/domain/notes.h"
#include "sdk/guests/definitions.h"

namespace polyvirt::sdk {

template <typename G> void Definitions<G>::load() {
    for (const auto& [folder, one] : {std::pair("", &Definitions::load_one), std::pair("autostart", &Definitions::load_autostart)}) {
        const Status read = records_.each(folder, [this, use = one](const std::string& record, std::string_view text) { (this->*use)(record, text); });
        if (!read) log::error("startup", "{}", read.error().message);
    }
}

template <typename G> void Definitions<G>::load_one(const std::string& record, std::string_view xml) {
    const std::string name = record_stem(record, ".xml");
    if (name.empty()) return;
    // Completed when it was defined, so it is taken as it is: that is what makes ten thousand of them quick,
    // and a guest whose emulator is missing today is still there.
    auto parsed = domain::parse_domain(xml);
    if (!parsed) return records_.set_aside(record, parsed.error().message);
    domain::Domain& d = parsed->domain;
    d.notes = domain::notes_of(xml);
    if (d.name != name || !d.uuid)
        return records_.set_aside(record, fmt::format("it describes the domain '{}', not '{}'", d.name, name));
    auto packed = domain::PackedDomain::pack(d, xml);
    // Not set aside: the record is good, and the next start may find more memory.
    if (!packed) return log::error("startup", "domain '{}' is not loaded: {}", d.name, packed.error().message);
    const auto guest = std::make_shared<G>(*d.uuid, d.name);
    {
        const ObjectLock lock(guest->mu);
        guest->config = *std::move(packed);
    }
    const auto added = guests_.add(guest, nullptr, published_as(PV_ATTR_PERSISTENT));
    if (!added) records_.set_aside(record, added.error().message);
}

template <typename G> void Definitions<G>::load_autostart(const std::string& record, std::string_view text) {
    const auto uuid = Uuid::parse(text.substr(0, text.find('\n')));
    const Ptr guest = uuid ? guests_.find(*uuid) : nullptr;
    if (!guest || guest->name != record_stem(record, ".xml"))
        return log::warning("startup", "autostart record '{}' belongs to no domain", record);
    const ObjectLock lock(guest->mu);
    guest->autostart = true;
    notices_.show(*guest);
}

template <typename G>
void Definitions<G>::autostart(const Records& statuses, std::int64_t delay_ns, const Start& start) {
    constexpr const char* kMarker = "autostarted";
    const auto marker = statuses.get(kMarker, 100);
    if (!marker || *marker) return;
    if (const Status put = statuses.put(kMarker, "1\n"); !put) log::error("startup", "{}", put.error().message);
    std::int64_t after = 0;
    for (const Ptr& guest : guests_.all()) {
        {
            const ObjectLock lock(guest->mu);
            if (!guest->autostart || guest->active()) continue;
        }
        if (after == 0) begin(guest, start);
        else delayed_.push_back(loop_.timer(after, 0, [this, guest, start] { begin(guest, start); }));
        after += delay_ns;
    }
}

template <typename G> void Definitions<G>::begin(const Ptr& guest, const Start& start) {
    std::uint64_t handle = 0;
    {
        const ObjectLock lock(guest->mu);
        if (guest->removed || !guest->autostart || guest->active()) return;
        handle = guest->handle;
    }
    Operation::start(s_, loop_, {.object = handle, .what = "autostart"}, [this, guest, start](const OperationPtr& op) {
        // On a worker, wherever the job was granted.
        if (!plugin::submit(s_, 0, [op, guest, start] { start(op, guest); })) start(op, guest);
    });
}

} // namespace polyvirt::sdk
