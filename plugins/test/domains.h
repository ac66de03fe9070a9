// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Domains: the domains of one imaginary host, and the verbs that ops are made of. A change is made by change(): it waits
// for the domain's job without a thread, then runs its body under the domain's lock, where looking, deciding, changing,
// showing it in the registry and queueing the event are one step. Any thread.

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include <polyvirt/abi/gen/events.h>

#include "driver.h"
#include "guest.h"
#include "saved_images.h"
#include "sdk/operation.h"

namespace polyvirt::test {

// A document as it came: the domain, and what is declared to go wrong with it.
struct Described {
    DocumentPtr domain;
    FaultSet faults;
    std::shared_ptr<const sdk::xml::Node> faults_text;
};

Error no_domain(const Guest& guest);
Error invalid(std::string_view text); // operation_invalid
Error not_running();

// What the imaginary machine adds to a document. It has no board, so no device gets a PCI address. Idempotent.
Status complete_domain(Domain& domain);

// The device of a document that a caller names: a disk by target or source, an interface by target or MAC.
Result<const sdk::domain::Disk*> find_disk(const Domain& domain, std::string_view name);
Result<const sdk::domain::Interface*> find_interface(const Domain& domain, std::string_view name);
std::string source_of(const sdk::domain::Disk& disk);

class Domains final : public Part {
  public:
    using Table = sdk::ObjectTable<Guest>;
    // Under the guest's lock (PV_REQUIRES(guest.mu)). An error ends the call with it.
    using Change = std::function<Status(Guest&)>;

    explicit Domains(Driver& driver);

    [[nodiscard]] bool knows(std::string_view element) const override { return element == "domain"; }
    Status load(const sdk::xml::Node& element) override;
    Status ready() override;
    void stop() override;
    void client_closed(std::uint64_t client, std::uint64_t object) PV_NO_LOCKS_HELD;

    static GuestPtr of(const pv_obj* obj) { return Table::from(obj); }
    [[nodiscard]] const Table& table() const { return table_; }
    [[nodiscard]] SavedImages& images() { return images_; }

    // A document, checked and completed. Any thread; no lock.
    [[nodiscard]] Result<Described> parse(std::string_view xml, bool validate = false) const;
    [[nodiscard]] Result<Described> parse(const sdk::xml::Node& root, bool validate = false) const;

    // The guest of a description, made and published if there is none of its name and uuid.
    [[nodiscard]] Result<Table::Added> add(pv_call* call, const Described& described, bool persistent);

    // The op's result. `what` is static text: what others are told that they wait for.
    pv_status change(pv_call* call, const pv_obj* obj, const char* what, Change body) PV_NO_LOCKS_HELD;
    pv_status change(pv_call* call, const GuestPtr& guest, const char* what, Change body) PV_NO_LOCKS_HELD;
    // An inactive domain under another name: it is published anew, with what it was.
    pv_status rename(pv_call* call, const GuestPtr& guest, std::string name) PV_NO_LOCKS_HELD;
    // A transient guest that has stopped goes; whoever changed one without change() calls this.
    void drop_if_over(const GuestPtr& guest) PV_NO_LOCKS_HELD;

    // Under the guest's lock.
    void show(Guest& guest) const PV_REQUIRES(guest.mu);
    void set_state(Guest& guest, std::int32_t state, std::int32_t reason) const PV_REQUIRES(guest.mu);
    void post(const Guest& guest, std::int32_t event, const void* payload) const PV_REQUIRES(guest.mu);
    void post_lifecycle(const Guest& guest, std::int32_t event, std::int32_t detail) const PV_REQUIRES(guest.mu);
    void take_faults(Guest& guest, const Described& described) const PV_REQUIRES(guest.mu);
    // Makes it run: a live description, an id, the state and its event.
    void boot(Guest& guest, DocumentPtr description, std::int32_t state, std::int32_t reason, std::int32_t detail)
        PV_REQUIRES(guest.mu);
    void halt(Guest& guest, std::int32_t reason, std::int32_t detail) const PV_REQUIRES(guest.mu);
    static void end_viewers(Guest& guest) PV_REQUIRES(guest.mu);

    // Applies `edit` to a copy of the live description, the persistent one, or both, as the flags say
    // (PV_DOMAIN_AFFECT_*; 0: the live one while it runs).
    Status edit(Guest& guest, std::uint32_t flags, const std::function<Status(Domain&)>& edit) const PV_REQUIRES(guest.mu);
    // The one that a reader means by the flags.
    [[nodiscard]] Result<DocumentPtr> pick(const Guest& guest, std::uint32_t flags) const PV_REQUIRES(guest.mu);

  private:
    Status rename_now(const GuestPtr& guest, const std::string& name) PV_NO_LOCKS_HELD;

    Driver& driver_;
    const plugin::Services& s_;
    Table table_;
    SavedImages images_;
    std::atomic<std::int32_t> next_id_{1};
};

} // namespace polyvirt::test
