// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include <gtest/gtest.h>

#include "moments/backup.h"
#include "moments/nodes.h"
#include "moments/store.h"

namespace polyvirt::qemu {
namespace {

TEST(MomentRecords, of_different_names_never_share_a_file) {
    const Uuid guest = Uuid::random();
    const std::string plain = record_name("snapshots", guest, "s1");
    EXPECT_EQ(plain, "snapshots/" + guest.to_string() + ".s1.xml");
    EXPECT_NE(record_name("snapshots", guest, "a b"), record_name("snapshots", guest, "a.b"));
    EXPECT_NE(record_name("snapshots", guest, "a b"), record_name("snapshots", guest, "a_b"));
    EXPECT_NE(record_name("snapshots", guest, std::string(300, 'x')), record_name("snapshots", guest, std::string(301, 'x')));
    EXPECT_LT(record_name("snapshots", guest, std::string(3000, 'x')).size(), 200U);
}

TEST(Nodes, are_found_by_alias_whatever_the_emulator_sends) {
    const Json blocks = Json::parse(R"([
        {"qdev": "/machine/peripheral/virtio-disk0/virtio-backend", "inserted": {"node-name": "libvirt-2-format"}},
        {"qdev": "ide0-0-0", "inserted": {"node-name": "libvirt-1-format"}},
        {"qdev": "sata0-0-1"}, 7, {"inserted": 3}])");
    const auto nodes = open_nodes(blocks);
    EXPECT_EQ(nodes.at("virtio-disk0"), "libvirt-2-format");
    EXPECT_EQ(nodes.at("ide0-0-0"), "libvirt-1-format");
    EXPECT_EQ(nodes.count("sata0-0-1"), 0U);
    EXPECT_TRUE(open_nodes(Json(3)).empty());
}

TEST(Bitmaps, are_counted_by_node_and_name) {
    const Json nodes = Json::parse(R"([{"node-name": "n", "dirty-bitmaps": [{"name": "b", "count": 65536}], "image": {"virtual-size": 99}}])");
    EXPECT_EQ(bitmap_bytes(nodes, "n", "b"), 65536U);
    EXPECT_FALSE(bitmap_bytes(nodes, "n", "c"));
    EXPECT_FALSE(bitmap_bytes(nodes, "m", "b"));
    EXPECT_EQ(node_size(nodes, "n"), 99U);
}

BackupPlan plan_of(const char* mode, const char* since) {
    BackupPlan plan;
    plan.document.mode = mode;
    BackupPart part;
    part.node = "libvirt-1-format";
    part.link.source.index = 5;
    part.job = "backup-vda-libvirt-5-format";
    part.since = since;
    part.changed = "backup-vda";
    plan.parts.push_back(part);
    return plan;
}

TEST(BackupSteps, freeze_what_changed_before_they_begin) {
    const Json steps = backup_steps(plan_of("push", "first"), nullptr, {});
    ASSERT_EQ(steps.size(), 3U);
    EXPECT_EQ(steps[0]["type"], "block-dirty-bitmap-add");
    EXPECT_EQ(steps[1]["data"]["bitmaps"], Json::array({"first"}));
    EXPECT_EQ(steps[2]["data"]["sync"], "bitmap");
    EXPECT_EQ(steps[2]["data"]["target"], "libvirt-5-format");
}

TEST(BackupSteps, of_a_pull_copy_only_what_the_guest_overwrites) {
    const Json steps = backup_steps(plan_of("pull", ""), nullptr, {});
    ASSERT_EQ(steps.size(), 1U);
    EXPECT_EQ(steps[0]["data"]["sync"], "none");
}

TEST(BackupSteps, make_a_checkpoint_at_the_same_moment) {
    sdk::domain::Checkpoint checkpoint;
    checkpoint.disks = {{.name = "vda", .checkpoint = "bitmap", .bitmap = "c", .size = {}}, {.name = "vdb", .checkpoint = "no", .bitmap = "", .size = {}}};
    const Json steps = backup_steps(plan_of("push", ""), &checkpoint, {{"vda", "n"}, {"vdb", "m"}});
    ASSERT_EQ(steps.size(), 2U);
    EXPECT_EQ(steps[0]["data"]["name"], "c");
    EXPECT_EQ(steps[0]["data"]["persistent"], true);
}

TEST(BackupProgress, is_over_when_all_jobs_are) {
    const auto parts = plan_of("push", "").parts;
    const Json running = Json::parse(R"([{"id": "backup-vda-libvirt-5-format", "status": "running", "current-progress": 3, "total-progress": 9}])");
    const BackupProgress half = backup_progress(running, parts);
    EXPECT_FALSE(half.over);
    EXPECT_EQ(half.done, 3U);
    const Json failed = Json::parse(R"([{"id": "backup-vda-libvirt-5-format", "status": "concluded", "error": "No space left"}])");
    EXPECT_TRUE(backup_progress(failed, parts).over);
    EXPECT_EQ(backup_progress(failed, parts).error, "No space left");
    EXPECT_NE(backup_progress(Json::array(), parts).error, "");
}

} // namespace
} // namespace polyvirt::qemu
