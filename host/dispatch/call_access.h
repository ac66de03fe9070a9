// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// CallAccess: the permissions of one call. The tables say which ones its procedure needs
// (ProcInfo::acl), host/access who has them, this which objects they are about:
//
//   - connect.*                       checked before anything is decoded (check_early)
//   - KIND.*                          on every object of that kind that the arguments lead to (check): the
//                                     look-ups of look_up.h do it themselves, and generated answers of the host
//                                     for the object that they show; whoever finds one by other means says
//                                     PV_TRY(call.access().check(object))
//   - KIND.*, object not there yet    on what the XML document describes, at the end (check_rest)
//   - the object that the driver makes of it, when it is published (check_publish): no other than was decided about
//   - filters (acl_filter)            on every item of a list: use call.list(filter) instead of the registry's, or ask access().visible(*object) of each
//
// What was forgotten is refused, not let through: a rule that met no object is decided as for an object
// that nobody knows, and a list that was not filtered is not answered. All of this is nothing but one
// atomic load where no policy is enforced.
//
// Thread: that of the call.

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "host/access/control.h"
#include "host/access/document.h"
#include "host/plugin/registry.h"
#include "host/protocol/proc_info.h"
#include "host/protocol/xdr.h"

namespace polyvirt::dispatch {

class DenialLog;

// An object as the rules see it: a snapshot or checkpoint is its domain. Texts stay those of `object`.
access::Object to_access(const plugin::ObjectRef& object);
// "connect" for kinds that no permission is about.
access::Kind access_kind(std::uint32_t pv_kind);

// Leaves the objects that a client may see (KIND.getattr). May wait for polkit, which knows the connection's driver by
// this name.
void leave_visible(const access::Viewer& viewer, std::string_view driver, std::vector<plugin::ObjectPtr>& objects)
    PV_NO_LOCKS_HELD;

class CallAccess {
  public:
    // `viewer` null: everything is allowed. What `client` is denied is told to `denials`.
    CallAccess(std::shared_ptr<const access::Viewer> viewer, DenialLog& denials, std::uint64_t client,
               const protocol::ProcInfo& proc);

    [[nodiscard]] bool enforced() const { return viewer_ != nullptr; }

    // Before decoding: what needs no object, or is denied for every object.
    [[nodiscard]] Status check_early();
    // Right after decoding: which rules hold for these arguments (the procedure's NAME_args).
    [[nodiscard]] Status take_arguments(const void* args);
    // The connection's driver, as polkit's rules know it.
    void set_driver(std::string_view name) { driver_ = name; }
    // The arguments describe (a whole document), or name, the object that the call makes.
    void take_document(const protocol::Str& xml) { document_ = xml; }
    void take_name(const protocol::Str& name) { new_name_ = name; }
    // An object that the arguments lead to.
    [[nodiscard]] Status check(const plugin::ObjectPtr& object);
    // What no object was found for. `registry` completes what a document says; null: no connection.
    [[nodiscard]] Status check_rest(const plugin::Registry* registry);

    // What the driver is about to make visible for this call: what the arguments said of it must be so, and what they
    // left open (a uuid, a name that the driver makes up) must be allowed too. Kinds that the call makes nothing of are
    // the driver's own affair. Any thread, from when the driver has been entered on; leaf.
    [[nodiscard]] Status check_publish(const plugin::ObjectRef& made, std::string_view plugin) const;

    // Whether an item of a list may be shown.
    [[nodiscard]] bool visible(const plugin::ObjectRef& object);
    // Leaves those that may be shown.
    void filter(std::vector<plugin::ObjectPtr>& objects);
    // Takes polkit's word on these now, for a visible() that comes where nobody may wait.
    void foresee(const plugin::Registry& registry) PV_NO_LOCKS_HELD;
    // For lists that may be empty.
    void filtering() { filtered_ = true; }
    [[nodiscard]] bool must_filter() const { return filters_; }
    // Before the reply: that the list was filtered, if it must be.
    [[nodiscard]] Status check_filtered() const;

  private:
    [[nodiscard]] bool pending(std::size_t rule) const { return (pending_ & (1U << rule)) != 0; }
    [[nodiscard]] access::Object described(access::Kind kind, const plugin::Registry* registry);
    // What is there already and would be meant by a document's name or uuid alone, but not by both.
    [[nodiscard]] Status check_meant(access::Permission permission, const access::Object& object,
                                     const plugin::Registry& registry);
    [[nodiscard]] Status decide(access::Permission permission, const access::Object& object);
    [[nodiscard]] Error denied(access::Permission permission, const access::Object& object) const;
    [[nodiscard]] Error log_denial(std::string reason) const;
    [[nodiscard]] const plugin::ObjectRef* parent_of(access::Kind kind) const;
    [[nodiscard]] bool is_of_a_found_domain(const plugin::ObjectRef& moment) const;

    // What was decided about an object that is not there yet.
    struct Granted {
        access::Permission permission;
        access::Object object;
    };
    // polkit's word on each; what fails is invisible, and recorded.
    std::vector<bool> ask_visible(const std::vector<plugin::ObjectPtr>& objects);

    const std::shared_ptr<const access::Viewer> viewer_;
    DenialLog& denials_;
    const std::uint64_t client_;
    const protocol::ProcInfo& proc_;
    std::uint32_t pending_ = 0; // bit per rule of the procedure that holds and was not checked yet
    std::uint32_t checked_ = 0; // and that was, on one object at least
    bool filters_ = false, filtered_ = false;
    std::string_view driver_;
    std::optional<std::unordered_map<std::uint64_t, bool>> foreseen_; // by handle
    Status filter_status_; // why a list could not be filtered
    protocol::Str document_{}, new_name_{};
    std::optional<access::DocumentIdentity> identity_;
    std::vector<plugin::ObjectPtr> found_; // and checked, in this order
    std::vector<Granted> granted_;
};

} // namespace polyvirt::dispatch
