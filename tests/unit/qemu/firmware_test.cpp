// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "capabilities/firmware.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace polyvirt::qemu {
namespace {

namespace fs = std::filesystem;

class FirmwareFiles : public testing::Test {
  protected:
    FirmwareFiles() : root_(fs::temp_directory_path() / ("pv-firmware." + std::to_string(::getpid()))) {
        for (const char* name : {"vendor", "local"}) fs::create_directories(root_ / name);
    }
    ~FirmwareFiles() override { fs::remove_all(root_); }
    void write(const std::string& path, const std::string& text) const { std::ofstream(root_ / path) << text; }
    [[nodiscard]] static std::string flash(const std::string& image, const std::string& machines, const std::string& features = "") {
        return R"({"interface-types": ["uefi"], "mapping": {"device": "flash", "executable": {"filename": ")" + image +
               R"(", "format": "raw"}, "nvram-template": {"filename": "/vars.fd", "format": "raw"}}, "targets": [{"architecture": "x86_64", "machines": [)" +
               machines + R"(]}], "features": [)" + features + R"(], "tags": []})";
    }
    [[nodiscard]] std::vector<Firmware> read() const { return read_firmware({(root_ / "vendor").string(), (root_ / "local").string(), "/nowhere"}); }

    const fs::path root_;
};

TEST_F(FirmwareFiles, are_read_in_the_order_of_their_names) {
    write("vendor/60-plain.json", flash("/plain.fd", R"("pc-i440fx-*", "pc-q35-*")"));
    write("vendor/50-secure.json", flash("/secure.fd", R"("pc-q35-*")", R"("requires-smm", "secure-boot")"));
    const auto found = read();
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[0].executable, "/secure.fd");
    EXPECT_TRUE(found[0].has_feature("requires-smm"));
    EXPECT_TRUE(found[1].has_interface("uefi"));
    EXPECT_EQ(found[1].nvram_template, "/vars.fd");
    EXPECT_FALSE(found[0].suits("x86_64", "pc-i440fx-7.2"));
    EXPECT_TRUE(found[1].suits("x86_64", "pc-i440fx-7.2"));
    EXPECT_FALSE(found[1].suits("i686", "pc-i440fx-7.2"));
}

TEST_F(FirmwareFiles, of_a_later_folder_hide_those_of_the_same_name) {
    write("vendor/50-a.json", flash("/a.fd", R"("pc-*")"));
    write("vendor/60-b.json", flash("/b.fd", R"("pc-*")"));
    write("local/50-a.json", flash("/mine.fd", R"("pc-*")"));
    write("local/60-b.json", ""); // none of it
    const auto found = read();
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].executable, "/mine.fd");
}

TEST_F(FirmwareFiles, that_are_no_descriptions_are_left_out) {
    write("vendor/1.json", "{");
    write("vendor/2.json", "[]");
    write("vendor/3.json", R"({"interface-types": "uefi"})");
    write("vendor/4.json", std::string(100'000, ' '));
    write("vendor/5.txt", flash("/a.fd", R"("pc-*")"));
    write("vendor/6.json", R"({"interface-types": ["bios"], "mapping": {"device": "memory", "filename": "/bios.bin"}, "targets": []})");
    const auto found = read();
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].executable, "/bios.bin");
}

} // namespace
} // namespace polyvirt::qemu
