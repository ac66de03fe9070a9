// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "filters.h"

#include <set>

namespace polyvirt::test {

namespace nwfilter = sdk::nwfilter;
using sdk::xml::Node;

namespace {

Result<DescribedFilter> described_filter(const Node& root) {
    return describe_object<nwfilter::Filter>(root, [](const Node& n) { return nwfilter::parse_filter(n); });
}

std::vector<std::string> named_by(const nwfilter::Filter& f) {
    std::vector<std::string> out;
    for (const nwfilter::Entry& e : f.entries)
        if (!e.is_rule()) out.push_back(e.filter);
    return out;
}

using Graph = std::map<std::string, std::vector<std::string>>;

bool reaches(const Graph& graph, const std::string& from, const std::string& wanted) {
    std::set<std::string> seen;
    std::vector<std::string> open{from};
    while (!open.empty()) {
        const std::string name = std::move(open.back());
        open.pop_back();
        const auto found = graph.find(name);
        if (found == graph.end()) continue;
        for (const std::string& next : found->second) {
            if (next == wanted) return true;
            if (seen.insert(next).second) open.push_back(next);
        }
    }
    return false;
}

} // namespace

Filters::Filters(Driver& driver)
    : driver_(driver), s_(driver.services()), table_(driver.services(), PV_KIND_NWFILTER, ErrorDomain::test, "filter"),
      bindings_(driver.services(), PV_KIND_NWFILTER_BINDING) {}

Result<DescribedFilter> Filters::parse(std::string_view xml) const {
    PV_ASSIGN_OR_RETURN(const Node root, sdk::xml::read(xml, nwfilter::kFilterRoot.what));
    return described_filter(root);
}

namespace {

// Which filter names which.
Graph references(const std::vector<FilterPtr>& filters) {
    Graph graph;
    for (const FilterPtr& f : filters) {
        const ObjectLock lock(f->mu);
        if (f->document) graph[f->name] = named_by(*f->document);
    }
    return graph;
}

Status no_loop(const nwfilter::Filter& filter, const std::vector<FilterPtr>& others) {
    Graph graph = references(others);
    graph[filter.name] = named_by(filter);
    if (!reaches(graph, filter.name, filter.name)) return {};
    return make_error(ErrorCode::operation_failed, ErrorDomain::test, "filter would introduce a loop");
}

Error in_use() { return make_error(ErrorCode::operation_invalid, ErrorDomain::test, "nwfilter is in use"); }

} // namespace

Result<std::uint64_t> Filters::put(pv_call* call, const DescribedFilter& d) {
    const auto fresh = std::make_shared<FilterObject>(*d.value->uuid, d.value->name);
    {
        const ObjectLock lock(fresh->mu);
        fresh->document = d.value;
    }
    pv_obj_desc desc{};
    desc.dom_id = -1;
    desc.attrs = PV_ATTR_PERSISTENT;
    std::uint64_t handle = 0;
    PV_TRY(table_.define(
        fresh, call, desc, [&](const FilterPtr&, const std::vector<FilterPtr>& others) { return no_loop(*d.value, others); },
        [&](FilterObject& f, bool) PV_REQUIRES(f.mu) {
            f.document = d.value;
            f.faults_text = d.faults_text;
            driver_.faults().declare(f.handle, d.faults);
            handle = f.handle;
        }));
    return handle;
}

Status Filters::undefine(const FilterPtr& filter) {
    return table_.remove(
        *filter,
        [&](const std::vector<FilterPtr>& others) -> Status {
            for (const auto& [name, named] : references(others))
                if (std::find(named.begin(), named.end(), filter->name) != named.end()) return in_use();
            return {};
        },
        [this](FilterObject& f) PV_REQUIRES(f.mu) -> Status {
            if (f.removed)
                return make_error(ErrorCode::no_nwfilter, ErrorDomain::test, "no nwfilter with matching uuid '{}'", f.uuid.to_string());
            if (f.bindings != 0) return in_use();
            driver_.faults().declare(f.handle, {});
            return {};
        });
}

FilterPtr Filters::bound(const std::string& name) const {
    for (FilterPtr& f : table_.all()) {
        const ObjectLock lock(f->mu);
        if (f->name != name || f->removed) continue;
        ++f->bindings;
        return f;
    }
    return nullptr;
}

Result<std::uint64_t> Filters::bind(pv_call* call, const nwfilter::Binding& binding) {
    FilterPtr filter = bound(binding.filter_ref.filter);
    if (!filter)
        return make_error(ErrorCode::internal_error, ErrorDomain::test, "referenced filter '{}' is missing", binding.filter_ref.filter);
    const auto fresh = std::make_shared<BindingObject>(binding.port_device, filter);
    {
        const ObjectLock lock(fresh->mu);
        fresh->document = std::make_shared<const nwfilter::Binding>(binding);
    }
    const pv_key keys[] = {{"filter", binding.filter_ref.filter.c_str()}};
    pv_obj_desc desc{};
    desc.dom_id = -1;
    desc.nkeys = 1;
    desc.keys = keys;
    auto added = bindings_.add(fresh, call, desc);
    if (added && !added->fresh)
        added = make_error(ErrorCode::operation_failed, ErrorDomain::test, "binding '{}' already exists", binding.port_device);
    if (!added) {
        const ObjectLock lock(filter->mu);
        --filter->bindings;
        return std::move(added).error();
    }
    const ObjectLock lock(added->object->mu);
    return added->object->handle;
}

Status Filters::unbind(const BindingPtr& binding) {
    if (!bindings_.remove(*binding))
        return make_error(ErrorCode::no_nwfilter_binding, ErrorDomain::test, "no nwfilter binding for port dev '{}'", binding->name);
    const ObjectLock lock(binding->filter->mu);
    --binding->filter->bindings;
    return {};
}

Status Filters::load(const Node& element) {
    PV_ASSIGN_OR_RETURN(const DescribedFilter d, described_filter(element));
    auto put_there = put(nullptr, d);
    return put_there ? Status() : Status(std::move(put_there).error());
}

} // namespace polyvirt::test
