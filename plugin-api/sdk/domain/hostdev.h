// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Devices of the host in the guest: <hostdev>, <filesystem>, <redirdev>, <redirfilter>.

#include "sdk/domain/chardev.h"
#include "sdk/domain/interface.h"

namespace polyvirt::sdk::domain {

struct HostUsbId {
    Number id;
};
// Which of these is used follows from the device's mode and type.
struct HostdevSource {
    std::string startup_policy, protocol, name, wwpn;
    YesNo missing{}; // of a running guest: it had leave to start without
    std::string guest_reset;
    YesNo write_filtering{};
    HostUsbId vendor, product;
    std::string adapter;
    std::optional<HostAddress> address;
    std::vector<DiskHost> hosts;
    std::string initiator_iqn;
    std::optional<DiskAuth> auth;
    std::string block, character, interface; // mode capabilities
};
struct Hostdev {
    std::string mode, type;
    YesNo managed{};
    std::string model, display, ramfb, sgio, rawio;
    std::string driver;
    HostdevSource source;
    std::optional<Teaming> teaming;
    bool readonly = false, shareable = false;
    std::vector<InterfaceIp> ips;
    std::vector<InterfaceRoute> routes;
    Rom rom;
    DeviceInfo info;
};

struct FilesystemDriver {
    std::string type, format, name, wrpolicy;
    Number queue;
    VirtioOptions virtio;
};
struct FilesystemBinary {
    std::string path;
    OnOff xattr{};
    std::string cache_mode, sandbox_mode;
    OnOff lock_posix{}, lock_flock{};
    std::optional<std::int32_t> thread_pool_size;
};
struct FilesystemSource {
    std::string dir, file, dev, name, pool, volume, socket, units;
    std::optional<std::uint64_t> usage;
};
struct Filesystem {
    std::string type, accessmode, model, multidevs, fmode, dmode;
    FilesystemDriver driver;
    FilesystemBinary binary;
    FilesystemSource source;
    std::string target; // dir
    bool readonly = false;
    xml::Size space_hard_limit, space_soft_limit; // bytes
    DeviceInfo info;
};

struct Redirdev {
    std::string bus, type;
    std::vector<ChardevSource> sources;
    std::string protocol;
    DeviceInfo info;
};
struct RedirFilterRule {
    std::string class_, vendor, product, version;
    YesNo allow{};
};
struct RedirFilter {
    std::vector<RedirFilterRule> rules;
};

void describe(xml::Binder& b, HostdevSource& v);
void describe(xml::Binder& b, Hostdev& v);
void describe(xml::Binder& b, FilesystemDriver& v);
void describe(xml::Binder& b, FilesystemBinary& v);
void describe(xml::Binder& b, FilesystemSource& v);
void describe(xml::Binder& b, Filesystem& v);
void describe(xml::Binder& b, Redirdev& v);
void describe(xml::Binder& b, RedirFilterRule& v);
void describe(xml::Binder& b, RedirFilter& v);

} // namespace polyvirt::sdk::domain
