// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/domain/passes.h"

#include <set>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace polyvirt::sdk::domain {
namespace {

using testing::HasSubstr;
using testing::Not;

HostContext passes_host() {
    HostContext c;
    c.default_machine = "pc";
    c.emulator = [](std::string_view arch) {
        return arch == "x86_64" ? std::string("/bin/emulator") : std::string();
    };
    c.canonical_machine = [](std::string_view, std::string_view m) {
        if (m == "pc")
            return std::string("pc-i440fx-7.2");
        if (m == "q35")
            return std::string("pc-q35-7.2");
        return m.rfind("pc-", 0) == 0 && m != "pc-foo" ? std::string(m) : std::string();
    };
    c.default_cpu = [](std::string_view, std::string_view) { return std::string("qemu64"); };
    c.new_mac = [] { return xml::Mac{{0x52, 0x54, 0, 1, 2, 3}}; };
    return c;
}

std::string document_of(std::string_view devices, std::string_view machine = "pc",
                     std::string_view more = "") {
    return fmt::format(
        "<domain type='qemu'><name>x</name><uuid>5d1a6b0e-1111-4222-8333-444455556666</uuid>"
        "<memory unit='MiB'>128</memory>{}<os><type "
        "machine='{}'>hvm</type></os><devices>{}</devices></domain>",
        more, machine, devices);
}

Result<Domain> define(const std::string& text) {
    PV_ASSIGN_OR_RETURN(Parsed p, parse_domain(text));
    PV_TRY(complete(p.domain, passes_host()));
    return std::move(p.domain);
}

Domain defined(const std::string& text) {
    auto d = define(text);
    EXPECT_TRUE(d) << d.error().message;
    return d ? *std::move(d) : Domain{};
}

Error refused(const std::string& text) {
    auto d = define(text);
    EXPECT_FALSE(d) << text;
    return d ? Error{} : std::move(d).error();
}

std::string place(const DeviceInfo& info) {
    if (!info.address)
        return "none";
    const Address& a = *info.address;
    if (a.type == AddressType::pci)
        return fmt::format("{:x}:{:x}.{:x}", *a.bus, *a.slot, *a.function);
    if (a.type == AddressType::drive)
        return fmt::format("{}-{}-{}-{}", *a.controller, *a.bus, *a.target, *a.unit);
    return a.port;
}

const Controller* controller(const Domain& d, ControllerType type, std::uint32_t index = 0) {
    for (const Controller& c : d.devices.controllers)
        if (c.type == type && c.index == index)
            return &c;
    return nullptr;
}

TEST(DomainDefaults, complete_a_guest_that_says_almost_nothing) {
    const auto parsed =
        parse_domain("<domain type='qemu'><name>x</name><memory "
                     "unit='bytes'>1025</memory><os><type>hvm</type></os></domain>");
    ASSERT_TRUE(parsed);
    Domain d = parsed->domain;
    ASSERT_TRUE(complete(d, passes_host()));
    EXPECT_TRUE(d.uuid && !d.uuid->is_nil());
    EXPECT_EQ(d.memory, 2u);
    EXPECT_EQ(d.current_memory, 2u);
    EXPECT_EQ(d.vcpu.max, 1u);
    EXPECT_EQ(d.os.type.machine, "pc-i440fx-7.2");
    EXPECT_EQ(d.os.boot.size(), 1u);
    EXPECT_EQ(d.devices.emulator, "/bin/emulator");
    EXPECT_EQ(d.cpu->model->name, "qemu64");
    EXPECT_EQ(d.clock->offset, ClockOffset::utc);
    EXPECT_EQ(d.on_reboot, LifecycleAction::restart);
    EXPECT_EQ(d.devices.inputs.size(), 2u);
    EXPECT_EQ(d.devices.memballoon->model, "virtio");
    EXPECT_TRUE(controller(d, ControllerType::usb));
    EXPECT_EQ(controller(d, ControllerType::pci)->model, "pci-root");
    EXPECT_TRUE(d.devices.serials.empty());
}

TEST(DomainDefaults, refuse_what_no_emulator_can_do) {
    EXPECT_EQ(refused(document_of("", "pc-foo")).code, ErrorCode::config_unsupported);
    EXPECT_THAT(refused(document_of("", "pc-foo")).message,
                HasSubstr("does not support machine type 'pc-foo'"));
    std::string arm = document_of("");
    arm.replace(arm.find("<type "), 6, "<type arch='sparc' ");
    EXPECT_THAT(refused(arm).message, HasSubstr("architecture 'sparc'"));
    EXPECT_THAT(
        refused("<domain type='qemu'><name>x</name><os><type>hvm</type></os></domain>").message,
        HasSubstr("<memory>"));
    EXPECT_THAT(refused("<domain type='qemu'><name>x</name><memory>1</memory></domain>").message,
                HasSubstr("<type>"));
    EXPECT_THAT(refused(document_of("<controller type='pci' index='0' model='pcie-root'/>")).message,
                HasSubstr("must be model='pci-root'"));
}

TEST(DomainDefaults, console_and_serial_are_one_line) {
    const Domain d = defined(document_of("<console type='file'><source path='/log'/></console>"));
    ASSERT_EQ(d.devices.serials.size(), 1u);
    EXPECT_EQ(d.devices.serials[0].type, ChardevType::file);
    EXPECT_EQ(d.devices.serials[0].target.type, "isa-serial");
    const Domain e = defined(document_of("<serial type='pty'/>"));
    ASSERT_EQ(e.devices.consoles.size(), 1u);
    EXPECT_EQ(e.devices.consoles[0].target.type, "serial");
    const Domain f = defined(document_of("<console type='pty'><target type='virtio'/></console>"));
    EXPECT_TRUE(f.devices.serials.empty());
    EXPECT_TRUE(controller(f, ControllerType::virtio_serial));
}

TEST(DomainDefaults, disks_get_bus_driver_and_place_from_their_target) {
    const Domain d =
        defined(document_of("<disk type='file'><source file='/a'/><target dev='hdc'/></disk>"
                         "<disk type='file' device='cdrom'><target dev='sdb' bus='sata'/></disk>"
                         "<disk type='block'><source dev='/b'/><target dev='hda'/></disk>"));
    ASSERT_EQ(d.devices.disks.size(), 3u);
    EXPECT_EQ(d.devices.disks[0].target.dev, "hda")
        << "disks of a bus are in the order of their targets";
    EXPECT_EQ(place(d.devices.disks[0].info), "0-0-0-0");
    EXPECT_EQ(place(d.devices.disks[1].info), "0-1-0-0");
    EXPECT_EQ(place(d.devices.disks[2].info), "0-0-0-1");
    EXPECT_TRUE(d.devices.disks[2].readonly);
    EXPECT_EQ(d.devices.disks[0].driver.type, "raw");
    EXPECT_TRUE(controller(d, ControllerType::ide) && controller(d, ControllerType::sata));
    EXPECT_THAT(
        refused(document_of("<disk><target dev='vda'/></disk><disk><target dev='vda'/></disk>"))
            .message,
        HasSubstr("'vda' duplicated"));
    EXPECT_THAT(refused(document_of("<disk><target dev='hda'/></disk><disk><target "
                                 "dev='hdb'/><address type='drive'/></disk>"))
                    .message,
                HasSubstr("duplicate drive address"));
}

TEST(DomainAddresses, a_pc_has_its_board_at_slot_1_and_its_display_at_slot_2) {
    const Domain d = defined(document_of(
        "<disk><target dev='hda'/></disk><disk><target dev='vda'/></disk><interface type='user'/>"
        "<graphics type='vnc'/>"));
    EXPECT_EQ(place(controller(d, ControllerType::ide)->info), "0:1.1");
    EXPECT_EQ(place(controller(d, ControllerType::usb)->info), "0:1.2");
    EXPECT_EQ(place(d.devices.videos[0].info), "0:2.0");
    EXPECT_EQ(place(d.devices.interfaces[0].info), "0:3.0");
    EXPECT_EQ(place(d.devices.disks[1].info), "0:4.0");
    EXPECT_EQ(place(d.devices.memballoon->info), "0:5.0");
}

TEST(DomainAddresses, a_q35_puts_each_device_behind_a_port_and_keeps_one_free) {
    const Domain d = defined(document_of(
        "<disk><target dev='vda'/></disk><interface type='user'><model type='virtio'/></interface>"
        "<console type='pty'/>",
        "q35"));
    EXPECT_EQ(place(d.devices.interfaces[0].info), "1:0.0");
    EXPECT_EQ(place(controller(d, ControllerType::usb)->info), "2:0.0");
    EXPECT_EQ(place(d.devices.disks[0].info), "3:0.0");
    EXPECT_EQ(place(d.devices.memballoon->info), "4:0.0");
    EXPECT_EQ(place(controller(d, ControllerType::sata)->info), "0:1f.2");
    ASSERT_TRUE(controller(d, ControllerType::pci, 5));
    EXPECT_FALSE(controller(d, ControllerType::pci, 6));
    EXPECT_EQ(place(controller(d, ControllerType::pci, 1)->info), "0:1.0");
    EXPECT_EQ(controller(d, ControllerType::pci, 1)->info.address->multifunction, OnOff::on);
    EXPECT_EQ(place(controller(d, ControllerType::pci, 2)->info), "0:1.1");
    EXPECT_EQ(controller(d, ControllerType::pci, 2)->target.port, 9u);
}

TEST(DomainAddresses, conventional_devices_of_a_q35_share_a_bridge) {
    const Domain d = defined(document_of(
        "<interface type='user'><model type='e1000'/></interface><sound model='ac97'/>", "q35"));
    const auto bridge = d.devices.interfaces[0].info.address->bus;
    EXPECT_EQ(d.devices.sounds[0].info.address->bus, bridge);
    EXPECT_EQ(controller(d, ControllerType::pci, *bridge)->model, "pcie-to-pci-bridge");
    EXPECT_EQ(controller(d, ControllerType::pci,
                         *controller(d, ControllerType::pci, *bridge)->info.address->bus)
                  ->model,
              "pcie-root-port");
}

TEST(DomainAddresses, no_two_devices_meet_even_when_there_are_many) {
    for (const char* machine : {"pc", "q35"}) {
        std::string devices;
        for (int i = 0; i < 60; i++)
            devices += fmt::format("<interface type='user'><model type='{}'/></interface>",
                                   i % 2 ? "virtio" : "e1000");
        const Domain d = defined(document_of(devices, machine));
        std::set<std::string> places;
        for (const Interface& i : d.devices.interfaces) {
            EXPECT_TRUE(places.insert(place(i.info)).second) << machine << " " << place(i.info);
            EXPECT_TRUE(controller(d, ControllerType::pci, *i.info.address->bus)) << machine;
        }
        for (const Controller& c : d.devices.controllers) {
            if (!c.info.address)
                continue;
            EXPECT_TRUE(places.insert(place(c.info)).second) << machine << " " << place(c.info);
        }
    }
}

TEST(DomainAddresses, what_the_user_gave_stays_and_collisions_are_told) {
    const Domain d = defined(document_of("<interface type='user'><address type='pci' bus='0' slot='9' "
                                      "function='0'/></interface><interface type='user'/>"));
    EXPECT_EQ(place(d.devices.interfaces[0].info), "0:9.0");
    EXPECT_EQ(place(d.devices.interfaces[1].info), "0:2.0");
    const std::string at9 = "<interface type='user'><address type='pci' slot='9'/></interface>";
    EXPECT_THAT(refused(document_of(at9 + at9)).message, HasSubstr("0000:00:09.0"));
    EXPECT_THAT(
        refused(
            document_of("<interface type='user'><address type='pci' bus='3' slot='0'/></interface>"))
            .message,
        HasSubstr("slots of a pci-bridge"));
}

TEST(DomainAddresses, usb_devices_get_ports_and_hubs_when_they_run_out) {
    std::string devices;
    for (int i = 0; i < 5; i++)
        devices += "<input type='tablet' bus='usb'/>";
    const Domain d = defined(document_of(devices));
    EXPECT_EQ(d.devices.hubs.size(), 1u);
    std::set<std::string> ports;
    for (const Input& i : d.devices.inputs) {
        if (i.bus != InputBus::usb)
            continue;
        EXPECT_TRUE(ports.insert(place(i.info)).second);
    }
    EXPECT_EQ(ports.size(), 5u);
    EXPECT_THAT(
        refused(
            document_of(
                "<input type='tablet' bus='usb'><address type='usb' bus='4' port='1'/></input>"))
            .message,
        HasSubstr("bus 4"));
    EXPECT_THAT(
        refused(document_of("<controller type='usb' model='none'/><input type='tablet' bus='usb'/>"))
            .message,
        HasSubstr("No free USB ports"));
}

TEST(DomainAddresses, a_huge_controller_number_costs_no_memory) {
    EXPECT_EQ(
        refused(
            document_of(
                "<disk><target dev='sda'/><address type='drive' controller='4000000000'/></disk>"))
            .code,
        ErrorCode::config_unsupported);
}

TEST(DomainAliases, name_devices_as_the_emulator_will_know_them) {
    Domain d = defined(document_of(
        "<disk><target dev='hda'/></disk><disk><target dev='vdb'/></disk><interface type='user'/>"
        "<interface type='user'><alias name='ua-mine'/></interface><console type='pty'/><graphics "
        "type='vnc'/>"));
    assign_aliases(d);
    EXPECT_EQ(d.devices.disks[0].info.alias.name, "ide0-0-0");
    EXPECT_EQ(d.devices.disks[1].info.alias.name, "virtio-disk1");
    EXPECT_EQ(d.devices.interfaces[0].info.alias.name, "net0");
    EXPECT_EQ(d.devices.interfaces[1].info.alias.name, "ua-mine");
    EXPECT_EQ(d.devices.serials[0].info.alias.name, "serial0");
    EXPECT_EQ(d.devices.consoles[0].info.alias.name, "serial0");
    EXPECT_EQ(d.devices.videos[0].info.alias.name, "video0");
    EXPECT_EQ(controller(d, ControllerType::pci)->info.alias.name, "pci.0");
    FormatOptions inactive;
    inactive.inactive = true;
    EXPECT_THAT(format_domain(d, inactive), Not(HasSubstr("net0")));
}

TEST(DomainPasses, define_dump_define_again_is_the_identity) {
    const std::string texts[] = {
        document_of(""),
        document_of("", "q35"),
        document_of("<disk><source file='/a'/><target dev='vda'/></disk><disk device='cdrom'><target "
                 "dev='hda'/></disk><interface type='user'/>"
                 "<console type='pty'/><channel type='unix'><target type='virtio' "
                 "name='a'/></channel><graphics type='vnc'/>"
                 "<rng model='virtio'><backend "
                 "model='random'>/dev/urandom</backend></rng><watchdog model='i6300esb'/>"),
        document_of("<controller type='usb' model='ich9-ehci1'/><controller type='usb' "
                 "model='ich9-uhci1'/><graphics type='spice' autoport='yes'/>"
                 "<interface type='user'><model type='e1000'/></interface><input type='tablet' "
                 "bus='usb'/>",
                 "q35"),
        document_of("<disk><target dev='sdq' bus='scsi'/></disk><parallel type='null'/><panic/>", "pc",
                 "<vcpu current='1'>4</vcpu><cpu mode='host-model'/>"),
        // a display of no kind
        document_of("<video/>"),
        document_of("<video><model type='default'/></video>"),
        // what is added stands behind controllers of other kinds
        document_of("<controller type='virtio-serial' index='1'/><interface type='user'><model type='virtio'/></interface>", "q35"),
        document_of("<controller type='scsi' index='1'/><controller type='usb'/><disk><target dev='sda'/></disk>"),
        document_of("<controller type='scsi' index='1'/><controller type='ide'/><disk><target dev='sda'/></disk>", "pc-none"),
    };
    FormatOptions inactive;
    inactive.inactive = true;
    for (const std::string& text : texts) {
        const std::string once = format_domain(defined(text), inactive);
        EXPECT_EQ(format_domain(defined(once), inactive), once);
        Domain again = defined(once);
        ASSERT_TRUE(complete(again, passes_host()));
        EXPECT_EQ(format_domain(again, inactive), once) << "a pass done twice changes nothing";
    }
}

TEST(DomainPasses, what_is_made_anew_or_has_an_older_form_is_not_shown) {
    const std::string text = document_of("<graphics type='vnc' socket='/s'/><channel type='unix'><source mode='bind' path='/q/channel/target/x.agent'/>"
                                      "<target type='virtio' name='agent'/></channel><channel type='unix'><source mode='bind' "
                                      "path='/q/target/x.agent2'/><target type='virtio' name='agent2'/></channel>",
                                      "pc", "<seclabel type='dynamic' model='selinux'/><seclabel type='none' model='dac'/>");
    const std::string shown = format_domain(defined(text), {.inactive = true, .secure = false, .migratable = true});
    EXPECT_THAT(shown, Not(HasSubstr("<listen type='socket'")));
    EXPECT_THAT(shown, HasSubstr("socket='/s'"));
    EXPECT_THAT(shown, Not(HasSubstr("/q/channel/target/x.agent")));
    EXPECT_THAT(shown, HasSubstr("/q/target/x.agent2"));
    EXPECT_THAT(shown, HasSubstr("<seclabel type='dynamic' model='selinux' relabel='yes'/>"));
    EXPECT_THAT(shown, HasSubstr("<seclabel type='none' model='dac'/>"));
}

TEST(DomainPasses, a_device_that_a_network_gave_is_not_kept) {
    const std::string own = "<interface type='direct'><mac address='52:54:00:00:00:01'/><source dev='eth9'/></interface>";
    const std::string given = "<interface type='direct'><mac address='52:54:00:00:00:02'/>"
                              "<source network='lan' portid='c7a5fdbd-edaf-9455-926a-d65c16db1809' dev='eth8' mode='bridge'/>"
                              "<target dev='macvtap0'/></interface>";
    const std::string text = format_domain(defined(document_of(own + given)), {.inactive = true, .secure = false});
    EXPECT_THAT(text, HasSubstr("<source dev='eth9' mode='vepa'/>"));
    EXPECT_THAT(text, HasSubstr("<source network='lan'/>"));
    EXPECT_THAT(text, HasSubstr("<interface type='network'>"));
    EXPECT_THAT(text, Not(HasSubstr("macvtap0")));
}

TEST(DomainPasses, a_migratable_description_leaves_out_what_every_peer_adds) {
    const Domain d = defined(document_of(""));
    FormatOptions migratable;
    migratable.migratable = true;
    const std::string text = format_domain(d, migratable);
    EXPECT_THAT(text, Not(HasSubstr("pci-root")));
    EXPECT_THAT(text, Not(HasSubstr("keyboard")));
    EXPECT_THAT(text, HasSubstr("type='mouse'"));
}

} // namespace
} // namespace polyvirt::sdk::domain
