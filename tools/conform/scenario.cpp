// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "tools/conform/scenario.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <memory>

#include <libxml/parser.h>
#include <libxml/xpath.h>

#include "tools/conform/process.h"

namespace polyvirt::conform {
namespace {

struct Maker {
    std::uint32_t kind;
    const char* op;
    std::uint32_t parent; // kind of the target
};
// How an object of a kind comes to be, in the order of preference.
constexpr Maker kMakers[] = {
    {PV_KIND_DOMAIN, "dom_config.define_xml", 0},       {PV_KIND_DOMAIN, "dom_lifecycle.create_xml", 0},
    {PV_KIND_NETWORK, "net_network.define_xml", 0},     {PV_KIND_NETWORK, "net_network.create_xml", 0},
    {PV_KIND_POOL, "sto_pool.define_xml", 0},           {PV_KIND_POOL, "sto_pool.create_xml", 0},
    {PV_KIND_VOLUME, "sto_vol.create_xml", PV_KIND_POOL}, {PV_KIND_SECRET, "secret.define_xml", 0},
    {PV_KIND_NWFILTER, "nwfilter.define_xml", 0},       {PV_KIND_NWFILTER_BINDING, "nwfilter_binding.create_xml", 0},
    {PV_KIND_INTERFACE, "iface.define_xml", 0},         {PV_KIND_NODEDEV, "nodedev.define_xml", 0},
    {PV_KIND_NODEDEV, "nodedev.create_xml", 0},         {PV_KIND_SNAPSHOT, "dom_snapshot.create_xml", PV_KIND_DOMAIN},
    {PV_KIND_CHECKPOINT, "dom_checkpoint.create_xml", PV_KIND_DOMAIN}, {PV_KIND_NETWORK_PORT, "net_port.create_xml", PV_KIND_NETWORK},
};

struct XmlFree {
    void operator()(xmlDoc* d) const { xmlFreeDoc(d); }
    void operator()(xmlXPathContext* c) const { xmlXPathFreeContext(c); }
    void operator()(xmlXPathObject* o) const { xmlXPathFreeObject(o); }
};

std::string text_at(xmlDoc* doc, const char* path) {
    const std::unique_ptr<xmlXPathContext, XmlFree> context(xmlXPathNewContext(doc));
    const std::unique_ptr<xmlXPathObject, XmlFree> found(
        xmlXPathEvalExpression(reinterpret_cast<const xmlChar*>(fmt::format("string({})", path).c_str()), context.get()));
    return found && found->stringval != nullptr ? reinterpret_cast<const char*>(found->stringval) : "";
}

struct Guest {
    std::string type = "test", os = "hvm", arch = "x86_64";
};

// What a guest may be, from the plugin's own capabilities.
Guest guest_of(Life& life) {
    static std::map<const Life*, Guest> known;
    if (const auto at = known.find(&life); at != known.end()) return at->second;
    Guest g;
    if (!life.subject().manifest.uri.empty()) g.type = life.subject().manifest.uri.front();
    const OpSpec* op = find_op("hv_caps.capabilities");
    if (op != nullptr && life.slot(*op) != nullptr) {
        const Ended e = call_op(life, *op, nullptr);
        const std::unique_ptr<xmlDoc, XmlFree> doc(
            xmlReadMemory(e.text.data(), static_cast<int>(e.text.size()), "capabilities", nullptr, XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING));
        if (e.status == PV_OK && !doc) complain("ops.ordinary", "hv_caps.capabilities: succeeded, and what it wrote is no XML");
        if (doc) {
            const std::string host = text_at(doc.get(), "/capabilities/host/cpu/arch");
            std::string guest = fmt::format("/capabilities/guest[arch/@name='{}']", host);
            if (text_at(doc.get(), (guest + "/os_type").c_str()).empty()) guest = "/capabilities/guest[1]";
            const auto take = [&](std::string& to, const char* rest) {
                const std::string t = text_at(doc.get(), (guest + rest).c_str());
                if (!t.empty()) to = t;
            };
            take(g.os, "/os_type");
            take(g.arch, "/arch/@name");
            take(g.type, "/arch/domain[1]/@type");
        }
    }
    known[&life] = g;
    return g;
}

std::string uuid_for(const std::string& name) {
    std::uint64_t h = 14695981039346656037ULL;
    for (const char c : name) h = (h ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
    return fmt::format("{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}", h & 0xffffffff, h >> 32 & 0xffff, h >> 48 & 0xfff, h & 0xfff, h & 0xffffffffffff);
}

} // namespace

std::string document_for(Life& life, std::uint32_t kind, const std::string& name) {
    for (const auto& [wanted, text] : life.subject().documents) {
        if (wanted != kind_name(kind)) continue;
        // The author's document serves for several objects: {name} and {uuid} in it are ours.
        std::string made = text;
        using Word = std::pair<std::string, std::string>;
        for (const auto& [key, value] : std::array{Word{"{name}", name}, Word{"{uuid}", uuid_for(name)}})
            for (std::size_t at = made.find(key); at != std::string::npos; at = made.find(key)) made.replace(at, key.size(), value);
        return made;
    }
    const std::string id = uuid_for(name);
    switch (kind) {
    case PV_KIND_DOMAIN: {
        const Guest g = guest_of(life);
        // Who calls a driver of networks gets a reason to: "conform" is the network that the fake host has.
        const char* devices = life.subject().manifest.uses_kind("network") ? "<devices><interface type='network'><source network='conform'/></interface></devices>" : "";
        return fmt::format("<domain type='{}'><name>{}</name><uuid>{}</uuid><memory unit='KiB'>65536</memory><vcpu>1</vcpu>"
                           "<os><type arch='{}'>{}</type></os>{}</domain>",
                           g.type, name, id, g.arch, g.os, devices);
    }
    case PV_KIND_NETWORK: return fmt::format("<network><name>{}</name><uuid>{}</uuid><ip address='192.0.2.1' netmask='255.255.255.0'/></network>", name, id);
    case PV_KIND_POOL: return fmt::format("<pool type='dir'><name>{}</name><uuid>{}</uuid><target><path>{}/pool-{}</path></target></pool>", name, id, work_folder(), name);
    case PV_KIND_VOLUME: return fmt::format("<volume><name>{}</name><capacity unit='bytes'>1048576</capacity><allocation>0</allocation></volume>", name);
    case PV_KIND_SECRET: return fmt::format("<secret ephemeral='no' private='no'><uuid>{}</uuid><usage type='volume'><volume>/{}</volume></usage></secret>", id, name);
    case PV_KIND_NWFILTER: return fmt::format("<filter name='{}' chain='root'><uuid>{}</uuid></filter>", name, id);
    case PV_KIND_NWFILTER_BINDING:
        return fmt::format("<filterbinding><owner><name>o</name><uuid>{}</uuid></owner><portdev name='{}'/><mac address='52:54:00:00:00:01'/>"
                           "<filterref filter='conform'/></filterbinding>",
                           id, name);
    case PV_KIND_INTERFACE: return fmt::format("<interface type='ethernet' name='{}'><start mode='none'/></interface>", name);
    case PV_KIND_NODEDEV:
        return fmt::format("<device><name>{}</name><parent>computer</parent><capability type='scsi_host'><capability type='fc_host'>"
                           "<wwnn>2000000012341234</wwnn><wwpn>1000000012341234</wwpn></capability></capability></device>",
                           name);
    case PV_KIND_SNAPSHOT: return fmt::format("<domainsnapshot><name>{}</name></domainsnapshot>", name);
    case PV_KIND_CHECKPOINT: return fmt::format("<domaincheckpoint><name>{}</name></domaincheckpoint>", name);
    case PV_KIND_NETWORK_PORT: return fmt::format("<networkport><uuid>{}</uuid><owner><name>o</name><uuid>{}</uuid></owner><mac address='52:54:00:00:00:02'/></networkport>", id, id);
    default: return {};
    }
}

std::string Scenario::lacks(std::uint32_t kind) { return fmt::format("there is no {} and the plugin makes none (see --document)", kind_name(kind)); }

namespace {

// What the kit's own document says of the object, as far as it is the client's to say: secrets and ports have no name, and
// node devices are named by their driver.
Authorised authorised_for(std::uint32_t kind, const std::string& name) {
    const bool named = kind != PV_KIND_SECRET && kind != PV_KIND_NETWORK_PORT && kind != PV_KIND_NODEDEV;
    const bool numbered = kind == PV_KIND_DOMAIN || kind == PV_KIND_NETWORK || kind == PV_KIND_POOL || kind == PV_KIND_SECRET ||
                          kind == PV_KIND_NWFILTER || kind == PV_KIND_NETWORK_PORT;
    return {kind, named ? name : "", numbered ? uuid_for(name) : ""};
}

} // namespace

ObjectPtr Scenario::fresh(std::uint32_t kind) {
    for (const Maker& m : kMakers) {
        const OpSpec* op = m.kind == kind ? find_op(m.op) : nullptr;
        if (op == nullptr || life_.slot(*op) == nullptr) continue;
        const ObjectPtr parent = m.parent != 0 ? object(m.parent) : nullptr;
        if (m.parent != 0 && !parent) continue;
        std::set<std::uint64_t> before;
        for (const ObjectPtr& o : objects_of(life_.host(), kind)) before.insert(o->handle);
        Arguments a;
        const std::string name = fmt::format("conform-{}", ++made_);
        a.document = document_for(life_, kind, name);
        if (life_.subject().documents.empty()) a.authorised = authorised_for(kind, name);
        const Ended e = call_op(life_, *op, parent, a);
        for (const ObjectPtr& o : objects_of(life_.host(), kind))
            if (before.count(o->handle) == 0) return o;
        if (e.done && e.status == PV_OK && kind != PV_KIND_VOLUME)
            complain("ops.ordinary", "{}: succeeded, and no {} was published", op->name, kind_name(kind));
    }
    return nullptr;
}

ObjectPtr Scenario::object(std::uint32_t kind) {
    const auto found = objects_of(life_.host(), kind);
    return found.empty() ? fresh(kind) : found.front();
}

ObjectPtr Scenario::running_domain() {
    for (const ObjectPtr& o : objects_of(life_.host(), PV_KIND_DOMAIN))
        if ((o->attrs & PV_ATTR_ACTIVE) != 0) return o;
    const ObjectPtr o = object(PV_KIND_DOMAIN);
    const OpSpec* create = find_op("dom_lifecycle.create");
    if (!o || (o->attrs & PV_ATTR_ACTIVE) != 0 || create == nullptr || life_.slot(*create) == nullptr) return o;
    call_op(life_, *create, o);
    return o;
}

namespace {

int rank_of(const OpSpec& op) {
    const std::string_view n = op.slot_name();
    const auto is = [&](std::initializer_list<std::string_view> names) { return std::find(names.begin(), names.end(), n) != names.end(); };
    if (is({"define_xml", "create_xml"})) return 0;
    if (op.target == 0) return 1;
    if (is({"create", "build"})) return 2;
    if (is({"undefine", "delete_vol", "delete_pool", "remove", "del"}) || n.rfind("delete", 0) == 0) return 9;
    if (is({"destroy"})) return 8;
    if (is({"shutdown", "reboot", "reset"})) return 7;
    if (is({"abort_job"})) return 6;
    return op.changes ? 4 : 3;
}

} // namespace

std::vector<const OpSpec*> in_order(std::vector<const OpSpec*> ops) {
    std::stable_sort(ops.begin(), ops.end(), [](const OpSpec* a, const OpSpec* b) { return rank_of(*a) < rank_of(*b); });
    return ops;
}

ObjectPtr target_of(Scenario& scenario, const OpSpec& op, bool& usable) {
    usable = true;
    if (op.target == PV_KIND_NONE) return nullptr;
    ObjectPtr o = scenario.object(op.target);
    usable = o != nullptr;
    return o;
}

} // namespace polyvirt::conform
