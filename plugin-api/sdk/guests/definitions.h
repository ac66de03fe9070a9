// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Definitions: the guests that a driver has by documents: read at its start, defined, created for one run, renamed,
// undefined. A description is on disk before it is the guest's, and before a call is answered.
//
// One source of a driver includes definitions_impl.h and says `template class sdk::Definitions<Guest>;`. Workers and
// start-up; what takes a guest and no call wants its job.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <polyvirt/abi/gen/dom_config.h>
#include <polyvirt/abi/gen/dom_lifecycle.h>
#include <polyvirt/loop.h>

#include "sdk/guests/notices.h"
#include "sdk/records.h"

namespace polyvirt::sdk {

// "NAME.suffix" or "folder/NAME.suffix" -> NAME; empty if it is something else's.
std::string record_stem(std::string_view record, std::string_view suffix);
// The live description in a status record. Error: it is not that of the guest with this name and uuid.
[[nodiscard]] Result<domain::Domain> live_of_record(std::string_view xml, const std::string& name, const Uuid& uuid);

// A description as it is written, and as it is held.
struct Definition {
    Uuid uuid;
    std::string name, text;
    domain::PackedDomainPtr packed;

    static Result<Definition> of(const domain::Domain& domain);
};

template <typename G> class Definitions {
  public:
    using Ptr = std::shared_ptr<G>;
    // Starts a guest and ends the operation, which has its job.
    using Start = std::function<void(const OperationPtr&, const Ptr&)>;

    // All of them outlive it.
    Definitions(const plugin::Services& s, const plugin::Loop& loop, ObjectTable<G>& guests, const GuestNotices& notices,
                ErrorDomain domain)
        : s_(s), loop_(loop), guests_(guests), notices_(notices), domain_(domain), records_(s, PV_STATE_CONFIG, domain) {}

    // What users defined, and which of it starts with the host. What cannot be read is set aside by name.
    void load();
    // Once per boot of the host: the marker goes with the records of what runs, so that a guest that somebody has stopped
    // is not started again because the daemon was. One after the other where there is a delay.
    void autostart(const Records& statuses, std::int64_t delay_ns, const Start& start);
    // The driver ends: what has not been started is not.
    void stop() { delayed_.clear(); }

    // Ops. `domain` is complete and checked.
    pv_status define(pv_call* call, const domain::Domain& domain, pv_dom_define_xml_out& out);
    pv_status create(pv_call* call, const Uuid& uuid, const std::string& name, const Start& start, pv_dom_create_xml_out& out);

    // A copy to change. Error: operation_invalid for a transient guest.
    [[nodiscard]] Result<domain::Domain> copy(const Ptr& guest) const;
    // Makes a whole description the persistent one.
    [[nodiscard]] Status put(const Ptr& guest, const domain::Domain& domain, pv_call* call) const;
    // Error: operation_invalid in the words of `transient`.
    [[nodiscard]] Status set_autostart(const Ptr& guest, bool wanted, const char* transient, pv_call* call) const;
    // It has no records any more ...
    [[nodiscard]] Status erase(const Ptr& guest) const;
    // ... and no persistent description. One that runs goes on, and is removed at its end.
    void undefined(const Ptr& guest) const;
    // `domain` has the new name. The new records are on disk before the old ones go, so a daemon that dies in between finds
    // the domain, under either name.
    [[nodiscard]] Result<Ptr> rename(const Ptr& guest, const domain::Domain& domain, pv_call* call) const;

  private:
    void load_one(const std::string& record, std::string_view xml);
    void load_autostart(const std::string& record, std::string_view text);
    void begin(const Ptr& guest, const Start& start);
    pv_status define(pv_call* call, const std::shared_ptr<const Definition>& definition, pv_dom_define_xml_out& out);
    void finish_define(const OperationPtr& op, const Ptr& guest, const std::shared_ptr<const Definition>& definition, bool fresh,
                       pv_dom_define_xml_out& out);
    static std::string config_record(const std::string& name) { return name + ".xml"; }
    static std::string autostart_record(const std::string& name) { return "autostart/" + name + ".xml"; }

    const plugin::Services& s_;
    const plugin::Loop& loop_;
    ObjectTable<G>& guests_;
    const GuestNotices& notices_;
    const ErrorDomain domain_;
    const Records records_;
    std::vector<plugin::Watch> delayed_; // at the start alone
};

} // namespace polyvirt::sdk
