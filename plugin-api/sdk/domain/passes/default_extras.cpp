// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include <algorithm>

#include "sdk/domain/passes/defaults.h"

namespace polyvirt::sdk::domain {
namespace {

// Of the character device behind a device.
void default_protocol(std::string_view type, std::string& protocol) {
    if (type != "tcp")
        protocol.clear();
    else if (protocol.empty())
        protocol = "raw";
}

// What says nothing, or nothing to that driver, is not kept.
void neutral_filesystem(Filesystem& f) {
    FilesystemDriver& driver = f.driver;
    if (driver.type.empty() || driver.type == "default") driver = {.type = {}, .format = {}, .name = {}, .wrpolicy = {}, .queue = {}, .virtio = driver.virtio};
    if (driver.type != "virtiofs" || driver.queue == 0u) driver.queue.reset();
    if (driver.type != "virtiofs") f.binary = {};
    if (f.binary.thread_pool_size.value_or(0) < 0) f.binary.thread_pool_size.reset();
    if (f.multidevs == "default") f.multidevs.clear();
    if (!f.source.socket.empty()) f.source.dir.clear();
}

} // namespace

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
        // A helper that serves its socket by itself decides about access.
        if (f.accessmode.empty() && f.source.socket.empty())
            f.accessmode = "passthrough";
        neutral_filesystem(f);
        for (std::string* mode : {&f.fmode, &f.dmode}) {
            if (!mode->empty() && mode->size() < 4)
                mode->insert(0, 4 - mode->size(), '0');
        }
    }
    if (v.redir_filter) {
        for (RedirFilterRule& rule : v.redir_filter->rules) {
            // Digits of a coded decimal: "9.4" is 9.40.
            if (const std::size_t dot = rule.version.find('.'); dot != std::string::npos && rule.version.size() == dot + 2)
                rule.version += '0';
        }
    }
    for (Seclabel& s : d.seclabels) {
        // One that leaves the model to the host, which has none.
        const bool open = s.type == "dynamic" && s.model.empty() && s.baselabel.empty();
        if (s.type == "none" && !s.model.empty())
            s = {.type = "none", .model = s.model, .relabel = {}, .label = {}, .imagelabel = {}, .baselabel = {}};
        else if (open || s.type == "none" || (s.model == "none" && !s.type.empty()))
            s = {.type = "none", .model = "none", .relabel = {}, .label = {}, .imagelabel = {}, .baselabel = {}};
        else if (s.relabel == YesNo::unset && s.type == "dynamic")
            s.relabel = YesNo::yes;
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
        if (t.backend.type == "passthrough" && t.backend.device.empty())
            t.backend.device = "/dev/tpm0";
        if (t.backend.type == "external" && !t.backend.sources.empty() && t.backend.sources[0].mode.empty())
            t.backend.sources[0].mode = "connect";
    }
    if (v.vsock && v.vsock->cid_auto == YesNo::unset)
        v.vsock->cid_auto = v.vsock->cid ? YesNo::no : YesNo::yes;
    for (Rng& r : v.rngs)
        default_protocol(r.backend.type, r.backend.protocol);
    for (Smartcard& s : v.smartcards) {
        default_protocol(s.type, s.protocol);
    }
    for (Redirdev& r : v.redirdevs) {
        default_protocol(r.type, r.protocol);
        if (r.bus.empty())
            r.bus = "usb";
        if (r.type == "dbus" && r.sources.empty())
            r.sources.emplace_back().channel = "org.qemu.usbredir";
    }
}

} // namespace polyvirt::sdk::domain
