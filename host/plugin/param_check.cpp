// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/plugin/param_check.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <set>
#include <string_view>

#include <polyvirt/abi/gen/ops.h>
#include <polyvirt/abi/gen/params.h>

#include "base/log.h"
#include "base/param_name.h"
#include "base/sync.h"
#include "host/plugin/builders.h"
#include "host/plugin/instance.h"

namespace polyvirt::plugin {
namespace {

struct Rule {
    std::uint32_t family;
    std::string_view name;
    std::uint32_t types;
    bool many;
};
constexpr Rule kRules[] = {
#define PV_ROW(family, name, types, many) {family, name, types, many != 0},
    PV_PARAM_RULES(PV_ROW)
#undef PV_ROW
};

struct List {
    std::uint32_t op;
    std::size_t offset;
    bool out, groups;
    std::uint32_t family;
};
constexpr List kLists[] = {
#define PV_ROW(op, type, field, out, groups, family) {op, offsetof(type, field), out != 0, groups != 0, family},
    PV_OP_PARAMS(PV_ROW)
#undef PV_ROW
};

constexpr const char* kTypes[] = {"?", "int", "uint", "llong", "ullong", "double", "boolean", "string"};

std::string names_of(std::uint32_t types) {
    std::string text;
    for (std::int32_t t = PV_PARAM_INT; t <= PV_PARAM_STRING; ++t)
        if ((types & PV_PARAM_BIT(t)) != 0) text += (text.empty() ? "" : " or ") + std::string(kTypes[t]);
    return text;
}

void check(const pv_params& list, std::uint32_t family, std::vector<std::string>& wrong) {
    std::set<std::string_view> seen;
    for (const pv_params::Param& p : list.list) {
        const auto fits = [&](const Rule& r) { return r.family == family && param_name_fits(r.name, p.field); };
        std::uint32_t types = 0;
        bool known = false, many = false;
        for (const Rule& rule : kRules) {
            if (!fits(rule)) continue;
            known = true;
            many = many || rule.many;
            types |= rule.types;
        }
        if (!known) wrong.push_back(fmt::format("parameter '{}' is unknown", p.field));
        else if ((types & PV_PARAM_BIT(p.value.type)) == 0)
            wrong.push_back(fmt::format("parameter '{}' is {}, expected {}", p.field, kTypes[p.value.type], names_of(types)));
        if (!seen.insert(p.field).second && !many)
            wrong.push_back(fmt::format("parameter '{}' stands there twice", p.field));
    }
}

} // namespace

std::vector<std::string> wrong_params(std::uint32_t op, const void* out) {
    std::vector<std::string> wrong;
    for (const List& list : kLists) {
        if (list.op != op || !list.out) continue;
        const void* builder = nullptr;
        std::memcpy(&builder, static_cast<const char*>(out) + list.offset, sizeof builder);
        if (builder == nullptr) continue;
        if (!list.groups) check(*static_cast<const pv_params*>(builder), list.family, wrong);
        else
            for (const pv_groups::Group& group : static_cast<const pv_groups*>(builder)->list)
                check(group.params, list.family, wrong);
    }
    return wrong;
}

bool checks_params() { return log::enabled(log::Level::debug, "params"); }

void report_params(Instance& driver, std::uint32_t op, const char* op_name, const void* out) {
    constexpr std::size_t kMost = 1000; // remembered
    static Mutex mu{Rank::leaf};
    static std::set<std::string> told; // under mu
    for (const std::string& what : wrong_params(op, out)) {
        const std::string line = fmt::format("driver '{}', {}: {} (rule R26 of the plugin ABI)", driver.plugin_id(), op_name, what);
        bool fresh = false;
        {
            const LeafLock lock(mu);
            fresh = told.size() < kMost && told.insert(line).second;
        }
        if (!fresh) continue;
        driver.note_misbehaviour();
        log::warning("params", "{}", line);
    }
}

} // namespace polyvirt::plugin
