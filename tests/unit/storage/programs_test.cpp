// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// What programs are told, and what is read out of what they say.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backends/folder.h"
#include "backends/logical.h"
#include "images.h"

namespace polyvirt::storage {
namespace {

using ::testing::ElementsAre;

Wish wish(const std::string& format, std::uint64_t capacity, std::uint64_t allocation = 0) {
    Wish w;
    w.volume.name = "v";
    w.volume.target.format = format;
    w.volume.target.path = "/p/v";
    w.volume.capacity = capacity;
    w.volume.allocation = allocation;
    return w;
}

std::string command(const Wish& w) { return joined(image_command(w, "/p/part")); }

TEST(Images, are_created_with_what_the_document_says) {
    Wish w = wish("qcow2", 1'500'000);
    EXPECT_EQ(command(w), "qemu-img create -f qcow2 -- /p/part 1465K");
    w.volume.target.compat = "1.1";
    w.volume.target.cluster_size = 131'072;
    w.volume.target.features = doc::VolumeFeatures{true, false};
    w.metadata = true;
    EXPECT_EQ(command(w), "qemu-img create -f qcow2 -o preallocation=metadata,compat=1.1,cluster_size=131072,lazy_refcounts -- /p/part 1465K");
    w.volume.allocation = w.volume.capacity;
    EXPECT_THAT(command(w), ::testing::HasSubstr("preallocation=falloc"));
}

TEST(Images, take_their_size_from_what_is_below) {
    Wish w = wish("qcow2", 0);
    w.volume.backing_store.emplace();
    w.volume.backing_store->path = "/p/base";
    EXPECT_EQ(command(w), "qemu-img create -f qcow2 -b /p/base -F raw -- /p/part");
}

TEST(Images, are_converted_from_others) {
    Wish w = wish("qcow2", 4096);
    doc::Volume from;
    from.target.format = "vmdk";
    from.target.path = "/q/old";
    w.from = std::make_shared<const doc::Volume>(from);
    EXPECT_EQ(command(w), "qemu-img convert -f vmdk -O qcow2 -- /q/old /p/part");
}

TEST(Images, that_cannot_be_are_refused) {
    Wish raw = wish("raw", 1);
    raw.metadata = true;
    EXPECT_FALSE(check_image(raw));
    Wish secret = wish("qcow2", 1);
    secret.volume.target.encryption.emplace();
    EXPECT_EQ(check_image(secret).error().code, ErrorCode::config_unsupported);
    EXPECT_TRUE(check_image(wish("qcow2", 1)));
}

TEST(Mounts, are_found_by_their_place) {
    constexpr std::string_view kInfo = "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
                                       "30 22 0:40 / /mnt/a\\040b rw,nosuid shared:3 master:1 - nfs4 host:/dir rw\n"
                                       "31 22 8:2 / /mnt/x rw - ext4 /dev/sdb1 rw\n"
                                       "32 31 8:3 / /mnt/x rw - xfs /dev/sdc1 rw\n";
    EXPECT_EQ(mounted_at("/mnt/a b", kInfo), "host:/dir");
    EXPECT_EQ(mounted_at("/mnt/x", kInfo), "/dev/sdc1");
    EXPECT_EQ(mounted_at("/mnt", kInfo), "");
    EXPECT_EQ(mounted_at("/", "garbage\n\n1 2"), "");
}

TEST(Mounts, sources_are_called_as_mount_does) {
    doc::Pool pool;
    pool.type = doc::PoolType::netfs;
    pool.source.emplace();
    pool.source->hosts.push_back({"host", {}});
    pool.source->dir = "/dir";
    EXPECT_EQ(mount_source(pool), "host:/dir");
    pool.source->format = "cifs";
    pool.source->dir = "share";
    EXPECT_EQ(mount_source(pool), "//host/share");
}

constexpr std::string_view kLvs = "  root\tu-1\t8388608\t-wi-a-----\t\t/dev/sda(0)\t4194304\t4194304\n"
                                  "  root\tu-1\t8388608\t-wi-a-----\t\t/dev/sdb(7)\t4194304\t4194304\n"
                                  "  snap\tu-2\t4194304\tswi-a-s---\troot\t/dev/sda(1)\t4194304\t4194304\n"
                                  "  off\tu-3\t4194304\t-wi-------\t\t\t1\t1\n"
                                  "  pool\tu-4\t4194304\ttwi-a-tz--\t\t\t1\t1\n";

TEST(Logical, volumes_are_read_from_the_report) {
    const auto list = logical_volumes(kLvs, "/dev/vg");
    ASSERT_TRUE(list) << list.error().message;
    ASSERT_EQ(list->size(), 2U);
    const doc::Volume& root = *(*list)[0];
    EXPECT_EQ(root.key, "u-1");
    EXPECT_EQ(root.target.path, "/dev/vg/root");
    EXPECT_EQ(root.capacity, 8'388'608U);
    EXPECT_EQ(root.allocation, 8'388'608U);
    ASSERT_EQ(root.source.devices.size(), 2U);
    EXPECT_EQ(root.source.devices[1].path, "/dev/sdb");
    EXPECT_EQ(root.source.devices[1].extents[0].start, 7U * 4'194'304U);
    EXPECT_EQ((*list)[1]->backing_store->path, "/dev/vg/root");
}

TEST(Logical, what_is_no_report_is_an_error) {
    for (const std::string_view text : {"{}", "root", "  root\tu-1\n", "\t\t\t\t\t\t\t\t\n"})
        EXPECT_FALSE(logical_volumes(text, "/dev/vg")) << text;
    Found found;
    EXPECT_FALSE(take_group_sizes("", found));
    const auto none = logical_volumes("", "/dev/vg"); // a group without volumes
    EXPECT_TRUE(none && none->empty());
    EXPECT_TRUE(logical_volumes("  \t\t\t\t\t\t\t\n", "/dev/vg"));
}

TEST(Logical, sizes_and_groups) {
    Found found;
    ASSERT_TRUE(take_group_sizes("  vg\t100\t40\n", found));
    EXPECT_EQ(found.capacity, 100U);
    EXPECT_EQ(found.allocation, 60U);
    const auto groups = volume_groups("  /dev/x\tb\n  /dev/y\t\n  /dev/z\ta\n  /dev/w\tb\n");
    ASSERT_TRUE(groups);
    ASSERT_EQ(groups->size(), 2U);
    EXPECT_EQ((*groups)[1].devices.size(), 2U);
}

TEST(Logical, volumes_are_created_with_a_tag) {
    EXPECT_EQ(joined(create_logical(wish("", 4'194'304, 4'194'304), "vg", "@t")), "lvcreate -y --addtag @t --name v -L 4096K -- vg");
    EXPECT_EQ(joined(create_logical(wish("", 4'194'304, 0), "vg", "@t")),
              "lvcreate -y --addtag @t --name v --type snapshot -L 1K --virtualsize 4096K -- vg");
}

TEST(Patience, grows_with_the_bytes) {
    Patience p;
    p.deadline_ns = 1'000'000'000;
    EXPECT_EQ(p.for_bytes(0).deadline_ns, 1'000'000'000);
    EXPECT_EQ(p.for_bytes(8U << 20).deadline_ns, 3'000'000'000);
    EXPECT_GT(p.for_bytes(UINT64_MAX).deadline_ns, 0);
}

TEST(Volumes, keep_what_only_the_document_says) {
    doc::Volume base;
    base.name = "v";
    base.target.format = "qcow2";
    base.target.compat = "0.10";
    base.key = "k";
    const Facts facts = {{"name", "v"}, {"format", "raw"}, {"capacity", 5}, {"allocation", 0}, {"physical", 0}, {"compat", "1.1"}};
    const doc::Volume known = volume_of(facts, &base), fresh = volume_of(facts, nullptr);
    EXPECT_EQ(known.target.format, "qcow2");
    EXPECT_EQ(known.target.compat, "0.10");
    EXPECT_EQ(known.capacity, 5U);
    EXPECT_FALSE(known.physical);
    EXPECT_EQ(fresh.target.format, "raw");
    EXPECT_EQ(fresh.target.compat, "1.1");
}

} // namespace
} // namespace polyvirt::storage
