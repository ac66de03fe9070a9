// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/domain/snapshot.h"

#include "base/error_text.h"
#include "sdk/domain/passes.h"
#include "sdk/xml/format.h"
#include "sdk/xml/parse.h"

namespace polyvirt::sdk::domain {

void describe(xml::Binder& b, SnapshotDisk& v) {
    b.attr("name", v.name, xml::kRequired);
    b.attr("snapshot", v.snapshot);
    b.attr("type", v.type);
    b.child("driver", v.driver);
    b.child("source", v.source);
}
void describe(xml::Binder& b, SnapshotMemory& v) {
    b.attr("snapshot", v.snapshot, xml::kRequired);
    b.attr("file", v.file);
}
void describe(xml::Binder& b, SnapshotParent& v) { b.element("name", v.name, xml::kRequired); }

void describe(xml::Binder& b, Snapshot& v) {
    b.element("name", v.name);
    b.element("description", v.description);
    b.element("state", v.state);
    b.child("parent", v.parent);
    b.element("creationTime", v.creation_time);
    b.child("memory", v.memory);
    b.group("disks", [&] { b.child("disk", v.disks); });
    b.child("domain", v.domain);
    b.child("inactiveDomain", v.inactive_domain);
    b.keep({"cookie"}, v.kept);
    b.element("active", v.active);
}

void describe(xml::Binder& b, CheckpointDisk& v) {
    b.attr("name", v.name, xml::kRequired);
    b.attr("checkpoint", v.checkpoint);
    b.attr("bitmap", v.bitmap);
    b.attr("size", v.size);
}
void describe(xml::Binder& b, Checkpoint& v) {
    b.element("name", v.name);
    b.element("description", v.description);
    b.child("parent", v.parent);
    b.element("creationTime", v.creation_time);
    b.group("disks", [&] { b.child("disk", v.disks); });
    b.child("domain", v.domain);
}

void describe(xml::Binder& b, BackupDisk& v) {
    b.attr("name", v.name, xml::kRequired);
    b.attr("backup", v.backup);
    b.attr("type", v.type);
    b.attr("backupmode", v.backup_mode);
    b.attr("incremental", v.incremental);
    b.attr("exportname", v.export_name);
    b.attr("exportbitmap", v.export_bitmap);
    b.attr("index", v.index);
    b.child("driver", v.driver);
    b.child("target", v.target);
    b.child("scratch", v.scratch);
}
void describe(xml::Binder& b, Backup& v) {
    b.attr("mode", v.mode);
    b.element("incremental", v.incremental);
    b.keep({"server"}, v.kept);
    b.group("disks", [&] { b.child("disk", v.disks); });
}

namespace {

template <typename T> Result<T> parse_as(std::string_view text, const char* what, std::string_view root, bool validate = false) {
    PV_ASSIGN_OR_RETURN(xml::Node node, xml::read(text, what));
    // Old documents name the domain alone: that is no description of it.
    std::erase_if(node.children, [](const xml::Node& n) { return n.is_element() && n.name == "domain" && n.attribute("type") == nullptr; });
    if (node.name != root || !node.uri.empty())
        return make_error(ErrorCode::xml_error, ErrorDomain::domain, "line {}: the outermost element is <{}>, expected <{}>", node.line,
                          node.qualified_name(), root);
    xml::Messages messages;
    auto parsed = xml::parse<T>(node, messages);
    if (validate) return xml::by_schema(std::move(parsed), messages);
    return parsed;
}

// What a description shows of the domain inside it.
void strip(std::optional<Domain>& domain, const MomentFormat& options) {
    if (options.no_domain) domain.reset();
    if (!domain) return;
    drop_live_state(*domain);
    if (!options.secure) drop_secrets(*domain);
}

} // namespace

Result<Snapshot> parse_snapshot(std::string_view text, bool validate) {
    return parse_as<Snapshot>(text, "snapshot description", "domainsnapshot", validate);
}
Result<Checkpoint> parse_checkpoint(std::string_view text, bool validate) {
    return parse_as<Checkpoint>(text, "checkpoint description", "domaincheckpoint", validate);
}
Result<Backup> parse_backup(std::string_view text) {
    return parse_as<Backup>(text, "backup description", "domainbackup");
}

std::string format_snapshot(const Snapshot& snapshot, const MomentFormat& options) {
    Snapshot shown = snapshot;
    strip(shown.domain, options);
    strip(shown.inactive_domain, options);
    return xml::format("domainsnapshot", shown);
}
std::string format_checkpoint(const Checkpoint& checkpoint, const MomentFormat& options) {
    Checkpoint shown = checkpoint;
    strip(shown.domain, options);
    if (!options.size)
        for (CheckpointDisk& disk : shown.disks) disk.size.reset();
    return xml::format("domaincheckpoint", shown);
}
std::string format_backup(const Backup& backup) { return xml::format("domainbackup", backup); }

} // namespace polyvirt::sdk::domain
