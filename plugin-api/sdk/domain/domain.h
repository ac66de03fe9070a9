// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The domain document. Parsing keeps what was written; the passes (passes.h) complete it:
//
//     PV_ASSIGN_OR_RETURN(Parsed parsed, parse_domain(text, {}));
//     PV_TRY(complete(parsed.domain, context));
//     std::string dump = format_domain(parsed.domain, {});
//
// Plain values: copy them, change them, compare by text. No thread, no lock, nothing of the host.

#include "base/result.h"
#include "base/uuid.h"
#include "sdk/domain/chardev.h"
#include "sdk/domain/devices.h"
#include "sdk/domain/extras.h"
#include "sdk/domain/hostdev.h"
#include "sdk/domain/interface.h"
#include "sdk/domain/machine.h"
#include "sdk/domain/tuning.h"
#include "sdk/xml/messages.h"
#include "sdk/xml/reader.h"

namespace polyvirt::sdk::domain {

// Each kind in the order of the document; printed kind by kind.
struct Devices {
    std::string emulator;
    std::vector<Disk> disks;
    std::vector<Controller> controllers;
    std::vector<Filesystem> filesystems;
    std::vector<Interface> interfaces;
    std::vector<Chardev> serials, parallels, consoles, channels;
    std::vector<Input> inputs;
    std::vector<Graphics> graphics;
    std::vector<Sound> sounds;
    std::vector<Audio> audios;
    std::vector<Video> videos;
    std::vector<Hostdev> hostdevs;
    std::vector<Redirdev> redirdevs;
    std::vector<Hub> hubs;
    std::vector<Watchdog> watchdogs;
    std::optional<Memballoon> memballoon;
    std::vector<Rng> rngs;
    std::vector<NvramDevice> nvrams;
    std::vector<Panic> panics;
    std::vector<Shmem> shmems;
    std::vector<MemoryDevice> memories;
    std::vector<Crypto> cryptos;
    std::optional<Iommu> iommu;
    std::optional<Vsock> vsock;
    std::vector<Lease> leases;
    std::vector<Smartcard> smartcards;
    std::vector<Tpm> tpms;
    std::optional<RedirFilter> redir_filter;
};

struct QemuArg {
    std::string value;
};
struct QemuEnv {
    std::string name, value;
};
struct QemuCommandline {
    std::vector<QemuArg> args;
    std::vector<QemuEnv> env;
    [[nodiscard]] bool empty() const { return args.empty() && env.empty(); }
};

// Capabilities that are added to what the emulator was found to have, or taken away.
struct QemuCapability {
    std::string name;
};
struct QemuCapabilities {
    std::vector<QemuCapability> add, del;
    [[nodiscard]] bool empty() const { return add.empty() && del.empty(); }
};
// Properties of a device's frontend that are set last, over everything else.
struct QemuProperty {
    std::string name, type, value;
};
struct QemuOverride {
    std::string alias;
    std::vector<QemuProperty> properties;
};
struct LxcShare {
    std::string type, value;
    [[nodiscard]] bool empty() const { return type.empty(); }
};
struct LxcNamespaces {
    LxcShare net, ipc, uts;
    [[nodiscard]] bool empty() const { return net.empty() && ipc.empty() && uts.empty(); }
};

// <genid/>: without a uuid one is made.
struct GenId {
    std::optional<Uuid> uuid;
};

struct Domain {
    std::string type;               // qemu, kvm, lxc ...
    std::optional<std::int32_t> id; // of a running guest
    std::string name;
    std::optional<Uuid> uuid;
    std::string title, description;
    std::optional<xml::Node> metadata; // word for word
    xml::Size memory, current_memory;  // KiB
    OnOff dump_core{};
    xml::Size max_memory; // KiB, with memory devices plugged in
    Number max_memory_slots;
    std::optional<Blkiotune> blkiotune;
    std::optional<Memtune> memtune;
    std::optional<MemoryBacking> memory_backing;
    Vcpu vcpu;
    std::vector<IndividualVcpu> vcpus;
    Number iothreads;
    std::vector<IoThread> iothread_ids;
    std::optional<DefaultIoThread> default_iothread;
    std::optional<Cputune> cputune;
    std::optional<Numatune> numatune;
    std::string partition, appid; // <resource>
    std::vector<Sysinfo> sysinfos;
    std::optional<GenId> genid;
    Os os;
    Features features;
    std::optional<Cpu> cpu;
    std::optional<Clock> clock;
    LifecycleAction on_poweroff{}, on_reboot{}, on_crash{};
    LockFailureAction on_lockfailure{};
    YesNo suspend_to_mem{}, suspend_to_disk{};
    Devices devices;
    std::vector<Seclabel> seclabels;
    QemuCommandline qemu_commandline;
    Perf perf;
    std::string bootloader, bootloader_args; // xen
    std::vector<IdRange> uid_map, gid_map;
    std::vector<KeyWrapCipher> keywrap;
    std::optional<LaunchSecurity> launch_security;
    QemuCapabilities qemu_capabilities;
    std::string qemu_deprecation;
    std::vector<QemuOverride> qemu_overrides;
    LxcNamespaces lxc_namespaces;
    // What reading it found odd, in words, line by line. No part of the document: see notes.h.
    std::vector<std::string> notes;
};
void describe(xml::Binder& b, Domain& v);

inline constexpr xml::Namespace kQemuNamespace{"qemu",
                                               "http://libvirt.org/schemas/domain/qemu/1.0"};

inline constexpr xml::Namespace kLxcNamespace{"lxc", "http://libvirt.org/schemas/domain/lxc/1.0"};

struct ParseOptions {
    bool inactive =
        true; // what only a running guest has (id, aliases not the user's, tty) is dropped
    xml::Limits limits{};
    bool validate = false; // what is unknown is an error (xml_invalid_schema)
};
struct Parsed {
    Domain domain;
    xml::Messages messages;
};
// Errors: xml_error and config_unsupported with line; no_target for a disk without target.
Result<Parsed> parse_domain(std::string_view text, const ParseOptions& options = {});

struct FormatOptions {
    bool inactive = false;   // without what only a running guest has
    bool secure = false;     // with passwords
    bool migratable = false; // without what an older peer would not understand and adds by itself
};
std::string format_domain(const Domain& domain, const FormatOptions& options = {});

// Root element, type, name and uuid of a domain document, without reading more than needed.
using xml::DocumentHead;
Result<DocumentHead> read_head(std::string_view text);

} // namespace polyvirt::sdk::domain
