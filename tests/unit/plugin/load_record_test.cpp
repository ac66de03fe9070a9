// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/plugin/load_record.h"

#include <fstream>

#include "tests/unit/plugin/fixtures.h"

namespace polyvirt::plugin {
namespace {

const FileStamp kFile{1, 2, 3, 4}, kOther{1, 5, 3, 4};

class Record : public ::testing::Test {
  protected:
    // As the next run of the daemon finds it.
    LoadRecord again() { return LoadRecord(folder); }
    // A run that does not live to see the end of `id`'s start.
    void crash(const std::string& id, const FileStamp& stamp, LoadRecord::Step step = LoadRecord::Step::start) {
        static_cast<void>(again().begin(id, stamp, step));
    }

    TempDir dir;
    const std::string folder = dir.path() + "/.plugins";
};

TEST_F(Record, remembers_what_was_disabled) {
    {
        LoadRecord record(folder);
        EXPECT_TRUE(record.disabled().empty());
        ASSERT_TRUE(record.set_disabled("one", true));
        ASSERT_TRUE(record.set_disabled("two", true));
    }
    EXPECT_THAT(again().disabled(), ::testing::ElementsAre("one", "two"));
    ASSERT_TRUE(again().set_disabled("one", false));
    EXPECT_THAT(again().disabled(), ::testing::ElementsAre("two"));
}

TEST_F(Record, says_when_it_cannot_remember) {
    std::ofstream(folder) << "not a folder";
    LoadRecord record(folder);
    const Status status = record.set_disabled("one", true);
    ASSERT_FALSE(status);
    EXPECT_THAT(status.error().message, ::testing::HasSubstr(folder));
    EXPECT_TRUE(record.disabled().empty());
    record.end(record.begin("one", kFile)); // only a warning
    EXPECT_EQ(again().crashes("one", kFile), 0U);
}

TEST_F(Record, counts_runs_that_ended_in_between) {
    for (unsigned n = 0; n < 3; ++n) {
        EXPECT_EQ(again().crashes("bad", kFile), n);
        crash("bad", kFile);
    }
    EXPECT_EQ(again().crashes("bad", kOther), 0U) << "another version of the file begins anew";
    EXPECT_EQ(again().crashes("good", kFile), 0U);
}

TEST_F(Record, a_step_that_ends_is_no_crash_and_does_not_make_earlier_ones_undone) {
    crash("bad", kFile);
    {
        LoadRecord run(folder);
        { const LoadRecord::Watch watch(run, "bad", kFile); }
        EXPECT_EQ(run.crashes("bad", kFile), 1U);
        static_cast<void>(run.begin("bad", kFile)); // a later step, in which it ends
    }
    EXPECT_EQ(again().crashes("bad", kFile), 2U);
    {
        LoadRecord run(folder);
        run.forget_crashes("bad");
    }
    EXPECT_EQ(again().crashes("bad", kFile), 0U);
}

TEST_F(Record, opens_count_by_themselves_and_several_at_once_as_one) {
    constexpr auto kOpen = LoadRecord::Step::open;
    for (unsigned n = 0; n < 3; ++n) {
        LoadRecord run(folder);
        EXPECT_EQ(run.crashes("bad", kFile, kOpen), n);
        EXPECT_EQ(run.crashes("bad", kFile), 0U);
        const LoadRecord::Watch good(run, "good", kFile, kOpen);
        { const LoadRecord::Watch ends(run, "bad", kFile, kOpen); }
        static_cast<void>(run.begin("bad", kFile, kOpen));
        static_cast<void>(run.begin("bad", kFile, kOpen));
    }
    EXPECT_EQ(again().crashes("bad", kFile, kOpen), 3U);
    EXPECT_EQ(again().crashes("bad", kOther, kOpen), 0U);
    EXPECT_EQ(again().crashes("good", kFile, kOpen), 0U);
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder + "/starting"), {}), 1);
    again().forget_crashes("bad"); // its start is another matter
    EXPECT_EQ(again().crashes("bad", kFile, kOpen), 3U);
    again().forget_crashes("bad", kOpen);
    EXPECT_EQ(again().crashes("bad", kFile, kOpen), 0U);
}

TEST_F(Record, nonsense_on_disk_counts_as_nothing) {
    std::filesystem::create_directories(folder + "/starting");
    std::ofstream(folder + "/starting/x") << "many";
    std::ofstream(folder + "/disabled") << "# a comment\n\nname\n";
    EXPECT_EQ(again().crashes("x", kFile), 0U);
    EXPECT_THAT(again().disabled(), ::testing::ElementsAre("name"));
}

TEST_F(Record, without_a_folder_nothing_is_kept) {
    LoadRecord record("");
    ASSERT_TRUE(record.set_disabled("x", true));
    EXPECT_EQ(record.disabled().count("x"), 1U);
    record.end(record.begin("x", kFile));
    EXPECT_TRUE(LoadRecord("").disabled().empty());
}

} // namespace
} // namespace polyvirt::plugin
