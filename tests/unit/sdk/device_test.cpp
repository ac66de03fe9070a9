// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Devices of a document: each kind found by its own rule, and what may come, go and change.
#include "sdk/domain/device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace polyvirt::sdk::domain {
namespace {

using testing::HasSubstr;

Domain with(std::string_view devices) {
    const std::string text = "<domain type='qemu'><name>x</name><memory>65536</memory><maxMemory slots='1'>131072</maxMemory><os><type>hvm</type></os><devices>" +
                             std::string(devices) + "</devices></domain>";
    auto parsed = parse_domain(text);
    EXPECT_TRUE(parsed) << parsed.error().message;
    return std::move(parsed->domain);
}
Device device(std::string_view text) {
    auto parsed = parse_device(text, true);
    EXPECT_TRUE(parsed) << parsed.error().message;
    return *std::move(parsed);
}
ErrorCode code_of(const Status& status) { return status ? ErrorCode::ok : status.error().code; }

constexpr std::string_view kAll =
    "<disk><source file='/a'/><target dev='vda'/></disk><disk><source file='/b'/><target dev='vdb'/></disk>"
    "<controller type='scsi' index='1'/><lease><lockspace>s</lockspace><key>k</key><target path='/l'/></lease>"
    "<filesystem><source dir='/s'/><target dir='t'/></filesystem>"
    "<interface type='user'><mac address='52:54:00:00:00:01'/></interface>"
    "<interface type='user'><mac address='52:54:00:00:00:02'/></interface>"
    "<channel type='unix'><target type='virtio' name='a'/></channel><channel type='unix'><target type='virtio' name='b'/></channel>"
    "<input type='tablet' bus='usb'/><sound model='ac97'/>"
    "<hostdev mode='subsystem' type='usb'><source><vendor id='0x1'/><product id='0x2'/></source></hostdev>"
    "<redirdev bus='usb' type='unix'><source mode='bind' path='/r'/></redirdev><watchdog model='i6300esb' action='reset'/>"
    "<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>"
    "<shmem name='m'><model type='ivshmem-plain'/><size unit='M'>4</size></shmem>"
    "<memory model='dimm'><target><size>4096</size><node>0</node></target></memory><vsock model='virtio'><cid auto='yes'/></vsock>";

struct Found {
    const char* text;
    std::size_t index;
};

TEST(Device, is_found_by_what_its_owner_knows_it_by) {
    const Domain d = with(kAll);
    const Found rows[] = {
        {"<disk><target dev='vdb'/></disk>", 1},
        {"<controller type='scsi' index='1'/>", 0},
        {"<lease><lockspace>s</lockspace><key>k</key><target path='/other'/></lease>", 0},
        {"<filesystem><source dir='/other'/><target dir='t'/></filesystem>", 0},
        {"<interface type='bridge'><mac address='52:54:00:00:00:02'/><source bridge='b'/></interface>", 1},
        {"<channel type='unix'><target type='virtio' name='b'/></channel>", 1},
        {"<input type='tablet' bus='usb'/>", 0},
        {"<sound model='ac97'/>", 0},
        {"<hostdev mode='subsystem' type='usb'><source><vendor id='0x1'/><product id='0x2'/></source></hostdev>", 0},
        {"<redirdev bus='usb' type='unix'><source mode='bind' path='/r'/></redirdev>", 0},
        {"<watchdog model='i6300esb' action='none'/>", 0},
        {"<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>", 0},
        {"<shmem name='m'><model type='ivshmem-plain'/><size unit='M'>4</size></shmem>", 0},
        {"<memory model='dimm'><target><size>4096</size><node>0</node></target></memory>", 0},
        {"<vsock model='virtio'/>", 0},
    };
    for (const Found& row : rows) {
        const auto found = find_device(d.devices, device(row.text), ErrorDomain::qemu);
        ASSERT_TRUE(found) << row.text << ": " << found.error().message;
        EXPECT_EQ(found->index, row.index) << row.text;
    }
}

TEST(Device, that_is_not_there_is_told_with_the_code_of_its_kind) {
    const Domain d = with("");
    const std::pair<const char*, ErrorCode> rows[] = {
        {"<disk><target dev='vdz'/></disk>", ErrorCode::device_missing},
        {"<interface type='user'><mac address='52:54:00:00:00:09'/></interface>", ErrorCode::device_missing},
        {"<channel type='pty'><target type='virtio' name='z'/></channel>", ErrorCode::invalid_arg},
        {"<lease><lockspace>s</lockspace><key>z</key><target path='/l'/></lease>", ErrorCode::invalid_arg},
        {"<watchdog model='i6300esb'/>", ErrorCode::device_missing},
    };
    for (const auto& [text, code] : rows) {
        Domain copy = d;
        EXPECT_EQ(code_of(detach_device(copy, device(text), ErrorDomain::qemu)), code) << text;
    }
}

TEST(Device, of_several_interfaces_none_is_chosen) {
    Domain d = with(kAll);
    EXPECT_EQ(code_of(detach_device(d, device("<interface type='user'/>"), ErrorDomain::qemu)), ErrorCode::operation_failed);
}

TEST(Device, that_is_there_already_is_not_attached_again) {
    for (const char* text : {"<disk><source file='/c'/><target dev='vda'/></disk>", "<controller type='scsi' index='1'/>",
                             "<filesystem><source dir='/s'/><target dir='t'/></filesystem>", "<watchdog model='ib700'/>", "<vsock model='virtio'/>",
                             "<shmem name='m'><model type='ivshmem-plain'/><size unit='M'>4</size></shmem>"}) {
        Domain d = with(kAll);
        EXPECT_EQ(code_of(attach_device(d, device(text), ErrorDomain::qemu)), ErrorCode::operation_invalid) << text;
    }
}

TEST(Device, of_a_kind_that_stays_is_refused) {
    Domain d = with("");
    for (const char* text : {"<video><model type='vga'/></video>", "<memballoon model='virtio'/>", "<tpm><backend type='emulator'/></tpm>"}) {
        EXPECT_EQ(code_of(attach_device(d, device(text), ErrorDomain::qemu)), ErrorCode::operation_unsupported) << text;
        EXPECT_EQ(code_of(detach_device(d, device(text), ErrorDomain::qemu)), ErrorCode::operation_unsupported) << text;
    }
    EXPECT_EQ(parse_device("<nothing/>", true).error().code, ErrorCode::config_unsupported);
}

TEST(Device, keeps_its_place_when_it_is_updated) {
    Domain d = with("<interface type='user'><mac address='52:54:00:00:00:01'/>"
                    "<address type='pci' domain='0' bus='0' slot='3' function='0'/></interface>");
    ASSERT_TRUE(update_device(d, device("<interface type='user'><link state='down'/></interface>"), ErrorDomain::qemu));
    const Interface& i = d.devices.interfaces.at(0);
    EXPECT_EQ(i.link, LinkState::down);
    EXPECT_EQ(i.mac.address->to_string(), "52:54:00:00:00:01");
    EXPECT_EQ(i.info.address->slot, 3u);
}

TEST(Device, of_memory_counts_in_the_guests_memory) {
    Domain d = with("");
    const Device module = device("<memory model='dimm'><target><size>4096</size><node>0</node></target></memory>");
    ASSERT_TRUE(attach_device(d, module, ErrorDomain::qemu));
    EXPECT_EQ(d.memory, 65536u + 4096u);
    EXPECT_EQ(code_of(attach_device(d, module, ErrorDomain::qemu)), ErrorCode::config_unsupported); // there is one slot
    ASSERT_TRUE(detach_device(d, module, ErrorDomain::qemu));
    EXPECT_EQ(d.memory, 65536u);
}

TEST(Device, with_an_alias_is_found_by_it_whatever_its_kind) {
    const Domain d = with("<disk><target dev='vda'/><alias name='ua-d'/></disk><rng model='virtio'><alias name='ua-r'/></rng>");
    ASSERT_TRUE(find_alias(d.devices, "ua-r"));
    EXPECT_EQ(find_alias(d.devices, "ua-r")->kind, DeviceKind::rng);
    EXPECT_FALSE(find_alias(d.devices, "ua-x"));
    Domain copy = d;
    EXPECT_EQ(code_of(attach_device(copy, device("<input type='tablet' bus='usb'><alias name='ua-d'/></input>"), ErrorDomain::qemu)),
              ErrorCode::config_unsupported);
}

} // namespace
} // namespace polyvirt::sdk::domain
