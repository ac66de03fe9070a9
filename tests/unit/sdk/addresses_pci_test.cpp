// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/domain/passes/addresses.h"

#include <gmock/gmock.h>

#include "defined.h"

namespace polyvirt::sdk::domain {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// The places of the interfaces, one word each.
std::string interfaces(const Domain& d) {
    std::string out;
    for (const Interface& i : d.devices.interfaces) out += (out.empty() ? "" : " ") + at(i.info);
    return out;
}

constexpr const char* kCard = "<interface type='user'><model type='e1000'/></interface>";
constexpr const char* kVirtioCard = "<interface type='user'><model type='virtio'/></interface>";
constexpr const char* kBare = "<controller type='usb' model='none'/><memballoon model='none'/>";

std::string pci(int index, std::string_view model, std::string_view inner = "") {
    return fmt::format("<controller type='pci' index='{}' model='{}'>{}</controller>", index, model,
                       inner);
}

TEST(AddressesPci, controllers_and_cards_get_these_places) {
    struct Row {
        const char* what;
        const char* machine;
        std::string devices;
        std::vector<std::string> controllers;
        const char* cards;
    };
    const Row rows[] = {
        {"a PC's bus begins behind its board", "pc", kCard, {"0 pci-root "}, "0:2.0"},
        {"a root port for the card and one to spare",
         "q35",
         kVirtioCard,
         {"0 pcie-root ", "1 pcie-root-port 0:1.0+", "2 pcie-root-port 0:1.1"},
         "1:0.0"},
        {"a bridge has a port of its own",
         "q35",
         kCard,
         {"0 pcie-root ", "1 pcie-root-port 0:1.0+", "2 pcie-to-pci-bridge 1:0.0",
          "3 pcie-root-port 0:1.1"},
         "2:1.0"},
        {"who lays out the buses gets none to spare",
         "q35",
         pci(1, "pcie-root-port") + kVirtioCard,
         {"0 pcie-root ", "1 pcie-root-port 0:1.0"},
         "1:0.0"},
        {"more ports when those given are full",
         "q35",
         pci(1, "pcie-root-port") + kVirtioCard + kVirtioCard,
         {"0 pcie-root ", "1 pcie-root-port 0:1.0+", "2 pcie-root-port 0:1.1"},
         "1:0.0 2:0.0"},
        {"nothing goes behind a DMI bridge by itself",
         "q35",
         pci(1, "dmi-to-pci-bridge") + kCard,
         {"0 pcie-root ", "1 dmi-to-pci-bridge 0:1e.0", "2 pci-bridge 1:0.0"},
         "2:1.0"},
        {"indexes left out are ports",
         "q35",
         pci(3, "pcie-root-port") + kVirtioCard,
         {"0 pcie-root ", "3 pcie-root-port 0:1.0+", "1 pcie-root-port 0:1.1",
          "2 pcie-root-port 0:1.2"},
         "1:0.0"},
        {"indexes left out are bridges",
         "pc",
         pci(2, "pci-bridge") + kCard,
         {"0 pci-root ", "2 pci-bridge 0:2.0", "1 pci-bridge 0:3.0"},
         "0:4.0"},
        {"an address names a bus that is then made",
         "pc",
         "<interface type='user'><model type='e1000'/><address type='pci' bus='2' "
         "slot='5'/></interface>",
         {"0 pci-root ", "1 pci-bridge 0:2.0", "2 pci-bridge 0:3.0"},
         "2:5.0"},
        {"a device that needs no place may have one",
         "pc",
         "<video><model type='ramfb'/><address type='pci' slot='2'/></video>" + std::string(kCard),
         {"0 pci-root "},
         "0:3.0"},
        {"expanders take cards when the root is full",
         "pc",
         pci(1, "pci-expander-bus") + kCard,
         {"0 pci-root ", "1 pci-expander-bus 0:2.0"},
         "0:3.0"},
        {"a switch",
         "q35",
         pci(1, "pcie-root-port") + pci(2, "pcie-switch-upstream-port") +
             pci(3, "pcie-switch-downstream-port") + kVirtioCard,
         {"0 pcie-root ", "1 pcie-root-port 0:1.0", "2 pcie-switch-upstream-port 1:0.0",
          "3 pcie-switch-downstream-port 2:0.0"},
         "3:0.0"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.what);
        const Domain d = completed(guest(row.devices + kBare, row.machine));
        auto found = pci_controllers(d);
        std::vector<std::string> wanted = row.controllers;
        std::sort(found.begin(), found.end());
        std::sort(wanted.begin(), wanted.end());
        EXPECT_EQ(found, wanted);
        EXPECT_EQ(interfaces(d), row.cards);
    }
}

TEST(AddressesPci, ports_of_the_emulator_are_named_after_their_place) {
    const Domain d = completed(guest(
        pci(1, "pcie-root-port") + pci(2, "pcie-switch-upstream-port") +
            pci(3, "pcie-switch-downstream-port") + pci(4, "pcie-switch-downstream-port") + kBare,
        "q35"));
    std::vector<std::string> ports;
    for (const Controller& c : d.devices.controllers) {
        if (c.type == ControllerType::pci && c.target.port)
            ports.push_back(fmt::format("{} chassis {} port {}", c.pci_model_name,
                                        *c.target.chassis, *c.target.port));
    }
    EXPECT_THAT(ports, ElementsAre("pcie-root-port chassis 1 port 8",
                                   "xio3130-downstream chassis 3 port 0",
                                   "xio3130-downstream chassis 4 port 1"));
}

TEST(AddressesPci, expanders_are_numbered_from_the_last_bus_down) {
    const Domain d =
        completed(guest(pci(1, "pci-expander-bus", "<target busNr='254'/>") +
                        pci(2, "pci-expander-bus") + pci(3, "pci-expander-bus") + kBare));
    std::vector<std::uint32_t> numbers;
    for (const Controller& c : d.devices.controllers) {
        if (c.target.bus_nr) numbers.push_back(*c.target.bus_nr);
    }
    EXPECT_THAT(numbers, ElementsAre(254u, 252u, 250u));
    EXPECT_THAT(refusal(guest(pci(1, "pci-expander-bus", "<target busNr='2'/>") +
                              pci(2, "pci-expander-bus")))
                    .message,
                HasSubstr("specify busNr manually"));
}

TEST(AddressesPci, a_usb2_controller_is_one_slot_of_many_functions) {
    const std::string parts =
        "<controller type='usb' index='0' model='ich9-ehci1'/><controller type='usb' index='0' "
        "model='ich9-uhci1'/><controller type='usb' index='0' model='ich9-uhci2'/>"
        "<memballoon model='none'/>";
    for (const auto& [machine, slot] : {std::pair("pc", "2"), std::pair("q35", "1d")}) {
        std::string all;
        for (const Controller& c : completed(guest(parts, machine)).devices.controllers) {
            if (c.type == ControllerType::usb) all += at(c.info) + " ";
        }
        EXPECT_EQ(all, fmt::format("0:{0}.7 0:{0}.0+ 0:{0}.1 ", slot)) << machine;
    }
}

TEST(AddressesPci, a_given_place_stays_and_others_go_elsewhere) {
    const Domain d =
        completed(guest(pci(1, "pcie-root-port", "<address type='pci' slot='4' function='0'/>") +
                            pci(2, "pcie-root-port") + kBare,
                        "q35"));
    EXPECT_THAT(pci_controllers(d),
                ElementsAre("1 pcie-root-port 0:4.0", "2 pcie-root-port 0:1.0", "0 pcie-root "));
}

TEST(AddressesPci, a_migratable_description_has_controllers_by_index) {
    const Domain d = completed(guest(pci(3, "pcie-root-port") + kVirtioCard + kBare, "q35"));
    const std::string text = format_domain(d, {.inactive = true, .migratable = true});
    const auto place = [&](int index) {
        return text.find(fmt::format("type='pci' index='{}'", index));
    };
    EXPECT_LT(place(1), place(2));
    EXPECT_LT(place(2), place(3));
    EXPECT_NE(place(3), std::string::npos);
}

TEST(AddressesPci, what_cannot_be_is_told_with_its_place) {
    const struct {
        std::string devices;
        const char* machine;
        const char* says;
    } rows[] = {
        {pci(1, "pcie-switch-downstream-port", "<address type='pci' bus='0' slot='3'/>"), "q35",
         "cannot be plugged into"},
        {pci(1, "pci-bridge") +
             "<interface type='user'><address type='pci' bus='1' slot='0'/></interface>",
         "pc", "slots of a pci-bridge go from 1 to 31"},
        {pci(1, "pcie-root-port") +
             "<interface type='user'><address type='pci' bus='1' slot='1'/></interface>",
         "q35", "slots of a pcie-root-port go from 0 to 0"},
        {"<interface type='user'><address type='pci' domain='1' bus='0' slot='3'/></interface>",
         "pc", "only PCI domain 0"},
        {pci(1, "pci-bridge", "<address type='pci' bus='1' slot='3'/>"), "pc",
         "larger than the bus"},
        {pci(1, "pci-expander-bus", "<target><node>1</node></target>"), "pc", "NUMA node (1)"},
    };
    for (const auto& row : rows) {
        EXPECT_THAT(refusal(guest(row.devices + kBare, row.machine)).message, HasSubstr(row.says))
            << row.devices;
    }
}

TEST(AddressesPci, places_stay_when_a_dump_is_defined_again) {
    for (const char* machine : {"pc", "q35"}) {
        std::string devices;
        for (int i = 0; i < 40; i++) devices += i % 3 == 0 ? kCard : kVirtioCard;
        const std::string once =
            format_domain(completed(guest(devices, machine)), {.inactive = true});
        EXPECT_EQ(format_domain(completed(once), {.inactive = true}), once) << machine;
    }
}

TEST(AddressesPci, documents_keep_their_order_of_controllers) {
    std::vector<Controller> list;
    const auto put = [&](ControllerType type, Number index, const char* model) {
        Controller c;
        c.type = type;
        c.index = index;
        c.model = model;
        insert_controller(list, std::move(c));
    };
    put(ControllerType::usb, 1, "ich9-uhci1");
    put(ControllerType::pci, 2, "c");
    put(ControllerType::usb, 1, "ich9-ehci1"); // before its companion
    put(ControllerType::pci, 1, "b");          // before the higher
    put(ControllerType::pci, {}, "d");         // without index: last of its type
    put(ControllerType::usb, 0, "a");
    std::string order;
    for (const Controller& c : list) order += c.model + " ";
    EXPECT_EQ(order, "a ich9-ehci1 ich9-uhci1 b c d ");
}

} // namespace
} // namespace polyvirt::sdk::domain
