// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/domain/domain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sdk/xml/document.h"

namespace polyvirt::sdk::domain {
namespace {

using testing::HasSubstr;
using testing::Not;

// Written by hand, in the form and order in which it is printed.
constexpr std::string_view kGuest =
    R"(<domain type='kvm' id='7' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>web &amp; mail</name>
  <uuid>5d1a6b0e-1111-4222-8333-444455556666</uuid>
  <title>a title</title>
  <description>two
lines</description>
  <metadata>
    <o:owner xmlns:o="urn:owner" id="1">
      <!-- kept -->
      <o:name>Jane "J" O'Hara</o:name>
    </o:owner>
  </metadata>
  <memory unit='KiB'>1048576</memory>
  <currentMemory unit='KiB'>524288</currentMemory>
  <vcpu placement='static' cpuset='0-1,3' current='2'>4</vcpu>
  <os>
    <type arch='x86_64' machine='pc-q35-7.2'>hvm</type>
    <loader readonly='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE.fd</loader>
    <nvram template='/usr/share/OVMF/OVMF_VARS.fd'>/var/lib/nvram/x.fd</nvram>
    <kernel>/boot/vmlinuz</kernel>
    <initrd>/boot/initrd</initrd>
    <cmdline>console=ttyS0 quiet</cmdline>
    <boot dev='hd'/>
    <boot dev='network'/>
    <bootmenu enable='yes' timeout='3000'/>
    <bios useserial='yes' rebootTimeout='-1'/>
  </os>
  <features>
    <acpi/>
    <apic/>
    <pae/>
    <vmport state='off'/>
  </features>
  <cpu mode='custom' match='exact' check='partial'>
    <model fallback='allow'>Haswell</model>
    <topology sockets='1' dies='1' cores='2' threads='2'/>
    <feature policy='disable' name='hle'/>
  </cpu>
  <clock offset='utc'>
    <timer name='rtc' tickpolicy='catchup'/>
    <timer name='hpet' present='no'/>
  </clock>
  <on_poweroff>destroy</on_poweroff>
  <on_reboot>restart</on_reboot>
  <on_crash>preserve</on_crash>
  <pm>
    <suspend-to-mem enabled='no'/>
    <suspend-to-disk enabled='yes'/>
  </pm>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2' cache='none' io='native' discard='unmap'/>
      <source file='/images/a.qcow2'/>
      <target dev='vda' bus='virtio'/>
      <shareable/>
      <serial>WD-1</serial>
      <boot order='1'/>
      <alias name='ua-root'/>
      <address type='pci' domain='0x0000' bus='0x04' slot='0x00' function='0x0'/>
    </disk>
    <disk type='block' device='cdrom'>
      <driver name='qemu' type='raw'/>
      <source dev='/dev/sr0'/>
      <target dev='sda' bus='sata'/>
      <readonly/>
      <address type='drive' controller='0' bus='0' target='0' unit='0'/>
    </disk>
    <controller type='pci' index='1' model='pcie-root-port'>
      <model name='pcie-root-port'/>
      <target chassis='1' port='0x10'/>
      <address type='pci' domain='0x0000' bus='0x00' slot='0x02' function='0x0' multifunction='on'/>
    </controller>
    <interface type='bridge'>
      <mac address='52:54:00:aa:bb:cc'/>
      <source bridge='br0'/>
      <target dev='tap7'/>
      <model type='virtio'/>
      <link state='down'/>
      <boot order='2'/>
    </interface>
    <serial type='unix'>
      <source mode='bind' path='/run/serial'/>
      <log file='/var/log/serial' append='on'/>
      <target type='isa-serial' port='0'>
        <model name='isa-serial'/>
      </target>
    </serial>
    <console type='pty'>
      <target type='virtio' port='1'/>
    </console>
    <channel type='unix'>
      <source mode='bind' path='/run/agent'/>
      <target type='virtio' name='org.qemu.guest_agent.0'/>
      <address type='virtio-serial' controller='0' bus='0' port='1'/>
    </channel>
    <input type='tablet' bus='usb'>
      <address type='usb' bus='0' port='1'/>
    </input>
    <graphics type='vnc' port='-1' autoport='yes' listen='0.0.0.0' passwd='secret'>
      <listen type='address' address='0.0.0.0'/>
    </graphics>
    <video>
      <model type='virtio' heads='1' primary='yes'/>
    </video>
    <watchdog model='i6300esb' action='reset'/>
    <memballoon model='virtio'>
      <stats period='5'/>
    </memballoon>
    <rng model='virtio'>
      <rate bytes='1024' period='1000'/>
      <backend model='random'>/dev/urandom</backend>
    </rng>
    <panic model='isa'/>
  </devices>
  <seclabel type='static' model='dac' relabel='no'>
    <label>+64055:+108</label>
  </seclabel>
  <qemu:commandline>
    <qemu:arg value='-newarg'/>
    <qemu:env name='A' value='b'/>
  </qemu:commandline>
</domain>
)";

Parsed parsed(std::string_view text, bool inactive = false) {
    ParseOptions options;
    options.inactive = inactive;
    auto result = parse_domain(text, options);
    EXPECT_TRUE(result) << result.error().message;
    return result ? *std::move(result) : Parsed{};
}

std::string error_of(std::string_view text) {
    const auto result = parse_domain(text);
    return result ? "accepted" : result.error().message;
}

std::string with_device(std::string_view device) {
    return "<domain "
           "type='qemu'>\n<name>x</name>\n<memory>1</memory>\n<os><type>hvm</type></"
           "os>\n<devices>\n" +
           std::string(device) + "\n</devices>\n</domain>";
}

FormatOptions secure() {
    FormatOptions options;
    options.secure = true;
    return options;
}

TEST(Domain, is_printed_as_it_was_read) {
    const Parsed p = parsed(kGuest);
    EXPECT_EQ(format_domain(p.domain, secure()), kGuest);
    for (const auto& m : p.messages.list)
        ADD_FAILURE() << m.text;
}

TEST(Domain, holds_what_the_document_says) {
    const Domain d = parsed(kGuest).domain;
    EXPECT_EQ(d.id, 7);
    EXPECT_EQ(d.name, "web & mail");
    EXPECT_EQ(d.memory, 1048576u);
    EXPECT_EQ(d.vcpu.max, 4u);
    EXPECT_EQ(d.vcpu.current, 2u);
    EXPECT_TRUE(d.vcpu.cpuset.contains(3));
    EXPECT_EQ(d.os.boot[1].dev, BootDevice::network);
    ASSERT_EQ(d.devices.disks.size(), 2u);
    EXPECT_EQ(d.devices.disks[0].driver.cache, DiskCache::none);
    EXPECT_EQ(d.devices.disks[0].source->file, "/images/a.qcow2");
    EXPECT_EQ(d.devices.disks[0].info.boot.order, 1u);
    EXPECT_EQ(d.devices.controllers[0].info.address->multifunction, OnOff::on);
    EXPECT_EQ(d.devices.interfaces[0].link, LinkState::down);
    EXPECT_EQ(d.devices.graphics[0].port, -1);
    EXPECT_EQ(d.qemu_commandline.env[0].name, "A");
}

TEST(Domain, passwords_are_printed_only_when_asked_for) {
    const Domain d = parsed(kGuest).domain;
    EXPECT_THAT(format_domain(d), Not(HasSubstr("secret")));
    EXPECT_THAT(format_domain(d, secure()), HasSubstr("passwd='secret'"));
}

TEST(Domain, an_inactive_description_has_nothing_of_the_running_guest) {
    const Domain d = parsed(with_device("<console type='pty' tty='/dev/pts/3'><source "
                                        "path='/dev/pts/3'/><alias name='serial0'/>"
                                        "</console><interface type='user'><target "
                                        "dev='vnet4'/><alias name='ua-nic'/></interface>"))
                         .domain;
    FormatOptions options;
    options.inactive = true;
    const std::string text = format_domain(d, options);
    EXPECT_THAT(text, Not(HasSubstr("pts/3")));
    EXPECT_THAT(text, Not(HasSubstr("serial0")));
    EXPECT_THAT(text, Not(HasSubstr("vnet4")));
    EXPECT_THAT(text, HasSubstr("ua-nic")) << "a name that the user gave stays";
    EXPECT_EQ(format_domain(d).find("pts/3") == std::string::npos, false);
}

TEST(Domain, metadata_is_kept_word_for_word) {
    const std::string inner = "<metadata>\n <a:x xmlns:a=\"urn:a\"   b='c'>\n\n<!-- c "
                              "--><a:y><![CDATA[ <raw> ]]></a:y>&lt;</a:x></metadata>";
    const std::string text = "<domain type='qemu'><name>x</name>" + inner + "</domain>";
    const Domain once = parsed(text).domain;
    const Domain twice = parsed(format_domain(once)).domain;
    EXPECT_EQ(*once.metadata, *twice.metadata);
    EXPECT_THAT(
        format_domain(once),
        HasSubstr(
            "<metadata>\n <a:x xmlns:a=\"urn:a\" b=\"c\">\n\n<!-- c --><a:y><![CDATA[ <raw> ]]>"
            "</a:y>&lt;</a:x></metadata>"));
}

TEST(Domain, errors_name_line_found_and_expected) {
    EXPECT_THAT(error_of("<network/>"), HasSubstr("<network>, expected <domain>"));
    EXPECT_THAT(error_of("<domain type='qemu'/>"), HasSubstr("missing name information"));
    EXPECT_THAT(error_of("<domain><name>x</name></domain>"),
                HasSubstr("<domain> has no attribute 'type'"));
    EXPECT_THAT(error_of("<domain type='qemu'><name>a/b</name></domain>"),
                HasSubstr("must not contain '/'"));
    EXPECT_THAT(error_of("<domain type='qemu'><name>a</name>\n<uuid>xyz</uuid></domain>"),
                HasSubstr("line 2: <uuid>: found 'xyz'"));
    EXPECT_THAT(error_of(with_device("<disk type='fil'><target dev='vda'/></disk>")),
                HasSubstr("did you mean 'file'?"));
    EXPECT_THAT(error_of(with_device("<graphics type='vnc' port='70000'/>")),
                HasSubstr("line 6: attribute 'port' of <graphics>"));
    EXPECT_THAT(error_of(with_device("<controller type='usb' index='-1'/>")),
                HasSubstr("found '-1'"));
    EXPECT_THAT(
        error_of(with_device("<input type='tablet'><address type='pci' slot='0x20'/></input>")),
        HasSubstr("from 0x0 to 0x1f"));
    const auto no_target = parse_domain(with_device("<disk><source file='/x'/></disk>"));
    ASSERT_FALSE(no_target);
    EXPECT_EQ(no_target.error().code, ErrorCode::no_target);
}

// What users write, and what they meant.
TEST(Domain, typos_are_told_with_line_and_suggestion) {
    struct Typo {
        const char* text;
        const char* path;
        const char* meant;
    };
    const Typo typos[] = {
        {"<vpcu>4</vpcu>", "domain/vpcu", "vcpu"},
        {"<memroy>4</memroy>", "domain/memroy", "memory"},
        {"<currentmemory>4</currentmemory>", "domain/currentmemory", "currentMemory"},
        {"<feature><acpi/></feature>", "domain/feature", "features"},
        {"<features><api/></features>", "domain/features/api", "acpi"},
        {"<clok offset='utc'/>", "domain/clok", "clock"},
        {"<on_powerof>destroy</on_powerof>", "domain/on_powerof", "on_poweroff"},
        {"<os><type>hvm</type><kernal>/k</kernal></os>", "domain/os/kernal", "kernel"},
        {"<os><type>hvm</type><cmd_line>x</cmd_line></os>", "domain/os/cmd_line", "cmdline"},
        {"<os><type arc='x86_64'>hvm</type></os>", "domain/os/type/@arc", "arch"},
        {"<devices><dissk type='file'/></devices>", "domain/devices/dissk", "disk"},
        {"<devices><interfaces type='user'/></devices>", "domain/devices/interfaces", "interface"},
        {"<devices><interface type='user'><mtuu size='1'/></interface></devices>",
         "domain/devices/interface/mtuu", "mtu"},
        {"<devices><interface type='user'><mac adress='1'/></interface></devices>",
         "domain/devices/interface/mac/@adress", "address"},
        {"<devices><disk><target dev='vda' buss='virtio'/></disk></devices>",
         "domain/devices/disk/target/@buss", "bus"},
        {"<devices><disk><target dev='vda'/><read-only/></disk></devices>",
         "domain/devices/disk/read-only", "readonly"},
        {"<devices><graphic type='vnc'/></devices>", "domain/devices/graphic", "graphics"},
        {"<devices><graphics type='vnc' paswd='x'/></devices>", "domain/devices/graphics/@paswd",
         "passwd"},
        {"<devices><Console type='pty'/></devices>", "domain/devices/Console", "console"},
        {"<cpu mod='custom'/>", "domain/cpu/@mod", "mode"},
    };
    for (const Typo& typo : typos) {
        const Parsed p = parsed("<domain type='qemu'>\n<name>x</name>\n\n" +
                                std::string(typo.text) + "</domain>");
        ASSERT_EQ(p.messages.list.size(), 1u) << typo.text;
        EXPECT_EQ(p.messages.list[0].line, 4) << typo.text;
        EXPECT_EQ(p.messages.list[0].path, typo.path) << typo.text;
        EXPECT_EQ(p.messages.list[0].suggestion, typo.meant) << typo.text;
    }
}

TEST(Domain, the_reader_is_bounded) {
    std::string deep = "<domain type='qemu'><name>x</name><metadata>";
    for (int i = 0; i < 10'000; i++)
        deep += "<a>";
    EXPECT_THAT(error_of(deep), HasSubstr("elements deep"));
    EXPECT_THAT(error_of("<domain>" + std::string(5u << 20, ' ')), HasSubstr("bytes"));
    EXPECT_THAT(error_of("<!DOCTYPE d [<!ENTITY a 'b'>]><domain type='&a;'/>"),
                HasSubstr("entity 'a'"));
}

TEST(Domain, the_head_is_read_alone) {
    const auto head = read_head(kGuest);
    ASSERT_TRUE(head);
    EXPECT_EQ(head->root, "domain");
    EXPECT_EQ(head->type, "kvm");
    EXPECT_EQ(head->name, "web & mail");
    EXPECT_EQ(head->uuid, "5d1a6b0e-1111-4222-8333-444455556666");
}

TEST(Domain, documents_itself) {
    const std::string text = xml::document<Domain>("domain");
    EXPECT_THAT(text, HasSubstr("- `devices/disk/target/@bus`: one of 'ide'"));
    EXPECT_THAT(
        text,
        HasSubstr("- `devices/disk/address/@slot`: a number from 0x0 to 0x1f (where type is pci)"));
    EXPECT_THAT(
        text,
        HasSubstr("- `qemu:commandline/qemu:arg/@value`: a text that is not empty (required)"));
}

} // namespace
} // namespace polyvirt::sdk::domain
