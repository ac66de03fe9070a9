// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/dispatch/smbios.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <span>

#include <fmt/core.h>

namespace polyvirt::dispatch {
namespace {

// One structure: a formatted area, and the texts that stand behind it, numbered from 1. A field beyond the
// area's end is one that this version of the standard did not have.
class Structure {
  public:
    Structure(std::string_view area, std::string_view texts) : area_(area), texts_(texts) {}

    [[nodiscard]] std::uint8_t type() const { return byte(0); }
    [[nodiscard]] bool has(std::size_t at, std::size_t size) const { return at + size <= area_.size(); }
    [[nodiscard]] std::uint8_t byte(std::size_t at) const {
        return has(at, 1) ? static_cast<std::uint8_t>(area_[at]) : std::uint8_t{0};
    }
    [[nodiscard]] std::uint16_t word(std::size_t at) const {
        return has(at, 2) ? static_cast<std::uint16_t>(byte(at) | byte(at + 1) << 8) : std::uint16_t{0};
    }
    [[nodiscard]] std::uint32_t dword(std::size_t at) const {
        return has(at, 4) ? word(at) | std::uint32_t{word(at + 2)} << 16 : 0;
    }
    // The text whose number stands there; empty: none.
    [[nodiscard]] std::string text(std::size_t at) const {
        std::string_view rest = texts_;
        for (unsigned number = byte(at); number != 0 && !rest.empty(); --number) {
            const std::string_view one = rest.substr(0, rest.find('\0'));
            if (number == 1) return std::string(one);
            rest.remove_prefix(std::min(one.size() + 1, rest.size()));
        }
        return {};
    }

  private:
    const std::string_view area_, texts_;
};

struct Name {
    unsigned number;
    const char* name;
};

std::string name_of(std::span<const Name> names, unsigned number) {
    const auto found = std::find_if(names.begin(), names.end(), [&](const Name& n) { return n.number == number; });
    return found != names.end() ? found->name : std::string();
}

constexpr std::array kProcessorTypes = std::to_array<Name>({{1, "Other"},
                                                            {2, "Unknown"},
                                                            {3, "Central Processor"},
                                                            {4, "Math Processor"},
                                                            {5, "DSP Processor"},
                                                            {6, "Video Processor"}});
constexpr std::array kProcessorStates = std::to_array<Name>({{0, "Unknown"},
                                                             {1, "Enabled"},
                                                             {2, "Disabled By User"},
                                                             {3, "Disabled By BIOS"},
                                                             {4, "Idle"},
                                                             {7, "Other"}});
// Of the 250 families those that hosts of guests are made of; others are left out.
constexpr std::array kFamilies = std::to_array<Name>(
    {{0x01, "Other"},       {0x02, "Unknown"},         {0x0b, "Pentium"},      {0x0c, "Pentium Pro"},
     {0x0d, "Pentium II"},  {0x0f, "Celeron"},         {0x11, "Pentium III"},  {0x28, "Core Duo"},
     {0x2b, "Atom"},        {0x2c, "Core M"},          {0x2d, "Core m3"},      {0x2e, "Core m5"},
     {0x2f, "Core m7"},     {0x6b, "Zen"},             {0x83, "Athlon 64"},    {0x84, "Opteron"},
     {0xa1, "Quad-Core Xeon 3200"}, {0xb2, "Pentium 4"},    {0xb3, "Xeon"},         {0xb5, "Xeon MP"},
     {0xb9, "Pentium M"},   {0xbf, "Core 2 Duo"},      {0xc0, "Core 2 Solo"},  {0xc1, "Core 2 Extreme"},
     {0xc2, "Core 2 Quad"}, {0xc6, "Core i7"},         {0xcd, "Core i5"},      {0xce, "Core i3"},
     {0xcf, "Core i9"},     {0xd6, "Multi-Core Xeon"}, {0x100, "ARMv7"},       {0x101, "ARMv8"},
     {0x102, "ARMv9"}});
constexpr std::array kFormFactors = std::to_array<Name>(
    {{1, "Other"},  {2, "Unknown"}, {3, "SIMM"},  {4, "SIP"},           {5, "Chip"},  {6, "DIP"},
     {7, "ZIP"},    {8, "Proprietary Card"},      {9, "DIMM"},          {10, "TSOP"}, {11, "Row Of Chips"},
     {12, "RIMM"},  {13, "SODIMM"}, {14, "SRIMM"}, {15, "FB-DIMM"},     {16, "Die"}});
constexpr std::array kMemoryTypes = std::to_array<Name>(
    {{1, "Other"},       {2, "Unknown"},       {3, "DRAM"},    {4, "EDRAM"},   {5, "VRAM"},    {6, "SRAM"},
     {7, "RAM"},         {8, "ROM"},           {9, "Flash"},   {10, "EEPROM"}, {11, "FEPROM"}, {12, "EPROM"},
     {13, "CDRAM"},      {14, "3DRAM"},        {15, "SDRAM"},  {16, "SGRAM"},  {17, "RDRAM"},  {18, "DDR"},
     {19, "DDR2"},       {20, "DDR2 FB-DIMM"}, {24, "DDR3"},   {25, "FBD2"},   {26, "DDR4"},   {27, "LPDDR"},
     {28, "LPDDR2"},     {29, "LPDDR3"},       {30, "LPDDR4"}, {31, "Logical non-volatile device"},
     {32, "HBM"},        {33, "HBM2"},         {34, "DDR5"},   {35, "LPDDR5"}});
// By bit.
constexpr std::array kMemoryDetails = std::to_array<Name>({{1, "Other"},
                                                           {2, "Unknown"},
                                                           {3, "Fast-paged"},
                                                           {4, "Static Column"},
                                                           {5, "Pseudo-static"},
                                                           {6, "RAMBus"},
                                                           {7, "Synchronous"},
                                                           {8, "CMOS"},
                                                           {9, "EDO"},
                                                           {10, "Window DRAM"},
                                                           {11, "Cache DRAM"},
                                                           {12, "Non-Volatile"},
                                                           {13, "Registered (Buffered)"},
                                                           {14, "Unbuffered (Unregistered)"},
                                                           {15, "LRDIMM"}});

std::string clock(std::uint16_t mhz) { return mhz == 0 ? "Unknown" : fmt::format("{} MHz", mhz); }

// Of processors that have the CPUID instruction, as their makers write it.
std::string signature(const Structure& s, const std::string& manufacturer) {
    const std::uint32_t eax = s.dword(0x08);
    const unsigned base = eax >> 8 & 0xf, more = eax >> 20 & 0xff, model = (eax >> 12 & 0xf0) | (eax >> 4 & 0xf);
    if (manufacturer.find("Intel") != std::string::npos)
        return fmt::format("Type {}, Family {}, Model {}, Stepping {}", eax >> 12 & 3, base + more, model, eax & 0xf);
    if (manufacturer.find("AMD") == std::string::npos && manufacturer.find("Advanced Micro") == std::string::npos)
        return {};
    return fmt::format("Family {}, Model {}, Stepping {}", base == 0xf ? base + more : base,
                       base == 0xf ? model : eax >> 4 & 0xf, eax & 0xf);
}

SmbiosSection processor(const Structure& s) {
    const std::uint8_t status = s.byte(0x18), family = s.byte(0x06);
    const std::string manufacturer = s.text(0x07);
    const std::string state = name_of(kProcessorStates, status & 7U);
    return {"processor",
            {{"socket_destination", s.text(0x04)},
             {"type", name_of(kProcessorTypes, s.byte(0x05))},
             {"family", name_of(kFamilies, family == 0xfe ? s.word(0x28) : family)},
             {"manufacturer", manufacturer},
             {"signature", signature(s, manufacturer)},
             {"version", s.text(0x10)},
             {"external_clock", clock(s.word(0x12))},
             {"max_speed", clock(s.word(0x14))},
             {"status", (status & 0x40) == 0 ? "Unpopulated" : state.empty() ? "Populated" : "Populated, " + state},
             {"serial_number", s.text(0x20)},
             {"part_number", s.text(0x22)}}};
}

// In the largest unit without a fraction.
std::string size_text(std::uint64_t kib) {
    constexpr std::array kUnits = {"kB", "MB", "GB", "TB"};
    std::size_t unit = 0;
    while (unit + 1 < kUnits.size() && kib % 1024 == 0) {
        kib /= 1024;
        ++unit;
    }
    return fmt::format("{} {}", kib, kUnits[unit]);
}

// Empty: no module there.
std::string module_size(const Structure& s) {
    const std::uint16_t size = s.word(0x0c);
    if (size == 0) return {};
    if (size == 0xffff) return "Unknown";
    if (size == 0x7fff) return size_text(std::uint64_t{s.dword(0x1c) & 0x7fffffff} * 1024);
    return size_text((size & 0x8000) != 0 ? size & 0x7fffU : std::uint64_t{size} * 1024);
}

std::string module_detail(const Structure& s) {
    std::string out;
    for (const Name& detail : kMemoryDetails)
        if ((s.word(0x13) >> detail.number & 1) != 0) out += (out.empty() ? "" : " ") + std::string(detail.name);
    return out.empty() ? "None" : out;
}

std::string module_speed(const Structure& s) {
    const std::uint16_t speed = s.word(0x15);
    if (speed == 0) return "Unknown";
    return fmt::format("{} MT/s", speed == 0xffff ? s.dword(0x54) & 0x7fffffff : speed);
}

SmbiosSection memory_device(const Structure& s) {
    return {"memory_device",
            {{"size", module_size(s)},
             {"form_factor", name_of(kFormFactors, s.byte(0x0e))},
             {"locator", s.text(0x10)},
             {"bank_locator", s.text(0x11)},
             {"type", name_of(kMemoryTypes, s.byte(0x12))},
             {"type_detail", module_detail(s)},
             {"speed", module_speed(s)},
             {"manufacturer", s.text(0x17)},
             {"serial_number", s.text(0x18)},
             {"part_number", s.text(0x1a)}}};
}

// The first structure of `table`, which moves on behind it; false at the end, or at what is none.
bool next(std::string_view& table, std::string_view& area, std::string_view& texts) {
    constexpr std::size_t kHeader = 4;
    if (table.size() < kHeader) return false;
    const std::size_t length = static_cast<std::uint8_t>(table[1]);
    if (length < kHeader || length > table.size()) return false;
    area = table.substr(0, length);
    table.remove_prefix(length);
    // Texts, each with its zero, and one more zero; no texts at all are two zeros.
    const std::size_t end = table.find(std::string_view("\0\0", 2));
    if (end == std::string_view::npos) return false;
    texts = table.substr(0, end);
    table.remove_prefix(end + 2);
    return true;
}

} // namespace

std::vector<SmbiosSection> smbios_devices(std::string_view table) {
    constexpr std::uint8_t kProcessor = 4, kMemoryDevice = 17, kEnd = 127;
    std::vector<SmbiosSection> processors, modules;
    std::string_view area, texts;
    table = table.substr(0, kSmbiosBytes);
    while (next(table, area, texts)) {
        const Structure s(area, texts);
        if (s.type() == kEnd) break;
        if (s.type() == kProcessor && s.has(0, 0x1a) && processors.size() < kSmbiosSections)
            processors.push_back(processor(s));
        if (s.type() == kMemoryDevice && s.has(0, 0x15) && s.word(0x0c) != 0 && modules.size() < kSmbiosSections)
            modules.push_back(memory_device(s));
    }
    std::move(modules.begin(), modules.end(), std::back_inserter(processors));
    for (SmbiosSection& section : processors)
        std::erase_if(section.entries, [](const auto& entry) { return entry.second.empty(); });
    return processors;
}

} // namespace polyvirt::dispatch
