// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace polyvirt::qemu {
namespace {

StatusRecord sample_record() {
    StatusRecord r;
    r.name = "a 'b' \"c\"\n\xc3\xa4";
    r.uuid = Uuid::random();
    r.id = 7;
    r.pid = 4242;
    r.start_time = 18446744073709551615ULL;
    r.state = 1;
    r.reason = 5;
    r.pausing = 8;
    r.folder = "domain-7-a";
    r.user = "+64055:+108";
    r.claims = {{"/a:b/c 'd'", 64768, 18446744073709551615ULL, 0, 7, 64055, 108}, {"", 1, 2, 3, 4, 5, 6}};
    r.links = {{"net0", "macvtap0", "eth0", {}, {}},
               {"net1", "macvtap1", "eth1", sdk::xml::Mac::parse("52:54:00:00:00:01"), sdk::xml::Mac::parse("52:54:00:00:00:02")}};
    r.host_devices = {{.kind = HostKind::pci, .name = "0000:01:00.0", .alias = "hostdev0", .node = "/dev/vfio/7", .managed = true, .driver = "e1000e"}};
    r.servers = {{"fs0", 4243, 99}, {"ua-a", 1, 18446744073709551615ULL}};
    r.group = {"1:cpu,cpuacct:/sys/fs/cgroup/cpu/x"};
    r.folders = {"/dev/hugepages/x"};
    r.taints = {"custom-monitor"};
    r.attaching = {{"alias", "net1"}};
    r.xml = "<domain>\n  <name>x</name>\n</domain>\n";
    return r;
}

TEST(StatusRecord, reads_back_what_it_wrote) {
    const StatusRecord before = sample_record();
    const auto after = parse_status(format_status(before));
    ASSERT_TRUE(after) << after.error().message;
    EXPECT_EQ(after->name, before.name);
    EXPECT_EQ(after->uuid, before.uuid);
    EXPECT_EQ(after->id, before.id);
    EXPECT_EQ(after->pid, before.pid);
    EXPECT_EQ(after->start_time, before.start_time);
    EXPECT_EQ(after->state, before.state);
    EXPECT_EQ(after->reason, before.reason);
    EXPECT_EQ(after->pausing, before.pausing);
    EXPECT_EQ(after->folder, before.folder);
    EXPECT_EQ(after->xml, before.xml);
    EXPECT_EQ(after->user, before.user);
    EXPECT_EQ(after->claims, before.claims);
    EXPECT_EQ(after->links, before.links);
    EXPECT_EQ(after->host_devices, before.host_devices);
    ASSERT_EQ(after->servers.size(), before.servers.size());
    for (std::size_t i = 0; i < before.servers.size(); i++) {
        EXPECT_EQ(after->servers[i].alias, before.servers[i].alias);
        EXPECT_EQ(after->servers[i].pid, before.servers[i].pid);
        EXPECT_EQ(after->servers[i].start_time, before.servers[i].start_time);
    }
    EXPECT_EQ(after->group, before.group);
    EXPECT_EQ(after->folders, before.folders);
    EXPECT_EQ(after->attaching, before.attaching);
}

TEST(StatusRecord, of_a_guest_that_is_being_started_has_no_process) {
    StatusRecord record = sample_record();
    record.pid = 0;
    EXPECT_TRUE(parse_status(format_status(record)));
}

TEST(StatusRecord, refuses_every_shortened_text) {
    const std::string text = format_status(sample_record());
    for (std::size_t n = 0; n + 2 < text.size(); n++) EXPECT_FALSE(parse_status(text.substr(0, n))) << n;
}

TEST(StatusRecord, says_which_field_is_wrong) {
    std::string text = format_status(sample_record());
    text.replace(text.find("4242"), 4, "\"no\"");
    const auto result = parse_status(text);
    ASSERT_FALSE(result);
    EXPECT_THAT(result.error().message, testing::HasSubstr("'pid'"));
}

TEST(StatusRecord, refuses_a_link_whose_device_cannot_be_put_right) {
    std::string text = format_status(sample_record());
    text.replace(text.find("52:54:00:00:00:02"), 17, "52:54:00:00:00:xx");
    EXPECT_FALSE(parse_status(text));
}

TEST(StatusRecord, refuses_a_folder_outside_its_own) {
    StatusRecord record = sample_record();
    record.folder = "../../etc";
    EXPECT_FALSE(parse_status(format_status(record)));
}

TEST(StatusRecord, refuses_another_version) {
    std::string text = format_status(sample_record());
    text.replace(text.find("\"version\": 1"), 12, "\"version\": 9");
    const auto result = parse_status(text);
    ASSERT_FALSE(result);
    EXPECT_THAT(result.error().message, testing::HasSubstr("version 9 found, 1 expected"));
}

} // namespace
} // namespace polyvirt::qemu
