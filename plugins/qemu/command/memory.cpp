// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Memory: size, backends, NUMA, I/O threads, modules.

#include <algorithm>

#include "command/builder.h"
#include "sdk/domain/passes.h"

namespace polyvirt::qemu {
namespace {

using namespace sdk::domain;
namespace xml = sdk::xml;

// What one backend is asked for; the rest follows from <memoryBacking>.
struct BackendRequest {
    std::string id;
    std::uint64_t kib = 0;
    std::string access;         // overrides the domain's
    YesNo discard{};            // overrides the domain's
    std::string path;           // of a module with a file of its own
    bool pmem = false;
    xml::Size align;            // KiB
    std::optional<std::uint32_t> cell; // of the guest, for placement
    xml::Size page;                    // KiB, what a module asks for
    bool board = false;                // the whole of the board's memory
};

bool policy_of(const Builder& b, const BackendRequest& r, std::string& mode, xml::CpuSet& nodes) {
    if (!b.domain.numatune) return false;
    for (const MemNode& n : b.domain.numatune->memnodes) {
        if (r.cell && n.cellid == *r.cell) {
            mode = n.mode;
            nodes = n.nodeset;
            return true;
        }
    }
    return false;
}

Result<Options> backend(const Builder& b, const BackendRequest& r) {
    const MemoryBacking none;
    const MemoryBacking& backing = b.domain.memory_backing ? *b.domain.memory_backing : none;
    const std::string access = !r.access.empty() ? r.access : backing.access;
    PV_ASSIGN_OR_RETURN(const std::uint64_t page, page_size(b, r.cell, r.page));
    const bool file = page != 0 || !r.path.empty() || backing.source == "file" || (backing.source != "memfd" && !access.empty());
    Options o;
    if (backing.source == "memfd" && r.path.empty()) {
        o = {{"qom-type", "memory-backend-memfd"}, {"id", r.id}};
        if (page != 0) {
            o["hugetlb"] = true;
            o["hugetlbsize"] = page * 1024;
        }
    } else if (file) {
        // In a folder the emulator makes a file of its own, which nobody else can open.
        std::string path;
        if (page != 0) {
            PV_ASSIGN_OR_RETURN(path, page_mount(b, page));
        }
        if (page == 0) path = !r.path.empty() ? r.path : fmt::format("{}/ram/{}-{}/{}", b.context.state, b.context.id, b.domain.name, r.id);
        o = {{"qom-type", "memory-backend-file"}, {"id", r.id}, {"mem-path", path}};
        const bool discard = (r.discard == YesNo::unset ? backing.discard : r.discard == YesNo::yes);
        if (discard) o["discard-data"] = true;
    } else {
        o = {{"qom-type", "memory-backend-ram"}, {"id", r.id}};
    }
    if (access == "shared") o["share"] = true;
    if (access == "private") o["share"] = false;
    // Names of RAM blocks as machines before 4.0 had them, which those of today have for the board's alone.
    if (r.board && o["qom-type"] != "memory-backend-ram") o["x-use-canonical-path-for-ramblock-id"] = false;
    if (backing.allocation == "immediate" || !r.path.empty() || page != 0) o["prealloc"] = true;
    if (backing.allocation_threads && o.contains("prealloc")) o["prealloc-threads"] = *backing.allocation_threads;
    o["size"] = r.kib * 1024;
    if (r.align) o["align"] = *r.align * 1024;
    if (r.pmem) o["pmem"] = true;
    std::string mode;
    xml::CpuSet nodes;
    if (policy_of(b, r, mode, nodes)) {
        Options list = Options::array();
        for (const auto& [from, to] : nodes.ranges) {
            for (std::uint32_t n = from; n <= to; n++) list.push_back(n);
        }
        o["host-nodes"] = list;
        o["policy"] = mode == "strict" || mode == "restrictive" ? "bind" : mode;
    }
    return o;
}

std::uint64_t modules_kib(const Domain& d) {
    std::uint64_t sum = 0;
    for (const MemoryDevice& m : d.devices.memories) sum += m.target.size.value_or(0);
    return sum;
}

std::uint64_t in_mib(std::uint64_t kib) { return (kib + 1023) / 1024; }

// Cells are of whole MiB, and the whole is their sum.
std::uint64_t initial_kib(const Domain& d) {
    if (d.cpu && !d.cpu->numa.empty()) {
        std::uint64_t sum = 0;
        for (const NumaCell& c : d.cpu->numa.cells) sum += in_mib(c.memory.value_or(0)) * 1024;
        return sum;
    }
    const std::uint64_t total = d.memory.value_or(0), modules = modules_kib(d);
    return total > modules ? total - modules : total;
}

Status add_numa(Builder& b) {
    const CpuNuma& numa = b.domain.cpu->numa;
    for (const NumaCell& cell : numa.cells) {
        const std::uint32_t id = cell.id.value_or(0);
        const std::string memdev = fmt::format("ram-node{}", id);
        BackendRequest request;
        request.id = memdev;
        request.kib = in_mib(cell.memory.value_or(0)) * 1024;
        request.access = cell.mem_access;
        request.discard = cell.discard;
        request.cell = id;
        PV_ASSIGN_OR_RETURN(const Options memory, backend(b, request));
        // Boards of old take the size alone, and clients count on what they have.
        const bool plain = old_numa(b.domain) && memory["qom-type"] == "memory-backend-ram" && !memory.contains("policy");
        if (!plain && request.kib != 0) b.json("-object", memory);
        std::string node = fmt::format("node,nodeid={}", id);
        for (const auto& [from, to] : cell.cpus.ranges)
            node += from == to ? fmt::format(",cpus={}", from) : fmt::format(",cpus={}-{}", from, to);
        if (plain) node += fmt::format(",mem={}", request.kib / 1024);
        else if (request.kib != 0) node += ",memdev=" + memdev;
        b.arg("-numa", node);
    }
    for (const NumaCell& cell : numa.cells) {
        for (const NumaDistance& distance : cell.distances)
            b.arg("-numa", fmt::format("dist,src={},dst={},val={}", cell.id.value_or(0), distance.id.value_or(0),
                                       distance.value.value_or(10)));
    }
    return {};
}

} // namespace

bool old_numa(const Domain& d) {
    const MachineVersion v = version_of(d.os.type.machine);
    return v.major != 0 && (v.major < 5 || (v.major == 5 && v.minor < 1));
}

MachineVersion version_of(std::string_view machine) {
    MachineVersion v;
    const std::size_t dash = machine.rfind('-');
    if (dash == std::string_view::npos) return v;
    std::uint32_t* part = &v.major;
    for (const char c : machine.substr(dash + 1)) {
        if (c == '.') part = &v.minor;
        else if (c >= '0' && c <= '9') *part = *part * 10 + static_cast<std::uint32_t>(c - '0');
        else return {};
    }
    return v;
}

// RAM that the board gets as a whole, by name.
bool board_memory(const Domain& d) {
    return chipset_of(d) != Chipset::other && !(d.cpu && !d.cpu->numa.empty());
}

Status add_memory(Builder& b) {
    const Domain& d = b.domain;
    const std::uint64_t initial = initial_kib(d);
    if (d.max_memory)
        b.arg("-m", fmt::format("size={}k,slots={},maxmem={}k", initial, d.max_memory_slots.value_or(0), *d.max_memory));
    else
        b.arg("-m", fmt::format("{}", (initial + 1023) / 1024));
    if (board_memory(d)) {
        BackendRequest request;
        request.id = "pc.ram";
        request.kib = (initial + 1023) / 1024 * 1024;
        request.board = true;
        PV_ASSIGN_OR_RETURN(const Options memory, backend(b, request));
        b.json("-object", memory);
    }
    const bool locked = d.memory_backing && d.memory_backing->locked;
    b.arg("-overcommit", locked ? "mem-lock=on" : "mem-lock=off");
    return {};
}

Status add_cells(Builder& b) {
    const Domain& d = b.domain;
    for (const IoThread& t : d.iothread_ids) {
        Options o{{"qom-type", "iothread"}, {"id", fmt::format("iothread{}", t.id.value_or(0))}};
        if (t.thread_pool_min) o["thread-pool-min"] = *t.thread_pool_min;
        if (t.thread_pool_max) o["thread-pool-max"] = *t.thread_pool_max;
        b.json("-object", o);
    }
    if (const auto& pool = d.default_iothread) {
        Options o{{"qom-type", "main-loop"}, {"id", "main-loop"}};
        if (pool->thread_pool_min) o["thread-pool-min"] = *pool->thread_pool_min;
        if (pool->thread_pool_max) o["thread-pool-max"] = *pool->thread_pool_max;
        if (o.size() > 2) b.json("-object", o);
    }
    if (old_numa(d) && d.cpu && !d.cpu->numa.empty() && d.memory_backing && d.memory_backing->allocation == "immediate")
        b.arg("-mem-prealloc");
    return d.cpu && !d.cpu->numa.empty() ? add_numa(b) : Status{};
}

Status add_one(Builder& b, const MemoryDevice& m) {
    if (m.model != "dimm" && m.model != "nvdimm" && m.model != "virtio-mem" && m.model != "virtio-pmem")
        return Builder::unsupported("{} isn't supported by this QEMU binary", m.model);
    BackendRequest request;
    request.id = "mem" + m.info.alias.name;
    // Slots are of 2 MiB, and what is behind one is as large, even where the guest sees less.
    const std::uint64_t kib = m.target.size.value_or(0);
    request.kib = m.model.ends_with("dimm") ? (kib + 2047) / 2048 * 2048 : kib;
    request.access = m.access;
    request.discard = m.discard;
    request.path = m.source.path;
    request.pmem = m.source.pmem;
    request.align = m.source.align_size;
    request.cell = m.target.node;
    request.page = m.source.page_size;
    PV_ASSIGN_OR_RETURN(const Options memory, backend(b, request));
    b.json("-object", memory);
    const bool virtio = m.model.starts_with("virtio");
    Options o{{"driver", m.model == "dimm" ? "pc-dimm" : virtio ? m.model + "-pci" : m.model}};
    if (m.target.node) o["node"] = *m.target.node;
    if (m.target.label_size) o["label-size"] = *m.target.label_size * 1024;
    if (m.target.block) o["block-size"] = *m.target.block * 1024;
    if (m.target.requested) o["requested-size"] = *m.target.requested * 1024;
    if (m.uuid) o["uuid"] = m.uuid->to_string();
    if (m.target.readonly) o["unarmed"] = true;
    o["memdev"] = request.id;
    o["id"] = m.info.alias.name;
    if (m.info.address && m.info.address->type == AddressType::dimm) {
        if (m.info.address->slot) o["slot"] = *m.info.address->slot;
        if (m.info.address->base) o["addr"] = *m.info.address->base;
    }
    b.add_pci(o, m.info);
    b.device(o);
    return {};
}

Status add_memory_modules(Builder& b) {
    for (const MemoryDevice& m : b.domain.devices.memories) PV_TRY(add_one(b, m));
    return {};
}

} // namespace polyvirt::qemu
