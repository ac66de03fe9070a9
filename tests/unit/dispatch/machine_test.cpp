// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/dispatch/machine.h"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace polyvirt::dispatch {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A machine of two sockets in two cells, with two cores each, made of files.
class AMachine : public ::testing::Test {
  protected:
    AMachine() {
        std::string path = fs::temp_directory_path() / "pv-machine-XXXXXX";
        root = mkdtemp(path.data()) != nullptr ? path : std::string();
        for (int cpu = 0; cpu < 4; ++cpu) {
            const std::string topology = "/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/";
            put(topology + "physical_package_id", std::to_string(cpu / 2));
            put(topology + "core_id", std::to_string(cpu % 2));
        }
        put("/sys/devices/system/cpu/cpu4/online", "0"); // has no topology while it is off line
        put("/sys/devices/system/cpu/cpufreq/x", "");
        put("/sys/devices/system/cpu/present", "0-4");
        put("/sys/devices/system/cpu/online", "0-3");
        for (int node = 0; node < 2; ++node) {
            const std::string n = std::to_string(node), folder = "/sys/devices/system/node/node" + n;
            put(folder + "/meminfo", "Node " + n + " MemTotal:       1000 kB\nNode " + n + " MemFree:         " +
                                         std::to_string(100 * (node + 1)) + " kB\n");
            put(folder + "/hugepages/hugepages-2048kB/free_hugepages", std::to_string(node + 5));
        }
        put("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "11");
        put("/proc/cpuinfo", "processor\t: 0\ncpu MHz\t\t: 2596.990\n");
        put("/proc/meminfo", "MemTotal:        2000 kB\nMemFree:          300 kB\nMemAvailable:     999 kB\nBuffers: 7 kB\n");
        put("/proc/stat", "cpu  40 10 20 500 5 1 2 0\ncpu0 20 5 10 250 5 0 1 0\ncpu1 20 5 10 250 0 1 1 0\nintr 9\n");
    }
    ~AMachine() override { fs::remove_all(root); }
    void put(const std::string& path, const std::string& text) {
        fs::create_directories(fs::path(root + path).parent_path());
        std::ofstream(root + path) << text;
    }
    [[nodiscard]] Machine machine() const { return Machine(root); }

    std::string root;
};

TEST_F(AMachine, has_its_processors_in_cells_sockets_and_cores) {
    const Machine::Topology t = machine().topology();
    EXPECT_EQ(t.cpus, 4);
    EXPECT_EQ(t.nodes, 2);
    EXPECT_EQ(t.sockets, 1) << "in each cell";
    EXPECT_EQ(t.cores, 2);
    EXPECT_EQ(t.threads, 1);
    EXPECT_EQ(t.mhz, 2596);
}

TEST_F(AMachine, has_the_memory_of_its_cells) {
    EXPECT_EQ(machine().memory().total, 2000u);
    EXPECT_EQ(machine().memory().free, 300u);
    EXPECT_EQ(machine().cell_memory(1)->free, 200u);
    EXPECT_FALSE(machine().cell_memory(2));
    EXPECT_EQ(machine().last_cell(), 1);
}

TEST_F(AMachine, without_cells_has_what_the_kernel_says_of_all) {
    fs::remove_all(root + "/sys/devices/system/node");
    EXPECT_EQ(machine().memory().total, 2000u);
    EXPECT_EQ(machine().topology().nodes, 1);
    EXPECT_EQ(machine().last_cell(), 0);
}

TEST_F(AMachine, names_the_fields_of_its_memory_exactly) {
    EXPECT_EQ(machine().meminfo("MemFree"), 300u);
    EXPECT_EQ(machine().meminfo("Buffers"), 7u);
    EXPECT_EQ(machine().meminfo("Free"), 0u) << "the end of another name";
    EXPECT_EQ(machine().meminfo("Mem"), 0u) << "the beginning of one";
}

TEST_F(AMachine, counts_the_time_of_its_processors) {
    const std::uint64_t tick = 1'000'000'000ULL / static_cast<std::uint64_t>(sysconf(_SC_CLK_TCK));
    EXPECT_EQ(machine().cpu_times(-1)->user, 50 * tick);
    EXPECT_EQ(machine().cpu_times(1)->kernel, 12 * tick);
    EXPECT_EQ(machine().cpu_times(0)->iowait, 5 * tick);
    EXPECT_FALSE(machine().cpu_times(2));
}

TEST_F(AMachine, knows_which_processors_are_online) {
    EXPECT_THAT(machine().cpu_map(), ElementsAre(true, true, true, true, false));
}

TEST_F(AMachine, counts_free_pages) {
    const auto small = static_cast<std::uint32_t>(sysconf(_SC_PAGESIZE) / 1024);
    EXPECT_EQ(machine().free_pages(0, small), 100 / small);
    EXPECT_EQ(machine().free_pages(-1, small), 300 / small);
    EXPECT_EQ(machine().free_pages(1, 2048), 6u);
    EXPECT_EQ(machine().free_pages(-1, 2048), 11u);
    EXPECT_FALSE(machine().free_pages(0, 3));
    EXPECT_FALSE(machine().free_pages(7, small));
}

TEST_F(AMachine, shows_its_firmware_as_a_document) {
    EXPECT_FALSE(machine().sysinfo());
    put("/sys/class/dmi/id/bios_vendor", "A & B <c>\n");
    put("/sys/class/dmi/id/product_name", "Box  \n");
    put("/sys/class/dmi/id/sys_vendor", "\x01Maker\xff\n");
    EXPECT_EQ(machine().sysinfo().value(), "<sysinfo type='smbios'>\n"
                                           "  <bios>\n"
                                           "    <entry name='vendor'>A &amp; B &lt;c&gt;</entry>\n"
                                           "  </bios>\n"
                                           "  <system>\n"
                                           "    <entry name='manufacturer'>Maker</entry>\n"
                                           "    <entry name='product'>Box</entry>\n"
                                           "  </system>\n"
                                           "</sysinfo>\n");
}

TEST(CpuList, is_ranges_and_numbers) {
    EXPECT_THAT(parse_cpu_list("0-1,3"), ElementsAre(true, true, false, true));
    EXPECT_THAT(parse_cpu_list("0"), ElementsAre(true));
    EXPECT_THAT(parse_cpu_list(""), IsEmpty());
}

TEST(CpuList, that_is_none_is_empty) {
    for (const char* text : {"x", "3-1", "0-", "-1", "0-99999999"}) EXPECT_THAT(parse_cpu_list(text), IsEmpty()) << text;
}

TEST_F(AMachine, is_changed_through_files_that_are_there) {
    const std::string pool = Machine::page_pool(1, 2048);
    EXPECT_EQ(pool, "/sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages");
    EXPECT_EQ(Machine::page_pool(-1, 2048), "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages");
    EXPECT_FALSE(machine().has(pool));
    EXPECT_EQ(machine().write(pool, "7"), ENOENT) << "none is made";
    put(pool, "12345");
    EXPECT_EQ(machine().write(pool, "7"), 0);
    EXPECT_EQ(machine().number(pool), 7U);
}

TEST_F(AMachine, tells_what_its_firmware_says_of_processors_too) {
    put("/sys/class/dmi/id/sys_vendor", "Maker & Co");
    std::string table("\x04\x1a\0\0\x01\x03\xb3\0", 8);
    table.resize(0x1a);
    table[0x18] = 0x41;
    put("/sys/firmware/dmi/tables/DMI", table + std::string("<1>\0\0", 5));
    EXPECT_EQ(machine().sysinfo(), "<sysinfo type='smbios'>\n"
                                   "  <system>\n"
                                   "    <entry name='manufacturer'>Maker &amp; Co</entry>\n"
                                   "  </system>\n"
                                   "  <processor>\n"
                                   "    <entry name='socket_destination'>&lt;1&gt;</entry>\n"
                                   "    <entry name='type'>Central Processor</entry>\n"
                                   "    <entry name='family'>Xeon</entry>\n"
                                   "    <entry name='external_clock'>Unknown</entry>\n"
                                   "    <entry name='max_speed'>Unknown</entry>\n"
                                   "    <entry name='status'>Populated, Enabled</entry>\n"
                                   "  </processor>\n"
                                   "</sysinfo>\n");
}

} // namespace
} // namespace polyvirt::dispatch
