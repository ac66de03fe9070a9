// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/daemon/settings.h"

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "host/daemon/config.h"
#include "host/daemon/limit_settings.h"

namespace polyvirt::daemon {
namespace {

const std::string kDocs = POLYVIRT_SOURCE_DIR "/docs/configuration.md";
constexpr std::string_view kBegin = "<!-- settings: made from host/daemon/settings_table.cpp -->\n";
constexpr std::string_view kEnd = "<!-- end of settings -->\n";

TEST(Settings, each_has_a_path_of_its_own_and_a_line_of_documentation) {
    std::set<std::string> paths;
    for (const Setting& s : settings()) {
        EXPECT_TRUE(paths.insert(s.path).second) << s.path;
        EXPECT_EQ(s.path.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_."), std::string::npos)
            << s.path;
        EXPECT_GT(s.doc.size(), 10U) << s.path;
        EXPECT_EQ(s.doc.find('\n'), std::string::npos) << s.path;
        EXPECT_EQ(s.doc.find('|'), std::string::npos) << s.path;
        EXPECT_EQ(s.kind == Kind::choice, !s.choices.empty()) << s.path;
    }
}

// Otherwise --print-config would write a section twice.
TEST(Settings, sections_stand_together) {
    std::set<std::string> done;
    std::set<std::string> open;
    for (const Setting& s : settings()) {
        std::set<std::string> mine;
        for (std::size_t dot = s.path.find('.'); dot != std::string::npos; dot = s.path.find('.', dot + 1))
            mine.insert(s.path.substr(0, dot));
        for (const std::string& section : mine) EXPECT_EQ(done.count(section), 0U) << s.path;
        for (const std::string& section : open)
            if (mine.count(section) == 0) done.insert(section);
        open = mine;
    }
}

TEST(Settings, defaults_are_values_that_may_be_given) {
    for (const Setting& s : settings()) {
        if (s.kind == Kind::list) continue;
        Value value;
        EXPECT_TRUE(read_value(s, s.fallback, value)) << s.path;
        EXPECT_EQ(written(s, value), s.fallback) << s.path;
    }
    const Config all; // lists too, or it aborts
    for (const Order& order : setting_orders())
        EXPECT_LE(all.number(order.low), all.number(order.high)) << order.low;
}

TEST(Settings, defaults_of_limits_are_those_of_the_code) {
    const Config config;
    const rpc::Limits ours = server_limits(config, false), code;
    EXPECT_EQ(ours.max_clients, code.max_clients);
    EXPECT_EQ(ours.max_anonymous, code.max_anonymous);
    EXPECT_EQ(ours.reserved_clients, code.reserved_clients);
    EXPECT_EQ(ours.auth_deadline, code.auth_deadline);
    EXPECT_EQ(ours.max_in_flight, code.max_in_flight);
    EXPECT_EQ(ours.max_queued, code.max_queued);
    EXPECT_EQ(ours.max_queued_bytes, code.max_queued_bytes);
    EXPECT_EQ(ours.max_anonymous_packet, code.max_anonymous_packet);
    EXPECT_EQ(ours.max_input_bytes, code.max_input_bytes);
    EXPECT_EQ(ours.reply_bytes_pause, code.reply_bytes_pause);
    EXPECT_EQ(ours.max_event_bytes, code.max_event_bytes);
    EXPECT_EQ(ours.max_streams, code.max_streams);
    EXPECT_EQ(ours.stream_upload_bytes, code.stream_upload_bytes);
    EXPECT_EQ(ours.stream_send_bytes, code.stream_send_bytes);
    EXPECT_EQ(ours.stream_stall, code.stream_stall);
    EXPECT_EQ(ours.keepalive_interval, code.keepalive_interval);
    EXPECT_EQ(ours.keepalive_count, code.keepalive_count);
    const work::PoolLimits pool = pool_limits(config), pool_code;
    EXPECT_EQ(pool.min_workers, pool_code.min_workers);
    EXPECT_EQ(pool.max_workers, pool_code.max_workers);
    EXPECT_EQ(pool.prio_workers, pool_code.prio_workers);
    EXPECT_EQ(pool.hard_cap, pool_code.hard_cap);
    EXPECT_EQ(pool.max_queued, pool_code.max_queued);
    EXPECT_EQ(pool.idle_for, pool_code.idle_for);
}

TEST(Settings, sizes_and_durations_are_written_in_the_largest_unit) {
    const Setting& size = *find_setting("limits.max_input_bytes");
    const Setting& duration = *find_setting("limits.stream_stall");
    const auto round = [](const Setting& s, const std::string& text) {
        Value value;
        EXPECT_TRUE(read_value(s, text, value)) << text;
        return written(s, value);
    };
    EXPECT_EQ(round(size, "2048K"), "2MiB");
    EXPECT_EQ(round(size, "3 MB"), "3000000");
    EXPECT_EQ(round(size, "5000000"), "5000000");
    EXPECT_EQ(round(duration, "120"), "2min");
    EXPECT_EQ(round(duration, "60m"), "1h");
    EXPECT_EQ(round(duration, "1500ms"), "1500ms");
}

TEST(Settings, docs_have_the_table) {
    std::stringstream in;
    in << std::ifstream(kDocs).rdbuf();
    std::string text = in.str();
    const std::size_t begin = text.find(kBegin), end = text.find(kEnd);
    ASSERT_TRUE(begin != std::string::npos && end != std::string::npos) << kDocs;
    const std::size_t from = begin + kBegin.size();
    const std::string wanted = settings_markdown();
    if (std::getenv("POLYVIRT_UPDATE_DOCS") != nullptr) { // NOLINT(concurrency-mt-unsafe): one thread
        text.replace(from, end - from, wanted);
        std::ofstream(kDocs) << text;
        return;
    }
    EXPECT_EQ(text.substr(from, end - from), wanted)
        << "run this test once with POLYVIRT_UPDATE_DOCS=1 (docs/configuration.md)";
}

} // namespace
} // namespace polyvirt::daemon
