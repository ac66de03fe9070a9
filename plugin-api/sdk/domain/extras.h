// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Devices that few guests have: TPM, smart card, shared memory, memory modules, vsock, IOMMU, NVRAM, crypto, leases.

#include "sdk/domain/chardev.h"

namespace polyvirt::sdk::domain {

struct PcrBank {
    bool sha1 = false, sha256 = false, sha384 = false, sha512 = false;
};
struct TpmBackend {
    std::string type, version; // passthrough, emulator, external
    YesNo persistent_state{};
    std::string encryption_secret; // uuid
    std::string device;            // passthrough
    std::vector<ChardevSource> sources; // external
    PcrBank active_pcr_banks;
};
struct Tpm {
    std::string model;
    TpmBackend backend;
    DeviceInfo info;
};

struct SmartcardCertificate {
    std::string file;
};
struct Smartcard {
    std::string mode, type; // host, host-certificates, passthrough; type: of the character device
    std::string tty;
    std::vector<ChardevSource> sources;
    std::string protocol;
    std::vector<SmartcardCertificate> certificates;
    std::string database;
    DeviceInfo info;
};

struct ShmemMsi {
    Number vectors;
    OnOff ioeventfd{};
};
struct ShmemServer {
    std::string path;
};
struct Shmem {
    std::string name, role, model;
    std::optional<std::uint64_t> size;
    std::string size_unit;
    std::optional<ShmemServer> server;
    std::optional<ShmemMsi> msi;
    DeviceInfo info;
};

struct MemorySource {
    xml::Size page_size, align_size; // KiB
    xml::CpuSet nodemask;
    std::string path;
    bool pmem = false;
};
struct MemoryTarget {
    xml::Size size, label_size, block, requested, current; // KiB
    Number node;
    bool readonly = false;
    std::string address; // <address base=''/> of virtio memory
};
struct MemoryDevice {
    std::string model, access; // dimm, nvdimm, virtio-pmem, virtio-mem, sgx-epc
    YesNo discard{};
    std::optional<Uuid> uuid;
    MemorySource source;
    MemoryTarget target;
    DeviceInfo info;
};

struct Vsock {
    std::string model;
    YesNo cid_auto{};
    Number cid;
    VirtioOptions driver;
    DeviceInfo info;
};

struct Iommu {
    std::string model; // intel, smmuv3, virtio
    OnOff intremap{}, caching_mode{}, eim{}, iotlb{};
    Number aw_bits;
    DeviceInfo info;
};

struct NvramDevice {
    DeviceInfo info;
};

struct Crypto {
    std::string model, type, backend;
    Number queues;
    VirtioOptions driver;
    DeviceInfo info;
};

struct Lease {
    std::string lockspace, key, path;
    std::optional<std::uint64_t> offset;
};

void describe(xml::Binder& b, TpmBackend& v);
void describe(xml::Binder& b, Tpm& v);
void describe(xml::Binder& b, SmartcardCertificate& v);
void describe(xml::Binder& b, Smartcard& v);
void describe(xml::Binder& b, ShmemMsi& v);
void describe(xml::Binder& b, ShmemServer& v);
void describe(xml::Binder& b, Shmem& v);
void describe(xml::Binder& b, MemorySource& v);
void describe(xml::Binder& b, MemoryTarget& v);
void describe(xml::Binder& b, MemoryDevice& v);
void describe(xml::Binder& b, Vsock& v);
void describe(xml::Binder& b, Iommu& v);
void describe(xml::Binder& b, NvramDevice& v);
void describe(xml::Binder& b, Crypto& v);
void describe(xml::Binder& b, Lease& v);

} // namespace polyvirt::sdk::domain
