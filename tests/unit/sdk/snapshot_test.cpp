// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/domain/snapshot.h"

#include <gtest/gtest.h>

#include "sdk/domain/passes.h"

namespace polyvirt::sdk::domain {
namespace {

constexpr const char* kSnapshot = R"(<domainsnapshot>
  <name>s1</name>
  <description>words</description>
  <state>running</state>
  <parent>
    <name>s0</name>
  </parent>
  <creationTime>1700000000</creationTime>
  <memory snapshot='internal'/>
  <disks>
    <disk name='hda' snapshot='internal'/>
    <disk name='vdb' snapshot='external' type='file'>
      <driver type='qcow2'/>
      <source file='/b.s1'/>
    </disk>
  </disks>
  <domain type='test'>
    <name>a</name>
    <memory unit='KiB'>1024</memory>
  </domain>
</domainsnapshot>
)";

TEST(Snapshot, is_printed_as_it_was_read) {
    const auto snapshot = parse_snapshot(kSnapshot);
    ASSERT_TRUE(snapshot) << snapshot.error().message;
    EXPECT_EQ(snapshot->parent->name, "s0");
    EXPECT_EQ(snapshot->disks[1].source->file, "/b.s1");
    EXPECT_EQ(format_snapshot(*snapshot, {}), kSnapshot);
}

TEST(Snapshot, shows_no_passwords_unless_asked) {
    const auto snapshot = parse_snapshot("<domainsnapshot><domain type='test'><name>a</name><devices>"
                                         "<graphics type='vnc' passwd='secret'/></devices></domain></domainsnapshot>");
    ASSERT_TRUE(snapshot);
    EXPECT_EQ(format_snapshot(*snapshot, {}).find("secret"), std::string::npos);
    EXPECT_NE(format_snapshot(*snapshot, {.secure = true}).find("secret"), std::string::npos);
}

TEST(Snapshot, another_document_is_refused_with_its_line) {
    const auto snapshot = parse_snapshot("\n<domaincheckpoint/>");
    ASSERT_FALSE(snapshot);
    EXPECT_NE(snapshot.error().message.find("line 2: the outermost element is <domaincheckpoint>"), std::string::npos);
}

TEST(Checkpoint, shows_sizes_and_domain_when_asked) {
    const auto checkpoint = parse_checkpoint("<domaincheckpoint><name>c</name><disks><disk name='vda' checkpoint='bitmap' bitmap='c' size='5'/>"
                                             "</disks><domain type='test'><name>a</name></domain></domaincheckpoint>");
    ASSERT_TRUE(checkpoint) << checkpoint.error().message;
    EXPECT_EQ(format_checkpoint(*checkpoint, {}).find("size="), std::string::npos);
    EXPECT_NE(format_checkpoint(*checkpoint, {.size = true}).find("size='5'"), std::string::npos);
    EXPECT_NE(format_checkpoint(*checkpoint, {}).find("<domain type"), std::string::npos);
    EXPECT_EQ(format_checkpoint(*checkpoint, {.no_domain = true}).find("<domain type"), std::string::npos);
}

TEST(Backup, is_read_and_printed) {
    const auto backup = parse_backup("<domainbackup mode='push'><incremental>c</incremental><disks>"
                                     "<disk name='vda' backup='yes' type='file'><target file='/t'/></disk></disks></domainbackup>");
    ASSERT_TRUE(backup) << backup.error().message;
    EXPECT_EQ(backup->disks[0].target->file, "/t");
    EXPECT_NE(format_backup(*backup).find("<target file='/t'/>"), std::string::npos);
}

TEST(NeutralDefaults, add_what_any_machine_has_and_change_nothing_else) {
    auto parsed = parse_domain("<domain type='test'><name>a</name><memory>1024</memory><os><type>hvm</type></os><devices>"
                               "<disk type='file'><source file='/x'/><target dev='sdi' bus='scsi'/></disk>"
                               "<disk type='file'><driver name='qemu' type='qcow2'/><source file='/y'/><target dev='vda'/></disk>"
                               "<interface type='network'><source network='default'/></interface><console type='pty'/></devices></domain>");
    ASSERT_TRUE(parsed);
    Domain& d = parsed->domain;
    HostContext context;
    context.arch = "i686";
    ASSERT_TRUE(apply_neutral_defaults(d, context));
    EXPECT_TRUE(d.uuid);
    EXPECT_EQ(d.os.type.arch, "i686");
    EXPECT_EQ(d.devices.controllers.size(), 2U); // the ninth disk of seven a controller
    EXPECT_TRUE(d.devices.interfaces[0].mac.address);
    EXPECT_EQ(d.devices.serials.size(), 1U);
    EXPECT_FALSE(d.devices.memballoon);
    EXPECT_EQ(format_domain(d).find("type='raw'"), std::string::npos);
    EXPECT_NE(format_domain(d).find("type='qcow2'"), std::string::npos);
    const std::string once = format_domain(d);
    ASSERT_TRUE(apply_neutral_defaults(d, context));
    EXPECT_EQ(format_domain(d), once);
}

TEST(NeutralDefaults, want_memory_and_a_type) {
    HostContext context;
    Domain d;
    EXPECT_FALSE(apply_neutral_defaults(d, context));
    d.os.type.type = "hvm";
    const Status refused = apply_neutral_defaults(d, context);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("Memory size must be specified"), std::string::npos);
}

} // namespace
} // namespace polyvirt::sdk::domain
