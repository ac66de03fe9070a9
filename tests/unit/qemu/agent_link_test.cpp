// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "agent/link.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/socket.h>

#include "agent/agent.h"
#include "fake_host.h"
#include "monitor/monitor.h"

namespace polyvirt::qemu {
namespace {

using test::FakeHost;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class AgentLinkTest : public testing::Test {
  protected:
    AgentLinkTest() { connect(); }
    ~AgentLinkTest() override {
        link_->close(Error{.message = "end of test"});
        host_.pump();
    }

    void connect() {
        int pair[2];
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
        guest_ = UniqueFd(pair[1]);
        EXPECT_TRUE(link_->open(loop_, UniqueFd(pair[0])));
    }
    // Whatever fits; the link reads as it likes.
    void say(std::string_view text) {
        while (!text.empty()) {
            const ssize_t n = ::send(guest_.get(), text.data(), text.size(), MSG_NOSIGNAL);
            host_.pump();
            if (n <= 0) return;
            text.remove_prefix(static_cast<std::size_t>(n));
        }
        host_.pump();
    }
    std::string heard() {
        host_.pump();
        std::string all(65536, '\0');
        const ssize_t n = ::recv(guest_.get(), all.data(), all.size(), 0);
        all.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
        return all;
    }
    void ask(const std::string& name, std::int64_t timeout = AgentLink::kNoTimeout, bool ends = false, std::uint64_t owner = 0) {
        AgentLink::Request request;
        request.line = R"({"execute":")" + name + R"("})";
        request.name = name;
        request.timeout_ns = timeout;
        request.ends = ends;
        request.owner = owner;
        request.done = [this, name](Result<Json> reply) { replies_.push_back(name + ": " + (reply ? reply->dump() : reply.error().message)); };
        link_->execute(std::move(request));
    }
    // Says back the number that the link has sent.
    void get_in_step() {
        const std::string sync = heard();
        ASSERT_THAT(sync, HasSubstr("guest-sync-delimited"));
        const Json document = Json::parse(sync.substr(1));
        say("\xff{\"return\": " + document["arguments"]["id"].dump() + "}\n");
    }

    FakeHost host_;
    plugin::Loop loop_{host_.services, PV_LOOP_DEDICATED, "1"};
    UniqueFd guest_;
    std::shared_ptr<AgentLink> link_ = std::make_shared<AgentLink>(host_.services, "domain 'x'");
    std::vector<std::string> replies_;
};

TEST_F(AgentLinkTest, gets_in_step_before_the_first_command) {
    ask("guest-ping");
    get_in_step();
    EXPECT_EQ(heard(), "{\"execute\":\"guest-ping\"}\n");
    say("{\"return\": {}}\n");
    EXPECT_THAT(replies_, ElementsAre(R"(guest-ping: {"return":{}})"));
    ask("guest-info");
    EXPECT_EQ(heard(), "{\"execute\":\"guest-info\"}\n") << "once in step it stays so";
}

TEST_F(AgentLinkTest, asks_one_thing_at_a_time) {
    ask("a");
    ask("b");
    get_in_step();
    EXPECT_EQ(heard(), "{\"execute\":\"a\"}\n");
    say("{\"return\": 1}\n");
    EXPECT_EQ(heard(), "{\"execute\":\"b\"}\n");
    say("{\"error\": {\"class\": \"CommandNotFound\"}}\n");
    EXPECT_THAT(replies_, ElementsAre(R"(a: {"return":1})", R"(b: {"error":{"class":"CommandNotFound"}})"));
}

TEST_F(AgentLinkTest, drops_what_was_said_before_it_is_in_step) {
    say("garbage {\"return\": 7}\n\xff{\"return\": 1}\n");
    ask("a");
    const std::string sync = heard();
    say("more\xff\xff{\"return\": 2}\nx\xff[[[\n\xff{\"return\": " + Json::parse(sync.substr(1))["arguments"]["id"].dump() + "}\n");
    EXPECT_EQ(heard(), "{\"execute\":\"a\"}\n");
    EXPECT_THAT(replies_, IsEmpty());
}

TEST_F(AgentLinkTest, an_agent_that_says_nothing_is_given_five_seconds) {
    ask("a");
    host_.advance(6 * AgentLink::kSecond);
    EXPECT_THAT(replies_, ElementsAre("a: Guest agent is not responding: Guest agent not available for now"));
    EXPECT_TRUE(link_->connected());
}

TEST_F(AgentLinkTest, a_late_answer_is_not_the_next_ones) {
    ask("slow", 2 * AgentLink::kSecond);
    get_in_step();
    heard();
    host_.advance(3 * AgentLink::kSecond);
    ASSERT_EQ(replies_.size(), 1U);
    ask("next");
    say("{\"return\": \"of slow\"}\n");
    get_in_step();
    heard();
    say("{\"return\": \"of next\"}\n");
    EXPECT_EQ(replies_.back(), R"(next: {"return":"of next"})");
}

TEST_F(AgentLinkTest, a_line_without_end_is_not_kept) {
    ask("a");
    get_in_step();
    heard();
    const std::string piece(1 << 20, 'x');
    for (int i = 0; i < 12 && replies_.empty(); i++) say(piece);
    ASSERT_EQ(replies_.size(), 1U);
    EXPECT_THAT(replies_[0], HasSubstr("sent a line of more than"));
}

TEST_F(AgentLinkTest, noise_before_an_answer_has_a_limit) {
    ask("a");
    get_in_step();
    heard();
    std::string noise;
    for (int i = 0; i < 1000; i++) noise += "[\"no answer\"]\n";
    for (int i = 0; i < 200 && replies_.empty(); i++) say(noise);
    ASSERT_EQ(replies_.size(), 1U);
    EXPECT_THAT(replies_[0], HasSubstr("and no answer among them"));
}

TEST_F(AgentLinkTest, deep_documents_are_no_answers) {
    ask("a");
    get_in_step();
    heard();
    say("{\"return\": " + std::string(100'000, '[') + "\n");
    EXPECT_THAT(replies_, IsEmpty());
    say("{\"return\": " + std::string(100'000, '[') + std::string(100'000, ']') + "}\n{\"return\": 1}\n");
    EXPECT_THAT(replies_, ElementsAre(R"(a: {"return":1})"));
}

TEST_F(AgentLinkTest, a_guest_that_nobody_asks_is_not_read_from) {
    const std::string piece(1 << 16, 'x');
    ssize_t sent = 0;
    while (const ssize_t n = ::send(guest_.get(), piece.data(), piece.size(), MSG_NOSIGNAL)) {
        if (n < 0) break;
        sent += n;
        host_.pump();
        ASSERT_LT(sent, 64 << 20);
    }
    EXPECT_TRUE(link_->connected());
}

TEST_F(AgentLinkTest, the_queue_has_a_limit_and_names_who_is_first) {
    for (std::size_t i = 0; i < AgentLink::kMaxQueue; i++) ask("a");
    EXPECT_THAT(replies_, IsEmpty());
    ask("late");
    ASSERT_EQ(replies_.size(), 1U);
    EXPECT_THAT(replies_[0], HasSubstr("late: resource busy: 32 commands wait"));
}

TEST_F(AgentLinkTest, who_waits_behind_a_slow_command_is_told) {
    ask("slow");
    get_in_step();
    ask("second");
    host_.advance(31 * AgentLink::kSecond);
    ASSERT_EQ(replies_.size(), 1U);
    EXPECT_THAT(replies_[0], HasSubstr("second: Timed out during operation: the guest agent of domain 'x' is still busy with 'slow'"));
}

TEST_F(AgentLinkTest, the_end_of_the_guest_is_what_a_shutdown_wants) {
    ask("guest-shutdown", 60 * AgentLink::kSecond, true);
    ask("guest-ping");
    get_in_step();
    heard();
    guest_.reset();
    host_.pump();
    ASSERT_EQ(replies_.size(), 2U);
    EXPECT_EQ(replies_[0], R"(guest-shutdown: {"return":{}})");
    EXPECT_THAT(replies_[1], HasSubstr("was closed"));
    EXPECT_FALSE(link_->connected());
}

TEST_F(AgentLinkTest, a_suspended_guest_has_done_what_it_should) {
    ask("guest-suspend-ram", 60 * AgentLink::kSecond, true);
    get_in_step();
    link_->guest_gone();
    EXPECT_THAT(replies_, ElementsAre(R"(guest-suspend-ram: {"return":{}})"));
}

TEST_F(AgentLinkTest, an_answer_that_nobody_waits_for_is_dropped) {
    ask("mine", AgentLink::kNoTimeout, false, 7);
    ask("other", AgentLink::kNoTimeout, false, 8);
    get_in_step();
    heard();
    link_->give_up(7);
    ASSERT_EQ(replies_.size(), 1U);
    EXPECT_THAT(replies_[0], HasSubstr("mine: operation aborted: nobody waits any more"));
    say("{\"return\": \"of mine\"}\n");
    EXPECT_EQ(heard(), "{\"execute\":\"other\"}\n");
    say("{\"return\": \"of other\"}\n");
    EXPECT_EQ(replies_.back(), R"(other: {"return":"of other"})");
}

TEST_F(AgentLinkTest, another_connection_begins_anew) {
    ask("a");
    get_in_step();
    heard();
    link_->close(Error{.message = "closed"});
    EXPECT_THAT(replies_, ElementsAre("a: closed"));
    ask("b");
    EXPECT_EQ(replies_.back(), "b: Guest agent is not responding: QEMU guest agent is not connected");
    connect();
    ask("c");
    get_in_step();
    EXPECT_EQ(heard(), "{\"execute\":\"c\"}\n");
}

TEST(AgentBounds, quoted_brackets_do_not_count) {
    EXPECT_TRUE(within_bounds(R"({"return": "[[[[[[[[\"[["})", 2, 10));
    EXPECT_FALSE(within_bounds("[[[", 2, 10));
    EXPECT_FALSE(within_bounds("[1,2,3,4]", 2, 3));
}

TEST(AgentResult, passes_on_the_agents_words) {
    const Json error = Json::parse(R"({"error": {"class": "CommandNotFound", "desc": "The command x has not been found"}})");
    const auto result = agent_result("x", error);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().message, "internal error: unable to execute QEMU agent command 'x': The command x has not been found");
    EXPECT_TRUE(agent_lacks_command(error));
    EXPECT_FALSE(agent_lacks_command(Json::parse(R"({"return": {}})")));
    EXPECT_FALSE(agent_result("x", Json::parse(R"({"error": 3})")));
}

} // namespace
} // namespace polyvirt::qemu
