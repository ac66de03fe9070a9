// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Devices of the host, on a host that is a folder.
#include "hostdev/host_devices.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fake_sysfs.h"
#include "hostdev/memory_lock.h"
#include "hostdev/pci.h"
#include "sdk/domain/device.h"

namespace polyvirt::qemu {
namespace {

namespace dom = sdk::domain;
using test::FakeSysfs;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kCard = "0000:01:00.0";

dom::Hostdev hostdev(const std::string& attributes, const std::string& source, const std::string& alias = "hostdev0") {
    auto device = dom::parse_device(fmt::format("<hostdev mode='subsystem' {}>{}<alias name='{}'/></hostdev>", attributes, source, alias), false);
    EXPECT_TRUE(device) << device.error().message;
    return device->as<dom::Hostdev>();
}
dom::Hostdev usb(const std::string& what, const std::string& more = "") { return hostdev("type='usb'", fmt::format("<source {}>{}</source>", more, what)); }
dom::Hostdev pci(const std::string& managed = "yes", int function = 0, const std::string& alias = "hostdev0") {
    return hostdev(fmt::format("type='pci' managed='{}'", managed), fmt::format("<source><address domain='0' bus='1' slot='0' function='{}'/></source>", function), alias);
}

class HostDevicesOf : public testing::Test {
  protected:
    HostDevicesOf() {
        auto host = std::make_unique<FakeSysfs>();
        sysfs = host.get();
        Cards cards;
        cards.read = [this](const std::string&, std::uint32_t) { return Result<sdk::FunctionSetup>(card); };
        cards.set = [this](const std::string& name, std::uint32_t number, const sdk::FunctionSetup& setup) {
            told.push_back(fmt::format("{} {} {} {}", name, number, setup.mac ? setup.mac->to_string() : "-", setup.vlan.value_or(9999)));
            return Status();
        };
        devices = std::make_unique<HostDevices>(std::move(host), [this](const char* module) { loaded.emplace_back(module); }, std::move(cards));
    }
    Result<std::vector<HeldDevice>> reserve(const std::string& guest, const std::vector<dom::Hostdev>& list,
                                            const std::vector<dom::Interface>& interfaces = {}) {
        dom::Devices all;
        all.hostdevs = list;
        all.interfaces = interfaces;
        for (dom::Hostdev& h : all.hostdevs)
            if (h.type != "usb") PV_TRY(devices->find(h, true));
        return devices->reserve(guest, all);
    }
    std::string refused(const std::string& guest, const std::vector<dom::Hostdev>& list) {
        const auto held = reserve(guest, list);
        EXPECT_FALSE(held);
        return held ? "" : held.error().message;
    }
    FakeSysfs* sysfs = nullptr;
    std::unique_ptr<HostDevices> devices;
    std::vector<std::string> loaded, told;
    sdk::FunctionSetup card{.mac = sdk::xml::Mac::parse("00:00:00:00:00:00"), .vlan = 0};
};

using Usb = HostDevicesOf;

TEST_F(Usb, is_found_by_what_it_is_and_where_it_is) {
    sysfs->usb("1-1", "0951", "1666", 1, 4);
    sysfs->usb("2-1", "0951", "1667", 2, 4);
    sysfs->folder("/sys/bus/usb/devices/1-1:1.0");
    struct UsbPlace {
        const char* source;
        std::uint32_t bus, device;
    };
    for (const UsbPlace& row : {UsbPlace{"<vendor id='0x0951'/><product id='0x1666'/>", 1, 4}, UsbPlace{"<address bus='2' device='4'/>", 2, 4},
                           UsbPlace{"<vendor id='0x0951'/><product id='0x1667'/><address bus='2' device='4'/>", 2, 4}}) {
        dom::Hostdev h = usb(row.source);
        ASSERT_TRUE(devices->find(h, true)) << row.source;
        EXPECT_EQ(h.source.address->bus, row.bus);
        EXPECT_EQ(h.source.address->device, row.device);
    }
}

TEST_F(Usb, is_refused_where_there_is_none_or_more_than_one) {
    dom::Hostdev h = usb("<vendor id='0x1'/><product id='0x2'/>");
    const Status none = devices->find(h, true);
    EXPECT_EQ(none.error().code, ErrorCode::system_error); // a host without USB
    sysfs->usb("1-1", "0951", "1666", 1, 4);
    sysfs->usb("1-2", "0951", "1666", 1, 5);
    struct UsbRefusal {
        const char *source, *message;
        ErrorCode code;
    };
    for (const UsbRefusal& row :
         {UsbRefusal{"<vendor id='0x1'/><product id='0x2'/>", "Did not find USB device 0001:0002", ErrorCode::internal_error},
          UsbRefusal{"<address bus='1' device='9'/>", "Did not find USB device bus:1 device:9", ErrorCode::internal_error},
          UsbRefusal{"<vendor id='0x951'/><product id='0x1666'/><address bus='1' device='9'/>", "Did not find USB device 0951:1666 bus:1 device:9",
              ErrorCode::internal_error},
          UsbRefusal{"<vendor id='0x951'/><product id='0x1666'/>", "Multiple USB devices for 951:1666, use <address> to specify one",
              ErrorCode::operation_failed}}) {
        dom::Hostdev one = usb(row.source);
        const Status found = devices->find(one, true);
        ASSERT_FALSE(found) << row.source;
        EXPECT_THAT(found.error().message, HasSubstr(row.message));
        EXPECT_EQ(found.error().code, row.code);
    }
}

TEST_F(Usb, may_be_elsewhere_when_a_saved_guest_comes_back) {
    sysfs->usb("1-1", "0951", "1666", 1, 4);
    const dom::Hostdev saved = usb("<vendor id='0x951'/><product id='0x1666'/><address bus='1' device='9'/>");
    dom::Hostdev booted = saved, restored = saved;
    EXPECT_FALSE(devices->find(booted, true));
    ASSERT_TRUE(devices->find(restored, false));
    EXPECT_EQ(restored.source.address->device, 4U);
    sysfs->usb("1-2", "0951", "1666", 1, 5);
    restored = saved;
    EXPECT_FALSE(devices->find(restored, false));
}

TEST_F(Usb, may_be_missing_where_its_policy_says_so) {
    sysfs->folder("/sys/bus/usb/devices");
    struct UsbPolicy {
        const char* policy;
        bool booting, found;
    };
    for (const UsbPolicy& row : {UsbPolicy{"", true, false}, UsbPolicy{"mandatory", false, false}, UsbPolicy{"requisite", true, false}, UsbPolicy{"requisite", false, true},
                           UsbPolicy{"optional", true, true}}) {
        dom::Hostdev h = usb("<vendor id='0x1'/><product id='0x2'/>", *row.policy != 0 ? fmt::format("startupPolicy='{}'", row.policy) : "");
        EXPECT_EQ(static_cast<bool>(devices->find(h, row.booting)), row.found) << row.policy;
        if (!row.found) continue;
        EXPECT_EQ(h.source.missing, dom::YesNo::yes);
        const auto held = reserve("a", {h});
        EXPECT_TRUE(held && held->empty());
    }
}

TEST_F(Usb, has_one_guest_at_a_time) {
    const dom::Hostdev h = usb("<address bus='1' device='4'/>");
    const auto held = reserve("a", {h});
    ASSERT_TRUE(held);
    EXPECT_EQ(held->front().node, "/dev/bus/usb/001/004");
    EXPECT_EQ(refused("b", {h}), "Requested operation is not valid: USB device 001:004 is in use by driver QEMU, domain a");
    EXPECT_EQ(refused("a", {h}), "Requested operation is not valid: USB device 001:004 is in use by driver QEMU, domain a");
    devices->give_back("b", *held); // who doesn't have it
    refused("b", {h});
    devices->give_back("a", *held);
    EXPECT_TRUE(reserve("b", {h}));
    devices->restore("c", *held);
}

TEST_F(Usb, is_not_kept_by_a_guest_that_did_not_get_all) {
    const dom::Hostdev one = usb("<address bus='1' device='4'/>"), other = usb("<address bus='1' device='5'/>");
    ASSERT_TRUE(reserve("a", {other}));
    refused("b", {one, other});
    EXPECT_TRUE(reserve("c", {one}));
    EXPECT_THAT(refused("d", {usb("<address bus='1' device='6'/>"), usb("<address bus='1' device='6'/>")}), HasSubstr("001:006"));
}

class Pci : public HostDevicesOf {
  protected:
    Pci() {
        sysfs->vfio();
        sysfs->pci(kCard, 7, "e1000e");
    }
};

TEST_F(Pci, goes_to_vfio_and_back_to_its_driver) {
    const auto held = reserve("a", {pci()});
    ASSERT_TRUE(held) << held.error().message;
    EXPECT_EQ(sysfs->driver(kCard), "e1000e"); // until it is written down
    EXPECT_EQ(held->front().driver, "e1000e");
    EXPECT_EQ(held->front().node, "/dev/vfio/7");
    ASSERT_TRUE(devices->apply(*held));
    EXPECT_EQ(sysfs->driver(kCard), "vfio-pci");
    devices->give_back("a", *held);
    EXPECT_EQ(sysfs->driver(kCard), "e1000e");
    EXPECT_EQ(sysfs->text(std::string("/sys/bus/pci/devices/") + kCard + "/driver_override"), "(null)");
}

TEST_F(Pci, that_had_no_driver_has_none_afterwards) {
    sysfs->pci("0000:01:00.0", 7, "e1000e");
    std::filesystem::remove(sysfs->root + "/sys/bus/pci/devices/" + kCard + "/driver");
    const auto held = reserve("a", {pci()});
    ASSERT_TRUE(held && devices->apply(*held));
    EXPECT_EQ(sysfs->driver(kCard), "vfio-pci");
    devices->give_back("a", *held);
    EXPECT_EQ(sysfs->driver(kCard), "");
}

TEST_F(Pci, that_was_pinned_to_a_driver_is_so_again) {
    sysfs->folder("/sys/bus/pci/drivers/other");
    sysfs->file(std::string("/sys/bus/pci/devices/") + kCard + "/driver_override", "other");
    sysfs->link(std::string("/sys/bus/pci/devices/") + kCard + "/driver", "/sys/bus/pci/drivers/other");
    const auto held = reserve("a", {pci()});
    ASSERT_TRUE(held && devices->apply(*held));
    devices->give_back("a", *held);
    EXPECT_EQ(sysfs->driver(kCard), "other");
    EXPECT_EQ(sysfs->text(std::string("/sys/bus/pci/devices/") + kCard + "/driver_override"), "other");
}

TEST_F(Pci, goes_back_wherever_a_daemon_was_killed) {
    for (int taken = 0; taken < 4; taken++) {
        for (int returned = 0; returned < 4; returned++) {
            const auto held = reserve("a", {pci()});
            ASSERT_TRUE(held);
            sysfs->last_write = taken;
            EXPECT_EQ(static_cast<bool>(devices->apply(*held)), taken >= 3);
            sysfs->last_write = returned;
            devices->give_back("a", *held);
            sysfs->last_write = 1000;
            // The next daemon has it from the record.
            const auto read = held_from_json(to_json(*held));
            ASSERT_TRUE(read);
            devices->restore("a", *read);
            devices->give_back("a", *read);
            EXPECT_EQ(sysfs->driver(kCard), "e1000e") << taken << " " << returned;
            EXPECT_EQ(sysfs->text(std::string("/sys/bus/pci/devices/") + kCard + "/driver_override"), "(null)");
        }
    }
}

TEST_F(Pci, that_somebody_gave_to_another_driver_meanwhile_stays_there) {
    const auto held = reserve("a", {pci()});
    ASSERT_TRUE(held && devices->apply(*held));
    sysfs->folder("/sys/bus/pci/drivers/other");
    sysfs->link(std::string("/sys/bus/pci/devices/") + kCard + "/driver", "/sys/bus/pci/drivers/other");
    devices->give_back("a", *held);
    EXPECT_EQ(sysfs->driver(kCard), "other");
}

TEST_F(Pci, that_is_unmanaged_must_have_been_given_away) {
    EXPECT_EQ(refused("a", {pci("no")}), "Requested operation is not valid: Unmanaged PCI device 0000:01:00.0 must be manually detached from the host");
    sysfs->link(std::string("/sys/bus/pci/devices/") + kCard + "/driver", "/sys/bus/pci/drivers/vfio-pci");
    const auto held = reserve("a", {pci("no")});
    ASSERT_TRUE(held && devices->apply(*held));
    devices->give_back("a", *held);
    EXPECT_EQ(sysfs->driver(kCard), "vfio-pci");
}

TEST_F(Pci, is_not_given_away_without_the_others_of_its_group) {
    sysfs->pci("0000:01:00.1", 7, "snd");
    sysfs->pci("0000:00:01.0", 7, "pcieport", "0x060400");
    EXPECT_THAT(refused("a", {pci()}), HasSubstr("0000:01:00.1 of the same IOMMU group (7) is used by this host's driver 'snd'"));
    const auto both = reserve("a", {pci(), pci("yes", 1, "hostdev1")});
    ASSERT_TRUE(both) << both.error().message;
    ASSERT_TRUE(devices->apply(*both));
    devices->give_back("a", *both);
    EXPECT_EQ(sysfs->driver("0000:01:00.1"), "snd");
}

TEST_F(Pci, of_a_group_that_another_guest_has_a_device_of_is_refused) {
    sysfs->pci("0000:01:00.1", 7, "");
    const auto first = reserve("a", {pci()});
    ASSERT_TRUE(first && devices->apply(*first));
    EXPECT_EQ(refused("b", {pci("yes", 1)}), "Requested operation is not valid: PCI device 0000:01:00.0 is in use by driver QEMU, domain a");
    EXPECT_TRUE(reserve("a", {pci("yes", 1)}));
}

TEST_F(Pci, is_refused_where_there_is_none_or_it_is_a_bridge) {
    EXPECT_EQ(refused("a", {pci("yes", 3)}),
              "Device 0000:01:00.3 not found: could not access /sys/bus/pci/devices/0000:01:00.3/config: No such file or directory");
    sysfs->pci("0000:01:00.2", 8, "pcieport", "0x060400");
    EXPECT_THAT(refused("a", {pci("yes", 2)}), HasSubstr("Non-endpoint PCI devices cannot be assigned to guests"));
}

TEST_F(Pci, that_is_a_cards_function_has_the_documents_address_meanwhile) {
    const auto interface = [](const std::string& more) {
        auto device = dom::parse_device("<interface type='hostdev' managed='yes'><mac address='52:54:00:00:00:07'/><source><address type='pci' domain='0' "
                                        "bus='1' slot='0' function='0'/></source>" + more + "<alias name='net0'/></interface>", false);
        EXPECT_TRUE(device) << device.error().message;
        return device->as<dom::Interface>();
    };
    const auto none = reserve("a", {}, {interface("")});
    ASSERT_FALSE(none);
    EXPECT_THAT(none.error().message, HasSubstr("Interface type hostdev is currently supported on SR-IOV Virtual Functions only"));
    sysfs->pci("0000:04:00.0", 3, "igb");
    sysfs->folder("/sys/bus/pci/devices/0000:04:00.0/net/eth9");
    sysfs->link("/sys/bus/pci/devices/0000:04:00.0/virtfn0", "/sys/bus/pci/devices/0000:01:00.7");
    sysfs->link("/sys/bus/pci/devices/0000:04:00.0/virtfn1", std::string("/sys/bus/pci/devices/") + kCard);
    sysfs->link(std::string("/sys/bus/pci/devices/") + kCard + "/physfn", "/sys/bus/pci/devices/0000:04:00.0");
    EXPECT_FALSE(reserve("a", {}, {interface("<vlan><tag id='4'/><tag id='5'/></vlan>")}));
    const auto held = reserve("a", {}, {interface("<vlan><tag id='42'/></vlan>")});
    ASSERT_TRUE(held) << held.error().message;
    EXPECT_TRUE(told.empty()); // until it is written down
    ASSERT_TRUE(devices->apply(*held));
    EXPECT_EQ(sysfs->driver(kCard), "vfio-pci");
    const auto read = held_from_json(to_json(*held));
    ASSERT_TRUE(read);
    devices->give_back("a", *read);
    EXPECT_THAT(told, ElementsAre("eth9 1 52:54:00:00:00:07 42", "eth9 1 00:00:00:00:00:00 0"));
    EXPECT_EQ(sysfs->driver(kCard), "e1000e");
}

TEST_F(HostDevicesOf, pci_needs_an_iommu_and_vfio) {
    sysfs->pci(kCard, 7, "e1000e");
    std::filesystem::remove_all(sysfs->root + "/sys/kernel");
    EXPECT_THAT(refused("a", {pci()}), HasSubstr("host doesn't support passthrough of host PCI devices: it has no IOMMU"));
    sysfs->folder("/sys/kernel/iommu_groups/7");
    EXPECT_TRUE(loaded.empty());
    EXPECT_THAT(refused("a", {pci()}), HasSubstr("vfio-pci"));
    EXPECT_THAT(loaded, ElementsAre("vfio-pci"));
}

TEST_F(HostDevicesOf, a_scsi_device_is_shared_by_those_who_share) {
    sysfs->folder("/sys/bus/scsi/devices/2:0:1:3/scsi_generic/sg5");
    sysfs->file("/dev/sg5", "");
    const std::string source = "<source><adapter name='scsi_host2'/><address bus='0' target='1' unit='3'/></source>";
    const auto alone = hostdev("type='scsi'", source), shared = hostdev("type='scsi'", source + "<shareable/>");
    const auto first = reserve("a", {shared});
    ASSERT_TRUE(first) << first.error().message;
    EXPECT_EQ(first->front().node, "/dev/sg5");
    const auto second = reserve("b", {shared});
    EXPECT_TRUE(second);
    EXPECT_THAT(refused("c", {alone}), HasSubstr("SCSI device 2:0:1:3 is already in use by other domain(s) as 'shareable'"));
    devices->give_back("a", *first);
    refused("c", {alone});
    devices->give_back("b", *second);
    EXPECT_TRUE(reserve("c", {alone}));
    EXPECT_THAT(refused("d", {shared}), HasSubstr("as 'non-shareable'"));
    EXPECT_EQ(refused("d", {hostdev("type='scsi'", "<source><adapter name='scsi_host9'/><address bus='0' target='0' unit='0'/></source>")}),
              "cannot open directory '/sys/bus/scsi/devices/9:0:0:0/scsi_generic': No such file or directory");
}

TEST_F(HostDevicesOf, a_mediated_device_has_a_group_of_its_own) {
    const std::string uuid = "c2177883-f1bb-47f0-914d-32a22e3a8804";
    const auto h = hostdev("type='mdev' model='vfio-pci'", "<source><address uuid='" + uuid + "'/></source>");
    EXPECT_THAT(refused("a", {h}), HasSubstr("Mediated host device assignment requires VFIO support"));
    sysfs->vfio();
    EXPECT_THAT(refused("a", {h}), HasSubstr("mediated device '" + uuid + "' not found"));
    sysfs->folder("/sys/kernel/iommu_groups/9");
    sysfs->link("/sys/bus/mdev/devices/" + uuid + "/iommu_group", "/sys/kernel/iommu_groups/9");
    sysfs->file("/sys/bus/mdev/devices/" + uuid + "/mdev_type/device_api", "vfio-ccw");
    EXPECT_THAT(refused("a", {h}), HasSubstr("only supports 'vfio-ccw'"));
    sysfs->file("/sys/bus/mdev/devices/" + uuid + "/mdev_type/device_api", "vfio-pci");
    const auto held = reserve("a", {h});
    ASSERT_TRUE(held) << held.error().message;
    EXPECT_EQ(held->front().node, "/dev/vfio/9");
    EXPECT_THAT(refused("b", {h}), HasSubstr("mediated device " + uuid + " is in use by driver QEMU, domain a"));
}

TEST_F(HostDevicesOf, vhost_scsi_needs_its_device) {
    const auto h = hostdev("type='scsi_host'", "<source protocol='vhost' wwpn='naa.5123456789abcde0'/>");
    EXPECT_EQ(refused("a", {h}), "unsupported configuration: vhost-scsi device file '/dev/vhost-scsi' cannot be found");
    EXPECT_THAT(loaded, ElementsAre("vhost_scsi"));
    sysfs->file("/dev/vhost-scsi", "");
    EXPECT_TRUE(reserve("a", {h}));
    EXPECT_THAT(refused("b", {h}), HasSubstr("SCSI_host device naa.5123456789abcde0 is in use"));
}

TEST(HeldDevice, survives_a_record) {
    const std::vector<HeldDevice> held{
        {.kind = HostKind::pci, .name = kCard, .alias = "hostdev0", .node = "/dev/vfio/7", .managed = true, .driver = "e1000e", .pinned = "x"},
        {.kind = HostKind::scsi, .name = "2:0:1:3", .alias = "hostdev1", .shared = true, .node = "/dev/sg5", .write = false}};
    const auto read = held_from_json(to_json(held));
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(*read, held);
    for (const char* wrong : {"3", "[3]", R"([{"kind":"tape"}])", R"([{"kind":"usb","name":4}])", R"([{"kind":"pci","name":"../x"}])", R"([{"kind":"usb"}])"})
        EXPECT_FALSE(held_from_json(nlohmann::json::parse(wrong))) << wrong;
}

TEST(MemoryLock, is_of_the_guest_and_of_the_devices_registers) {
    dom::Domain d;
    d.memory = 1 << 20; // KiB
    EXPECT_EQ(memory_to_lock(d), 0U);
    d.devices.hostdevs = {usb("<address bus='1' device='4'/>")};
    EXPECT_EQ(memory_to_lock(d), 0U);
    d.devices.hostdevs = {pci(), pci()};
    EXPECT_EQ(memory_to_lock(d), std::uint64_t{2} << 30);
    d.devices.iommu.emplace();
    EXPECT_EQ(memory_to_lock(d), std::uint64_t{3} << 30);
    d.memory_backing.emplace().locked = true;
    EXPECT_EQ(memory_to_lock(d), UINT64_MAX);
    d.memtune.emplace().hard_limit = 1024;
    EXPECT_EQ(memory_to_lock(d), 1U << 20);
}

} // namespace
} // namespace polyvirt::qemu
