// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "base/codes.h"

#include <fstream>
#include <map>
#include <sstream>

#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

namespace polyvirt {
namespace {

using Numbers = std::map<std::string, int>;

std::string slurp(const std::string& name) {
    std::ifstream in(std::string(POLYVIRT_SOURCE_DIR "/") + name);
    EXPECT_TRUE(in) << name;
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

// The enumerators as the header spells them: the table and the header are compared name by name.
Numbers in_header(const std::string& enumeration) {
    const std::string text = slurp("plugin-api/base/codes.h");
    const auto begin = text.find("enum class " + enumeration);
    const std::string body = text.substr(begin, text.find("};", begin) - begin);
    Numbers out;
    std::istringstream lines(body);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream row(line);
        std::string name, equals;
        int number = 0;
        if (!(row >> name >> equals >> number) || equals != "=") continue;
        EXPECT_TRUE(out.emplace(name, number).second) << name << " stands twice";
    }
    return out;
}

// VIR_ERR_NO_DOMAIN -> no_domain, VIR_WAR_NO_NODE -> war_no_node, VIR_FROM_QEMU -> qemu.
std::string our_name(std::string name) {
    for (const char* prefix : {"VIR_ERR_", "VIR_FROM_", "VIR_"})
        if (name.rfind(prefix, 0) == 0) {
            name.erase(0, std::string(prefix).size());
            break;
        }
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return name;
}

Numbers in_table(const char* section) {
    const YAML::Node table =
        YAML::LoadFile(POLYVIRT_SOURCE_DIR "/host/protocol/tables/error-codes.yaml");
    Numbers out;
    for (const auto& row : table[section])
        EXPECT_TRUE(
            out.emplace(our_name(row.first.as<std::string>()), row.second.as<int>()).second);
    return out;
}

TEST(Codes, error_codes_are_those_of_the_wire) {
    EXPECT_GT(in_table("codes").size(), 100U);
    EXPECT_EQ(in_header("ErrorCode"), in_table("codes"));
}

TEST(Codes, error_domains_are_those_of_the_wire) {
    EXPECT_GT(in_table("domains").size(), 70U);
    EXPECT_EQ(in_header("ErrorDomain"), in_table("domains"));
}

} // namespace
} // namespace polyvirt
