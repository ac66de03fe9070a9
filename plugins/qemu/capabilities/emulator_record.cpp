// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// An emulator's answers as they are kept in the cache area.

#include <nlohmann/json.hpp>

#include "capabilities/emulators.h"

namespace polyvirt::qemu {

using Json = nlohmann::json;

// NOLINTBEGIN(readability-identifier-naming): names that nlohmann looks for
void to_json(Json& j, const Machine& m) {
    j = {{"name", m.name}, {"alias", m.alias}, {"cpu", m.default_cpu}, {"max_cpus", m.max_cpus},
         {"default", m.is_default}, {"deprecated", m.deprecated}};
}
void from_json(const Json& j, Machine& m) {
    m = {j.at("name"), j.at("alias"), j.at("cpu"), j.at("max_cpus"), j.at("default"), j.at("deprecated")};
}
void to_json(Json& j, const CpuModel& m) {
    j = {{"name", m.name}, {"usable", m.usable}, {"deprecated", m.deprecated}, {"missing", m.missing}};
}
void from_json(const Json& j, CpuModel& m) { m = {j.at("name"), j.at("usable"), j.at("deprecated"), j.at("missing")}; }
void to_json(Json& j, const CpuOffer& o) {
    j = {{"models", o.models}, {"vendor", o.vendor}, {"family", o.family}, {"model", o.model}, {"stepping", o.stepping},
         {"features", o.features}, {"known", o.known}, {"hyperv", o.hyperv}, {"can_migrate", o.can_migrate}};
}
void from_json(const Json& j, CpuOffer& o) {
    o = {j.at("models").get<std::vector<CpuModel>>(), j.at("vendor"), j.at("family"), j.at("model"), j.at("stepping"),
         j.at("features"), j.at("known"), j.at("hyperv"), j.at("can_migrate")};
}
// NOLINTEND(readability-identifier-naming)

namespace {
struct List {
    const char* key;
    std::vector<std::string> Emulator::*member;
};
constexpr List kLists[] = {{"devices", &Emulator::devices},   {"objects", &Emulator::objects},
                           {"displays", &Emulator::displays}, {"chardevs", &Emulator::chardevs},
                           {"tpms", &Emulator::tpms},         {"commands", &Emulator::commands}};
} // namespace

Json emulator_to_json(const Emulator& e) {
    Json j = {{"path", e.path}, {"arch", e.arch}, {"version", e.version}, {"kvm", e.kvm},
              {"machines", e.machines}, {"tcg_cpus", e.tcg_cpus}, {"kvm_cpus", e.kvm_cpus}};
    for (const List& l : kLists) j[l.key] = e.*l.member;
    return j;
}

Emulator emulator_from_json(const Json& j) {
    Emulator e;
    j.at("path").get_to(e.path);
    j.at("arch").get_to(e.arch);
    j.at("version").get_to(e.version);
    j.at("kvm").get_to(e.kvm);
    j.at("machines").get_to(e.machines);
    j.at("tcg_cpus").get_to(e.tcg_cpus);
    j.at("kvm_cpus").get_to(e.kvm_cpus);
    for (const List& l : kLists) j.at(l.key).get_to(e.*l.member);
    return e;
}

} // namespace polyvirt::qemu
