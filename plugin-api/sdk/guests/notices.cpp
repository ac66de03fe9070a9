// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/guests/notices.h"

namespace polyvirt::sdk {

void GuestNotices::show(const Guest& guest) const {
    if (guest.removed || guest.handle == 0) return;
    const Guest::Attributes own = guest.attributes();
    pv_obj_update u{};
    u.size = sizeof u;
    u.what = PV_UPDATE_ATTRS | PV_UPDATE_STATE | PV_UPDATE_ID;
    u.attrs_mask = PV_ATTR_ACTIVE | PV_ATTR_PERSISTENT | PV_ATTR_AUTOSTART | PV_ATTR_UPDATED | own.known;
    u.attrs = (guest.active() ? PV_ATTR_ACTIVE : 0) | (guest.config ? PV_ATTR_PERSISTENT : 0) |
              (guest.autostart ? PV_ATTR_AUTOSTART : 0) | (guest.updated ? PV_ATTR_UPDATED : 0) | own.set;
    u.state = guest.state;
    u.reason = guest.reason;
    u.dom_id = guest.id;
    s_.registry->update(s_.host, guest.handle, &u);
}

void GuestNotices::lifecycle(const Guest& guest, std::int32_t event, std::int32_t detail) const {
    pv_event_domain_lifecycle payload{};
    payload.event = event;
    payload.detail = detail;
    post(guest, PV_EVENT_DOMAIN_LIFECYCLE, payload);
}

} // namespace polyvirt::sdk
