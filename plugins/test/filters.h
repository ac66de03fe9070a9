// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Network filters and their bindings. Any thread.

#include "described.h"
#include "sdk/nwfilter/nwfilter.h"

namespace polyvirt::test {

struct FilterObject : sdk::Object {
    using Object::Object;
    std::shared_ptr<const sdk::nwfilter::Filter> document PV_GUARDED_BY(mu);
    std::shared_ptr<const sdk::xml::Node> faults_text PV_GUARDED_BY(mu);
    std::size_t bindings PV_GUARDED_BY(mu) = 0; // that refer to it: it stays as long as there are any
};
using FilterPtr = std::shared_ptr<FilterObject>;
using DescribedFilter = DescribedObject<sdk::nwfilter::Filter>;

struct BindingObject : sdk::Object {
    BindingObject(std::string port_device, FilterPtr of) : Object(Uuid{}, std::move(port_device)), filter(std::move(of)) {}
    const FilterPtr filter;
    std::shared_ptr<const sdk::nwfilter::Binding> document PV_GUARDED_BY(mu);
};
using BindingPtr = std::shared_ptr<BindingObject>;

class Filters final : public Part {
  public:
    using Table = sdk::ObjectTable<FilterObject>;
    using BindingTable = NameTable<BindingObject>;

    explicit Filters(Driver& driver);

    [[nodiscard]] bool knows(std::string_view element) const override { return element == "filter"; }
    Status load(const sdk::xml::Node& element) override;

    [[nodiscard]] Result<DescribedFilter> parse(std::string_view xml) const;
    Result<std::uint64_t> put(pv_call* call, const DescribedFilter& described) PV_NO_LOCKS_HELD;
    Status undefine(const FilterPtr& filter) PV_NO_LOCKS_HELD;
    Result<std::uint64_t> bind(pv_call* call, const sdk::nwfilter::Binding& binding) PV_NO_LOCKS_HELD;
    Status unbind(const BindingPtr& binding) PV_NO_LOCKS_HELD;

  private:
    // The filter of that name, counted as bound once more; null: there is none.
    [[nodiscard]] FilterPtr bound(const std::string& name) const;

    Driver& driver_;
    const plugin::Services& s_;
    Table table_;
    BindingTable bindings_;
};

} // namespace polyvirt::test
