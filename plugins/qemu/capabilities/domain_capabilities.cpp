// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// The document of what a domain can have: mostly tables of values, each with what the emulator must have for it.

#include <algorithm>
#include <initializer_list>
#include <span>

#include <unistd.h>

#include "capabilities/documents.h"
#include "cpu/offer.h"
#include "firmware/descriptors.h"
#include "sdk/xml/writer.h"

namespace polyvirt::qemu {
namespace {

using sdk::xml::Writer;

enum class Needs : std::uint8_t { nothing, device, object, display, chardev, tpm, command };
struct Value {
    const char* text;
    Needs needs = Needs::nothing;
    const char* name = "";
};
using Values = std::span<const Value>;

constexpr Value kDiskDevices[] = {{"disk"}, {"cdrom"}, {"floppy"}, {"lun", Needs::device, "scsi-block"}};
constexpr Value kDiskBuses[] = {{"fdc", Needs::device, "floppy"},       {"scsi", Needs::device, "scsi-hd"},
                                {"virtio", Needs::device, "virtio-blk-device"}, {"usb", Needs::device, "usb-storage"},
                                {"sata", Needs::device, "ich9-ahci"}};
constexpr Value kDiskModels[] = {{"virtio"},
                                 {"virtio-transitional", Needs::device, "virtio-blk-pci-transitional"},
                                 {"virtio-non-transitional", Needs::device, "virtio-blk-pci-non-transitional"}};
constexpr Value kGraphics[] = {{"sdl", Needs::display, "sdl"},
                               {"vnc", Needs::command, "query-vnc"},
                               {"spice", Needs::command, "query-spice"},
                               {"egl-headless", Needs::display, "egl-headless"},
                               {"dbus", Needs::display, "dbus"}};
constexpr Value kVideoModels[] = {{"vga", Needs::device, "VGA"},          {"cirrus", Needs::device, "cirrus-vga"},
                                  {"vmvga", Needs::device, "vmware-svga"}, {"qxl", Needs::device, "qxl-vga"},
                                  {"virtio", Needs::device, "virtio-gpu-device"}, {"none"},
                                  {"bochs", Needs::device, "bochs-display"}, {"ramfb", Needs::device, "ramfb"}};
constexpr Value kSubsystems[] = {{"usb", Needs::device, "usb-host"}, {"pci", Needs::device, "vfio-pci"}, {"scsi", Needs::device, "scsi-generic"}};
constexpr Value kStartupPolicies[] = {{"default"}, {"mandatory"}, {"requisite"}, {"optional"}};
constexpr Value kRngModels[] = {{"virtio", Needs::device, "virtio-rng-device"},
                                {"virtio-transitional", Needs::device, "virtio-rng-pci-transitional"},
                                {"virtio-non-transitional", Needs::device, "virtio-rng-pci-non-transitional"}};
constexpr Value kRngBackends[] = {{"random", Needs::object, "rng-random"}, {"egd", Needs::object, "rng-egd"}, {"builtin", Needs::object, "rng-builtin"}};
constexpr Value kFilesystems[] = {{"path", Needs::device, "virtio-9p-device"}, {"handle", Needs::device, "virtio-9p-device"},
                                  {"virtiofs", Needs::device, "vhost-user-fs-device"}};
constexpr Value kTpmModels[] = {{"tpm-tis", Needs::device, "tpm-tis"}, {"tpm-crb", Needs::device, "tpm-crb"}, {"tpm-spapr", Needs::device, "tpm-spapr"}};
constexpr Value kRedirections[] = {{"usb", Needs::device, "usb-redir"}};
constexpr Value kChannels[] = {{"pty"}, {"unix"}, {"spicevmc", Needs::chardev, "spicevmc"}};
constexpr Value kMemorySources[] = {{"file", Needs::object, "memory-backend-file"}, {"anonymous"}, {"memfd", Needs::object, "memory-backend-memfd"}};
constexpr Value kTrueFalse[] = {{"yes"}, {"no"}};
constexpr Value kNo[] = {{"no"}};
constexpr Value kOnOff[] = {{"on"}, {"off"}};
constexpr Value kLoaderTypes[] = {{"rom"}, {"pflash"}};

// Of an emulator's properties, the names that documents have for them, in the documents' order.
struct Enlightenment {
    const char *document, *emulator;
};
constexpr Enlightenment kHyperv[] = {{"relaxed", "relaxed"},
                                     {"vapic", "vapic"},
                                     {"spinlocks", "spinlocks"},
                                     {"vpindex", "vpindex"},
                                     {"runtime", "runtime"},
                                     {"synic", "synic"},
                                     {"stimer", "stimer"},
                                     {"reset", "reset"},
                                     {"vendor_id", "vendor-id"},
                                     {"frequencies", "frequencies"},
                                     {"reenlightenment", "reenlightenment"},
                                     {"tlbflush", "tlbflush"},
                                     {"ipi", "ipi"},
                                     {"evmcs", "evmcs"},
                                     {"avic", "avic"}};

class Sheet {
  public:
    Sheet(Writer& w, const Emulator& e) : w_(w), e_(e) {}

    void open(const char* name, bool supported) {
        w_.open(name);
        w_.attribute("supported", supported ? "yes" : "no");
    }
    void close() { w_.close(); }
    void leaf(const char* name, bool supported) {
        open(name, supported);
        close();
    }
    void text(const char* name, std::string_view value) {
        w_.open(name);
        w_.text(value);
        w_.close();
    }
    void values(const char* name, Values list, std::initializer_list<const char*> first = {}) {
        w_.open("enum");
        w_.attribute("name", name);
        for (const char* v : first) text("value", v);
        for (const Value& v : list) {
            if (has(v)) text("value", v.text);
        }
        w_.close();
    }
    template <typename List> void texts(const char* name, const List& list) {
        w_.open("enum");
        w_.attribute("name", name);
        for (const auto& v : list) text("value", v);
        w_.close();
    }
    [[nodiscard]] bool any(Values list) const {
        return std::any_of(list.begin(), list.end(), [this](const Value& v) { return has(v); });
    }

  private:
    [[nodiscard]] bool has(const Value& v) const {
        switch (v.needs) {
        case Needs::nothing: return true;
        case Needs::device: return e_.has_device(v.name);
        case Needs::object: return e_.has_object(v.name);
        case Needs::display: return e_.has_display(v.name);
        case Needs::chardev: return e_.has_chardev(v.name);
        case Needs::tpm: return e_.has_tpm(v.name);
        case Needs::command: return e_.has_command(v.name);
        }
        return false;
    }

    Writer& w_;
    const Emulator& e_;
};

bool has_builtin_ide(std::string_view machine) {
    return machine == "pc" || machine.starts_with("pc-i440fx") || machine.starts_with("pc-0.") || machine.starts_with("pc-1.") ||
           machine == "malta" || machine == "sun4u" || machine == "g3beige";
}

void format_os(Sheet& s, Writer& w, const HostOffer& host) {
    w.open("os");
    w.attribute("supported", "yes");
    s.texts("firmware", host.interfaces);
    s.open("loader", true);
    for (const std::string& path : host.loaders) s.text("value", path);
    s.values("type", kLoaderTypes);
    s.values("readonly", kTrueFalse);
    s.values("secure", host.secure_loader ? Values(kTrueFalse) : Values(kNo));
    s.close();
    w.close();
}

void format_host_model(Writer& w, const sdk::cpu::X86Choice& choice) {
    const sdk::domain::Cpu cpu = sdk::cpu::to_cpu(choice);
    w.open("model");
    w.attribute("fallback", cpu.model->fallback);
    w.text(cpu.model->name);
    w.close();
    if (!cpu.vendor.empty()) {
        w.open("vendor");
        w.text(cpu.vendor);
        w.close();
    }
    for (const sdk::domain::CpuFeature& f : cpu.features) {
        w.open("feature");
        w.attribute("policy", sdk::domain::kCpuPolicies[static_cast<std::size_t>(f.policy)]);
        w.attribute("name", f.name);
        w.close();
    }
}

void format_custom(Writer& w, const CpuOffer& offer, bool x86) {
    for (const CpuModel& m : offer.models) {
        const auto* known = x86 ? sdk::cpu::X86::known().model(m.name) : nullptr;
        if (x86 && known == nullptr) continue; // nothing can be said of what it is
        w.open("model");
        w.attribute("usable", m.usable ? "yes" : "no");
        if (m.deprecated) w.attribute("deprecated", "yes");
        const std::string_view vendor = known != nullptr ? sdk::cpu::vendor_name(known->vendor) : std::string_view();
        w.attribute("vendor", vendor.empty() ? "unknown" : vendor);
        w.text(m.name);
        w.close();
    }
}

void format_cpu(Sheet& s, Writer& w, const Emulator& e, std::string_view virt_type) {
    const CpuOffer& offer = e.cpus(virt_type);
    const auto mode = [&](const char* name, bool supported) {
        w.open("mode");
        w.attribute("name", name);
        w.attribute("supported", supported ? "yes" : "no");
    };
    w.open("cpu");
    mode("host-passthrough", virt_type == "kvm");
    if (virt_type == "kvm") s.values("hostPassthroughMigratable", offer.can_migrate ? Values(kOnOff) : Values(kOnOff).subspan(1));
    w.close();
    mode("maximum", true);
    s.values("maximumMigratable", offer.can_migrate ? Values(kOnOff) : Values(kOnOff).subspan(1));
    w.close();
    const auto choice = is_x86(e.arch) ? host_model(offer) : std::nullopt;
    mode("host-model", choice.has_value());
    if (choice) format_host_model(w, *choice);
    w.close();
    mode("custom", !offer.models.empty());
    format_custom(w, offer, is_x86(e.arch));
    w.close();
    w.close();
}

void format_tpm(Sheet& s, const Emulator& e, const HostOffer& host) {
    const bool emulator = e.has_tpm("emulator") && host.swtpm;
    s.open("tpm", s.any(kTpmModels) && (e.has_tpm("passthrough") || emulator));
    s.values("model", kTpmModels);
    std::vector<const char*> backends;
    if (e.has_tpm("passthrough")) backends.push_back("passthrough");
    if (emulator) backends.insert(backends.end(), {"emulator", "external"});
    s.texts("backendModel", backends);
    if (emulator) s.texts("backendVersion", std::initializer_list<const char*>{"1.2", "2.0"});
    s.close();
}

void format_devices(Sheet& s, Writer& w, const Emulator& e, const Machine& machine, const HostOffer& host) {
    const auto one = [&](const char* device, const char* name, Values list) {
        s.open(device, s.any(list));
        s.values(name, list);
        s.close();
    };
    w.open("devices");
    s.open("disk", true);
    s.values("diskDevice", kDiskDevices);
    s.values("bus", kDiskBuses, has_builtin_ide(machine.name) ? std::initializer_list<const char*>{"ide"} : std::initializer_list<const char*>{});
    s.values("model", kDiskModels);
    s.close();
    one("graphics", "type", kGraphics);
    one("video", "modelType", kVideoModels);
    s.open("hostdev", true);
    s.texts("mode", std::initializer_list<const char*>{"subsystem"});
    s.values("startupPolicy", kStartupPolicies);
    s.values("subsysType", kSubsystems);
    s.values("capsType", {});
    s.texts("pciBackend", host.vfio && e.has_device("vfio-pci") ? std::vector<const char*>{"default", "vfio"} : std::vector<const char*>{});
    s.close();
    s.open("rng", s.any(kRngModels));
    s.values("model", kRngModels);
    s.values("backendModel", kRngBackends);
    s.close();
    one("filesystem", "driverType", kFilesystems);
    format_tpm(s, e, host);
    one("redirdev", "bus", kRedirections);
    one("channel", "type", kChannels);
    w.close();
}

void format_abilities(Sheet& s, Writer& w, const Emulator& e, std::string_view virt_type) {
    w.open("features");
    s.leaf("gic", false);
    s.leaf("vmcoreinfo", e.has_device("vmcoreinfo"));
    s.leaf("genid", e.has_device("vmgenid"));
    s.leaf("backingStoreInput", true);
    s.leaf("backup", true);
    s.leaf("sev", false);
    s.leaf("sgx", false);
    if (is_x86(e.arch)) {
        const std::vector<std::string>& known = e.cpus(virt_type).hyperv;
        std::vector<const char*> offered;
        for (const Enlightenment& h : kHyperv) {
            if (std::find(known.begin(), known.end(), h.emulator) != known.end()) offered.push_back(h.document);
        }
        s.open("hyperv", !offered.empty());
        if (!offered.empty()) s.texts("features", offered);
        s.close();
    }
    w.close();
}

// What has no announcement is looked for where distributions once put it.
constexpr const char* kOldLoaders[] = {"/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_CODE.secboot.fd",
                                       "/usr/share/AAVMF/AAVMF_CODE.fd", "/usr/share/AAVMF/AAVMF32_CODE.fd"};

void add_once(std::vector<std::string>& list, const std::string& text) {
    if (std::find(list.begin(), list.end(), text) == list.end()) list.push_back(text);
}

} // namespace

HostOffer read_host_offer(std::string_view arch, std::string_view machine) {
    HostOffer offer;
    bool announced = false;
    const std::string_view target = arch == "i686" ? "i386" : arch; // as the emulator's files say it
    for (const Descriptor& d : read_descriptors(descriptor_folders())) {
        if (!d.runs_on(target, std::string(machine))) continue;
        announced = true;
        offer.secure_loader |= d.has("requires-smm");
        if (d.interfaces.contains("bios")) add_once(offer.interfaces, "bios");
        if (d.interfaces.contains("uefi")) add_once(offer.interfaces, "efi");
        if (::access(d.executable.path.c_str(), F_OK) == 0) add_once(offer.loaders, d.executable.path);
    }
    std::sort(offer.interfaces.begin(), offer.interfaces.end());
    for (const char* path : kOldLoaders) {
        if (!announced && ::access(path, F_OK) == 0) offer.loaders.emplace_back(path);
    }
    offer.swtpm = ::access("/usr/bin/swtpm", X_OK) == 0;
    offer.vfio = ::access("/dev/vfio/vfio", F_OK) == 0 && ::access("/sys/kernel/iommu_groups/0", F_OK) == 0;
    return offer;
}

std::string format_domain_capabilities(const Emulator& e, const Machine& machine, std::string_view virt_type, const HostOffer& host) {
    Writer w;
    Sheet s(w, e);
    w.open("domainCapabilities");
    s.text("path", e.path);
    s.text("domain", virt_type);
    s.text("machine", machine.name);
    s.text("arch", e.arch);
    w.open("vcpu");
    w.attribute("max", std::to_string(machine.max_cpus));
    w.close();
    s.leaf("iothreads", e.has_object("iothread"));
    format_os(s, w, host);
    format_cpu(s, w, e, virt_type);
    s.open("memoryBacking", true);
    s.values("sourceType", kMemorySources);
    s.close();
    format_devices(s, w, e, machine, host);
    format_abilities(s, w, e, virt_type);
    w.close();
    return w.take();
}

} // namespace polyvirt::qemu
