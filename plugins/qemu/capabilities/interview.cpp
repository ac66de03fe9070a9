// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "capabilities/interview.h"

#include <algorithm>
#include <initializer_list>
#include <map>

namespace polyvirt::qemu {
namespace {

using Json = nlohmann::json;

std::string without(std::string text, std::string_view suffix) {
    if (text.ends_with(suffix)) text.resize(text.size() - suffix.size());
    return text;
}

std::vector<std::string> names(const Json& list, const char* key) {
    std::vector<std::string> found;
    for (const Json& j : list) found.push_back(key == nullptr ? j.get<std::string>() : j.value(key, ""));
    std::sort(found.begin(), found.end());
    return found;
}

void read_machines(const Json& list, Emulator& e, std::string_view cpu_suffix) {
    for (const Json& j : list) {
        Machine m;
        m.name = j.value("name", "");
        if (m.name.empty() || m.name == "none") continue;
        m.alias = j.value("alias", "");
        m.default_cpu = without(j.value("default-cpu-type", ""), cpu_suffix);
        m.max_cpus = j.value("cpu-max", 1U);
        m.is_default = j.value("is-default", false);
        m.deprecated = j.value("deprecated", false);
        e.machines.push_back(std::move(m));
    }
}

void read_models(const Json& list, CpuOffer& offer) {
    for (const Json& j : list) {
        CpuModel c;
        c.name = j.value("name", "");
        if (c.name.empty() || c.name == "host" || c.name == "base" || c.name == "max") continue;
        c.deprecated = j.value("deprecated", false);
        if (const auto missing = j.find("unavailable-features"); missing != j.end()) {
            c.usable = missing->empty();
            for (const Json& f : *missing) {
                if (f.is_string()) c.missing.push_back(f);
            }
        }
        offer.models.push_back(std::move(c));
    }
}

// The emulator's own description of its monitor, in which types are known by made-up names.
class Schema {
  public:
    explicit Schema(const Json& list) {
        for (const Json& j : list) by_name_.emplace(j.value("name", ""), &j);
    }
    [[nodiscard]] std::vector<std::string> commands() const {
        std::vector<std::string> found;
        for (const auto& [name, j] : by_name_) {
            if (j->value("meta-type", "") == "command") found.push_back(name);
        }
        return found; // the map is sorted
    }
    // The values of an enumeration: where a command's `start` ("arg-type", "ret-type") leads along members.
    [[nodiscard]] std::vector<std::string> values(const char* command, const char* start,
                                                  std::initializer_list<const char*> members) const {
        std::string type = text(command, start);
        for (const char* member : members) type = member_type(type, member);
        const auto it = by_name_.find(type);
        if (it == by_name_.end() || !it->second->contains("values")) return {};
        return names(it->second->at("values"), nullptr);
    }

  private:
    [[nodiscard]] std::string text(const std::string& name, const char* key) const {
        const auto it = by_name_.find(name);
        return it != by_name_.end() ? it->second->value(key, "") : std::string();
    }
    [[nodiscard]] std::string member_type(const std::string& type, std::string_view member) const {
        const auto it = by_name_.find(type);
        if (it == by_name_.end() || !it->second->contains("members")) return {};
        for (const Json& m : it->second->at("members")) {
            if (m.value("name", "") == member) return m.value("type", "");
        }
        return {};
    }

    std::map<std::string, const Json*> by_name_;
};

void read_properties(const Json& properties, CpuOffer& offer) {
    offer.vendor = properties.value("vendor", "");
    offer.family = properties.value("family", 0U);
    offer.model = properties.value("model", 0U);
    offer.stepping = properties.value("stepping", 0U);
    offer.can_migrate = properties.contains("migratable");
    for (const auto& [name, value] : properties.items()) {
        const bool on = !value.is_boolean() || value.get<bool>();
        if (name.starts_with("hv-")) {
            if (on) offer.hyperv.push_back(name.substr(3));
        } else if (value.is_boolean()) {
            offer.known.push_back(name);
            if (on) offer.features.push_back(name);
        }
    }
}

} // namespace

Status interview(Questions& q, Emulator& e) {
    PV_TRY(q.begin());
    PV_ASSIGN_OR_RETURN(const Json version, q.ask("query-version"));
    const Json& v = version.at("qemu");
    e.version = v.at("major").get<std::uint64_t>() * 1'000'000 + v.at("minor").get<std::uint64_t>() * 1000 +
                v.at("micro").get<std::uint64_t>();
    PV_ASSIGN_OR_RETURN(const Json target, q.ask("query-target"));
    PV_ASSIGN_OR_RETURN(const Json kvm, q.ask("query-kvm"));
    e.kvm = kvm.value("enabled", false);
    PV_ASSIGN_OR_RETURN(const Json machines, q.ask("query-machines"));
    read_machines(machines, e, "-" + target.value("arch", "") + "-cpu");
    PV_ASSIGN_OR_RETURN(const Json devices, q.ask("qom-list-types", {{"implements", "device"}}));
    e.devices = names(devices, "name");
    PV_ASSIGN_OR_RETURN(const Json objects, q.ask("qom-list-types", {{"implements", "user-creatable"}}));
    e.objects = names(objects, "name");
    PV_ASSIGN_OR_RETURN(const Json described, q.ask("query-qmp-schema"));
    const Schema schema(described);
    e.commands = schema.commands();
    e.displays = schema.values("query-display-options", "ret-type", {"type"});
    e.chardevs = schema.values("chardev-add", "arg-type", {"backend", "type"});
    if (e.has_command("query-tpm-types")) {
        PV_ASSIGN_OR_RETURN(const Json tpms, q.ask("query-tpm-types"));
        e.tpms = names(tpms, nullptr);
    }
    return {};
}

void interview_cpus(Questions& q, bool kvm, CpuOffer& offer) {
    if (const auto models = q.ask("query-cpu-definitions")) read_models(*models, offer);
    const char* richest = kvm ? "host" : "max";
    // What can be migrated is asked for first; emulators of other architectures have no such property.
    for (const bool migratable : {true, false}) {
        Json model = Json::object();
        model["name"] = richest;
        if (migratable) model["props"]["migratable"] = true;
        const auto answer = q.ask("query-cpu-model-expansion", {{"type", "full"}, {"model", model}});
        if (!answer || !answer->contains("model") || !answer->at("model").contains("props")) continue;
        return read_properties(answer->at("model").at("props"), offer);
    }
}

} // namespace polyvirt::qemu
