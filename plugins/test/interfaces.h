// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Network interfaces of the imaginary host. Any thread.

#include "described.h"
#include "sdk/interface/interface.h"

namespace polyvirt::test {

struct HostInterface : sdk::Object {
    explicit HostInterface(std::string object_name) : Object(Uuid{}, std::move(object_name)) {}
    std::shared_ptr<const sdk::interface::Interface> document PV_GUARDED_BY(mu);
    bool active PV_GUARDED_BY(mu) = false;
    std::shared_ptr<const sdk::xml::Node> faults_text PV_GUARDED_BY(mu);
};
using HostInterfacePtr = std::shared_ptr<HostInterface>;
using DescribedInterface = DescribedObject<sdk::interface::Interface>;

class Interfaces final : public Part {
  public:
    using Table = NameTable<HostInterface>;
    using Change = std::function<Status(HostInterface&)>; // under the interface's lock

    explicit Interfaces(Driver& driver);

    [[nodiscard]] bool knows(std::string_view element) const override { return element == "interface"; }
    Status load(const sdk::xml::Node& element) override;

    static HostInterfacePtr of(const pv_obj* obj) { return Table::from(obj); }
    [[nodiscard]] Result<DescribedInterface> parse(std::string_view xml) const;
    Result<std::uint64_t> put(pv_call* call, const DescribedInterface& described) PV_NO_LOCKS_HELD;
    Status change(const HostInterfacePtr& interface, const Change& change) PV_NO_LOCKS_HELD;
    void remove(HostInterface& interface) PV_NO_LOCKS_HELD;
    void set_active(HostInterface& interface, bool active) const PV_REQUIRES(interface.mu);

    // What is remembered at `begin` is there again after `roll_back`, and forgotten with `commit`.
    Status begin() PV_NO_LOCKS_HELD;
    Status commit() PV_NO_LOCKS_HELD;
    Status roll_back() PV_NO_LOCKS_HELD;

  private:
    struct Remembered {
        DescribedInterface described;
        bool active;
    };
    Driver& driver_;
    const plugin::Services& s_;
    Table table_;
    Mutex changes_mu_{Rank::leaf};
    std::optional<std::vector<Remembered>> before_ PV_GUARDED_BY(changes_mu_);
};

} // namespace polyvirt::test
