// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/sealed.h"

#include <filesystem>
#include <fstream>
#include <map>

#include "tests/unit/sdk/services_fixture.h"

namespace polyvirt::sdk {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

TEST(Seal, gives_back_what_was_sealed) {
    for (const std::string& text : {std::string(), std::string("x"), std::string("a\nb\n"), std::string(1000, '\0'),
                                    std::string("\n#sealed 1 4 0000000000000000\n")}) {
        const std::string sealed = seal(text);
        const auto open = unseal(sealed);
        ASSERT_TRUE(open) << open.error().message;
        EXPECT_EQ(*open, text);
    }
}

TEST(Seal, notices_every_cut_and_every_changed_byte) {
    const std::string sealed = seal("one\ntwo\nthree");
    for (std::size_t n = 0; n < sealed.size(); ++n) {
        EXPECT_FALSE(unseal(std::string_view(sealed).substr(0, n))) << n;
        std::string changed = sealed;
        changed[n] = static_cast<char>(changed[n] ^ 1);
        EXPECT_FALSE(unseal(changed)) << n;
    }
    EXPECT_FALSE(unseal(sealed + "x"));
    EXPECT_FALSE(unseal(std::string(sealed.size(), '\0')));
}

class Sealed : public ServicesTest {
  protected:
    // The file of a record, wherever the host keeps it.
    std::filesystem::path file(const std::string& name) {
        for (const auto& entry : std::filesystem::recursive_directory_iterator(dir.path()))
            if (entry.path().filename() == name) return entry.path();
        return {};
    }
};

TEST_F(Sealed, records_come_back_and_a_torn_one_is_set_aside) {
    const SealedRecords records(services, PV_STATE_DATA, ErrorDomain::none);
    ASSERT_TRUE(records.put("one", "first"));
    ASSERT_TRUE(records.put("two", "second"));
    ASSERT_TRUE(records.put("three", ""));
    const auto path = file("two");
    ASSERT_FALSE(path.empty());
    std::filesystem::resize_file(path, std::filesystem::file_size(path) - 3);

    std::map<std::string, std::string> seen;
    const auto torn =
        records.each("", [&](const std::string& name, std::string_view data) { seen.emplace(name, data); });
    ASSERT_TRUE(torn) << torn.error().message;
    EXPECT_EQ(*torn, 1u);
    EXPECT_THAT(seen, ElementsAre(Pair("one", "first"), Pair("three", "")));
    EXPECT_FALSE(std::filesystem::exists(path));
    EXPECT_FALSE(file("two.broken").empty()) << "what was left of it is lost";
    EXPECT_EQ(*records.each("", [](const std::string&, std::string_view) {}), 0u);
}

TEST_F(Sealed, a_torn_record_is_told_to_who_asks_for_it) {
    const SealedRecords records(services, PV_STATE_DATA, ErrorDomain::none);
    ASSERT_TRUE(records.put("one", "first"));
    std::ofstream(file("one"), std::ios::app) << "more";
    const auto torn = records.get("one", 100);
    ASSERT_FALSE(torn);
    EXPECT_THAT(torn.error().message, HasSubstr("'one' is torn"));
    const auto gone = records.get("one", 100);
    ASSERT_TRUE(gone);
    EXPECT_FALSE(gone->has_value());
}

} // namespace
} // namespace polyvirt::sdk
