// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sdk/xml/compare.h"
#include "sdk/xml/document.h"
#include "sdk/xml/format.h"
#include "sdk/xml/parse.h"
#include "sdk/xml/reader.h"

namespace polyvirt::sdk::xml {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

enum class Colour : std::uint8_t { unset, red, green };
constexpr std::string_view kColours[] = {"", "red", "green"};
constexpr Names names_of(Colour) {
    return kColours;
}

struct Wheel {
    std::optional<std::uint32_t> size;
    bool operator==(const Wheel&) const = default;
};
void describe(Binder& b, Wheel& v) {
    b.attr("size", v.size, Rule{true}.limits(1, 40));
}

struct Engine {
    std::string name;
    YesNo turbo{};
    bool operator==(const Engine&) const = default;
};
void describe(Binder& b, Engine& v) {
    b.attr("turbo", v.turbo);
    b.text(v.name);
}

constexpr Namespace kVendor{"v", "urn:vendor"};

struct Car {
    Colour colour{};
    std::string label;
    std::optional<Uuid> uuid;
    std::optional<Mac> mac;
    CpuSet seats;
    std::optional<std::int32_t> year;
    Size tank, trunk;
    bool roof = false;
    std::vector<Wheel> wheels;
    std::optional<Engine> engine;
    Engine spare;
    std::optional<Node> notes;
    std::vector<Node> kept;
    Engine vendor;
    bool operator==(const Car&) const = default;
};
void describe(Binder& b, Car& v) {
    b.attr("colour", v.colour);
    b.attr("year", v.year, Rule{}.limits(-1, 3000));
    b.uses(kVendor, !v.vendor.name.empty());
    b.element("label", v.label);
    b.element("uuid", v.uuid);
    b.group("mac", [&] { b.attr("address", v.mac); });
    b.element("seats", v.seats);
    b.group("tank", [&] { b.size_text(v.tank); });
    b.group("trunk", [&] { b.size_attr("size", "unit", v.trunk); });
    b.flag("roof", v.roof);
    b.child("wheel", v.wheels);
    b.when(v.colour != Colour::green, "the colour is not green",
           [&] { b.child("engine", v.engine); });
    b.child("spare", v.spare);
    b.raw("notes", v.notes);
    b.keep({"radio"}, v.kept);
    b.inside(kVendor, [&] { b.child("engine", v.vendor); });
}

struct Reading {
    Result<Car> car = Car{};
    Messages messages;
    explicit Reading(std::string_view text) {
        const auto node = read(text, "test");
        EXPECT_TRUE(node) << text;
        if (node)
            car = parse<Car>(*node, messages);
    }
    [[nodiscard]] std::string error() const { return car ? "accepted" : car.error().message; }
};

Car full_car() {
    Car c;
    c.colour = Colour::red;
    c.label = "O'Hara & <Sons>";
    c.uuid = Uuid::parse("c7a5fdbd-edaf-9455-926a-d65c16db1809");
    c.mac = Mac::parse("52:54:0:12:34:56");
    c.seats = *CpuSet::parse("0-3,^2,8");
    c.year = -1;
    c.tank = 1024;
    c.trunk = 7;
    c.roof = true;
    c.wheels = {{1}, {40}};
    c.engine = Engine{"V8", YesNo::yes};
    c.vendor.name = "x";
    return c;
}

TEST(XmlBinder, what_is_printed_reads_back_the_same) {
    const Car car = full_car();
    const std::string text = format("car", car);
    const Reading again(text);
    ASSERT_TRUE(again.car) << again.error();
    EXPECT_EQ(*again.car, car) << text;
    EXPECT_EQ(format("car", *again.car), text);
    EXPECT_TRUE(again.messages.empty());
}

TEST(XmlBinder, prints_in_the_order_of_the_description) {
    EXPECT_EQ(format("car", full_car()), "<car colour='red' year='-1' xmlns:v='urn:vendor'>\n"
                                         "  <label>O&apos;Hara &amp; &lt;Sons&gt;</label>\n"
                                         "  <uuid>c7a5fdbd-edaf-9455-926a-d65c16db1809</uuid>\n"
                                         "  <mac address='52:54:00:12:34:56'/>\n"
                                         "  <seats>0-1,3,8</seats>\n"
                                         "  <tank unit='KiB'>1024</tank>\n"
                                         "  <trunk size='7' unit='KiB'/>\n"
                                         "  <roof/>\n"
                                         "  <wheel size='1'/>\n"
                                         "  <wheel size='40'/>\n"
                                         "  <engine turbo='yes'>V8</engine>\n"
                                         "  <v:engine>x</v:engine>\n"
                                         "</car>\n");
}

TEST(XmlBinder, an_empty_struct_prints_an_empty_element) {
    EXPECT_EQ(format("car", Car{}), "<car/>\n");
}

TEST(XmlBinder, a_wrong_value_is_told_with_line_element_attribute_and_expectation) {
    EXPECT_EQ(Reading("<car>\n<wheel size='41'/></car>").error(),
              "XML error: line 2: attribute 'size' of <wheel>: found '41', expected a whole number "
              "from 1 to 40");
    EXPECT_EQ(
        Reading("<car>\n\n<wheel/></car>").error(),
        "XML error: line 3: <wheel> has no attribute 'size', expected a whole number from 1 to 40");
    EXPECT_EQ(Reading("<car colour='gren'/>").error(),
              "XML error: line 1: attribute 'colour' of <car>: found 'gren', expected one of "
              "'red', 'green'; did you mean "
              "'green'?");
    EXPECT_THAT(Reading("<car><uuid>12</uuid></car>").error(),
                HasSubstr("<uuid>: found '12', expected a UUID"));
    EXPECT_THAT(Reading("<car><mac address='1:2:3'/></car>").error(),
                HasSubstr("a MAC address like"));
    EXPECT_THAT(Reading("<car><seats>3-1</seats></car>").error(), HasSubstr("a set of numbers"));
    EXPECT_THAT(Reading("<car><engine turbo='on'>x</engine></car>").error(),
                HasSubstr("one of 'yes', 'no'"));
}

TEST(XmlBinder, numbers_are_taken_whole_or_not_at_all) {
    for (const char* bad :
         {"", "x", "4x", "1.5", "0x", "99999999999999999999", "-2", "3001", "--1", "1e3"})
        EXPECT_THAT(Reading("<car year='" + std::string(bad) + "'/>").error(),
                    StartsWith("XML error: line 1"))
            << bad;
    const Reading hex("<car year=' 0x10 '/>");
    ASSERT_TRUE(hex.car);
    EXPECT_EQ(hex.car->year, 16);
}

TEST(XmlBinder, sizes_are_read_in_any_unit_and_rounded_up) {
    const std::pair<const char*, std::uint64_t> cases[] = {{"<tank>5</tank>", 5},
                                                           {"<tank unit='KiB'>5</tank>", 5},
                                                           {"<tank unit='bytes'>1025</tank>", 2},
                                                           {"<tank unit='b'>1024</tank>", 1},
                                                           {"<tank unit='GiB'>2</tank>", 2u << 20},
                                                           {"<tank unit='MB'>1</tank>", 977},
                                                           {"<tank unit='m'>1</tank>", 1024},
                                                           {"<tank unit='TB'>1</tank>", 976562500}};
    for (const auto& [text, kib] : cases) {
        const Reading r("<car>" + std::string(text) + "</car>");
        ASSERT_TRUE(r.car) << text;
        EXPECT_EQ(r.car->tank, kib) << text;
    }
    const Reading unit("<car><tank unit='parsec'>5</tank></car>");
    ASSERT_FALSE(unit.car);
    EXPECT_EQ(unit.car.error().code, ErrorCode::invalid_arg);
    const Reading large("<car><tank unit='EiB'>99</tank></car>");
    ASSERT_FALSE(large.car);
    EXPECT_EQ(large.car.error().code, ErrorCode::overflow);
}

TEST(XmlBinder, what_is_unknown_is_ignored_but_told) {
    const Reading r("<car color='red'>\n<weel size='1'/>\n<wheel size='1' sise='2'/>\n<wheel "
                    "size='2'>\n<hub/></wheel></car>");
    ASSERT_TRUE(r.car);
    EXPECT_EQ(r.car->wheels.size(), 2u);
    ASSERT_EQ(r.messages.list.size(), 4u);
    const Message& size = r.messages.list[0];
    EXPECT_EQ(size.kind, Message::Kind::unknown_attribute);
    EXPECT_EQ(size.line, 3);
    EXPECT_EQ(size.path, "car/wheel[1]/@sise");
    EXPECT_EQ(size.suggestion, "size");
    EXPECT_EQ(r.messages.list[1].path, "car/wheel[2]/hub");
    EXPECT_EQ(r.messages.list[1].suggestion, "");
    EXPECT_EQ(r.messages.list[2].suggestion, "colour");
    EXPECT_EQ(r.messages.list[3].line, 2);
    EXPECT_EQ(r.messages.list[3].text,
              "line 2: <weel> is not known in <car> and ignored; did you mean 'wheel'?");
}

TEST(XmlBinder, what_does_not_apply_is_told_like_what_is_unknown) {
    const Reading r("<car colour='green'><engine>V8</engine></car>");
    ASSERT_TRUE(r.car);
    EXPECT_FALSE(r.car->engine);
    ASSERT_EQ(r.messages.list.size(), 1u);
    EXPECT_EQ(r.messages.list[0].path, "car/engine");
}

TEST(XmlBinder, the_first_of_repeated_elements_counts) {
    const Reading r("<car><label>a</label>\n<label>b</label></car>");
    ASSERT_TRUE(r.car);
    EXPECT_EQ(r.car->label, "a");
    ASSERT_EQ(r.messages.list.size(), 1u);
    EXPECT_EQ(r.messages.list[0].kind, Message::Kind::repeated);
    EXPECT_EQ(r.messages.list[0].line, 2);
}

TEST(XmlBinder, namespaces_tell_elements_apart) {
    const Reading r("<car xmlns:other='urn:vendor' "
                    "xmlns:w='urn:wrong'><other:engine>a</other:engine><w:wheel size='1'/></car>");
    ASSERT_TRUE(r.car);
    EXPECT_FALSE(r.car->engine);
    EXPECT_EQ(r.car->vendor.name, "a");
    EXPECT_TRUE(r.car->wheels.empty());
    EXPECT_EQ(r.messages.list.size(), 1u);
}

TEST(XmlBinder, raw_and_kept_children_survive) {
    const std::string notes = "<notes>\n<!-- x --> <n:a xmlns:n=\"urn:n\" b=\"c\"/>  text </notes>";
    const Reading r("<car>" + notes + "<radio   on='yes'><fm>\n1</fm>\n</radio></car>");
    ASSERT_TRUE(r.car);
    const std::string text = format("car", *r.car);
    EXPECT_THAT(text, HasSubstr(notes));
    EXPECT_THAT(text, HasSubstr("  <radio on='yes'>\n    <fm>\n1</fm>\n  </radio>\n"));
    ASSERT_EQ(r.messages.list.size(), 1u);
    EXPECT_EQ(r.messages.list[0].kind, Message::Kind::kept);
}

TEST(XmlMessages, are_bounded) {
    std::string text = "<car>";
    for (int i = 0; i < 1000; i++)
        text += "<x" + std::to_string(i) + "/>";
    const Reading r(text + "</car>");
    ASSERT_TRUE(r.car);
    EXPECT_EQ(r.messages.list.size(), Messages::kMax);
    EXPECT_EQ(r.messages.dropped, 1000 - Messages::kMax);
}

TEST(XmlMessages, suggest_what_is_near) {
    const std::vector<std::string_view> names = {"vcpu",          "disk", "interface", "memory",
                                                 "currentMemory", "mtu",  "os"};
    const std::pair<const char*, const char*> typos[] = {{"vcpus", "vcpu"},
                                                         {"dissk", "disk"},
                                                         {"dsik", "disk"},
                                                         {"mtuu", "mtu"},
                                                         {"Disk", "disk"},
                                                         {"intreface", "interface"},
                                                         {"currentmemory", "currentMemory"},
                                                         {"interfaces", "interface"},
                                                         {"memmory", "memory"},
                                                         {"sound", ""},
                                                         {"x", ""},
                                                         {"", ""}};
    for (const auto& [typo, meant] : typos)
        EXPECT_EQ(nearest(typo, names), meant) << typo;
    EXPECT_EQ(nearest(std::string(100'000, 'd'), names), "");
}

TEST(XmlCompare, names_what_differs) {
    Car a = full_car(), b = a;
    b.wheels[1].size = 3;
    b.roof = false;
    b.engine->name = "V6";
    std::vector<std::string> paths;
    for (const Difference& d : compare("car", a, b))
        paths.push_back(d.path + ":" + d.before + ">" + d.after);
    EXPECT_THAT(paths, testing::UnorderedElementsAre("car/engine:V8>V6", "car/wheel[2]/@size:40>3",
                                                     "car/roof:>"));
    EXPECT_TRUE(compare("car", a, a).empty());
}

TEST(XmlDocument, tells_every_attribute_and_when_it_applies) {
    const std::string text = document<Car>("car");
    EXPECT_THAT(text, HasSubstr("- `@colour`: one of 'red', 'green'\n"));
    EXPECT_THAT(text, HasSubstr("- `wheel/@size`: a whole number from 1 to 40 (required)"));
    EXPECT_THAT(text, HasSubstr("- `engine`: element (where the colour is not green)"));
    EXPECT_THAT(text, HasSubstr("- `v:engine/@turbo`: one of 'yes', 'no'"));
}

} // namespace
} // namespace polyvirt::sdk::xml
