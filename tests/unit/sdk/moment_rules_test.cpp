// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/domain/moment_rules.h"

#include <gtest/gtest.h>

namespace polyvirt::sdk::domain {
namespace {

Domain two_disks() {
    Domain domain;
    for (const char* const name : {"vda", "vdb"}) {
        Disk disk;
        disk.type = DiskType::file;
        disk.target.dev = name;
        disk.driver.type = "qcow2";
        disk.source.emplace().file = std::string("/nowhere/") + name + ".qcow2";
        domain.devices.disks.push_back(std::move(disk));
    }
    return domain;
}

Snapshot with(std::vector<std::pair<std::string, std::string>> disks) {
    Snapshot snapshot;
    snapshot.name = "s";
    for (auto& [name, mode] : disks) {
        SnapshotDisk disk;
        disk.name = name;
        disk.snapshot = mode;
        snapshot.disks.push_back(disk);
    }
    return snapshot;
}

TEST(SnapshotRules, give_each_disk_its_line_in_the_domains_order) {
    Snapshot snapshot = with({{"/nowhere/vdb.qcow2", "no"}});
    ASSERT_TRUE(place_disks(snapshot, two_disks(), {}));
    ASSERT_EQ(snapshot.disks.size(), 2U);
    EXPECT_EQ(snapshot.disks[0].name, "vda");
    EXPECT_EQ(snapshot.disks[0].snapshot, "internal");
    EXPECT_EQ(snapshot.disks[1].snapshot, "no");
}

TEST(SnapshotRules, leave_out_what_is_empty_or_only_read) {
    Domain domain = two_disks();
    domain.devices.disks[0].source.reset();
    domain.devices.disks[1].readonly = true;
    Snapshot snapshot = with({});
    ASSERT_TRUE(place_disks(snapshot, domain, {}));
    EXPECT_EQ(snapshot.disks[0].snapshot, "no");
    EXPECT_EQ(snapshot.disks[1].snapshot, "no");
}

TEST(SnapshotRules, refuse_disks_that_cannot_be) {
    Snapshot unknown = with({{"vdz", ""}}), twice = with({{"vda", ""}, {"/nowhere/vda.qcow2", ""}}), many = with({{"a", ""}, {"b", ""}, {"c", ""}}),
             mixed = with({{"vda", "external"}}), strange = with({{"vda", "perhaps"}});
    for (Snapshot* one : {&unknown, &twice, &many, &strange}) EXPECT_FALSE(place_disks(*one, two_disks(), {}));
    EXPECT_FALSE(place_disks(mixed, two_disks(), {.mode = "internal", .uniform = true}));
}

TEST(SnapshotRules, want_memory_and_its_file_together) {
    const auto check = [](SnapshotMemory memory, bool offline) {
        Snapshot snapshot = with({});
        snapshot.memory = std::move(memory);
        return static_cast<bool>(check_snapshot(snapshot, {.redefine = false, .offline = offline}, ErrorDomain::qemu));
    };
    EXPECT_TRUE(check({"external", "/m"}, false));
    EXPECT_FALSE(check({"external", ""}, false));
    EXPECT_FALSE(check({"internal", "/m"}, false));
    EXPECT_FALSE(check({"external", "m"}, false));
    EXPECT_FALSE(check({"internal", ""}, true));
    EXPECT_FALSE(check({"manual", ""}, false));
}

TEST(SnapshotRules, take_names_that_can_be_files) {
    for (const char* const name : {"a/b", ".hidden"}) {
        Snapshot snapshot = with({});
        snapshot.name = name;
        const Status checked = check_snapshot(snapshot, {}, ErrorDomain::qemu);
        ASSERT_FALSE(checked);
        EXPECT_EQ(checked.error().code, ErrorCode::xml_detail);
    }
}

TEST(SnapshotRules, want_what_a_redefinition_must_say) {
    Snapshot snapshot = with({});
    const SnapshotTerms again{.redefine = true, .offline = false};
    EXPECT_FALSE(check_snapshot(snapshot, again, ErrorDomain::qemu));
    snapshot.creation_time = 7;
    EXPECT_FALSE(check_snapshot(snapshot, again, ErrorDomain::qemu));
    snapshot.state = "shutoff";
    EXPECT_TRUE(check_snapshot(snapshot, again, ErrorDomain::qemu));
    EXPECT_EQ(snapshot.memory->snapshot, "no");
    EXPECT_FALSE(check_redefined(snapshot, Uuid{}, {})); // without the domain that it is of
}

TEST(CheckpointRules, count_all_disks_or_those_that_are_named) {
    Checkpoint all, some;
    all.name = some.name = "c";
    some.disks = {{.name = "vdb", .checkpoint = "", .bitmap = "", .size = {}}};
    ASSERT_TRUE(place_disks(all, two_disks()) && place_disks(some, two_disks()));
    EXPECT_EQ(all.disks[0].bitmap, "c");
    EXPECT_EQ(some.disks[0].checkpoint, "no");
    EXPECT_EQ(some.disks[1].checkpoint, "bitmap");
}

TEST(BackupRules, find_files_and_modes) {
    Backup backup;
    backup.incremental = "c";
    ASSERT_TRUE(place_disks(backup, two_disks(), "77"));
    EXPECT_EQ(backup.mode, "push");
    EXPECT_EQ(backup.disks[0].target->file, "/nowhere/vda.qcow2.77");
    EXPECT_EQ(backup.disks[0].backup_mode, "incremental");
    Backup none;
    none.disks.resize(1);
    none.disks[0].name = "vda";
    none.disks[0].backup = "no";
    EXPECT_FALSE(place_disks(none, two_disks(), "77"));
}

} // namespace
} // namespace polyvirt::sdk::domain
