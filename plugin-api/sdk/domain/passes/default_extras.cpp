// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include <algorithm>

#include "sdk/domain/passes/defaults.h"

namespace polyvirt::sdk::domain {

void default_extras(Domain& d) {
    if (d.genid && !d.genid->uuid)
        d.genid->uuid = Uuid::random();
    auto& v = d.devices;
    for (Hostdev& h : v.hostdevs) {
        if (h.mode == "subsystem" && h.managed == YesNo::unset)
            h.managed = YesNo::no;
        if (h.type == "mdev" && h.model == "vfio-pci" && h.display.empty())
            h.display = "off";
    }
    for (Filesystem& f : v.filesystems) {
        if (f.type.empty())
            f.type = "mount";
        if (f.accessmode.empty())
            f.accessmode = "passthrough";
    }
    std::uint32_t slot = 0;
    for (Smartcard& s : v.smartcards) {
        if (!s.info.address) {
            Address a;
            a.type = AddressType::ccid;
            a.controller = 0;
            a.slot = slot;
            s.info.address = a;
        }
        slot++;
    }
    for (Tpm& t : v.tpms) {
        if (t.model.empty())
            t.model = "tpm-tis";
        if (t.backend.type == "emulator" && t.backend.version.empty())
            t.backend.version = "2.0";
    }
    for (Smartcard& s : v.smartcards) {
        if (s.type != "tcp")
            s.protocol.clear();
    }
    for (Redirdev& r : v.redirdevs) {
        if (r.type != "tcp")
            r.protocol.clear();
        if (r.bus.empty())
            r.bus = "usb";
    }
}

} // namespace polyvirt::sdk::domain
