// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "monitor/monitor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/socket.h>

#include "fake_host.h"

namespace polyvirt::qemu {
namespace {

using test::FakeHost;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kGreeting = R"({"QMP": {"version": {}, "capabilities": []}})"
                                  "\r\n";

class MonitorTest : public testing::Test {
  protected:
    MonitorTest() {
        int pair[2];
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
        emulator_ = UniqueFd(pair[1]);
        monitor_ = Monitor::open(loop_, host_.services, UniqueFd(pair[0]), "domain 'x'",
                                 {.event = [this](const QmpEvent& e) { events_.push_back(e.name); },
                                  .closed = [this](const Error& why) { closed_.push_back(why.message); }});
    }
    ~MonitorTest() override {
        if (monitor_) monitor_->close(Error{.message = "end of test"});
        host_.pump();
    }

    void say(std::string_view text) {
        ASSERT_EQ(::send(emulator_.get(), text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
        host_.pump();
    }
    // What the driver has sent since the last call, one document a line.
    std::vector<Json> heard() {
        host_.pump();
        std::string all(65536, '\0');
        const ssize_t n = ::recv(emulator_.get(), all.data(), all.size(), 0);
        all.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
        std::vector<Json> list;
        for (std::size_t at = 0; at < all.size();) {
            const std::size_t end = all.find('\n', at);
            list.push_back(Json::parse(all.substr(at, end - at)));
            at = end + 1;
        }
        return list;
    }
    void answer(const Json& command, const char* result) { say(fmt::format("{{\"return\": {}, \"id\": {}}}\n", result, command["id"].dump())); }
    Monitor::Reply keep() {
        return [this](Result<Json> reply) { replies_.push_back(reply ? reply->dump() : "error: " + reply.error().message); };
    }
    void get_ready() {
        monitor_->negotiate(Monitor::kTimeout, [](const Result<Json>&) {});
        say(kGreeting);
        answer(heard().at(0), "{}");
    }

    FakeHost host_;
    plugin::Loop loop_{host_.services, PV_LOOP_DEDICATED, "1"};
    UniqueFd emulator_;
    std::shared_ptr<Monitor> monitor_;
    std::vector<std::string> events_, closed_, replies_;
};

TEST_F(MonitorTest, negotiates_after_the_greeting) {
    monitor_->negotiate(Monitor::kTimeout, keep());
    EXPECT_TRUE(heard().empty());
    say(kGreeting);
    const auto sent = heard();
    ASSERT_EQ(sent.size(), 1U);
    EXPECT_EQ(sent[0]["execute"], "qmp_capabilities");
    answer(sent[0], "{}");
    EXPECT_THAT(replies_, ElementsAre("{}"));
}

TEST_F(MonitorTest, gives_replies_to_who_asked_in_whatever_order_they_come) {
    get_ready();
    std::string first, second;
    monitor_->execute("a", {}, [&](Result<Json> r) { first = r->dump(); });
    monitor_->execute("b", {{"x", 1}}, [&](Result<Json> r) { second = r->dump(); });
    const auto sent = heard();
    ASSERT_EQ(sent.size(), 2U);
    EXPECT_FALSE(sent[0].contains("arguments"));
    EXPECT_EQ(sent[1]["arguments"]["x"], 1);
    answer(sent[1], "2");
    answer(sent[0], "1");
    EXPECT_EQ(first, "1");
    EXPECT_EQ(second, "2");
}

TEST_F(MonitorTest, passes_on_the_emulators_own_words) {
    get_ready();
    monitor_->execute("cont", {}, keep());
    const auto sent = heard();
    say(fmt::format(R"({{"error": {{"class": "GenericError", "desc": "no such thing"}}, "id": {}}})"
                    "\n",
                    sent[0]["id"].dump()));
    EXPECT_THAT(replies_, ElementsAre("error: internal error: unable to execute QEMU command 'cont': no such thing"));
}

TEST_F(MonitorTest, handles_events_split_over_reads) {
    get_ready();
    say(R"({"event": "STO)");
    EXPECT_TRUE(events_.empty());
    say("P\", \"timestamp\": {\"seconds\": 1, \"microseconds\": 2}}\n{\"event\": \"RESUME\"}\n{\"event\"");
    EXPECT_THAT(events_, ElementsAre("STOP", "RESUME"));
}

TEST_F(MonitorTest, fails_a_command_that_is_not_answered_in_time) {
    get_ready();
    monitor_->execute("slow", {}, keep(), 5 * Monitor::kSecond);
    host_.advance(4 * Monitor::kSecond);
    EXPECT_TRUE(replies_.empty());
    host_.advance(2 * Monitor::kSecond);
    ASSERT_EQ(replies_.size(), 1U);
    EXPECT_THAT(replies_[0], HasSubstr("did not answer 'slow' in time"));
    // The reply that comes after all is nobody's.
    answer(heard().at(0), "{}");
    EXPECT_EQ(replies_.size(), 1U);
    EXPECT_TRUE(monitor_->connected());
}

TEST_F(MonitorTest, fails_what_waits_when_the_emulator_goes) {
    get_ready();
    monitor_->execute("a", {}, keep());
    monitor_->execute("b", {}, keep());
    emulator_.reset();
    host_.pump();
    EXPECT_EQ(replies_.size(), 2U);
    EXPECT_EQ(closed_.size(), 1U);
    EXPECT_FALSE(monitor_->connected());
    monitor_->execute("c", {}, keep());
    EXPECT_EQ(replies_.size(), 3U);
}

TEST_F(MonitorTest, hears_what_was_said_before_the_end) {
    get_ready();
    say("{\"event\": \"SHUTDOWN\", \"data\": {\"guest\": true}}\n");
    emulator_.reset();
    monitor_->drain();
    EXPECT_THAT(events_, ElementsAre("SHUTDOWN"));
    EXPECT_EQ(closed_.size(), 1U);
}

TEST_F(MonitorTest, drops_an_emulator_that_sends_garbage) {
    get_ready();
    monitor_->execute("a", {}, keep());
    say("this is not JSON\n");
    EXPECT_EQ(replies_.size(), 1U);
    ASSERT_EQ(closed_.size(), 1U);
    EXPECT_THAT(closed_[0], HasSubstr("this is not JSON"));
}

TEST_F(MonitorTest, drops_an_emulator_whose_line_has_no_end) {
    get_ready();
    const std::string part(65536, 'x');
    std::size_t sent = 0;
    while (closed_.empty() && sent <= Monitor::kMaxLine + (std::size_t{1} << 20)) {
        const ssize_t n = ::send(emulator_.get(), part.data(), part.size(), MSG_NOSIGNAL);
        if (n > 0) sent += static_cast<std::size_t>(n);
        host_.pump();
    }
    EXPECT_EQ(closed_.size(), 1U);
}

TEST_F(MonitorTest, refuses_commands_for_an_emulator_that_does_not_read) {
    get_ready();
    const std::string big(std::size_t{1} << 20, 'x');
    for (int i = 0; i < 64 && replies_.empty(); i++) monitor_->execute("big", {{"x", big}}, keep());
    ASSERT_FALSE(replies_.empty());
    EXPECT_THAT(replies_[0], HasSubstr("has not read"));
}

TEST_F(MonitorTest, may_be_closed_from_inside_a_callback) {
    get_ready();
    monitor_->execute("a", {}, [this](Result<Json>) { monitor_->close(Error{.message = "enough"}); });
    monitor_->execute("b", {}, keep());
    const auto sent = heard();
    say(fmt::format("{{\"return\": {{}}, \"id\": {}}}\n{{\"event\": \"STOP\"}}\n", sent[0]["id"].dump()));
    EXPECT_THAT(replies_, ElementsAre("error: enough"));
    EXPECT_TRUE(events_.empty());
    EXPECT_TRUE(closed_.empty());
}

} // namespace
} // namespace polyvirt::qemu
