// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Sleep of a guest, as its emulator tells it.

#include "base/log.h"
#include "driver.h"
#include "run.h"

namespace polyvirt::qemu {

void Run::on_sleep(bool disk) {
    {
        const ObjectLock lock(guest_->mu);
        if (!guest_->live || guest_->state == PV_DOMAIN_PMSUSPENDED) return;
        driver_.set_state(*guest_, PV_DOMAIN_PMSUSPENDED, PV_DOMAIN_PMSUSPENDED_UNKNOWN);
        driver_.post_lifecycle(*guest_, PV_DOMAIN_EVENT_PMSUSPENDED,
                               disk ? PV_DOMAIN_EVENT_PMSUSPENDED_DISK : PV_DOMAIN_EVENT_PMSUSPENDED_MEMORY);
        pv_event_domain_pmsuspend memory{};
        memory.size = sizeof memory;
        pv_event_domain_pmsuspend_disk on_disk{};
        on_disk.size = sizeof on_disk;
        if (disk) driver_.post_event(*guest_, PV_EVENT_DOMAIN_PMSUSPEND_DISK, &on_disk);
        else driver_.post_event(*guest_, PV_EVENT_DOMAIN_PMSUSPEND, &memory);
    }
    save_soon();
}

void Run::on_wakeup() {
    {
        const ObjectLock lock(guest_->mu);
        if (!guest_->live || guest_->state != PV_DOMAIN_PMSUSPENDED) return;
        driver_.set_state(*guest_, PV_DOMAIN_RUNNING, PV_DOMAIN_RUNNING_WAKEUP);
        driver_.post_lifecycle(*guest_, PV_DOMAIN_EVENT_STARTED, PV_DOMAIN_EVENT_STARTED_WAKEUP);
        pv_event_domain_pmwakeup payload{};
        payload.size = sizeof payload;
        driver_.post_event(*guest_, PV_EVENT_DOMAIN_PMWAKEUP, &payload);
    }
    save_soon();
}

} // namespace polyvirt::qemu
