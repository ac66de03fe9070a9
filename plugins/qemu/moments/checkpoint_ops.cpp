// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "moments/checkpoint_ops.h"

#include <utility>

#include "agent/agent.h"
#include "base/error_text.h"
#include "base/log.h"
#include "driver.h"
#include "moments/bitmaps.h"
#include "moments/nodes.h"
#include "run.h"
#include "sdk/domain/moment_rules.h"

namespace polyvirt::qemu {
namespace {

using namespace sdk::domain;

Error refuse(ErrorCode code, std::string_view text) { return make_error(code, ErrorDomain::qemu, "{}", text); }

// The description that the guest has now.
Result<Domain> description_of(const GuestPtr& guest) {
    std::shared_ptr<const Domain> live;
    PackedDomainPtr config;
    {
        const ObjectLock lock(guest->mu);
        live = guest->live;
        config = guest->config;
    }
    if (live) return *live;
    if (!config) return no_domain(*guest);
    return config->unpack();
}

} // namespace

pv_status CheckpointOps::create_xml(pv_call* call, const pv_obj* obj, const pv_checkpoint_create_xml_in& in, pv_checkpoint_create_xml_out& out) {
    constexpr std::uint32_t kKnown = PV_DOMAIN_CHECKPOINT_CREATE_REDEFINE | PV_DOMAIN_CHECKPOINT_CREATE_QUIESCE | PV_DOMAIN_CHECKPOINT_CREATE_REDEFINE_VALIDATE;
    if (const Status flags = check_flags(in.flags, kKnown, "qemuCheckpointCreateXML"); !flags) return answer(call, flags);
    return change(call, obj, "checkpoint", [this, in, to = &out](const sdk::OperationPtr& op, const GuestPtr& guest) {
        return create(op, guest, in.xml, in.flags, to);
    });
}

CheckpointOps::Task CheckpointOps::create(sdk::OperationPtr op, GuestPtr guest, std::string xml, std::uint32_t flags,
                                          pv_checkpoint_create_xml_out* out) {
    PV_CO_ASSIGN_OR_RETURN(Checkpoint checkpoint, parse_checkpoint(xml, true));
    if ((flags & PV_DOMAIN_CHECKPOINT_CREATE_REDEFINE) != 0) co_return redefine(op, guest, std::move(checkpoint), *out);
    std::string parent;
    PV_CO_ASSIGN_OR_RETURN(Checkpoint made, prepare(guest, std::move(checkpoint), parent));
    PV_CO_ASSIGN_OR_RETURN(const RunPtr run, run_of(*guest));
    PV_CO_ASSIGN_OR_RETURN(const Nodes nodes, co_await disk_nodes(run));
    Json steps = Json::array();
    add_bitmaps(steps, made, nodes);
    Json arguments = Json::object();
    arguments["actions"] = std::move(steps);
    const bool quiet = (flags & PV_DOMAIN_CHECKPOINT_CREATE_QUIESCE) != 0;
    if (quiet) {
        const std::vector<std::string> all;
        PV_CO_TRY(co_await agent_freeze(run, all));
    }
    const auto taken = co_await run->qmp("transaction", std::move(arguments));
    if (quiet) {
        const auto thawed = co_await agent_thaw(run);
        if (!thawed) log::error("checkpoint", "domain '{}' may stay frozen: {}", guest->name, thawed.error().message);
    }
    PV_CO_TRY(taken);
    PV_CO_TRY(co_await sdk::on_worker(s_, guest->strand));
    co_return keep(op, guest, std::move(made), parent, true, &out->obj);
}

Result<Checkpoint> CheckpointOps::prepare(const GuestPtr& guest, Checkpoint checkpoint, std::string& parent) {
    PV_TRY(check_checkpoint(checkpoint, false, ErrorDomain::qemu));
    std::shared_ptr<const Domain> live;
    {
        const ObjectLock lock(guest->mu);
        if (!guest->snapshots.empty()) return refuse(ErrorCode::operation_unsupported, "cannot create checkpoint while snapshot exists");
        if (!guest->live) return refuse(ErrorCode::operation_unsupported, "cannot create checkpoint for inactive domain");
        if (guest->checkpoints.find(checkpoint.name) != nullptr)
            return make_error(ErrorCode::operation_failed, ErrorDomain::domain_checkpoint, "domain moment {} already exists", checkpoint.name);
        live = guest->live;
        parent = guest->checkpoints.current();
    }
    PV_TRY(place_disks(checkpoint, *live));
    for (const CheckpointDisk& disk : checkpoint.disks) {
        const Disk* const of = disk_named(*live, disk.name);
        if (disk.checkpoint == "bitmap" && of->driver.type != "qcow2")
            return make_error(ErrorCode::config_unsupported, ErrorDomain::qemu, "checkpoint for disk {} unsupported for storage type {}", disk.name,
                              of->driver.type.empty() ? "raw" : of->driver.type);
    }
    checkpoint.domain = *live;
    return checkpoint;
}

Status CheckpointOps::redefine(const sdk::OperationPtr& op, const GuestPtr& guest, Checkpoint checkpoint, pv_checkpoint_create_xml_out& out) {
    PV_TRY(check_checkpoint(checkpoint, true, ErrorDomain::qemu));
    const std::string parent = checkpoint.parent ? checkpoint.parent->name : std::string();
    bool known = false;
    {
        const ObjectLock lock(guest->mu);
        PV_TRY(check_parent(guest->checkpoints, checkpoint.name, parent));
        known = guest->checkpoints.find(checkpoint.name) != nullptr;
    }
    if (!checkpoint.domain && known) {
        PV_ASSIGN_OR_RETURN(Checkpoint before, driver_.moments().checkpoint(guest->uuid, checkpoint.name));
        checkpoint.domain = std::move(before.domain);
    }
    if (!checkpoint.domain) {
        PV_ASSIGN_OR_RETURN(checkpoint.domain, description_of(guest));
    }
    if (checkpoint.domain->uuid && *checkpoint.domain->uuid != guest->uuid)
        return make_error(ErrorCode::invalid_arg, ErrorDomain::domain_checkpoint, "definition for checkpoint {} must use uuid {}", checkpoint.name,
                          guest->uuid.to_string());
    PV_TRY(driver_.settle(*checkpoint.domain));
    PV_TRY(place_disks(checkpoint, *checkpoint.domain));
    return keep(op, guest, std::move(checkpoint), parent, true, &out.obj);
}

Status CheckpointOps::keep(const sdk::OperationPtr& op, const GuestPtr& guest, Checkpoint checkpoint, const std::string& parent, bool current,
                           std::uint64_t* handle) {
    if (parent.empty()) checkpoint.parent.reset();
    else checkpoint.parent = SnapshotParent{parent};
    for (CheckpointDisk& disk : checkpoint.disks) disk.size.reset();
    PV_TRY(driver_.moments().put(guest->uuid, checkpoint, op->call()));
    if (current) PV_TRY(driver_.moments().put_current(PV_KIND_CHECKPOINT, guest->uuid, checkpoint.name, op->call()));
    Moment<Checkpoint> item;
    item.parent = parent;
    checkpoint.domain.reset();
    const std::string name = checkpoint.name;
    item.document = std::move(checkpoint);
    const ObjectLock lock(guest->mu);
    if (guest->removed) return no_domain(*guest);
    PV_TRY(guest->checkpoints.put(s_, op->call(), guest->handle, guest, name, std::move(item)));
    if (current) guest->checkpoints.set_current(s_, name);
    if (handle != nullptr) *handle = guest->checkpoints.find(name)->handle;
    driver_.show(*guest);
    return {};
}

pv_status CheckpointOps::xml_desc(pv_call* call, const pv_obj* obj, const pv_checkpoint_xml_desc_in& in, pv_checkpoint_xml_desc_out& out) {
    constexpr std::uint32_t kKnown = PV_DOMAIN_CHECKPOINT_XML_SECURE | PV_DOMAIN_CHECKPOINT_XML_NO_DOMAIN | PV_DOMAIN_CHECKPOINT_XML_SIZE;
    if (const Status flags = check_flags(in.flags, kKnown, "qemuCheckpointGetXMLDesc"); !flags) return answer(call, flags);
    const GuestPtr guest = guest_of(obj);
    std::string parent;
    {
        const ObjectLock lock(guest->mu);
        const auto* const item = guest->checkpoints.find(obj->name);
        if (item == nullptr) return answer(call, no_checkpoint(obj->name));
        parent = item->parent;
    }
    auto checkpoint = driver_.moments().checkpoint(guest->uuid, obj->name);
    if (!checkpoint) return answer(call, checkpoint.error());
    if (parent.empty()) checkpoint->parent.reset();
    else checkpoint->parent = SnapshotParent{parent};
    const MomentFormat how{.secure = (in.flags & PV_DOMAIN_CHECKPOINT_XML_SECURE) != 0,
                           .no_domain = (in.flags & PV_DOMAIN_CHECKPOINT_XML_NO_DOMAIN) != 0,
                           .size = (in.flags & PV_DOMAIN_CHECKPOINT_XML_SIZE) != 0};
    if (!how.size) return give(call, out.xml, format_checkpoint(*checkpoint, how));
    return with_job(call, guest, PV_JOB_QUERY, "checkpoint's size",
                    [this, checkpoint = *std::move(checkpoint), how, sink = out.xml](const sdk::OperationPtr&, const GuestPtr& of) {
                        return describe_sizes(of, checkpoint, how, sink);
                    });
}

CheckpointOps::Task CheckpointOps::describe_sizes(GuestPtr guest, Checkpoint checkpoint, MomentFormat how, pv_sink* sink) {
    const auto found = run_of(*guest);
    if (!found) co_return refuse(ErrorCode::operation_unsupported, "cannot get checkpoint size for inactive domain");
    const RunPtr run = *found;
    PV_CO_ASSIGN_OR_RETURN(const Nodes nodes, co_await disk_nodes(run));
    PV_CO_ASSIGN_OR_RETURN(const Json named, co_await run->qmp("query-named-block-nodes"));
    for (CheckpointDisk& disk : checkpoint.disks) {
        const auto node = nodes.find(disk.name);
        if (disk.checkpoint == "bitmap" && node != nodes.end()) disk.size = bitmap_bytes(named, node->second, disk.bitmap);
    }
    if (plugin::write(s_, sink, format_checkpoint(checkpoint, how))) co_return Status{};
    co_return refuse(ErrorCode::internal_error, "the description is more than a reply can carry");
}

pv_status CheckpointOps::remove(pv_call* call, const pv_obj* obj, const pv_checkpoint_remove_in& in, pv_checkpoint_remove_out&) {
    constexpr std::uint32_t kKnown = PV_DOMAIN_CHECKPOINT_DELETE_CHILDREN | PV_DOMAIN_CHECKPOINT_DELETE_METADATA_ONLY | PV_DOMAIN_CHECKPOINT_DELETE_CHILDREN_ONLY;
    if (const Status flags = check_flags(in.flags, kKnown, "qemuCheckpointDelete"); !flags) return answer(call, flags);
    return with_job(call, guest_of(obj), PV_JOB_MODIFY, "delete checkpoint",
                    [this, name = std::string(obj->name), flags = in.flags](const sdk::OperationPtr&, const GuestPtr& guest) {
                        return remove_some(guest, name, flags);
                    });
}

CheckpointOps::Task CheckpointOps::remove_some(GuestPtr guest, std::string name, std::uint32_t flags) {
    const bool data = (flags & PV_DOMAIN_CHECKPOINT_DELETE_METADATA_ONLY) == 0;
    std::vector<std::string> going;
    {
        const ObjectLock lock(guest->mu);
        if (guest->checkpoints.find(name) == nullptr) co_return no_checkpoint(name);
        if (data && !guest->active())
            co_return refuse(ErrorCode::operation_unsupported, "cannot delete checkpoint for inactive domain");
        const bool below = (flags & (PV_DOMAIN_CHECKPOINT_DELETE_CHILDREN | PV_DOMAIN_CHECKPOINT_DELETE_CHILDREN_ONLY)) != 0;
        if (below) going = guest->checkpoints.descendants(name);
        std::reverse(going.begin(), going.end());
        if ((flags & PV_DOMAIN_CHECKPOINT_DELETE_CHILDREN_ONLY) == 0) going.push_back(name);
    }
    for (const std::string& one : going) PV_CO_TRY(co_await remove_one(guest, one, data));
    co_return Status{};
}

CheckpointOps::Task CheckpointOps::remove_one(GuestPtr guest, std::string name, bool data) {
    Checkpoint head;
    std::vector<std::string> children;
    std::string parent;
    bool current = false;
    {
        const ObjectLock lock(guest->mu);
        const auto* const item = guest->checkpoints.find(name);
        if (item == nullptr) co_return no_checkpoint(name);
        head = item->document;
        parent = item->parent;
        current = guest->checkpoints.current() == name;
        guest->checkpoints.each([&](const std::string& child, const Moment<Checkpoint>& c) {
            if (c.parent == name) children.push_back(child);
        });
    }
    if (data) {
        PV_CO_ASSIGN_OR_RETURN(const RunPtr run, run_of(*guest));
        PV_CO_ASSIGN_OR_RETURN(const Nodes nodes, co_await disk_nodes(run));
        PV_CO_ASSIGN_OR_RETURN(const Json named, co_await run->qmp("query-named-block-nodes"));
        // One that is not there (any more) is what was asked for.
        std::erase_if(head.disks, [&](const CheckpointDisk& disk) {
            const auto node = nodes.find(disk.name);
            return node == nodes.end() || !bitmap_bytes(named, node->second, disk.bitmap);
        });
        Json steps = Json::array();
        remove_bitmaps(steps, head, nodes);
        Json arguments = Json::object();
        arguments["actions"] = std::move(steps);
        PV_CO_TRY(co_await run->qmp("transaction", std::move(arguments)));
    }
    PV_CO_TRY(co_await sdk::on_worker(s_, guest->strand));
    {
        const ObjectLock lock(guest->mu);
        guest->checkpoints.remove(s_, name);
        driver_.show(*guest);
    }
    MomentStore& store = driver_.moments();
    PV_CO_TRY(store.put_parents(guest, PV_KIND_CHECKPOINT, children, nullptr));
    if (current) PV_CO_TRY(store.put_current(PV_KIND_CHECKPOINT, guest->uuid, parent, nullptr));
    co_return store.remove_checkpoint(guest->uuid, name);
}

} // namespace polyvirt::qemu
