// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Memory shared between guests.

#include "command/builder.h"

namespace polyvirt::qemu {
namespace {

using namespace sdk::domain;

constexpr std::uint64_t kDefaultBytes = 4ULL << 20U;

Result<Options> plain(Builder& b, const Shmem& s) {
    const std::string backend = "shmmem-" + s.info.alias.name;
    const std::uint64_t unit = s.size_unit.empty() ? 1 : sdk::xml::unit_factor(s.size_unit);
    b.json("-object", {{"qom-type", "memory-backend-file"},
                       {"id", backend},
                       {"mem-path", "/dev/shm/" + s.name},
                       {"size", s.size ? *s.size * unit : kDefaultBytes},
                       {"share", true}});
    Options o{{"driver", "ivshmem-plain"}, {"id", s.info.alias.name}, {"memdev", backend}};
    o["master"] = s.role == "master" ? "on" : "off";
    return o;
}

Result<Options> doorbell(Builder& b, const Shmem& s) {
    const std::string chardev = "char" + s.info.alias.name;
    std::vector<ChardevSource> source(1);
    source[0].mode = "connect";
    // A server of a guest's own stands beside the drivers' folders.
    const std::string shared = b.context.state.substr(0, b.context.state.rfind('/'));
    source[0].path = s.server && !s.server->path.empty() ? s.server->path : fmt::format("{}/shmem-{}-sock", shared, s.name);
    PV_TRY(b.chardev(chardev, ChardevType::unix_, source, {}, {}, {}));
    Options o{{"driver", "ivshmem-doorbell"}, {"id", s.info.alias.name}, {"chardev", chardev}};
    if (s.msi && s.msi->vectors) o["vectors"] = *s.msi->vectors;
    if (s.msi && s.msi->ioeventfd != OnOff::unset) o["ioeventfd"] = s.msi->ioeventfd == OnOff::on;
    return o;
}

} // namespace

Status add_one(Builder& b, const Shmem& s) {
    if (s.model != "ivshmem-plain" && s.model != "ivshmem-doorbell")
        return Builder::unsupported("shared memory '{}': model '{}' is not supported", s.name, s.model);
    PV_ASSIGN_OR_RETURN(Options o, s.model == "ivshmem-plain" ? plain(b, s) : doorbell(b, s));
    b.add_pci(o, s.info);
    b.device(o);
    return {};
}

Status add_shmems(Builder& b) {
    for (const Shmem& s : b.domain.devices.shmems) PV_TRY(add_one(b, s));
    return {};
}

} // namespace polyvirt::qemu
