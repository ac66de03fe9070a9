// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "validate.h"

#include <algorithm>
#include <optional>

#include "base/error_text.h"
#include "life/actions.h"
#include "sdk/domain/passes.h"

namespace polyvirt::qemu {
namespace {

using namespace sdk::domain;
using Found = std::optional<std::string>;

Found processors(const Domain& d) {
    if (!d.cpu) return {};
    if (d.cpu->topology) {
        const CpuTopology& t = *d.cpu->topology;
        const std::uint64_t all = std::uint64_t{t.sockets.value_or(1)} * t.dies.value_or(1) * t.cores.value_or(1) * t.threads.value_or(1);
        if (all != d.vcpu.max.value_or(1)) return "CPU topology doesn't match maximum vcpu count";
    }
    const bool whole = d.cpu->mode == CpuMode::host_passthrough || d.cpu->mode == CpuMode::maximum;
    if (d.cpu->cache && d.cpu->cache->mode == "passthrough" && !whole)
        return "CPU cache mode 'passthrough' can only be used with 'host-passthrough' / 'maximum' CPUs";
    if (const auto& bits = d.cpu->max_phys_addr) {
        if (bits->mode == "emulate" && !bits->bits)
            return "if using CPU maximum physical address mode='emulate', bits= must be specified too";
        if (bits->mode == "passthrough" && bits->bits)
            return "CPU maximum physical address bits number specification cannot be used with mode='passthrough'";
        if (bits->mode == "passthrough" && !whole)
            return "CPU maximum physical address bits mode 'passthrough' can only be used with 'host-passthrough' / 'maximum' CPUs";
    }
    return {};
}

Found formats(const Domain& d) {
    for (const Disk& disk : d.devices.disks) {
        if (disk.type == DiskType::volume) continue; // its pool says what it is
        const std::string& format = disk.driver.type;
        if (format == "cow") return "'cow' storage format is not supported";
        if (format == "iso") return "storage format 'iso' is not directly supported by QEMU, use 'raw' instead";
        if (format == "dir") return "'directory' storage format is not directly supported by QEMU, use 'dir' disk type instead";
        if (format == "fat" && disk.type != DiskType::dir) return "storage format 'fat' is supported only with 'dir' storage type";
        if (disk.type != DiskType::dir || !disk.source) continue;
        if (!format.empty() && format != "fat") return "storage type 'dir' requires use of storage format 'fat'";
        if (!disk.readonly && disk.device != DiskDevice::cdrom) return "virtual FAT storage can't be accessed in read-write mode";
    }
    return {};
}

// Where the settings have no TLS for SPICE.
Found plain_spice(const Domain& d) {
    for (const Graphics& g : d.devices.graphics) {
        if (g.type == GraphicsType::spice && g.tls_port.value_or(0) > 0)
            return "spice TLS port set in XML configuration, but TLS is disabled in qemu.conf";
        const bool secure = g.default_mode == "secure" ||
                            std::any_of(g.channels.begin(), g.channels.end(), [](const GraphicsChannel& c) { return c.mode == "secure"; });
        if (g.type == GraphicsType::spice && secure && g.autoport != YesNo::yes)
            return "spice secure channels set in XML configuration, but TLS port is not provided";
    }
    return {};
}

Found displays(const Domain& d) {
    std::size_t sdl = 0, vnc = 0, spice = 0, headless = 0, gl = 0;
    for (const Graphics& g : d.devices.graphics) {
        sdl += g.type == GraphicsType::sdl;
        vnc += g.type == GraphicsType::vnc;
        spice += g.type == GraphicsType::spice;
        headless += g.type == GraphicsType::egl_headless;
        gl += g.gl.enable == YesNo::yes || g.type == GraphicsType::egl_headless;
    }
    for (const Video& v : d.devices.videos) {
        const std::string& model = v.model.type;
        for (const std::string_view other : {"xen", "vbox", "parallels", "gop"})
            if (model == other) return fmt::format("domain configuration does not support video model '{}'", model);
        if (v.driver.name == "vhostuser" && model != "virtio") return "'vhostuser' driver is only supported with 'virtio' device";
        if (&v != &d.devices.videos.front() && (model == "vga" || model == "vmvga" || model == "cirrus"))
            return fmt::format("video type '{}' is only valid as primary video device", model);
    }
    for (const Graphics& g : d.devices.graphics)
        if (g.type == GraphicsType::rdp || g.type == GraphicsType::desktop)
            return fmt::format("{} graphics are not supported with this QEMU", kGraphicsTypes[static_cast<std::size_t>(g.type)]);
    if (headless > 0 && vnc + spice == 0)
        return "graphics type 'egl-headless' is only supported with one of: 'vnc', 'spice' graphics types";
    if (gl > 1) return "multiple OpenGL displays are not supported by QEMU";
    if (sdl > 1 || vnc > 1 || spice > 1) return "only 1 graphics device of each type (sdl, vnc, spice, headless, dbus) is supported";
    for (const Hostdev& h : d.devices.hostdevs) {
        if (h.display == "on" && sdl + vnc + spice == 0)
            return "graphics device is needed for attribute value 'display=on' in <hostdev>";
        if (h.type == "scsi_host" && h.info.boot.order) return "booting from assigned devices is not supported by vhost SCSI devices";
    }
    return {};
}

Found boards(const Domain& d) {
    const bool q35 = chipset_of(d) == Chipset::q35;
    if (d.devices.iommu) {
        const Iommu& v = *d.devices.iommu;
        if (v.model == "intel" && !q35) return "IOMMU device: 'intel' is only supported with Q35 machines";
        if (v.model == "virtio" && !q35) return "IOMMU device: 'virtio' is only supported with Q35 and ARM Virt machines";
        if (v.model == "virtio" && v.info.address && v.info.address->type != AddressType::pci)
            return "IOMMU device: 'virtio' needs a PCI address";
    }
    if (d.features.smm && d.features.smm->tseg) {
        if (!q35) return "SMM TSEG is only supported with q35 machine type";
        const std::uint64_t unit = d.features.smm->tseg_unit.empty() ? 1U << 20U : sdk::xml::unit_factor(d.features.smm->tseg_unit);
        if (*d.features.smm->tseg * unit % (1U << 20U) != 0) return "SMM TSEG size must be divisible by 1 MiB";
    }
    for (const Chardev& c : d.devices.serials) {
        if (c.target.type == "spapr-vio-serial" || c.target.type == "sclp-serial")
            return fmt::format("Serial device with target type '{}' and target model '{}' not compatible with guest architecture or "
                               "machine type",
                               c.target.type, c.target.model.empty() ? "spapr-vty" : c.target.model);
    }
    for (const Controller& c : d.devices.controllers) {
        if (c.type == ControllerType::usb && c.model == "nec-xhci" && c.ports.value_or(0) > 15)
            return "'nec-xhci' controller only supports up to '15' ports";
        if (c.type == ControllerType::ide && q35) return "IDE controllers are unsupported for this QEMU binary or machine type";
    }
    return {};
}

Found modules(const Domain& d) {
    for (const MemoryDevice& m : d.devices.memories) {
        if (m.model == "sgx-epc") return "sgx epc isn't supported by this QEMU binary";
    }
    if (d.max_memory && (!d.cpu || d.cpu->numa.empty()))
        return "At least one numa node has to be configured when enabling memory hotplug";
    for (const Shmem& s : d.devices.shmems) {
        if (s.model.empty() || s.model == "ivshmem") return "ivshmem device is not supported with this QEMU binary";
    }
    return {};
}

Found cards(const Domain& d) {
    const auto power_of_two = [](const Number& n) { return !n || (*n != 0 && (*n & (*n - 1)) == 0); };
    for (const Interface& i : d.devices.interfaces) {
        if (!power_of_two(i.driver.rx_queue_size)) return "rx_queue_size has to be a power of two";
        if (!power_of_two(i.driver.tx_queue_size)) return "tx_queue_size has to be a power of two";
        // It has its device's. One that its network gave it stands on what it finds there.
        if (i.type == InterfaceType::direct && i.source.network.empty() && i.mtu) return "setting MTU on interface type direct is not supported yet";
    }
    for (const Input& i : d.devices.inputs) {
        const bool special = i.model == VirtioModel::transitional || i.model == VirtioModel::non_transitional;
        if (special && i.type != InputType::passthrough)
            return fmt::format("virtio (non-)transitional models are not supported for input type={}",
                               kInputTypes[static_cast<std::size_t>(i.type)]);
    }
    return {};
}

// Another process reads and writes the guest's memory.
bool shares_memory(const Domain& d) {
    const std::string access = d.memory_backing ? d.memory_backing->access : std::string();
    const bool cells = d.cpu && !d.cpu->numa.empty();
    if (!cells) return access == "shared";
    return std::all_of(d.cpu->numa.cells.begin(), d.cpu->numa.cells.end(),
                       [&](const NumaCell& c) { return (c.mem_access.empty() ? access : c.mem_access) == "shared"; });
}

Found served(const Domain& d) {
    if (shares_memory(d)) return {};
    for (const Disk& disk : d.devices.disks) {
        if (disk.type == DiskType::vhostuser) return "'vhostuser' requires shared memory";
    }
    for (const Filesystem& f : d.devices.filesystems) {
        if (f.driver.type == "virtiofs") return "'virtiofs' requires shared memory";
    }
    return {};
}

// What the emulator's own file system (9p) and one that a process of its own serves can do.
Found filesystems(const Domain& d) {
    for (const Filesystem& f : d.devices.filesystems) {
        if (f.type != "mount") return "only supports mount filesystem type";
        if ((!f.fmode.empty() || !f.dmode.empty()) && f.accessmode != "mapped") return "fmode and dmode must be used with accessmode=mapped";
        const std::string& driver = f.driver.type;
        if (driver == "handle" && f.accessmode != "passthrough") return "only supports passthrough accessmode";
        if (driver == "loop" || driver == "nbd" || driver == "ploop") return "Filesystem driver type not supported";
        if (driver != "virtiofs") continue;
        if (f.source.socket.empty()) { // else it is the server's affair
            if (f.readonly) return "virtiofs does not yet support read-only mode";
            if (f.accessmode != "passthrough") return "virtiofs only supports passthrough accessmode";
            if (!f.driver.wrpolicy.empty()) return "virtiofs does not support wrpolicy";
        }
        if (!f.model.empty()) return "virtiofs does not support model";
        if (!f.driver.format.empty()) return "virtiofs does not support format";
        if (!f.multidevs.empty() && f.multidevs != "default") return "virtiofs does not support multidevs";
        if (!f.fmode.empty() || !f.dmode.empty()) return "virtiofs does not support fmode and dmode";
    }
    return {};
}

Found spice_lines(const Domain& d) {
    const auto& all = d.devices.graphics;
    if (std::any_of(all.begin(), all.end(), [](const Graphics& g) { return g.type == GraphicsType::spice; })) return {};
    const auto refused = [](std::string_view type) { return fmt::format("chardev '{}' not supported without spice graphics", type); };
    for (const Redirdev& r : d.devices.redirdevs)
        if (r.type == "spicevmc" || r.type == "spiceport") return refused(r.type);
    for (const Smartcard& s : d.devices.smartcards)
        if (s.type == "spicevmc" || s.type == "spiceport") return refused(s.type);
    for (const auto* list : {&d.devices.serials, &d.devices.parallels, &d.devices.consoles, &d.devices.channels}) {
        for (const Chardev& c : *list) {
            if (c.type == ChardevType::spicevmc || c.type == ChardevType::spiceport) return refused(kChardevTypes[static_cast<std::size_t>(c.type)]);
        }
    }
    return {};
}

// The emulator has one reader, with one slot.
Found readers(const Domain& d) {
    for (const Smartcard& s : d.devices.smartcards) {
        const bool first = s.info.address && s.info.address->controller.value_or(0) == 0 && s.info.address->slot.value_or(0) == 0;
        if (!first) return "this QEMU binary lacks multiple smartcard support";
    }
    return {};
}

Found accelerator(const Domain& d) {
    if (d.type == "kvm") return {};
    if (d.cputune && !d.cputune->cachetunes.empty()) return "cachetune is only supported for KVM domains";
    if (d.cputune && !d.cputune->memorytunes.empty()) return "memorytune is only supported for KVM domains";
    if (d.launch_security && d.launch_security->type == "sev") return "SEV launch security is not supported with this QEMU binary";
    return {};
}

} // namespace

Status validate(const Domain& d, bool spice_tls) {
    PV_TRY(check_actions(d));
    if (Found wrong = spice_tls ? Found() : plain_spice(d)) return make_error_text(ErrorCode::config_unsupported, ErrorDomain::qemu, *std::move(wrong));
    for (const auto rule : {processors, formats, displays, boards, modules, cards, filesystems, served, spice_lines, readers, accelerator}) {
        if (Found wrong = rule(d)) return make_error_text(ErrorCode::config_unsupported, ErrorDomain::qemu, *std::move(wrong));
    }
    const auto zero = [](const std::vector<ChardevSource>& sources) {
        return std::any_of(sources.begin(), sources.end(),
                           [](const ChardevSource& s) { return s.reconnect && s.reconnect->enabled == YesNo::yes && s.reconnect->timeout == 0u; });
    };
    for (const auto* list : {&d.devices.serials, &d.devices.parallels, &d.devices.consoles, &d.devices.channels}) {
        for (const Chardev& c : *list) {
            if (zero(c.sources))
                return make_error(ErrorCode::invalid_arg, ErrorDomain::qemu, "chardev reconnect source timeout cannot be '0'");
        }
    }
    return {};
}

} // namespace polyvirt::qemu
