// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// USB, virtio-serial.
#include "sdk/domain/passes/addresses.h"

#include <gmock/gmock.h>

#include "defined.h"

namespace polyvirt::sdk::domain {
namespace {

using testing::HasSubstr;

std::string tablets(int n) {
    std::string out;
    for (int i = 0; i < n; i++) out += "<input type='tablet' bus='usb'/>";
    return out;
}

TEST(AddressesUsb, hubs_come_when_ports_run_out) {
    const struct {
        const char* what;
        std::string devices;
        const char* hubs;
        const char* inputs;
    } rows[] = {
        {"two ports suffice for two", tablets(2), "", "0/1 0/2 "},
        {"the third device makes a hub, and all go where there is room first", tablets(3), "0/1 ",
         "0/2 0/1.1 0/1.2 "},
        {"two hubs on the controller, then one behind the first", tablets(16), "0/1 0/2 0/1.1 ",
         "0/1.2 0/1.3 0/1.4 0/1.5 0/1.6 0/1.7 0/1.8 0/1.1.1 0/1.1.2 0/1.1.3 0/1.1.4 0/1.1.5 "
         "0/1.1.6 0/1.1.7 0/1.1.8 0/2.1 "},
        {"a hub of the document counts", "<hub type='usb'/>" + tablets(5), "0/1 ",
         "0/2 0/1.1 0/1.2 0/1.3 0/1.4 "},
        {"a port of a hub that is named",
         "<hub type='usb'><address type='usb' bus='0' port='2'/></hub><input type='mouse' "
         "bus='usb'>"
         "<address type='usb' bus='0' port='2.8'/></input>" +
             tablets(2),
         "0/2 ", "0/2.8 0/1 0/2.1 "},
        {"a bus that is named",
         "<controller type='usb' index='1' model='qemu-xhci' ports='3'/><input type='mouse' "
         "bus='usb'>"
         "<address type='usb' bus='1'/></input>" +
             tablets(1),
         "", "1/1 0/1 "},
    };
    for (const auto& row : rows) {
        SCOPED_TRACE(row.what);
        const Domain d =
            completed(guest("<controller type='usb' index='0' model='piix3-uhci'/>" + row.devices));
        std::string hubs, inputs;
        for (const Hub& h : d.devices.hubs) hubs += at(h.info) + " ";
        for (const Input& i : d.devices.inputs)
            inputs += i.bus == InputBus::usb ? at(i.info) + " " : "";
        EXPECT_EQ(hubs, row.hubs);
        EXPECT_EQ(inputs, row.inputs);
    }
}

TEST(AddressesUsb, what_cannot_be_is_told) {
    const auto mouse = [](const char* port) {
        return fmt::format(
            "<input type='mouse' bus='usb'><address type='usb' bus='0' port='{}'/></input>", port);
    };
    EXPECT_THAT(refusal(guest(mouse("1") + mouse("1"))).message,
                HasSubstr("Duplicate USB address bus 0 port 1"));
    EXPECT_THAT(refusal(guest(mouse("9"))).message, HasSubstr("port 9 not present on USB bus 0"));
    EXPECT_THAT(refusal(guest(mouse("1.1"))).message, HasSubstr("port 1.1 not present"));
    EXPECT_THAT(refusal(guest("<controller type='usb' model='none'/>" + tablets(1))).message,
                HasSubstr("No free USB ports"));
}

TEST(AddressesUsb, thousands_of_devices_cost_no_more_than_themselves) {
    EXPECT_THAT(refusal(guest(tablets(3000))).message, HasSubstr("No free USB ports"));
}

TEST(AddressesSerial, channels_go_to_the_controller_that_they_name_or_the_first) {
    const auto channel = [](const char* address) {
        return fmt::format("<channel type='pty'><target type='virtio' name='a'/>{}</channel>",
                           address);
    };
    const struct {
        const char* what;
        std::string devices;
        const char* channels;
        const char* controllers;
    } rows[] = {
        {"one is made", channel("") + channel(""), "0.0.1 0.0.2 ", "0 "},
        {"the first is made even where there is another",
         "<controller type='virtio-serial' index='1'/>" + channel(""), "0.0.1 ", "1 0 "},
        {"what a channel names",
         channel("<address type='virtio-serial' controller='2'/>") + channel(""), "2.0.1 0.0.1 ",
         "2 0 "},
        {"ports in use are left alone",
         channel("<address type='virtio-serial' controller='0' bus='0' port='1'/>") + channel(""),
         "0.0.1 0.0.2 ", "0 "},
        {"a full one is followed by a new one",
         "<controller type='virtio-serial' index='0' ports='2'/>" + channel("") + channel(""),
         "0.0.1 1.0.1 ", "0 1 "},
    };
    for (const auto& row : rows) {
        SCOPED_TRACE(row.what);
        const Domain d = completed(guest(row.devices));
        std::string channels, controllers;
        for (const Chardev& c : d.devices.channels) channels += at(c.info) + " ";
        for (const Controller& c : d.devices.controllers)
            controllers +=
                c.type == ControllerType::virtio_serial ? fmt::format("{} ", *c.index) : "";
        EXPECT_EQ(channels, row.channels);
        EXPECT_EQ(controllers, row.controllers);
    }
}

TEST(AddressesDrive, a_disk_and_a_host_device_do_not_meet) {
    const auto both = [](int unit) {
        return guest(fmt::format("<disk type='file' device='disk'><source file='/x'/><target "
                                 "dev='sda' bus='scsi'/></disk>"
                                 "<hostdev mode='subsystem' type='scsi'><source><adapter "
                                 "name='scsi_host2'/><address bus='0' "
                                 "target='0' unit='1'/></source><address type='drive' "
                                 "controller='0' unit='{}'/></hostdev>"
                                 "<controller type='scsi' index='0' model='virtio-scsi'/>",
                                 unit));
    };
    EXPECT_THAT(refusal(both(0)).message,
                HasSubstr("'sda' conflicts with SCSI host device address controller='0'"));
    completed(both(4));
}

} // namespace
} // namespace polyvirt::sdk::domain
