// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "firmware/choose.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace polyvirt::qemu {
namespace {

using sdk::domain::Domain;
using sdk::domain::OnOff;
using sdk::domain::YesNo;
using testing::ElementsAre;
using testing::HasSubstr;

std::string flash(const char* name, const char* features, const char* machines = "\"pc-q35-*\", \"pc-i440fx-*\"", const char* mode = "") {
    return fmt::format(R"({{"interface-types": ["uefi"], "mapping": {{"device": "flash", {3} "executable": {{"filename": "/fw/{0}.fd",
        "format": "raw"}}, "nvram-template": {{"filename": "/fw/{0}_vars.fd", "format": "raw"}}}},
        "targets": [{{"architecture": "x86_64", "machines": [{2}]}}], "features": [{1}]}})",
                       name, features, machines, *mode != '\0' ? fmt::format("\"mode\": \"{}\",", mode) : "");
}

std::vector<Descriptor> firmware() {
    std::vector<Descriptor> all;
    for (const std::string& text :
         {flash("enrolled", "\"secure-boot\", \"requires-smm\", \"enrolled-keys\", \"acpi-s3\"", "\"pc-q35-*\""),
          flash("secure", "\"secure-boot\", \"requires-smm\"", "\"pc-q35-*\""), flash("plain", "\"acpi-s3\""),
          flash("stateless", "", "\"pc-q35-*\"", "stateless"),
          std::string(R"({"interface-types": ["bios"], "mapping": {"device": "memory", "filename": "/fw/bios.bin"},
              "targets": [{"architecture": "x86_64", "machines": ["pc-i440fx-*"]}], "features": []})")}) {
        auto d = parse_descriptor(text, "test");
        EXPECT_TRUE(d) << d.error().message;
        if (d) all.push_back(*std::move(d));
    }
    return all;
}

Domain domain(const std::string& os, const char* machine = "pc-q35-7.2", const char* more = "") {
    auto parsed = sdk::domain::parse_domain(fmt::format(
        "<domain type='qemu'><name>x</name><memory>65536</memory><os{} machine='{}'>hvm</type>{}</os>{}</domain>",
        os.substr(0, os.find('|')) + "><type arch='x86_64'", machine, os.substr(os.find('|') + 1), more));
    EXPECT_TRUE(parsed) << parsed.error().message;
    return parsed ? parsed->domain : Domain{};
}

TEST(Firmware, is_chosen_by_what_the_document_asks_for) {
    const struct {
        const char* os;
        const char* machine;
        const char* more;
        const char* loader;
    } rows[] = {
        {" firmware='efi'|", "pc-q35-7.2", "", "/fw/enrolled.fd"},
        {" firmware='efi'|", "pc-i440fx-7.2", "", "/fw/plain.fd"},
        {" firmware='efi'|<firmware><feature enabled='no' name='secure-boot'/></firmware>", "pc-q35-7.2", "", "/fw/plain.fd"},
        {" firmware='efi'|<firmware><feature enabled='no' name='enrolled-keys'/></firmware>", "pc-q35-7.2", "", "/fw/secure.fd"},
        {" firmware='efi'|<loader secure='yes'/>", "pc-q35-7.2", "", "/fw/enrolled.fd"},
        {" firmware='efi'|<loader stateless='yes'/>", "pc-q35-7.2", "", "/fw/stateless.fd"},
        {" firmware='efi'|", "pc-q35-7.2", "<features><smm state='off'/></features>", "/fw/plain.fd"},
        {" firmware='efi'|", "pc-q35-7.2", "<pm><suspend-to-disk enabled='yes'/></pm>", ""},
        {" firmware='efi'|<loader secure='yes'/>", "pc-i440fx-7.2", "", ""},
        {" firmware='bios'|", "pc-i440fx-7.2", "", "/fw/bios.bin"},
        {" firmware='bios'|", "pc-q35-7.2", "", ""},
        {"|<loader type='rom'>/mine.bin</loader>", "pc-q35-7.2", "", "/mine.bin"},
        {"|", "pc-q35-7.2", "", ""},
    };
    for (const auto& row : rows) {
        SCOPED_TRACE(fmt::format("{} {} {}", row.os, row.machine, row.more));
        Domain d = domain(row.os, row.machine, row.more);
        const Status chosen = choose_firmware(d, firmware(), "/state");
        const bool asked = !d.os.firmware.empty();
        EXPECT_EQ(static_cast<bool>(chosen), !asked || *row.loader != '\0');
        if (chosen) EXPECT_EQ(d.os.loader.path, row.loader);
        else EXPECT_EQ(chosen.error().code, ErrorCode::operation_failed);
    }
}

TEST(Firmware, brings_variables_and_what_it_needs) {
    Domain d = domain(" firmware='efi'|<loader secure='yes'/>");
    ASSERT_TRUE(choose_firmware(d, firmware(), "/state"));
    EXPECT_EQ(d.os.loader.type, "pflash");
    EXPECT_EQ(d.os.loader.readonly, YesNo::yes);
    EXPECT_EQ(d.features.smm->state, OnOff::on);
    EXPECT_EQ(d.os.nvram->template_, "/fw/enrolled_vars.fd");
    EXPECT_EQ(nvram_file(d), "/state/x_VARS.fd");
    Domain named = domain("|<loader type='pflash' readonly='yes'>/fw/plain.fd</loader><nvram>/mine.fd</nvram>");
    ASSERT_TRUE(choose_firmware(named, firmware(), "/state"));
    EXPECT_EQ(named.os.nvram->template_, "/fw/plain_vars.fd");
    EXPECT_EQ(nvram_file(named), "/mine.fd");
    Domain stateless = domain(" firmware='efi'|<loader stateless='yes'/>");
    ASSERT_TRUE(choose_firmware(stateless, firmware(), "/state"));
    EXPECT_EQ(nvram_file(stateless), "");
}

TEST(Firmware, descriptors_that_are_none_say_why) {
    const std::pair<const char*, const char*> rows[] = {
        {"", "no JSON object"},
        {"[]", "no JSON object"},
        {R"({"interface-types": "uefi", "mapping": {"device": "memory", "filename": "/x"}})", "no 'interface-types'"},
        {R"({"interface-types": ["bios"], "mapping": {"device": "memory"}})", "names no file"},
        {R"({"interface-types": ["uefi"], "mapping": {"device": "flash", "executable": {"filename": "/x"}}})", "no 'nvram-template'"},
    };
    for (const auto& [text, says] : rows) {
        const auto d = parse_descriptor(text, "F");
        ASSERT_FALSE(d) << text;
        EXPECT_THAT(d.error().message, HasSubstr(says));
        EXPECT_THAT(d.error().message, HasSubstr("'F'"));
    }
}

class FirmwareFiles : public testing::Test {
  protected:
    void SetUp() override {
        std::string pattern = testing::TempDir() + "firmwareXXXXXX";
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        root_ = pattern;
        std::filesystem::create_directories(root_ + "/low");
        std::filesystem::create_directories(root_ + "/high");
    }
    void TearDown() override { std::filesystem::remove_all(root_); }
    void write(const std::string& name, const std::string& text) const { std::ofstream(root_ + "/" + name) << text; }
    [[nodiscard]] std::string read(const std::string& name) const {
        std::ifstream file(root_ + "/" + name);
        return {std::istreambuf_iterator<char>(file), {}};
    }
    std::string root_;
};

TEST_F(FirmwareFiles, later_folders_replace_and_hide) {
    write("low/60-a.json", flash("a", ""));
    write("low/50-b.json", flash("b", ""));
    write("low/70-c.json", flash("c", ""));
    write("low/readme", "no descriptor");
    write("high/60-a.json", flash("mine", ""));
    write("high/70-c.json", "");
    write("high/10-broken.json", "{");
    std::vector<std::string> found;
    for (const Descriptor& d : read_descriptors({root_ + "/low", root_ + "/high", root_ + "/none"})) found.push_back(d.executable.path);
    EXPECT_THAT(found, ElementsAre("/fw/b.fd", "/fw/mine.fd"));
}

TEST_F(FirmwareFiles, variables_are_copied_once) {
    write("template.fd", "as delivered");
    Domain d = domain("|<loader type='pflash' readonly='yes'>/x</loader><nvram template='" + root_ + "/template.fd'>" + root_ +
                      "/nvram/x.fd</nvram>");
    ASSERT_TRUE(prepare_nvram(d, false));
    EXPECT_EQ(read("nvram/x.fd"), "as delivered");
    write("nvram/x.fd", "changed");
    ASSERT_TRUE(prepare_nvram(d, false));
    EXPECT_EQ(read("nvram/x.fd"), "changed");
    ASSERT_TRUE(prepare_nvram(d, true));
    EXPECT_EQ(read("nvram/x.fd"), "as delivered");
    d.os.nvram->path = root_ + "/nvram/y.fd";
    d.os.nvram->template_.clear();
    EXPECT_THAT(prepare_nvram(d, false).error().message, HasSubstr("/x"));
    d.os.nvram->template_ = root_ + "/absent";
    EXPECT_THAT(prepare_nvram(d, false).error().message, HasSubstr("/absent"));
    EXPECT_FALSE(std::filesystem::exists(root_ + "/nvram/y.fd"));
}

} // namespace
} // namespace polyvirt::qemu
