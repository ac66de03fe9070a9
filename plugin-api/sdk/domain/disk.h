// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// <disk> and <controller>.

#include "sdk/domain/source.h"

namespace polyvirt::sdk::domain {

enum class DiskDevice : std::uint8_t { unset, disk, cdrom, floppy, lun };
inline constexpr std::string_view kDiskDevices[] = {"", "disk", "cdrom", "floppy", "lun"};
constexpr xml::Names names_of(DiskDevice) {
    return kDiskDevices;
}

enum class DiskBus : std::uint8_t { unset, ide, fdc, scsi, virtio, xen, usb, uml, sata, sd };
inline constexpr std::string_view kDiskBuses[] = {"",    "ide", "fdc", "scsi", "virtio",
                                                  "xen", "usb", "uml", "sata", "sd"};
constexpr xml::Names names_of(DiskBus) {
    return kDiskBuses;
}

enum class DiskCache : std::uint8_t {
    unset,
    default_,
    none,
    writethrough,
    writeback,
    directsync,
    unsafe
};
inline constexpr std::string_view kDiskCaches[] = {
    "", "default", "none", "writethrough", "writeback", "directsync", "unsafe"};
constexpr xml::Names names_of(DiskCache) {
    return kDiskCaches;
}

enum class VirtioModel : std::uint8_t { unset, virtio, transitional, non_transitional };
inline constexpr std::string_view kVirtioModels[] = {"", "virtio", "virtio-transitional",
                                                     "virtio-non-transitional"};
constexpr xml::Names names_of(VirtioModel) {
    return kVirtioModels;
}

enum class ErrorPolicy : std::uint8_t { unset, default_, stop, report, ignore, enospace };
inline constexpr std::string_view kErrorPolicies[] = {"",       "default", "stop",
                                                      "report", "ignore",  "enospace"};
constexpr xml::Names names_of(ErrorPolicy) {
    return kErrorPolicies;
}

enum class DiskIo : std::uint8_t { unset, default_, native, threads, io_uring };
inline constexpr std::string_view kDiskIos[] = {"", "default", "native", "threads", "io_uring"};
constexpr xml::Names names_of(DiskIo) {
    return kDiskIos;
}

enum class DiscardPolicy : std::uint8_t { unset, default_, unmap, ignore };
inline constexpr std::string_view kDiscardPolicies[] = {"", "default", "unmap", "ignore"};
constexpr xml::Names names_of(DiscardPolicy) {
    return kDiscardPolicies;
}

enum class DetectZeroes : std::uint8_t { unset, default_, off, on, unmap };
inline constexpr std::string_view kDetectZeroes[] = {"", "default", "off", "on", "unmap"};
constexpr xml::Names names_of(DetectZeroes) {
    return kDetectZeroes;
}

struct DiskDriver {
    std::string name, type;
    DiskCache cache{};
    ErrorPolicy error_policy{}, rerror_policy{};
    DiskIo io{};
    OnOff ioeventfd{}, event_idx{}, copy_on_read{};
    DiscardPolicy discard{};
    DetectZeroes detect_zeroes{};
    Number iothread, queues, queue_size;
    VirtioOptions virtio;
    xml::Size metadata_cache; // bytes
};

struct DiskGeometry {
    Number cyls, heads, secs;
    std::string trans;
};
struct DiskIotune {
    std::optional<std::uint64_t> total_bytes_sec, read_bytes_sec, write_bytes_sec, total_iops_sec, read_iops_sec,
        write_iops_sec, total_bytes_sec_max, read_bytes_sec_max, write_bytes_sec_max, total_iops_sec_max, read_iops_sec_max,
        write_iops_sec_max, size_iops_sec, total_bytes_sec_max_length, read_bytes_sec_max_length, write_bytes_sec_max_length,
        total_iops_sec_max_length, read_iops_sec_max_length, write_iops_sec_max_length;
    std::string group_name;
};

struct DiskTarget {
    std::string dev; // required: "vda"
    DiskBus bus{};
    std::string tray;
    OnOff removable{};
    Number rotation_rate;
};

struct Disk {
    DiskType type{};
    DiskDevice device{};
    VirtioModel model{};
    std::string rawio, sgio, snapshot;
    DiskDriver driver;
    std::optional<DiskAuth> auth; // outside of the source, as older documents have it; so is encryption
    std::optional<DiskSource> source;
    std::vector<BackingStore> backing; // one at most
    DiskTarget target;
    std::optional<DiskGeometry> geometry;
    Number logical_block_size, physical_block_size;
    std::optional<DiskIotune> iotune;
    std::optional<Encryption> encryption;
    bool readonly = false, shareable = false, transient = false;
    std::string serial, wwn, vendor, product;
    std::string backend_domain;   // xen
    std::optional<Mirror> mirror; // of a running guest
    DeviceInfo info;
};

enum class ControllerType : std::uint8_t {
    unset,
    ide,
    fdc,
    scsi,
    sata,
    virtio_serial,
    ccid,
    usb,
    pci,
    xenbus,
    isa
};
inline constexpr std::string_view kControllerTypes[] = {
    "", "ide", "fdc", "scsi", "sata", "virtio-serial", "ccid", "usb", "pci", "xenbus", "isa"};
constexpr xml::Names names_of(ControllerType) {
    return kControllerTypes;
}

struct ControllerDriver {
    Number queues, cmd_per_lun, max_sectors, iothread;
    OnOff ioeventfd{};
    VirtioOptions virtio;
};
struct ControllerTarget {
    Number chassis_nr, chassis, port, bus_nr, index, node;
    OnOff hotplug{};
};
struct ControllerMaster {
    Number startport;
};

struct Controller {
    ControllerType type{};
    Number index;
    std::string model; // per type; checked by the passes
    Number ports, vectors, max_grant_frames, max_event_channels;
    std::string pci_model_name; // <model name=''/> of a PCI controller
    ControllerTarget target;
    ControllerMaster master;
    xml::Size pcihole64;
    ControllerDriver driver;
    DeviceInfo info;
};

void describe(xml::Binder& b, DiskGeometry& v);
void describe(xml::Binder& b, DiskIotune& v);
void describe(xml::Binder& b, DiskDriver& v);
void describe(xml::Binder& b, DiskTarget& v);
void describe(xml::Binder& b, Disk& v);
void describe(xml::Binder& b, ControllerDriver& v);
void describe(xml::Binder& b, ControllerTarget& v);
void describe(xml::Binder& b, ControllerMaster& v);
void describe(xml::Binder& b, Controller& v);

} // namespace polyvirt::sdk::domain
