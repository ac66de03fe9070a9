// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// The tables are made here, field by field, as DSP0134 has them.
#include "host/dispatch/smbios.h"

#include <cstdint>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace polyvirt::dispatch {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class Table {
  public:
    // A structure of this type and length of its formatted area.
    Table& begin(std::uint8_t type, std::uint8_t length) {
        finish();
        area_.assign(length, '\0');
        area_[0] = static_cast<char>(type);
        area_[1] = static_cast<char>(length);
        return *this;
    }
    Table& byte(std::size_t at, unsigned value) {
        area_.at(at) = static_cast<char>(value);
        return *this;
    }
    Table& word(std::size_t at, unsigned value) { return byte(at, value & 0xff).byte(at + 1, value >> 8 & 0xff); }
    Table& dword(std::size_t at, std::uint32_t value) { return word(at, value & 0xffff).word(at + 2, value >> 16); }
    Table& text(std::size_t at, const std::string& value) {
        texts_ += value + '\0';
        return byte(at, ++number_);
    }
    [[nodiscard]] std::string bytes() {
        finish();
        return bytes_;
    }

  private:
    void finish() {
        if (area_.empty()) return;
        if (texts_.empty()) texts_ += '\0';
        bytes_ += area_ + texts_ + '\0';
        area_.clear();
        texts_.clear();
        number_ = 0;
    }

    std::string bytes_, area_, texts_;
    unsigned number_ = 0;
};

std::vector<std::string> shown(const std::vector<SmbiosSection>& sections) {
    std::vector<std::string> out;
    for (const SmbiosSection& section : sections) {
        out.emplace_back(section.name);
        for (const auto& [name, value] : section.entries) out.push_back(std::string(name) + "=" + value);
    }
    return out;
}

Table& add_processor(Table& t) {
    return t.begin(4, 0x2a).text(0x04, "CPU 1").byte(0x05, 3).byte(0x06, 0xb3).text(0x07, "Intel(R) Corporation").dword(0x08, 0x00050654)
        .text(0x10, "Intel(R) Xeon(R) Gold").word(0x12, 100).word(0x14, 4000).byte(0x18, 0x41).text(0x20, "S1").text(0x22, "P1");
}

Table& add_module(Table& t, unsigned size) {
    return t.begin(17, 0x22).word(0x0c, size).byte(0x0e, 9).text(0x10, "DIMM_A1").text(0x11, "NODE 1").byte(0x12, 26).word(0x13, 0x2080)
        .word(0x15, 2666).text(0x17, "Maker").text(0x18, "1234").text(0x1a, "PART");
}

TEST(Smbios, tells_a_processor) {
    Table t;
    EXPECT_THAT(shown(smbios_devices(add_processor(t).bytes())),
                ElementsAre("processor", "socket_destination=CPU 1", "type=Central Processor", "family=Xeon",
                            "manufacturer=Intel(R) Corporation", "signature=Type 0, Family 6, Model 85, Stepping 4",
                            "version=Intel(R) Xeon(R) Gold", "external_clock=100 MHz", "max_speed=4000 MHz",
                            "status=Populated, Enabled", "serial_number=S1", "part_number=P1"));
}

TEST(Smbios, tells_processors_of_other_makers) {
    Table t;
    t.begin(4, 0x2a).byte(0x06, 0xfe).word(0x28, 0x101).text(0x07, "Arm").byte(0x18, 0x00);
    t.begin(4, 0x23).byte(0x06, 0x6b).text(0x07, "Advanced Micro Devices, Inc.").dword(0x08, 0x00830f10).byte(0x18, 0x41);
    EXPECT_THAT(shown(smbios_devices(t.bytes())),
                ElementsAre("processor", "family=ARMv8", "manufacturer=Arm", "external_clock=Unknown", "max_speed=Unknown",
                            "status=Unpopulated", "processor", "family=Zen", "manufacturer=Advanced Micro Devices, Inc.",
                            "signature=Family 23, Model 49, Stepping 0", "external_clock=Unknown", "max_speed=Unknown",
                            "status=Populated, Enabled"));
}

TEST(Smbios, tells_a_memory_module) {
    Table t;
    EXPECT_THAT(shown(smbios_devices(add_module(t, 16384).bytes())),
                ElementsAre("memory_device", "size=16 GB", "form_factor=DIMM", "locator=DIMM_A1", "bank_locator=NODE 1",
                            "type=DDR4", "type_detail=Synchronous Registered (Buffered)", "speed=2666 MT/s",
                            "manufacturer=Maker", "serial_number=1234", "part_number=PART"));
}

TEST(Smbios, sizes_have_the_largest_unit_that_fits) {
    const auto size = [](unsigned word, std::uint32_t extended = 0) {
        Table t;
        const auto all = smbios_devices(add_module(t, word).dword(0x1c, extended).bytes());
        return all.empty() ? std::string("none") : all.front().entries.front().second;
    };
    EXPECT_EQ(size(0), "none") << "an empty socket";
    EXPECT_EQ(size(0xffff), "Unknown");
    EXPECT_EQ(size(0x8000 | 512), "512 kB");
    EXPECT_EQ(size(0x8000 | 1024), "1 MB");
    EXPECT_EQ(size(1536), "1536 MB");
    EXPECT_EQ(size(2048), "2 GB");
    EXPECT_EQ(size(0x7fff, 131072), "128 GB");
    EXPECT_EQ(size(0x7fff, 1048576), "1 TB");
}

TEST(Smbios, processors_come_first_and_the_end_is_the_end) {
    Table t;
    add_module(t, 1024);
    t.begin(0, 0x18).text(4, "Firmware");
    add_processor(t);
    t.begin(127, 4);
    add_processor(t);
    const auto all = smbios_devices(t.bytes());
    ASSERT_THAT(all, SizeIs(2));
    EXPECT_STREQ(all[0].name, "processor");
    EXPECT_STREQ(all[1].name, "memory_device");
}

TEST(Smbios, what_does_not_fit_ends_the_reading) {
    Table t;
    add_processor(t);
    const std::string whole = t.bytes();
    for (std::size_t cut = 0; cut < whole.size(); ++cut) EXPECT_THAT(smbios_devices(whole.substr(0, cut)), IsEmpty()) << cut;
    EXPECT_THAT(smbios_devices(whole + std::string("\x04\x02\0\0\0\0", 6)), SizeIs(1)) << "a length below its own header";
    EXPECT_THAT(smbios_devices(whole + std::string("\x11\xff\0\0", 4)), SizeIs(1)) << "a length beyond the table";
    Table wild;
    wild.begin(4, 0x2a).byte(0x04, 200).byte(0x07, 1).byte(0x05, 77).byte(0x18, 0x45);
    EXPECT_THAT(shown(smbios_devices(wild.bytes())),
                ElementsAre("processor", "external_clock=Unknown", "max_speed=Unknown", "status=Populated"))
        << "numbers of texts and names that there are not";
    Table old;
    old.begin(4, 0x10).text(0x04, "too short");
    EXPECT_THAT(smbios_devices(old.bytes()), IsEmpty());
}

TEST(Smbios, what_a_table_may_cost_is_bounded) {
    Table t;
    for (int i = 0; i < 3000; ++i) add_module(t, 1024);
    EXPECT_THAT(smbios_devices(t.bytes()), SizeIs(kSmbiosSections));
    std::string much;
    for (std::size_t i = 0; i < kSmbiosBytes / 4; ++i) much += std::string("\x7e\x04\0\0\0\0", 6);
    Table last;
    EXPECT_THAT(smbios_devices(much + add_processor(last).bytes()), IsEmpty()) << "beyond what is read";
}

TEST(Smbios, noise_ends) {
    Table t;
    add_processor(t);
    const std::string right = add_module(t, 1024).bytes();
    std::mt19937 random(11);
    for (int round = 0; round < 20'000; ++round) {
        std::string table = right;
        for (unsigned changes = random() % 8; changes > 0; --changes) table[random() % table.size()] = static_cast<char>(random());
        EXPECT_LE(smbios_devices(table).size(), 40U);
    }
}

} // namespace
} // namespace polyvirt::dispatch
