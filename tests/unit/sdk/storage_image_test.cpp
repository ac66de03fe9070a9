// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/storage/image.h"

#include <algorithm>
#include <cstdint>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace polyvirt::sdk::storage {
namespace {

using ::testing::HasSubstr;

void put(std::string& to, std::size_t at, std::size_t width, std::uint64_t value, bool big = true) {
    if (to.size() < at + width) to.resize(at + width);
    for (std::size_t i = 0; i < width; ++i) to[big ? at + width - 1 - i : at + i] = static_cast<char>(value >> (8 * i));
}

ReadBytes reader(const std::string& image) {
    return [&image](std::uint64_t offset, std::size_t length) {
        return offset < image.size() ? image.substr(static_cast<std::size_t>(offset), length) : std::string();
    };
}
Result<ImageHeader> parse(const std::string& image, std::string_view format = "qcow2") {
    return parse_header(format, image.size(), reader(image));
}

std::string qcow2(const std::string& backing, const std::string& backing_format) {
    std::string image("QFI\xfb", 4);
    put(image, 4, 4, 3);
    put(image, 20, 4, 16);
    put(image, 24, 8, 64U << 20U);
    put(image, 100, 4, 104);
    std::size_t at = 104;
    if (!backing_format.empty()) {
        put(image, at, 4, 0xE2792ACA);
        put(image, at + 4, 4, backing_format.size());
        image += backing_format;
        at = (image.size() + 7) & ~std::size_t{7};
    }
    put(image, at, 8, 0);
    if (!backing.empty()) {
        put(image, 8, 8, image.size());
        put(image, 16, 4, backing.size());
        image += backing;
    }
    image.resize(65536);
    return image;
}

TEST(BlockImage, qcow2_tells_its_size_and_what_is_below) {
    const auto header = parse(qcow2("base.img", "raw"));
    ASSERT_TRUE(header) << header.error().message;
    EXPECT_EQ(header->capacity, 64U << 20U);
    EXPECT_EQ(header->backing, "base.img");
    EXPECT_EQ(header->backing_format, "raw");
}

TEST(BlockImage, qcow2_without_backing_has_none) {
    const auto header = parse(qcow2("", ""));
    ASSERT_TRUE(header);
    EXPECT_EQ(header->backing, "");
    EXPECT_EQ(header->backing_format, "");
}

TEST(BlockImage, raw_is_never_looked_into) {
    const auto header = parse(qcow2("/etc/shadow", "raw"), "raw");
    ASSERT_TRUE(header);
    EXPECT_EQ(header->backing, "");
    EXPECT_EQ(header->capacity, 65536U);
}

TEST(BlockImage, a_name_outside_of_the_file_is_refused) {
    std::string image = qcow2("base.img", "");
    put(image, 8, 8, 1U << 30U);
    EXPECT_FALSE(parse(image));
    image = qcow2("base.img", "");
    put(image, 16, 4, 4096);
    const auto header = parse(image);
    ASSERT_FALSE(header);
    EXPECT_THAT(header.error().message, HasSubstr("4096 bytes"));
}

TEST(BlockImage, an_extension_beyond_its_area_is_refused) {
    std::string image = qcow2("base.img", "raw");
    put(image, 108, 4, 0xffffffff);
    EXPECT_FALSE(parse(image));
}

TEST(BlockImage, qed_and_vmdk_tell_what_is_below) {
    std::string qed("QED\0", 4);
    put(qed, 16, 8, 1 | 4, false);
    put(qed, 48, 8, 4096, false);
    put(qed, 56, 4, 64, false);
    put(qed, 60, 4, 3, false);
    qed += "abc";
    const auto header = parse(qed, "qed");
    ASSERT_TRUE(header) << header.error().message;
    EXPECT_EQ(header->backing, "abc");
    EXPECT_EQ(header->backing_format, "raw");

    const std::string vmdk = "# Disk DescriptorFile\nversion=1\nparentFileNameHint=\"parent.vmdk\"\n";
    const auto text = parse(vmdk, "");
    ASSERT_TRUE(text);
    EXPECT_EQ(text->format, "vmdk");
    EXPECT_EQ(text->backing, "parent.vmdk");
}

TEST(BlockImage, formats_are_known_by_their_first_bytes) {
    EXPECT_EQ(probe_format(qcow2("", "")), "qcow2");
    EXPECT_EQ(probe_format("KDMV1234"), "vmdk");
    EXPECT_EQ(probe_format("vhdxfile"), "vhdx");
    EXPECT_EQ(probe_format("LUKS\xba\xbe"), "luks");
    EXPECT_EQ(probe_format(""), "raw");
    EXPECT_EQ(probe_format("anything else"), "raw");
}

// Whatever is in a file: an answer within bounds, or an error.
TEST(BlockImage, garbage_is_survived) {
    std::minstd_rand random(7);
    const std::string seeds[] = {qcow2("base.img", "qcow2"), "KDMV" + std::string(600, '\1'), std::string("QED\0", 4) + std::string(200, '\xff'),
                                 "QFI\xfb" + std::string("\0\0\0\1", 4) + std::string(100, '\x7f')};
    for (int round = 0; round < 20000; ++round) {
        std::string image = seeds[random() % std::size(seeds)].substr(0, 1024);
        const std::size_t flips = random() % 12;
        for (std::size_t i = 0; i < flips; ++i) image[4 + random() % (std::min<std::size_t>(image.size(), 160) - 4)] = static_cast<char>(random());
        image.resize(random() % (image.size() + 1));
        std::size_t asked = 0;
        const ReadBytes counting = [&](std::uint64_t offset, std::size_t length) {
            asked += length;
            return offset < image.size() ? image.substr(static_cast<std::size_t>(offset), length) : std::string();
        };
        const auto header = parse_header("", image.size(), counting);
        EXPECT_LT(asked, std::size_t{4} << 20U);
        if (header) {
            EXPECT_LE(header->backing.size(), kMaxBackingName);
        }
    }
}

TEST(BlockImage, a_fifo_is_refused_at_once) {
    char folder[] = "/tmp/polyvirt-image-XXXXXX";
    ASSERT_NE(::mkdtemp(folder), nullptr);
    const std::string path = std::string(folder) + "/fifo";
    ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
    const auto file = read_image(path, "qcow2");
    ASSERT_FALSE(file);
    EXPECT_THAT(file.error().message, HasSubstr("neither a regular file nor a block device"));
    const auto missing = read_image(std::string(folder) + "/none", "raw");
    ASSERT_FALSE(missing);
    EXPECT_THAT(missing.error().message, HasSubstr("Cannot access storage file"));
    ::unlink(path.c_str());
    ::rmdir(folder);
}

} // namespace
} // namespace polyvirt::sdk::storage
