// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Secrets and their values. Any thread.

#include "described.h"
#include "sdk/secret/secret.h"

namespace polyvirt::test {

struct SecretObject : sdk::Object {
    using Object::Object;
    std::shared_ptr<const sdk::secret::Secret> document PV_GUARDED_BY(mu);
    std::optional<std::vector<std::uint8_t>> value PV_GUARDED_BY(mu);
    std::shared_ptr<const sdk::xml::Node> faults_text PV_GUARDED_BY(mu);
};
using SecretPtr = std::shared_ptr<SecretObject>;
using DescribedSecret = DescribedObject<sdk::secret::Secret>;

class Secrets final : public Part {
  public:
    using Table = sdk::ObjectTable<SecretObject>;
    using Change = std::function<Status(SecretObject&)>; // under the secret's lock

    explicit Secrets(Driver& driver);

    [[nodiscard]] bool knows(std::string_view element) const override { return element == "secret"; }
    Status load(const sdk::xml::Node& element) override;

    static SecretPtr of(const pv_obj* obj) { return Table::from(obj); }
    [[nodiscard]] Result<DescribedSecret> parse(std::string_view xml) const;
    // Defines it, anew or in the place of the one with its uuid, unless another has its usage. Its handle.
    Result<std::uint64_t> put(pv_call* call, const DescribedSecret& described) PV_NO_LOCKS_HELD;
    Status change(const SecretPtr& secret, const Change& change) PV_NO_LOCKS_HELD;
    Status undefine(const SecretPtr& secret) PV_NO_LOCKS_HELD;
    void post_value_changed(const SecretObject& secret) const PV_REQUIRES(secret.mu);

  private:
    void post(const SecretObject& secret, std::int32_t id, const void* payload) const PV_REQUIRES(secret.mu);

    Driver& driver_;
    const plugin::Services& s_;
    Table table_;
};

} // namespace polyvirt::test
