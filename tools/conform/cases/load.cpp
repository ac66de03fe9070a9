// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// The file itself, and what is asked before there is an instance.

#include <algorithm>
#include <array>
#include <ctime>
#include <cstring>
#include <dlfcn.h>
#include <random>

#include "tools/conform/cases/cases.h"
#include "tools/conform/life.h"
#include "tools/conform/process_state.h"

namespace polyvirt::conform {
namespace {

constexpr const char* kEntry = "pv_plugin_entry_v1";

struct Unwanted {
    const char* begin; // of the library's name
    const char* why;
};
constexpr std::array kUnwanted = {
    Unwanted{"libpolyvirt", "the host's code is reached through the ABI alone"},
    Unwanted{"libvirt", "a plugin stands behind the daemon, not on the peer's libraries"},
    Unwanted{"libevent", "loops are the host's (host.loop)"},
    Unwanted{"libuv.", "loops are the host's (host.loop)"},
    Unwanted{"libpython", "an interpreter in the daemon cannot be retired"},
    Unwanted{"libtcmalloc", "the allocator of the process is not a plugin's to choose"},
    Unwanted{"libjemalloc", "the allocator of the process is not a plugin's to choose"},
};

double cpu_seconds() {
    timespec t{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

std::string some(const std::vector<std::string>& names) {
    std::string text;
    for (std::size_t i = 0; i < names.size() && i < 5; ++i) text += (i == 0 ? "" : ", ") + names[i];
    return text + (names.size() > 5 ? ", ..." : "");
}

} // namespace

void manifest(const Subject& subject) {
    if (!subject.elf.manifest_fault.empty()) {
        complain("load.manifest", "{}", subject.elf.manifest_fault);
        return;
    }
    for (const std::string& fault : subject.manifest.faults) complain("load.manifest", "{}", fault);
    for (const auto& [id, size] : subject.manifest.needs) {
        world().behaviour = {};
        const void* table = find_service(id.c_str(), 0);
        std::uint32_t have = 0;
        if (table != nullptr) std::memcpy(&have, table, sizeof have);
        if (table == nullptr) complain("load.manifest", "needs: no host offers {}", id);
        else if (size > have) complain("load.manifest", "needs: {} of {} bytes, hosts of this release have {}", id, size, have);
    }
    const auto tables = all_tables();
    for (const std::string& id : subject.manifest.provides)
        if (id.rfind("x.", 0) != 0 && std::none_of(tables.begin(), tables.end(), [&](const TableSpec& t) { return id == t.id; }))
            complain("load.manifest", "provides: there is no table {}", id);
    fact("id", subject.manifest.id);
    for (const std::string& scheme : subject.manifest.uri) fact("scheme", scheme);
    for (const std::string& kind : subject.manifest.kinds) fact("kind", kind);
    fact("abi", fmt::format("{}.{}", subject.manifest.abi_major, subject.manifest.abi_minor));
}

void symbols(const Subject& subject) {
    std::vector<std::string> more = subject.elf.exported;
    const auto at = std::find(more.begin(), more.end(), kEntry);
    if (at == more.end()) complain("load.symbols", "it does not export {}", kEntry);
    else more.erase(at);
    // A later major has an entry of its own beside this one.
    more.erase(std::remove_if(more.begin(), more.end(), [](const std::string& n) { return n.rfind("pv_plugin_entry_v", 0) == 0; }), more.end());
    if (!more.empty()) complain("load.symbols", "it exports {} symbols besides its entry: {} (version script, hidden visibility)", more.size(), some(more));
    if (!subject.elf.unique.empty())
        complain("load.symbols", "{} unique symbols pin it in memory and are shared by its generations: {} (-fno-gnu-unique)", subject.elf.unique.size(), some(subject.elf.unique));
}

void imports(const Subject& subject) {
    std::vector<void*> libraries;
    for (const std::string& name : subject.elf.needed) {
        void* library = ::dlopen(name.c_str(), RTLD_LAZY | RTLD_LOCAL);
        if (library == nullptr) complain("load.imports", "the library {} cannot be loaded: {}", name, ::dlerror());
        else libraries.push_back(library);
    }
    std::vector<std::string> missing;
    for (const std::string& symbol : subject.elf.undefined) {
        const bool found = std::any_of(libraries.begin(), libraries.end(), [&](void* l) { return ::dlsym(l, symbol.c_str()) != nullptr; });
        if (!found) missing.push_back(symbol);
    }
    if (!missing.empty()) complain("load.imports", "nothing that it is linked with defines {} (-Wl,-z,defs)", some(missing));
}

void linking(const Subject& subject) {
    const ElfFile& e = subject.elf;
    if (e.text_relocations) complain("load.linking", "it has text relocations (-fPIC)");
    if (e.static_tls) complain("load.linking", "it needs static TLS, of which a process has little");
    if (e.executable_stack) complain("load.linking", "it asks for an executable stack");
    if (!e.symbolic) complain("load.linking", "it is not linked with -Bsymbolic: another library's symbols could take the place of its own");
    if (!e.rpath.empty() && e.rpath.rfind("$ORIGIN", 0) != 0) complain("load.linking", "its run path leads elsewhere: {}", e.rpath);
}

void libraries(const Subject& subject) {
    for (const std::string& name : subject.elf.needed) {
        fact("library", name);
        for (const Unwanted& u : kUnwanted)
            if (name.rfind(u.begin, 0) == 0) complain("load.libraries", "it needs {}: {}", name, u.why);
    }
}

void open_now(const Subject& subject) {
    // Its libraries first: what they do to the process is not its fault.
    for (const std::string& name : subject.elf.needed) ::dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
    const ProcessState before = ProcessState::take();
    const Census things = Census::take();
    const double cpu = cpu_seconds();
    step("dlopen");
    if (::dlopen(subject.path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE) == nullptr) complain("load.open", "{}", ::dlerror());
    const double took = cpu_seconds() - cpu;
    constexpr double kMost = 0.5; // 50 ms are meant; sanitizers and slow machines need more
    if (took > kMost) complain("load.open", "loading computed for {:.0f} ms: constructors have no work to do", took * 1000);
    ProcessState::take().compare(before, "loading", "load.open");
    Census::take().compare(things, "loading", "load.open");
}

void entry(const Subject& subject) {
    const ProcessState before = ProcessState::take();
    const pv_plugin& t = Plugin::load(subject).table();
    const bool understood = subject.manifest.faults.empty(); // else load.manifest has said so
    if (understood && subject.manifest.id != t.id) complain("load.entry", "its manifest says id '{}', its table '{}'", subject.manifest.id, t.id);
    if (t.concurrency < PV_CONCURRENCY_SERIAL_ALL || t.concurrency > PV_CONCURRENCY_PARALLEL)
        complain("load.entry", "concurrency {} is unknown", t.concurrency);
    if (understood && t.abi_minor < subject.manifest.abi_minor) complain("load.entry", "its table is of minor {}, its manifest needs {}", t.abi_minor, subject.manifest.abi_minor);
    if (t.version == nullptr || t.build_id == nullptr) complain("load.entry", "its table has no version or build_id");
    constexpr std::array kModels = {"", "one op at a time", "one op per object at a time", "parallel"};
    fact("concurrency", kModels[std::min<std::size_t>(t.concurrency, 3)]);
    if (t.version != nullptr) fact("version", t.version);
    ProcessState::take().compare(before, "pv_plugin_entry_v1");
}

void entry_versions(const Subject& subject) {
    Plugin& plugin = Plugin::load(subject);
    struct Host {
        std::uint32_t minor;
        const char* what;
    };
    for (const auto& [minor, what] : std::array{Host{PV_ABI_MINOR + 1, "newer"}, Host{PV_ABI_MINOR + 100, "much newer"}, Host{0, "older"}}) {
        world().behaviour.abi_minor = minor;
        std::string why;
        const pv_plugin* t = plugin.enter(why);
        if (t == nullptr && minor > PV_ABI_MINOR) complain("load.entry_versions", "it refuses a {} host (minor {}): {}; minors only add", what, minor, why);
        if (t == nullptr && minor == 0 && why.empty()) complain("load.entry_versions", "it refuses a host of minor 0 without a reason");
    }
    world().behaviour.abi_minor = PV_ABI_MINOR;
    world().behaviour.tables = Behaviour::Tables::exact;
    std::string why;
    if (plugin.enter(why) == nullptr) complain("load.entry_versions", "it refuses a host whose root table ends where it ends: {}", why);
}

void entry_twice(const Subject& subject) {
    Plugin& plugin = Plugin::load(subject);
    std::string why;
    for (int i = 0; i < 3; ++i) {
        const pv_plugin* t = plugin.enter(why);
        if (t == nullptr) complain("load.entry_twice", "it refuses to be entered again: {}", why);
        else if (t->create != plugin.table().create) complain("load.entry_twice", "another table than the first time");
    }
}

void probe_answers(const Subject& subject) {
    const Plugin& plugin = Plugin::load(subject);
    const Address own = find_address(subject);
    fact("uri", own.uri);
    const auto mine = plugin.probe(own.uri, own.privileged);
    if (!mine) throw GiveUp{"it does not serve its own URI the second time"};
    if (mine->lifetime < PV_LIFETIME_STATIC || mine->lifetime > PV_LIFETIME_KEPT) complain("probe.answers", "lifetime {} is unknown", mine->lifetime);
    if (mine->canonical.empty()) complain("probe.answers", "{}: no canonical URI", own.uri);
    const auto again = plugin.probe(mine->canonical, own.privileged);
    if (!again || again->instance != mine->instance) complain("probe.answers", "its canonical URI '{}' does not lead to the same instance", mine->canonical);

    std::vector<std::string> uris = {"", ":", "/", "://", "nobody:///system", "nobody+ssh://host/system", "http://example.org/", own.uri + "\x01",
                                     own.uri + std::string(300, 'x'), own.uri + std::string(100000, 'x'), std::string(1 << 20, 'a'),
                                     own.uri + "?" + std::string(5000, '%'), own.uri + "%00", "\xff\xfe:///", own.uri.substr(0, own.uri.find(':'))};
    std::mt19937_64 random(subject.seed);
    for (int i = 0; i < 200; ++i) {
        std::string uri = own.uri;
        for (int n = 0; n < 3; ++n) uri[random() % uri.size()] = static_cast<char>(1 + random() % 255);
        uris.push_back(uri);
    }
    for (const std::string& uri : uris)
        for (const bool privileged : {false, true}) {
            const auto p = plugin.probe(uri, privileged);
            if (!p) continue;
            if (p->lifetime < PV_LIFETIME_STATIC || p->lifetime > PV_LIFETIME_KEPT) complain("probe.answers", "probe of {} bytes: lifetime {}", uri.size(), p->lifetime);
            if (uri.rfind("nobody", 0) == 0 || uri.rfind("http:", 0) == 0) complain("probe.answers", "it takes '{}' for its own", uri);
            if (uri.find(p->canonical) == std::string::npos) log_text("'{}' is the canonical form of {} bytes", p->canonical.substr(0, 100), uri.size());
        }
}

void tables_provided(const Subject& subject) {
    Life life(subject, find_address(subject).instance);
    if (life.create() != PV_OK) throw GiveUp{"create failed"};
    const auto& provides = subject.manifest.provides;
    for (const TableSpec& t : all_tables()) {
        const bool said = std::find(provides.begin(), provides.end(), t.id) != provides.end();
        const void* table = life.interface(t.id);
        if (said && table == nullptr) complain("tables.provided", "the manifest provides {}, get_interface does not", t.id);
        if (!said && table != nullptr) complain("tables.provided", "get_interface answers {}, which the manifest does not provide", t.id);
        if (table != nullptr && life.interface(t.id) != table) complain("tables.provided", "{}: another table the second time; it is valid until destroy", t.id);
    }
    for (const OpSpec* op : life.ops()) fact("op", op->name);
    if (life.ops().empty()) complain("tables.provided", "it has no op at all");
    life.destroy();
}

void tables_unknown(const Subject& subject) {
    Life life(subject, find_address(subject).instance);
    if (life.create() != PV_OK) throw GiveUp{"create failed"};
    std::vector<std::string> ids = {"", "pv", "pv.", "pv.dom.lifecycle", "pv.dom.lifecycle/", "pv.dom.lifecycle/0", "pv.dom.lifecycle/2", "pv.nobody/1", "host.loop/1",
                                    std::string(100000, 'p')};
    for (const TableSpec& t : all_tables())
        for (const char* behind : {" ", "1", "/1", "\n", ".x", "\xff"}) ids.push_back(std::string(t.id) + behind);
    for (const std::string& id : ids)
        if (life.interface(id.c_str()) != nullptr) complain("tables.unknown", "get_interface answers '{}'", id.substr(0, 80));
    life.destroy();
}

} // namespace polyvirt::conform
