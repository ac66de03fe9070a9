// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// IOMMU, hubs, file systems, smart cards, TPM, vsock, and what comes last.

#include <algorithm>

#include "command/builder.h"

namespace polyvirt::qemu {
namespace {

using namespace sdk::domain;

std::string_view on_off(OnOff v) { return v == OnOff::on ? "on" : "off"; }

Status shared_folder(Builder& b, const Filesystem& f) {
    const std::string fsdev = "fsdev-" + f.info.alias.name;
    if (f.type != "mount")
        return Builder::unsupported("filesystem '{}': type '{}' is not supported by the emulator", f.target, f.type);
    std::string options;
    if (f.driver.type == "handle") {
        options = "handle";
    } else {
        options = "local,security_model=" + std::string(f.accessmode == "squash" ? "none" : f.accessmode);
        if (!f.fmode.empty()) options += ",fmode=" + f.fmode;
        if (!f.dmode.empty()) options += ",dmode=" + f.dmode;
        if (!f.multidevs.empty() && f.multidevs != "default") options += ",multidevs=" + f.multidevs;
    }
    if (f.driver.wrpolicy == "immediate") options += ",writeout=immediate";
    options += ",id=" + fsdev + ",path=" + Builder::value(f.source.dir);
    if (f.readonly) options += ",readonly=on";
    b.arg("-fsdev", options);
    Options o{{"driver", Builder::virtio_driver("virtio-9p", f.model)}};
    Builder::add_virtio(o, f.driver.virtio);
    o["id"] = f.info.alias.name;
    o["fsdev"] = fsdev;
    o["mount_tag"] = f.target;
    b.add_pci(o, f.info);
    b.device(o);
    return {};
}

// Served by a process of its own: one that listens already, or one that a start has started and connected to.
Status served_folder(Builder& b, const Filesystem& f) {
    const std::string& alias = f.info.alias.name;
    const std::string chardev = "chr-vu-" + alias;
    const auto served = b.context.servers.find(alias);
    std::string place;
    if (!f.source.socket.empty()) place = "path=" + Builder::value(f.source.socket);
    else if (served != b.context.servers.end()) place = fmt::format("fd={}", served->second);
    else if (b.context.hotplug) place = "fd=" + alias; // by name
    else place = fmt::format("path={}/{}-fs.sock", Builder::value(b.context.folder), alias);
    b.arg("-chardev", fmt::format("socket,id={},{}", chardev, place));
    Options o{{"driver", Builder::virtio_driver("vhost-user-fs", f.model)}, {"id", alias}, {"chardev", chardev}};
    if (f.driver.queue.value_or(0) != 0) o["queue-size"] = *f.driver.queue;
    o["tag"] = f.target;
    Builder::add_virtio(o, f.driver.virtio);
    if (f.info.boot.order) o["bootindex"] = *f.info.boot.order;
    b.add_pci(o, f.info);
    b.device(o);
    return {};
}

Status smartcard(Builder& b, const Smartcard& s) {
    Options o;
    if (s.mode == "host" || s.mode == "host-certificates") {
        o = {{"driver", "ccid-card-emulated"}, {"backend", s.mode == "host" ? "nss-emulated" : "certificates"}};
        if (s.mode == "host-certificates") {
            std::size_t n = 0;
            for (const SmartcardCertificate& c : s.certificates) o[fmt::format("cert{}", ++n)] = c.file;
            o["db"] = s.database.empty() ? "/etc/pki/nssdb" : s.database;
        }
    } else {
        const std::string chardev = "char" + s.info.alias.name;
        const auto found = std::find(std::begin(kChardevTypes), std::end(kChardevTypes), s.type);
        if (found == std::end(kChardevTypes))
            return Builder::unsupported("smartcard '{}': no character device of type '{}'", s.info.alias.name, s.type);
        const auto type = static_cast<ChardevType>(found - std::begin(kChardevTypes));
        PV_TRY(b.chardev(chardev, type, s.sources, s.protocol, "smartcard", {}));
        o = {{"driver", "ccid-card-passthru"}, {"chardev", chardev}};
    }
    o["id"] = s.info.alias.name;
    const std::uint32_t index = s.info.address ? s.info.address->controller.value_or(0) : 0;
    o["bus"] = b.controller(ControllerType::ccid, index) + ".0";
    b.device(o);
    return {};
}

// The emulator opens sets of descriptors by these paths.
constexpr int kTpmSet = 1, kTpmCancelSet = 2;

// The host's own: opened already, and the emulator's under the device's name.
Status passed_tpm(Builder& b, const Tpm& t, const std::string& id) {
    const std::string& device = t.backend.device;
    if (b.context.sketch) {
        if (b.context.host != nullptr && !b.context.host->exists(device))
            return make_error(ErrorCode::system_error, ErrorDomain::qemu, "Could not open TPM device {}: there is none", device);
        b.arg("-tpmdev", fmt::format("passthrough,id={},path={}", id, Builder::value(device)));
        return {};
    }
    b.arg("-add-fd", fmt::format("set={},fd={},opaque={}", kTpmSet, b.context.tpm_fd, Builder::value(device)));
    b.arg("-add-fd", fmt::format("set={},fd={}", kTpmCancelSet, b.context.tpm_cancel_fd));
    b.arg("-tpmdev", fmt::format("passthrough,id={},path=/dev/fdset/{},cancel-path=/dev/fdset/{}", id, kTpmSet, kTpmCancelSet));
    return {};
}

Status tpm(Builder& b, const Tpm& t) {
    const std::string id = "tpm-" + t.info.alias.name;
    if (t.backend.type == "passthrough") {
        PV_TRY(passed_tpm(b, t, id));
    } else {
        if (b.context.sketch) b.arg("-chardev", "null,id=chrtpm");
        else if (t.backend.type == "external") PV_TRY(b.chardev("chrtpm", ChardevType::unix_, t.backend.sources, {}, {}, {}));
        else b.arg("-chardev", fmt::format("socket,id=chrtpm,fd={}", b.context.tpm_fd));
        b.arg("-tpmdev", fmt::format("emulator,id={},chardev=chrtpm", id));
    }
    b.device({{"driver", t.model}, {"tpmdev", id}, {"id", t.info.alias.name}});
    return {};
}

} // namespace

Status add_iommu(Builder& b) {
    if (!b.domain.devices.iommu) return {};
    const Iommu& v = *b.domain.devices.iommu;
    if (v.model == "virtio") {
        Options o{{"driver", "virtio-iommu"}, {"id", v.info.alias.name}};
        b.add_pci(o, v.info);
        b.device(o);
        return {};
    }
    if (v.model != "intel") return Builder::unsupported("IOMMU device: '{}' is not supported with this machine", v.model);
    Options o{{"driver", "intel-iommu"}, {"id", v.info.alias.name}};
    if (v.intremap != OnOff::unset) o["intremap"] = on_off(v.intremap);
    if (v.caching_mode != OnOff::unset) o["caching-mode"] = v.caching_mode == OnOff::on;
    if (v.eim != OnOff::unset) o["eim"] = on_off(v.eim);
    if (v.iotlb != OnOff::unset) o["device-iotlb"] = v.iotlb == OnOff::on;
    if (v.aw_bits) o["aw-bits"] = *v.aw_bits;
    b.device(o);
    return {};
}

void add_hubs(Builder& b) {
    for (const Hub& h : b.domain.devices.hubs) {
        Options o{{"driver", "usb-hub"}, {"id", h.info.alias.name}};
        b.add_usb(o, h.info);
        b.device(o);
    }
}

Status add_one(Builder& b, const Filesystem& f) { return f.driver.type == "virtiofs" ? served_folder(b, f) : shared_folder(b, f); }

Status add_filesystems(Builder& b) {
    for (const Filesystem& f : b.domain.devices.filesystems) PV_TRY(add_one(b, f));
    return {};
}

Status add_smartcards(Builder& b) {
    for (const Smartcard& s : b.domain.devices.smartcards) PV_TRY(smartcard(b, s));
    return {};
}

Status add_tpms(Builder& b) {
    for (const Tpm& t : b.domain.devices.tpms) PV_TRY(tpm(b, t));
    return {};
}

std::string vsock_name(const Vsock& v) { return "vsockfd-" + v.info.alias.name; }

Status add_one(Builder& b, const Vsock& v) {
    Options o{{"driver", Builder::virtio_driver("vhost-vsock", v.model)}};
    Builder::add_virtio(o, v.driver);
    o["id"] = v.info.alias.name;
    o["guest-cid"] = v.cid.value_or(0);
    o["vhostfd"] = b.context.hotplug ? vsock_name(v) : std::to_string(b.context.vsock_fd);
    b.add_pci(o, v.info);
    b.device(o);
    return {};
}

Status add_cryptos(Builder& b) {
    for (const Crypto& c : b.domain.devices.cryptos) {
        if (c.backend != "builtin") return Builder::unsupported("crypto backend '{}' isn't supported by this QEMU binary", c.backend);
        const std::string object = "obj" + c.info.alias.name;
        Options backend{{"qom-type", "cryptodev-backend-builtin"}, {"id", object}};
        if (c.queues) backend["queues"] = *c.queues;
        b.json("-object", backend);
        Options o{{"driver", "virtio-crypto-pci"}};
        Builder::add_virtio(o, c.driver);
        o["cryptodev"] = object;
        o["id"] = c.info.alias.name;
        b.add_pci(o, c.info);
        b.device(o);
    }
    return {};
}

Status add_last(Builder& b) {
    const Domain& d = b.domain;
    PV_TRY(add_cryptos(b));
    if (d.features.vmcoreinfo && d.features.vmcoreinfo->state == OnOff::on) b.device({{"driver", "vmcoreinfo"}});
    return d.devices.vsock ? add_one(b, *d.devices.vsock) : Status{};
}

} // namespace polyvirt::qemu
