// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// The values of attributes that are held as texts, for xml::one_of(). Included by descriptions alone.

#include "sdk/xml/types.h"

namespace polyvirt::sdk::domain::names {

inline constexpr std::string_view kYesNo[] = {"yes", "no"};
inline constexpr std::string_view kOnOff[] = {"on", "off"};
inline constexpr std::string_view kSgio[] = {"filtered", "unfiltered"};
inline constexpr std::string_view kSnapshot[] = {"no", "internal", "external", "manual"};
inline constexpr std::string_view kFormats[] = {"none", "raw", "dir", "bochs", "cloop", "dmg", "iso", "vpc", "vdi",
    "fat", "vhd", "ploop", "cow", "qcow", "qcow2", "qed", "vmdk", "aio"};
inline constexpr std::string_view kProtocols[] = {"none", "nbd", "rbd", "sheepdog", "gluster", "iscsi", "http",
    "https", "ftp", "ftps", "tftp", "ssh", "vxhs", "nfs"};
inline constexpr std::string_view kTransports[] = {"tcp", "unix", "rdma"};
inline constexpr std::string_view kStartupPolicy[] = {"mandatory", "requisite", "optional"};
inline constexpr std::string_view kPoolModes[] = {"host", "direct"};
inline constexpr std::string_view kTray[] = {"open", "closed"};
inline constexpr std::string_view kGeometry[] = {"none", "auto", "lba"};
inline constexpr std::string_view kEncryption[] = {"default", "qcow", "luks", "luks2"};
inline constexpr std::string_view kEngines[] = {"qemu", "librbd"};
inline constexpr std::string_view kPciModels[] = {"none", "pci-bridge", "i82801b11-bridge", "pcie-pci-bridge",
    "ioh3420", "x3130-upstream", "xio3130-downstream", "pxb", "pxb-pcie", "pcie-root-port", "spapr-pci-host-bridge"};
inline constexpr std::string_view kMacTypes[] = {"generated", "static"};
inline constexpr std::string_view kNicDrivers[] = {"default", "kvm", "vfio", "xen", "vhost", "qemu"};
inline constexpr std::string_view kTxModes[] = {"iothread", "timer"};
inline constexpr std::string_view kNicBackends[] = {"default"};
inline constexpr std::string_view kTeaming[] = {"persistent", "transient"};
inline constexpr std::string_view kIpFamily[] = {"ipv4", "ipv6"};
inline constexpr std::string_view kChardevTypes[] = {"null", "vc", "pty", "dev", "file", "pipe", "stdio", "udp",
    "tcp", "unix", "spicevmc", "spiceport", "nmdm", "qemu-vdagent", "dbus"};
inline constexpr std::string_view kLineModes[] = {"connect", "bind", "server", "client"};
inline constexpr std::string_view kLineProtocols[] = {"raw", "telnet", "telnets", "tls"};
inline constexpr std::string_view kChannelState[] = {"connected", "disconnected", "default"};
inline constexpr std::string_view kConnected[] = {"fail", "disconnect", "keep"};
inline constexpr std::string_view kSharePolicy[] = {"allow-exclusive", "force-shared", "ignore"};
inline constexpr std::string_view kSecurity[] = {"any", "secure", "insecure"};
inline constexpr std::string_view kSpiceChannels[] = {"main", "display", "inputs", "cursor", "playback", "record",
    "smartcard", "usbredir"};
inline constexpr std::string_view kImages[] = {"auto_glz", "auto_lz", "quic", "glz", "lz", "off"};
inline constexpr std::string_view kWanCompression[] = {"auto", "never", "always"};
inline constexpr std::string_view kStreaming[] = {"filter", "all", "off"};
inline constexpr std::string_view kMouse[] = {"server", "client"};
inline constexpr std::string_view kGrab[] = {"all"};
inline constexpr std::string_view kGrabToggle[] = {"ctrl-ctrl", "alt-alt", "shift-shift", "meta-meta", "scrolllock",
    "ctrl-scrolllock"};
inline constexpr std::string_view kVideos[] = {"default", "vga", "cirrus", "vmvga", "xen", "vbox", "qxl", "parallels",
    "virtio", "gop", "none", "bochs", "ramfb"};
inline constexpr std::string_view kVideoDrivers[] = {"default", "qemu", "vhostuser"};
inline constexpr std::string_view kVgaconf[] = {"io", "on", "off"};
inline constexpr std::string_view kSounds[] = {"sb16", "es1370", "pcspk", "ac97", "ich6", "ich9", "usb", "ich7"};
inline constexpr std::string_view kCodecs[] = {"duplex", "micro", "output"};
inline constexpr std::string_view kAudios[] = {"none", "alsa", "coreaudio", "dbus", "jack", "oss", "pulseaudio",
    "sdl", "spice", "file"};
inline constexpr std::string_view kSamples[] = {"u8", "s8", "u16", "s16", "u32", "s32", "f32"};
inline constexpr std::string_view kWatchdogs[] = {"i6300esb", "ib700", "diag288"};
inline constexpr std::string_view kWatchdogActions[] = {"reset", "shutdown", "poweroff", "pause", "dump", "none",
    "inject-nmi"};
inline constexpr std::string_view kBalloons[] = {"virtio", "xen", "none", "virtio-transitional",
    "virtio-non-transitional"};
inline constexpr std::string_view kVirtio[] = {"virtio", "virtio-transitional", "virtio-non-transitional"};
inline constexpr std::string_view kRngBackends[] = {"random", "egd", "builtin"};
inline constexpr std::string_view kPanics[] = {"default", "pseries", "isa", "hyperv", "s390", "pvpanic"};
inline constexpr std::string_view kHubs[] = {"usb"};
inline constexpr std::string_view kTpms[] = {"default", "tpm-tis", "tpm-crb", "tpm-spapr", "spapr-tpm-proxy"};
inline constexpr std::string_view kTpmBackends[] = {"passthrough", "emulator", "external"};
inline constexpr std::string_view kTpmVersions[] = {"default", "1.2", "2.0"};
inline constexpr std::string_view kSmartcards[] = {"host", "host-certificates", "passthrough"};
inline constexpr std::string_view kRoles[] = {"master", "peer"};
inline constexpr std::string_view kShmems[] = {"ivshmem", "ivshmem-plain", "ivshmem-doorbell"};
inline constexpr std::string_view kMemories[] = {"dimm", "nvdimm", "virtio-pmem", "virtio-mem", "sgx-epc"};
inline constexpr std::string_view kMemoryAccess[] = {"shared", "private"};
inline constexpr std::string_view kIommus[] = {"intel", "smmuv3", "virtio"};
inline constexpr std::string_view kCryptos[] = {"virtio"};
inline constexpr std::string_view kCryptoTypes[] = {"qemu"};
inline constexpr std::string_view kCryptoBackends[] = {"builtin", "lkcf"};
inline constexpr std::string_view kHostdevModes[] = {"subsystem", "capabilities"};
inline constexpr std::string_view kHostdevTypes[] = {"usb", "pci", "scsi", "scsi_host", "mdev", "storage", "misc",
    "net"};
inline constexpr std::string_view kHostdevModels[] = {"vfio-pci", "vfio-ccw", "vfio-ap", "virtio",
    "virtio-transitional", "virtio-non-transitional"};
inline constexpr std::string_view kHostdevDrivers[] = {"default", "kvm", "vfio", "xen"};
inline constexpr std::string_view kHostdevProtocols[] = {"adapter", "iscsi", "vhost", "none"};
inline constexpr std::string_view kGuestReset[] = {"off", "uninitialized", "on"};
inline constexpr std::string_view kFilesystems[] = {"mount", "block", "file", "template", "ram", "bind", "volume"};
inline constexpr std::string_view kAccessModes[] = {"passthrough", "mapped", "squash"};
inline constexpr std::string_view kMultidevs[] = {"default", "remap", "forbid", "warn"};
inline constexpr std::string_view kFilesystemDrivers[] = {"default", "path", "handle", "loop", "nbd", "ploop",
    "virtiofs"};
inline constexpr std::string_view kWritePolicies[] = {"default", "immediate"};
inline constexpr std::string_view kCacheModes[] = {"none", "always"};
inline constexpr std::string_view kSandboxes[] = {"namespace", "chroot"};
inline constexpr std::string_view kRedirBuses[] = {"usb"};
inline constexpr std::string_view kFallback[] = {"allow", "forbid"};
inline constexpr std::string_view kCpuCacheModes[] = {"emulate", "passthrough", "disable"};
inline constexpr std::string_view kAddressModes[] = {"emulate", "passthrough"};
inline constexpr std::string_view kAssociativity[] = {"none", "direct", "full"};
inline constexpr std::string_view kCachePolicy[] = {"none", "writeback", "writethrough"};
inline constexpr std::string_view kLinkTypes[] = {"access", "read", "write"};
inline constexpr std::string_view kMemorySources[] = {"none", "file", "anonymous", "memfd"};
inline constexpr std::string_view kMemoryModes[] = {"default", "shared", "private"};
inline constexpr std::string_view kAllocation[] = {"immediate", "ondemand"};
inline constexpr std::string_view kSchedulers[] = {"fifo", "rr", "batch", "idle"};
inline constexpr std::string_view kNumaModes[] = {"strict", "preferred", "interleave", "restrictive"};
inline constexpr std::string_view kPlacement[] = {"static", "auto"};
inline constexpr std::string_view kFirmware[] = {"bios", "efi"};
inline constexpr std::string_view kLoaders[] = {"none", "rom", "pflash"};
inline constexpr std::string_view kFirmwareFeatures[] = {"enrolled-keys", "secure-boot"};
inline constexpr std::string_view kTables[] = {"slic"};
inline constexpr std::string_view kSmbios[] = {"none", "emulate", "host", "sysinfo"};
inline constexpr std::string_view kHyperv[] = {"none", "custom", "passthrough"};
inline constexpr std::string_view kIoapic[] = {"kvm", "qemu"};
inline constexpr std::string_view kMsrs[] = {"ignore", "fault"};
inline constexpr std::string_view kXenPassthrough[] = {"default", "sync_pt", "share_pt"};
inline constexpr std::string_view kTimers[] = {"platform", "hpet", "kvmclock", "pit", "rtc", "tsc", "hypervclock",
    "armvtimer"};
inline constexpr std::string_view kTracks[] = {"boot", "guest", "wall", "realtime"};
inline constexpr std::string_view kTickPolicies[] = {"delay", "catchup", "merge", "discard"};
inline constexpr std::string_view kTimerModes[] = {"auto", "native", "emulate", "paravirt", "smpsafe"};
inline constexpr std::string_view kBasis[] = {"utc", "localtime"};
inline constexpr std::string_view kLabelTypes[] = {"default", "none", "dynamic", "static"};
inline constexpr std::string_view kSysinfos[] = {"smbios", "fwcfg"};
inline constexpr std::string_view kPerfEvents[] = {"cmt", "mbmt", "mbml", "cpu_cycles", "instructions",
    "cache_references", "cache_misses", "branch_instructions", "branch_misses", "bus_cycles",
    "stalled_cycles_frontend", "stalled_cycles_backend", "ref_cpu_cycles", "cpu_clock", "task_clock", "page_faults",
    "context_switches", "cpu_migrations", "page_faults_min", "page_faults_maj", "alignment_faults",
    "emulation_faults"};

inline constexpr std::string_view kPolicies[] = {"default", "allow", "deny"};
inline constexpr std::string_view kLaunchSecurities[] = {"sev", "s390-pv"};
inline constexpr std::string_view kPropertyTypes[] = {"string", "signed", "unsigned", "bool", "remove"};
inline constexpr std::string_view kDeprecation[] = {"none", "omit", "reject", "crash"};
inline constexpr std::string_view kNamespaceSources[] = {"netns", "pid", "name", "none"};
inline constexpr std::string_view kKeyWraps[] = {"aes", "dea"};
inline constexpr std::string_view kCacheTypes[] = {"code", "data", "both"};

} // namespace polyvirt::sdk::domain::names
