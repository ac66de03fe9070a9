// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sdk/storage/pool.h"
#include "sdk/storage/volume.h"

namespace polyvirt::sdk::storage {
namespace {

using testing::HasSubstr;

std::string pool_error(std::string_view text) {
    const auto p = parse_pool(text);
    return p ? "accepted" : p.error().message;
}

// One of each type, in the form in which it is printed but for name, uuid and sizes.
constexpr const char* kPools[][2] = {
    {"dir", "  <source/>\n  <target>\n    <path>/srv</path>\n    <permissions>\n      <mode>0711</mode>\n      <owner>1</owner>\n      "
            "<group>2</group>\n      <label>l</label>\n    </permissions>\n  </target>\n"},
    {"fs", "  <source>\n    <device path='/dev/sda'/>\n    <format type='ext4'/>\n  </source>\n  <target>\n    <path>/srv</path>\n  </target>\n"},
    {"netfs", "  <source>\n    <host name='h' port='2049'/>\n    <dir path='/d'/>\n    <format type='nfs'/>\n    <protocol ver='4.1'/>\n  "
              "</source>\n  <target>\n    <path>/srv</path>\n  </target>\n"},
    {"logical", "  <source>\n    <device path='/dev/sdb'/>\n    <device path='/dev/sdc'/>\n    <name>vg</name>\n    <format type='lvm2'/>\n  "
                "</source>\n  <target>\n    <path>/dev/vg</path>\n  </target>\n"},
    {"disk", "  <source>\n    <device path='/dev/mapper/a' part_separator='no'>\n      <freeExtent start='1' end='2'/>\n    </device>\n    "
             "<format type='gpt'/>\n  </source>\n  <target>\n    <path>/dev</path>\n  </target>\n"},
    {"iscsi", "  <source>\n    <host name='h'/>\n    <device path='iqn.x'/>\n    <auth type='chap' username='u'>\n      <secret usage='s'/>\n    "
              "</auth>\n    <vendor name='v'/>\n    <product name='p'/>\n  </source>\n  <target>\n    <path>/dev/disk/by-path</path>\n  "
              "</target>\n"},
    {"iscsi-direct", "  <source>\n    <host name='h'/>\n    <device path='iqn.x'/>\n    <initiator>\n      <iqn name='iqn.me'/>\n    "
                     "</initiator>\n  </source>\n"},
    {"scsi", "  <source>\n    <adapter type='scsi_host' name='host0'/>\n  </source>\n  <target>\n    <path>/dev/disk/by-path</path>\n  "
             "</target>\n"},
    {"mpath", "  <source/>\n  <target>\n    <path>/dev/mapper</path>\n  </target>\n"},
    {"rbd", "  <source>\n    <host name='h' port='6789'/>\n    <name>rbd</name>\n    <auth type='ceph' username='u'>\n      <secret "
            "uuid='2ec115d7-3a88-3ceb-bc12-0ac909a6fd87'/>\n    </auth>\n  </source>\n  <refresh>\n    <volume allocation='capacity'/>\n  "
            "</refresh>\n"},
    {"sheepdog", "  <source>\n    <host name='h'/>\n    <name>s</name>\n  </source>\n"},
    {"gluster", "  <source>\n    <host name='h'/>\n    <dir path='/d'/>\n    <name>v</name>\n  </source>\n"},
    {"zfs", "  <source>\n    <name>tank</name>\n  </source>\n  <target>\n    <path>/dev/zvol/tank</path>\n  </target>\n"},
    {"vstorage", "  <source>\n    <name>cluster</name>\n  </source>\n  <target>\n    <path>/mnt</path>\n  </target>\n"},
};

std::string whole(const char* type, const char* inside) {
    return fmt::format("<pool type='{}'>\n  <name>p</name>\n  <uuid>70a7eb15-6c34-ee9c-bf57-69e8e5ff3fb2</uuid>\n  <capacity "
                       "unit='bytes'>3</capacity>\n  <allocation unit='bytes'>1</allocation>\n  <available "
                       "unit='bytes'>2</available>\n{}</pool>\n",
                       type, inside);
}

TEST(PoolDocument, pools_of_every_type_survive_a_round_trip_word_for_word) {
    for (const auto& [type, inside] : kPools) {
        const std::string text = whole(type, inside);
        const auto p = parse_pool(text);
        ASSERT_TRUE(p) << type << ": " << p.error().message;
        EXPECT_TRUE(p->messages.empty()) << p->messages.list.front().text;
        EXPECT_EQ(format_pool(p->value), text);
    }
}

TEST(PoolDocument, what_a_type_needs_is_missed_by_name) {
    const struct {
        const char *type, *inside, *complaint;
    } rows[] = {
        {"dir", "", "missing storage pool target path"},
        {"fs", "<target><path>/x</path></target>", "missing storage pool source device name"},
        {"netfs", "<source><dir path='/d'/></source><target><path>/x</path></target>", "missing storage pool source host name"},
        {"netfs", "<source><host name='h'/></source><target><path>/x</path></target>", "missing storage pool source path"},
        {"iscsi-direct", "<source><host name='h'/><device path='d'/></source>", "missing storage pool source initiator IQN"},
        {"scsi", "<target><path>/x</path></target>", "missing storage pool source adapter"},
        {"scsi", "<source><adapter type='fc_host'/></source><target><path>/x</path></target>", "'wwnn' and 'wwpn' must be specified"},
        {"fs", "<source><device path='d'/><format type='ext9'/></source><target><path>/x</path></target>",
         "unknown pool format type ext9"},
        {"dir", "<target><path>/x</path><permissions><mode>0999</mode></permissions></target>", "permissions in octal"},
    };
    for (const auto& row : rows)
        EXPECT_THAT(pool_error(fmt::format("<pool type='{}'><name>p</name>{}</pool>", row.type, row.inside)), HasSubstr(row.complaint))
            << row.inside;
    EXPECT_THAT(pool_error("<pool type='dri'><name>p</name></pool>"), HasSubstr("did you mean 'dir'?"));
    EXPECT_THAT(pool_error("<pool type='dir'/>"), HasSubstr("missing pool source name element"));
}

TEST(PoolDocument, what_follows_from_a_name_is_added) {
    const auto p = parse_pool("<pool type='logical'><name>vg0</name></pool>");
    ASSERT_TRUE(p);
    EXPECT_EQ(p->value.source->name, "vg0");
    EXPECT_EQ(p->value.target->path, "/dev/vg0");
    EXPECT_EQ(p->value.source->format, "lvm2");
}

TEST(PoolDocument, options_of_mounts_and_clusters_stand_in_their_namespaces) {
    constexpr const char* kText = "<pool type='netfs' xmlns:fs='http://libvirt.org/schemas/storagepool/fs/1.0'><name>p</name>"
                                  "<source><host name='h'/><dir path='/d'/></source><target><path>/x</path></target>"
                                  "<fs:mount_opts><fs:option name='sync'/></fs:mount_opts></pool>";
    const auto p = parse_pool(kText);
    ASSERT_TRUE(p) << p.error().message;
    EXPECT_THAT(format_pool(p->value), HasSubstr("<fs:mount_opts>\n    <fs:option name='sync'/>"));
}

TEST(PoolDocument, capabilities_name_every_type_and_its_formats) {
    const std::string text = format_pool_capabilities([](PoolType t) { return t == PoolType::dir; });
    EXPECT_THAT(text, HasSubstr("<pool type='dir' supported='yes'>"));
    EXPECT_THAT(text, HasSubstr("<pool type='vstorage' supported='no'>"));
    EXPECT_THAT(text, HasSubstr("<value>ocfs2</value>"));
}

constexpr std::string_view kVolume = R"(<volume type='file'>
  <name>v.qcow2</name>
  <key>/srv/v.qcow2</key>
  <capacity unit='bytes'>10737418240</capacity>
  <allocation unit='bytes'>1048576</allocation>
  <physical unit='bytes'>200704</physical>
  <target>
    <path>/srv/v.qcow2</path>
    <format type='qcow2'/>
    <permissions>
      <mode>0600</mode>
      <owner>0</owner>
      <group>0</group>
      <label>l</label>
    </permissions>
    <timestamps>
      <atime>1341933637.273190990</atime>
      <mtime>1341930622.047245868</mtime>
      <ctime>1341930622.047245868</ctime>
    </timestamps>
    <encryption format='luks' engine='qemu'>
      <secret type='passphrase' uuid='e78d4b51-a2af-485f-b0f5-afca709a80f4'/>
      <cipher name='serpent' size='256' mode='cbc' hash='sha256'/>
      <ivgen name='plain64' hash='sha256'/>
    </encryption>
    <compat>1.1</compat>
    <nocow/>
    <clusterSize unit='B'>65536</clusterSize>
    <features>
      <lazy_refcounts/>
      <extended_l2/>
    </features>
  </target>
  <backingStore>
    <path>/srv/base</path>
    <format type='raw'/>
  </backingStore>
</volume>
)";

TEST(VolumeDocument, every_element_survives_a_round_trip_word_for_word) {
    const auto v = parse_volume(kVolume, PoolType::dir);
    ASSERT_TRUE(v) << v.error().message;
    EXPECT_TRUE(v->messages.empty()) << v->messages.list.front().text;
    EXPECT_EQ(format_volume(v->value), kVolume);
}

TEST(VolumeDocument, sizes_come_in_every_unit_and_too_large_ones_are_refused) {
    const auto capacity = [](std::string_view element) {
        const auto v = parse_volume(fmt::format("<volume><name>v</name>{}</volume>", element), PoolType::dir);
        return v ? std::to_string(*v->value.capacity) : v.error().message;
    };
    EXPECT_EQ(capacity("<capacity>7</capacity>"), "7");
    EXPECT_EQ(capacity("<capacity unit='KB'>7</capacity>"), "7000");
    EXPECT_EQ(capacity("<capacity unit='G'>1</capacity>"), "1073741824");
    EXPECT_THAT(capacity("<capacity unit='E'>99</capacity>"), HasSubstr("too large"));
    EXPECT_THAT(capacity("<capacity unit='x'>1</capacity>"), HasSubstr("unknown unit 'x'"));
    EXPECT_THAT(capacity("<capacity>much</capacity>"), HasSubstr("expected a size"));
    EXPECT_THAT(capacity(""), HasSubstr("missing capacity element"));
}

TEST(VolumeDocument, names_formats_and_features_are_checked) {
    const auto error = [](std::string_view name, std::string_view target) {
        const auto v = parse_volume(fmt::format("<volume><name>{}</name><capacity>1</capacity><target>{}</target></volume>", name, target),
                                    PoolType::dir);
        return v ? "accepted" : v.error().message;
    };
    EXPECT_THAT(error("../x", ""), HasSubstr("cannot contain '/'"));
    EXPECT_THAT(error("..", ""), HasSubstr("cannot be that of a file"));
    EXPECT_THAT(error("", ""), HasSubstr("missing volume name"));
    EXPECT_THAT(error("v", "<format type='qcow9'/>"), HasSubstr("unknown volume format type qcow9"));
    EXPECT_THAT(error("v", "<compat>0.10</compat><features><lazy_refcounts/></features>"), HasSubstr("not supported with compat level"));
}

} // namespace
} // namespace polyvirt::sdk::storage
