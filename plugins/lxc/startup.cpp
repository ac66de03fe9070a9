// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// What still runs is found by its record, before the first client comes in. What cannot be read is set aside by name; the
// rest goes on.

#include <utility>

#include "container/container.h"
#include "container/status.h"
#include "driver.h"
#include "sdk/guests/definitions_impl.h"

template class polyvirt::sdk::Definitions<polyvirt::lxc::Guest>;

namespace polyvirt::lxc {

void Driver::load_status(const std::string& name, std::string_view text) {
    if (sdk::record_stem(name, ".json").empty()) return;
    auto record = parse_status(text);
    if (!record) return statuses_.set_aside(name, record.error().message);
    auto live = sdk::live_of_record(record->xml, record->name, record->uuid);
    if (!live) return statuses_.set_aside(name, live.error().message);
    if (record->id >= next_id_) next_id_ = record->id + 1;
    const auto added =
        guests_.add(std::make_shared<Guest>(record->uuid, record->name), nullptr, sdk::published_as(0));
    if (!added) return statuses_.set_aside(name, added.error().message);
    const GuestPtr guest = added->object;
    const auto container = std::make_shared<Container>(*this, guest, record->id);
    std::uint64_t handle = 0;
    {
        const ObjectLock lock(guest->mu);
        handle = guest->handle;
        guest->live = std::make_shared<const Domain>(*std::move(live));
        guest->container = container;
        guest->id = record->id;
        set_state(*guest, record->state, record->reason);
    }
    // Whoever calls while it is found again waits for this job. A start that was cut off ends here: nothing of it is
    // left.
    sdk::Operation::start(s_, loop_, {.object = handle, .what = "reconnect"},
                          [container, record = *record](const sdk::OperationPtr& op) { container->adopt(op, record); });
}

} // namespace polyvirt::lxc
