// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/dispatch/call_access.h"

#include <algorithm>

#include "base/error_text.h"
#include "host/access/polkit_actions.h"
#include "host/dispatch/ask_polkit.h"
#include "host/dispatch/denial_log.h"

namespace polyvirt::dispatch {
namespace {

using access::Kind;
using access::Object;
using access::Permission;
using plugin::ObjectRef;

constexpr std::size_t kMaxRules = 32;

// The permission is about an object that the call makes, never about one that it finds.
bool makes(Permission permission) { return access::permission_name(permission).ends_with(".create"); }

} // namespace

Kind access_kind(std::uint32_t pv_kind) {
    switch (pv_kind) {
    case PV_KIND_DOMAIN:
    case PV_KIND_SNAPSHOT:
    case PV_KIND_CHECKPOINT: return Kind::domain;
    case PV_KIND_NETWORK: return Kind::network;
    case PV_KIND_NETWORK_PORT: return Kind::network_port;
    case PV_KIND_INTERFACE: return Kind::interface;
    case PV_KIND_POOL: return Kind::storage_pool;
    case PV_KIND_VOLUME: return Kind::storage_vol;
    case PV_KIND_NODEDEV: return Kind::node_device;
    case PV_KIND_NWFILTER: return Kind::nwfilter;
    case PV_KIND_NWFILTER_BINDING: return Kind::nwfilter_binding;
    case PV_KIND_SECRET: return Kind::secret;
    default: return Kind::connect;
    }
}

namespace {

std::uint32_t pv_kind(Kind kind) {
    for (std::uint32_t k = PV_KIND_NONE + 1; k <= PV_KIND_CHECKPOINT; ++k)
        if (access_kind(k) == kind) return k;
    return PV_KIND_NONE;
}

} // namespace

Object to_access(const ObjectRef& object) {
    const ObjectRef* seen = &object;
    while ((seen->kind == PV_KIND_SNAPSHOT || seen->kind == PV_KIND_CHECKPOINT) && seen->parent != nullptr)
        seen = seen->parent.get();
    Object to;
    to.kind = access_kind(seen->kind);
    to.name = seen->name;
    to.uuid = seen->uuid;
    if (seen->parent != nullptr) to.parent = seen->parent->name;
    to.keys = seen->keys;
    return to;
}

void leave_visible(const access::Viewer& viewer, std::string_view driver, std::vector<plugin::ObjectPtr>& objects) {
    std::vector<Wanted> wanted;
    for (const auto& object : objects) {
        const Object seen = to_access(*object);
        const auto permission = access::find_permission(std::string(access::kind_name(seen.kind)) + ".getattr");
        if (!permission) return objects.clear();
        wanted.push_back({*permission, seen});
    }
    std::vector<bool> keep;
    if (viewer.asks()) {
        for (const auto& answer : ask_and_wait(viewer, driver, wanted))
            keep.push_back(answer.has_value() && *answer == access::Answer::yes);
    } else {
        for (const Wanted& one : wanted) keep.push_back(viewer.decide(one.permission, one.object));
    }
    std::size_t i = 0;
    std::erase_if(objects, [&](const auto&) { return !keep[i++]; });
}

CallAccess::CallAccess(std::shared_ptr<const access::Viewer> viewer, DenialLog& denials, std::uint64_t client,
                       const protocol::ProcInfo& proc)
    : viewer_(std::move(viewer)), denials_(denials), client_(client), proc_(proc) {
    if (viewer_ == nullptr) return;
    for (std::size_t i = 0; i < proc.acl.size(); ++i) {
        if (proc.acl[i].filter)
            filters_ = true;
        else
            pending_ |= 1U << i; // until the arguments show that it does not hold
    }
}

Error CallAccess::log_denial(std::string reason) const {
    denials_.log(client_, viewer_->subject(), proc_.name, reason);
    return make_error(ErrorCode::access_denied, ErrorDomain::access, "{}", reason);
}

Error CallAccess::denied(Permission permission, const Object& object) const {
    return log_denial(viewer_->reason(permission, object));
}

Status CallAccess::decide(Permission permission, const Object& object) {
    if (!viewer_->asks()) {
        if (viewer_->decide(permission, object)) return {};
        return denied(permission, object);
    }
    const Wanted wanted{permission, object};
    Result<access::Answer> answer = std::move(ask_and_wait(*viewer_, driver_, {&wanted, 1}).front());
    // Who cannot be asked does not allow it.
    if (!answer) return log_denial(answer.error().str2);
    if (*answer == access::Answer::yes) return {};
    const std::string what = object.to_string();
    return log_denial(access::refusal_of(*answer, access::api_action(permission)) +
                      (what.empty() ? "" : " on " + what));
}

Status CallAccess::check_early() {
    if (viewer_ == nullptr) return {};
    if (proc_.unknown)
        return make_error(ErrorCode::access_denied, ErrorDomain::access,
                          "it is not known which permission {} needs, so a policy denies it", proc_.name);
    if (proc_.acl.size() > kMaxRules)
        return make_error(ErrorCode::internal_error, ErrorDomain::access, "{} has too many rules", proc_.name);
    for (std::size_t i = 0; i < proc_.acl.size(); ++i) {
        const protocol::AclRule& rule = proc_.acl[i];
        if (rule.filter || rule.when.test != protocol::Test::none) continue;
        if (access::permission_kind(rule.number) == Kind::connect) {
            PV_TRY(decide(rule.number, Object{}));
            pending_ &= ~(1U << i);
        } else if (viewer_->settled(rule.number) == false) {
            return denied(rule.number, {.kind = access::permission_kind(rule.number), .known = false});
        }
    }
    return {};
}

Status CallAccess::take_arguments(const void* args) {
    if (viewer_ == nullptr) return {};
    for (std::size_t i = 0; i < proc_.acl.size(); ++i) {
        const protocol::AclRule& rule = proc_.acl[i];
        if (!pending(i) || rule.when.test == protocol::Test::none) continue;
        if (!rule.when.holds_in(args))
            pending_ &= ~(1U << i);
        else if (viewer_->settled(rule.number) == false)
            return denied(rule.number, {.kind = access::permission_kind(rule.number), .known = false});
    }
    return {};
}

Status CallAccess::check(const plugin::ObjectPtr& found) {
    if (viewer_ == nullptr) return {};
    found_.push_back(found);
    const Object seen = to_access(*found);
    for (std::size_t i = 0; i < proc_.acl.size(); ++i) {
        const Permission permission = proc_.acl[i].number;
        if (proc_.acl[i].filter || access::permission_kind(permission) != seen.kind || makes(permission)) continue;
        // A second object of the kind is checked like the first, if the rule held at all.
        if (!pending(i) && (checked_ & (1U << i)) == 0) continue;
        PV_TRY(decide(permission, seen));
        pending_ &= ~(1U << i);
        checked_ |= 1U << i;
    }
    return {};
}

// What the new object will be in: the last one of that kind that was found.
const ObjectRef* CallAccess::parent_of(Kind kind) const {
    const std::uint32_t wanted = kind == Kind::storage_vol    ? PV_KIND_POOL
                                 : kind == Kind::network_port ? PV_KIND_NETWORK
                                                              : PV_KIND_NONE;
    const auto last = std::find_if(found_.rbegin(), found_.rend(), [&](const auto& o) { return o->kind == wanted; });
    return last != found_.rend() ? last->get() : nullptr;
}

// What the arguments say of an object that is not there yet.
Object CallAccess::described(Kind kind, const plugin::Registry* registry) {
    Object object{.kind = kind, .known = false};
    if (document_.present() && !identity_.has_value()) identity_ = access::identify_document(document_.view());
    if (!new_name_.present() && !identity_.has_value()) return object;
    object.known = true;
    object.name = new_name_.present() ? new_name_.view() : std::string_view(identity_->name);
    if (identity_.has_value()) object.uuid = identity_->uuid;
    const ObjectRef* parent = parent_of(kind);
    if (parent != nullptr) object.parent = parent->name;
    // Whoever defines anew what exists, by name alone, means that one.
    if (registry != nullptr && object.uuid.is_nil() && !object.name.empty()) {
        const std::uint64_t inside = parent != nullptr ? parent->handle : 0;
        if (const auto there = registry->find_name(pv_kind(kind), inside, object.name)) object.uuid = there->uuid;
    }
    return object;
}

Status CallAccess::check_meant(Permission permission, const Object& object, const plugin::Registry& registry) {
    if (!object.known || object.uuid.is_nil()) return {};
    const std::uint32_t kind = pv_kind(object.kind);
    const ObjectRef* parent = parent_of(object.kind);
    const auto by_uuid = registry.find_uuid(kind, object.uuid);
    if (by_uuid != nullptr && by_uuid->name != object.name) PV_TRY(decide(permission, to_access(*by_uuid)));
    if (object.name.empty()) return {};
    const auto by_name = registry.find_name(kind, parent != nullptr ? parent->handle : 0, object.name);
    if (by_name != nullptr && by_name->uuid != object.uuid) PV_TRY(decide(permission, to_access(*by_name)));
    return {};
}

Status CallAccess::check_rest(const plugin::Registry* registry) {
    for (std::size_t i = 0; pending_ != 0; ++i) {
        if (!pending(i)) continue;
        const Permission permission = proc_.acl[i].number;
        const Kind kind = access::permission_kind(permission);
        if (kind == Kind::connect) {
            PV_TRY(decide(permission, Object{}));
        } else {
            const Object object = described(kind, registry);
            PV_TRY(decide(permission, object));
            if (registry != nullptr) PV_TRY(check_meant(permission, object, *registry));
            granted_.push_back({permission, object});
        }
        pending_ &= ~(1U << i);
    }
    return {};
}

// Whether a snapshot or checkpoint is one of a domain that this call found; of any, if it found none.
bool CallAccess::is_of_a_found_domain(const ObjectRef& moment) const {
    const ObjectRef* domain = &moment;
    while (domain->parent != nullptr) domain = domain->parent.get();
    bool any = false;
    for (const auto& found : found_) {
        const ObjectRef* seen = found.get();
        while (seen->parent != nullptr) seen = seen->parent.get();
        if (seen->kind != PV_KIND_DOMAIN) continue;
        any = true;
        if (seen->handle == domain->handle) return true;
    }
    return !any;
}

namespace {

// A secret's name is made up, a port has none, and a node device is named by its driver, whatever its document says.
bool is_named_by_client(Kind kind) {
    return kind != Kind::secret && kind != Kind::network_port && kind != Kind::node_device;
}

bool has_uuid(Kind kind) {
    return kind != Kind::storage_vol && kind != Kind::interface && kind != Kind::node_device &&
           kind != Kind::nwfilter_binding;
}

// Whether an object may be the one that was decided about: all that was known of it is so.
bool may_be(const Object& made, const Object& granted, const std::optional<access::DocumentIdentity>& stated) {
    if (!granted.known) return true; // then the decision holds for each: what names objects could not allow it
    if (is_named_by_client(made.kind) && !granted.name.empty() && made.name != granted.name) return false;
    if (has_uuid(made.kind) && stated.has_value() && !stated->uuid.is_nil() && made.uuid != stated->uuid) return false;
    return granted.parent.empty() || made.parent == granted.parent;
}

std::string identity_of(const Object& object) {
    std::string text = object.to_string();
    if (!object.uuid.is_nil() && !object.name.empty()) text += " (" + object.uuid.to_string() + ")";
    return text;
}

} // namespace

Status CallAccess::check_publish(const ObjectRef& made, std::string_view plugin) const {
    if (viewer_ == nullptr) return {};
    const bool moment = made.kind == PV_KIND_SNAPSHOT || made.kind == PV_KIND_CHECKPOINT;
    const Object seen = to_access(made);
    if (moment && granted_.empty() && !is_of_a_found_domain(made))
        return log_denial(fmt::format("driver '{}' may not publish {} '{}' of {} in this call, which is about another "
                                      "domain (rule R24 of the plugin ABI)",
                                      plugin, made.kind == PV_KIND_SNAPSHOT ? "snapshot" : "checkpoint", made.name,
                                      seen.to_string()));
    for (const Granted& granted : granted_) {
        if (granted.object.kind != seen.kind) continue;
        if (!may_be(seen, granted.object, identity_))
            return log_denial(fmt::format("driver '{}' may not publish {} in this call: {} was authorised for {} (rule R24 "
                                          "of the plugin ABI){}",
                                          plugin, identity_of(seen), access::permission_name(granted.permission),
                                          identity_of(granted.object),
                                          viewer_->asks() || viewer_->decide(granted.permission, seen)
                                              ? std::string()
                                              : "; " + viewer_->reason(granted.permission, seen)));
        // polkit has decided about what it was told, and nobody may wait for it here.
        if (!viewer_->asks() && !viewer_->decide(granted.permission, seen)) return denied(granted.permission, seen);
    }
    return {};
}

Status CallAccess::check_filtered() const {
    if (!must_filter() || std::string_view(proc_.kind) == "event") return {};
    if (filtered_) return filter_status_;
    return make_error(ErrorCode::internal_error, ErrorDomain::access, "{} did not filter what it would show",
                      proc_.name);
}

bool CallAccess::visible(const ObjectRef& object) {
    filtered_ = true;
    if (!must_filter()) return true;
    if (viewer_->asks()) {
        if (!foreseen_) return ask_visible({std::make_shared<const ObjectRef>(object)}).front();
        const auto found = foreseen_->find(object.handle);
        return found != foreseen_->end() && found->second;
    }
    const Object seen = to_access(object);
    return std::all_of(proc_.acl.begin(), proc_.acl.end(), [&](const protocol::AclRule& rule) {
        return !rule.filter || access::permission_kind(rule.number) != seen.kind ||
               viewer_->decide(rule.number, seen);
    });
}

std::vector<bool> CallAccess::ask_visible(const std::vector<plugin::ObjectPtr>& objects) {
    std::vector<Wanted> wanted;
    std::vector<std::size_t> about; // which object each question is about
    for (std::size_t i = 0; i < objects.size(); ++i) {
        const Object seen = to_access(*objects[i]);
        for (const protocol::AclRule& rule : proc_.acl) {
            if (!rule.filter || access::permission_kind(rule.number) != seen.kind) continue;
            wanted.push_back({rule.number, seen});
            about.push_back(i);
        }
    }
    std::vector<bool> visible(objects.size(), true);
    auto answers = ask_and_wait(*viewer_, driver_, wanted);
    for (std::size_t q = 0; q < answers.size(); ++q) {
        if (answers[q] && *answers[q] == access::Answer::yes) continue;
        visible[about[q]] = false;
        if (!answers[q]) filter_status_ = log_denial(answers[q].error().str2);
    }
    return visible;
}

void CallAccess::filter(std::vector<plugin::ObjectPtr>& objects) {
    filtered_ = true;
    if (!must_filter()) return;
    if (!viewer_->asks()) {
        std::erase_if(objects, [this](const auto& object) { return !visible(*object); });
        return;
    }
    const std::vector<bool> keep = ask_visible(objects);
    std::size_t i = 0;
    std::erase_if(objects, [&](const auto&) { return !keep[i++]; });
}

void CallAccess::foresee(const plugin::Registry& registry) {
    if (!must_filter() || !viewer_->asks()) return;
    foreseen_.emplace();
    for (const protocol::AclRule& rule : proc_.acl) {
        if (!rule.filter) continue;
        plugin::ListFilter all;
        all.kind = pv_kind(access::permission_kind(rule.number));
        const auto objects = registry.list(all);
        const std::vector<bool> seen = ask_visible(objects);
        for (std::size_t i = 0; i < objects.size(); ++i) foreseen_->insert_or_assign(objects[i]->handle, seen[i]);
    }
}

} // namespace polyvirt::dispatch
