// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Where the data of a disk (or of a firmware's variables) is: files, devices, volumes, network, with what opens them, and the images
// below them.

#include "sdk/domain/address.h"

namespace polyvirt::sdk::domain {

enum class DiskType : std::uint8_t { unset, file, block, dir, network, volume, nvme, vhostuser };
inline constexpr std::string_view kDiskTypes[] = {"",        "file",   "block", "dir",
                                                  "network", "volume", "nvme",  "vhostuser"};
constexpr xml::Names names_of(DiskType) {
    return kDiskTypes;
}

// What opens a source: a secret that the secret driver holds, by uuid or by usage.
struct SecretRef {
    std::string type, uuid, usage;
};
struct DiskAuth {
    std::string username;
    SecretRef secret;
};
struct EncryptionCipher {
    std::string name, mode, hash;
    Number size;
};
struct EncryptionIvgen {
    std::string name, hash;
};
struct Encryption {
    std::string format, engine; // luks, luks2, qcow; qemu, librbd
    std::vector<SecretRef> secrets;
    std::optional<EncryptionCipher> cipher;
    std::optional<EncryptionIvgen> ivgen;
};

struct DiskHost {
    std::string name, port, transport, socket;
};

// Which of these is used follows from the disk's type: file, dev, dir, protocol ... or pool and
// volume.
struct DiskSlice {
    std::string type; // storage
    std::optional<std::uint64_t> offset, size; // bytes
};
struct DiskCookie {
    std::string name, value;
};
// The helper that holds reservations: found by the daemon, or listening on a socket.
struct ReservationSource {
    std::string type, path, mode;
};
struct Reservations {
    YesNo managed{};
    std::optional<ReservationSource> source;
};
struct NvmeAddress {
    Number domain, bus, slot, function;
};
struct DiskSource {
    std::string file, dev, dir, protocol, name, query, tls, pool, volume, mode, type, path, managed;
    Number nvme_namespace, index;
    std::string startup_policy, fd_group, tls_hostname;
    std::vector<DiskHost> hosts;
    std::optional<NvmeAddress> nvme;
    std::string snapshot, config, initiator; // network
    YesNo ssl_verify{};
    std::vector<DiskCookie> cookies;
    std::optional<std::uint64_t> readahead; // bytes
    std::optional<std::uint64_t> timeout;   // s
    std::optional<DiskAuth> auth;
    std::optional<Encryption> encryption;
    std::optional<Reservations> reservations;
    std::vector<DiskSlice> slices;
    std::optional<Reconnect> reconnect;
    std::string user, group; // <identity>
    std::vector<SourceLabel> labels;
};

// The image below a disk's, and below that ... An empty one (no type) ends the chain.
struct BackingStore {
    DiskType type{};
    Number index;
    std::string format;
    xml::Size metadata_cache; // bytes
    std::optional<DiskSource> source;
    std::vector<BackingStore> next; // one at most
};

// What a block job copies to.
struct Mirror {
    DiskType type{};
    std::string job, ready, format, file, file_format; // the last two: as older documents have it
    xml::Size metadata_cache;                              // bytes
    std::optional<DiskSource> source;
    std::vector<BackingStore> backing; // one at most
};

// <metadata_cache> of a driver or a format.
void describe_metadata_cache(xml::Binder& b, xml::Size& size);
void describe(xml::Binder& b, SecretRef& v);
void describe(xml::Binder& b, DiskAuth& v);
void describe(xml::Binder& b, EncryptionCipher& v);
void describe(xml::Binder& b, EncryptionIvgen& v);
void describe(xml::Binder& b, Encryption& v);
void describe(xml::Binder& b, DiskHost& v);
void describe(xml::Binder& b, DiskSlice& v);
void describe(xml::Binder& b, DiskCookie& v);
void describe(xml::Binder& b, ReservationSource& v);
void describe(xml::Binder& b, Reservations& v);
void describe(xml::Binder& b, NvmeAddress& v);
void describe(xml::Binder& b, DiskSource& v);
void describe(xml::Binder& b, BackingStore& v);
void describe(xml::Binder& b, Mirror& v);

} // namespace polyvirt::sdk::domain
