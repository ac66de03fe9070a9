// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "filters.h"

#include <set>

namespace polyvirt::test {

namespace nwfilter = sdk::nwfilter;
using sdk::xml::Node;

namespace {

Result<DescribedFilter> described(const Node& root) {
    return describe_object<nwfilter::Filter>(root, [](const Node& n) { return nwfilter::parse_filter(n); });
}

std::vector<std::string> named_by(const nwfilter::Filter& f) {
    std::vector<std::string> out;
    for (const nwfilter::Entry& e : f.entries)
        if (!e.is_rule()) out.push_back(e.filter);
    return out;
}

bool reaches(const std::map<std::string, std::vector<std::string>>& graph, const std::string& from, const std::string& wanted) {
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
    return described(root);
}

Filters::Graph Filters::references() const {
    Graph graph;
    for (const FilterPtr& f : table_.all()) {
        const ObjectLock lock(f->mu);
        if (f->document) graph[f->name] = named_by(*f->document);
    }
    return graph;
}

Result<std::uint64_t> Filters::put(pv_call* call, const DescribedFilter& d) {
    Graph graph = references();
    graph[d.value->name] = named_by(*d.value);
    if (reaches(graph, d.value->name, d.value->name))
        return make_error(ErrorCode::operation_failed, ErrorDomain::test, "filter would introduce a loop");
    const auto fresh = std::make_shared<FilterObject>(*d.value->uuid, d.value->name);
    {
        const ObjectLock lock(fresh->mu);
        fresh->document = d.value;
    }
    pv_obj_desc desc{};
    desc.dom_id = -1;
    desc.attrs = PV_ATTR_PERSISTENT;
    PV_ASSIGN_OR_RETURN(const Table::Added added, table_.add(fresh, call, desc));
    const ObjectLock lock(added.object->mu);
    added.object->document = d.value;
    added.object->faults_text = d.faults_text;
    driver_.faults().declare(added.object->handle, d.faults);
    return added.object->handle;
}

Status Filters::undefine(const FilterPtr& filter) {
    const auto in_use = [] { return make_error(ErrorCode::operation_invalid, ErrorDomain::test, "nwfilter is in use"); };
    for (const auto& [name, named] : references())
        if (std::find(named.begin(), named.end(), filter->name) != named.end()) return in_use();
    for (const BindingPtr& b : bindings_.all()) {
        const ObjectLock lock(b->mu);
        if (b->document->filter_ref.filter == filter->name) return in_use();
    }
    {
        const ObjectLock lock(filter->mu);
        if (filter->removed)
            return make_error(ErrorCode::no_nwfilter, ErrorDomain::test, "no nwfilter with matching uuid '{}'", filter->uuid.to_string());
        driver_.faults().declare(filter->handle, {});
    }
    table_.remove(*filter);
    return {};
}

Result<std::uint64_t> Filters::bind(pv_call* call, const nwfilter::Binding& binding) {
    const auto all = table_.all();
    const bool known = std::any_of(all.begin(), all.end(), [&](const FilterPtr& f) { return f->name == binding.filter_ref.filter; });
    if (!known)
        return make_error(ErrorCode::internal_error, ErrorDomain::test, "referenced filter '{}' is missing", binding.filter_ref.filter);
    const auto fresh = std::make_shared<BindingObject>(binding.port_device);
    {
        const ObjectLock lock(fresh->mu);
        fresh->document = std::make_shared<const nwfilter::Binding>(binding);
    }
    const pv_key keys[] = {{"filter", binding.filter_ref.filter.c_str()}};
    pv_obj_desc desc{};
    desc.dom_id = -1;
    desc.nkeys = 1;
    desc.keys = keys;
    PV_ASSIGN_OR_RETURN(const BindingTable::Added added, bindings_.add(fresh, call, desc));
    if (!added.fresh)
        return make_error(ErrorCode::operation_failed, ErrorDomain::test, "binding '{}' already exists", binding.port_device);
    const ObjectLock lock(added.object->mu);
    return added.object->handle;
}

Status Filters::unbind(const BindingPtr& binding) {
    bool removed = false;
    {
        const ObjectLock lock(binding->mu);
        removed = binding->removed;
    }
    if (removed)
        return make_error(ErrorCode::no_nwfilter_binding, ErrorDomain::test, "no nwfilter binding for port dev '{}'", binding->name);
    bindings_.remove(*binding);
    return {};
}

Status Filters::load(const Node& element) {
    PV_ASSIGN_OR_RETURN(const DescribedFilter d, described(element));
    auto put_there = put(nullptr, d);
    return put_there ? Status() : Status(std::move(put_there).error());
}

} // namespace polyvirt::test
