// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// What the glue gives back by itself, on the real host's services.
#include <csignal>

#include <polyvirt/buffer.h>
#include <polyvirt/event.h>
#include <polyvirt/job.h>
#include <polyvirt/loop.h>
#include <polyvirt/object.h>
#include <polyvirt/process.h>

#include "tests/unit/plugin/fixtures.h"

namespace polyvirt::plugin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Raii : public DriverTest {
  protected:
    void SetUp() override {
        host = started();
        services = *Services::fetch(host, &root);
    }
    static pv_obj_desc domain(const char* name) {
        pv_obj_desc desc{};
        desc.kind = PV_KIND_DOMAIN;
        desc.name = name;
        desc.uuid[0] = static_cast<std::uint8_t>(name[0]);
        desc.dom_id = -1;
        return desc;
    }
    pv_host* host = nullptr;
    Services services;
};

TEST_F(Raii, a_process_tells_its_end_and_lets_go_of_what_it_was_given) {
    const Loop loop(services, PV_LOOP_SHARED, "t");
    Signal ended;
    auto kept = std::make_shared<int>(1);
    std::atomic<std::int32_t> status{-1};
    auto process = ChildProcess::spawn(services, nullptr, Command({"/bin/sh", "-c", "exit 3"}), loop,
                                       [&, kept](std::int32_t s) {
                                           status = s;
                                           ended.set();
                                       });
    ASSERT_TRUE(process);
    EXPECT_GT(process.pid(), 0);
    ASSERT_TRUE(ended.wait());
    EXPECT_EQ(WEXITSTATUS(status.load()), 3);
    EXPECT_TRUE(eventually([&] { return kept.use_count() == 1; }));
    EXPECT_FALSE(process.signal(SIGTERM));
}

TEST_F(Raii, a_process_that_is_let_go_is_not_told) {
    const Loop loop(services, PV_LOOP_SHARED, "t");
    auto kept = std::make_shared<int>(1);
    auto process = ChildProcess::spawn(services, nullptr, Command({"/bin/sleep", "60"}), loop,
                                       [kept](std::int32_t) { ADD_FAILURE() << "told"; });
    ASSERT_TRUE(process);
    const auto pid = static_cast<pid_t>(process.pid());
    EXPECT_TRUE(process.signal(SIGSTOP));
    process.reset();
    EXPECT_TRUE(eventually([&] { return kept.use_count() == 1; }));
    ::kill(pid, SIGKILL);
}

TEST_F(Raii, a_program_that_does_not_exist_is_an_error_of_the_call) {
    const Loop loop(services, PV_LOOP_SHARED, "t");
    auto call = std::make_shared<TestCall>();
    EXPECT_FALSE(ChildProcess::spawn(services, call->handle(), Command({"/nonexistent/x"}), loop, [](std::int32_t) {}));
    EXPECT_TRUE(call->has_error());
}

TEST_F(Raii, a_program_runs_with_its_environment_and_gives_its_output) {
    const auto result = run_program(services, nullptr,
                                    Command({"/bin/sh", "-c", "echo $X; pwd; echo oops >&2; exit 2"}).env("X=seen").cwd("/usr"),
                                    60'000'000'000);
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(result->out, "seen\n/usr\n");
    EXPECT_EQ(result->err, "oops\n");
    EXPECT_EQ(WEXITSTATUS(result->wait_status), 2);
    const auto missing = run_program(services, nullptr, Command({"/nonexistent/x"}), 1'000'000'000);
    ASSERT_FALSE(missing);
    EXPECT_THAT(missing.error().message, HasSubstr("/nonexistent/x"));
}

TEST_F(Raii, a_program_that_does_not_end_is_ended) {
    const auto late = run_program(services, nullptr, Command({"/bin/sleep", "600"}), 1'000'000);
    ASSERT_FALSE(late);
    EXPECT_THAT(late.error().message, HasSubstr("did not end in time"));
}

TEST_F(Raii, an_object_is_visible_as_long_as_it_is_held) {
    auto data = std::make_shared<int>(7);
    std::uint64_t handle = 0;
    {
        auto published = Published::publish(services, nullptr, domain("alpha"), data);
        ASSERT_TRUE(published) << published.error().message;
        handle = published->handle();
        const Pinned<int> pinned(services, handle);
        ASSERT_TRUE(pinned);
        EXPECT_EQ(*pinned.get(), 7);
        pv_obj_update change{};
        change.what = PV_UPDATE_NAME;
        change.name = "beta";
        EXPECT_TRUE(published->update(change));
        EXPECT_EQ(services.registry->find_name(host, PV_KIND_DOMAIN, 0, "beta"), handle);
        auto twice = Published::publish(services, nullptr, domain("alpha"), data); // the uuid is taken
        ASSERT_FALSE(twice);
        EXPECT_THAT(twice.error().message, HasSubstr("alpha"));
    }
    EXPECT_FALSE(Pinned<int>(services, handle));
    EXPECT_TRUE(eventually([&] { return data.use_count() == 1; }));
}

TEST_F(Raii, events_reach_the_host_in_order) {
    const EventQueue events(services, "t");
    ASSERT_TRUE(events);
    const Uuid uuid{};
    for (const std::string name : {"one", "two"})
        EXPECT_TRUE(events.post(PV_KIND_DOMAIN, PV_EVENT_DOMAIN_LIFECYCLE, {.handle = 1, .uuid = uuid, .name = name},
                                pv_event_domain_lifecycle{}));
    EXPECT_TRUE(eventually([&] { return sink.seen().size() == 2; }));
    EXPECT_THAT(sink.seen(), ElementsAre("one", "two"));
    EXPECT_FALSE(EventQueue().post(PV_KIND_DOMAIN, 0, {.uuid = uuid, .name = "x"}, pv_event_domain_lifecycle{}));
}

TEST_F(Raii, events_that_nobody_wants_are_not_made) {
    const EventQueue events(services, "t");
    const Uuid uuid{};
    sink.listening = false;
    EXPECT_FALSE(events.wanted(PV_KIND_DOMAIN, PV_EVENT_DOMAIN_LIFECYCLE));
    EXPECT_TRUE(events.post(PV_KIND_DOMAIN, PV_EVENT_DOMAIN_LIFECYCLE, {.uuid = uuid, .name = "x"}, pv_event_domain_lifecycle{}));
    shared->events.flush();
    EXPECT_EQ(shared->events.posted(), 0U);
    // A host that cannot say is told of all.
    Services older = services;
    pv_svc_event shorter = *services.event;
    shorter.wanted = nullptr;
    older.event = &shorter;
    const EventQueue all(older, "t");
    EXPECT_TRUE(all.wanted(PV_KIND_DOMAIN, PV_EVENT_DOMAIN_LIFECYCLE));
    EXPECT_TRUE(all.post(PV_KIND_DOMAIN, PV_EVENT_DOMAIN_LIFECYCLE, {.uuid = uuid, .name = "x"}, pv_event_domain_lifecycle{}));
    shared->events.flush();
    EXPECT_EQ(shared->events.posted(), 1U);
    EXPECT_FALSE(EventQueue().wanted(PV_KIND_DOMAIN, PV_EVENT_DOMAIN_LIFECYCLE));
}

TEST_F(Raii, a_job_ends_with_its_holder) {
    auto published = Published::publish(services, nullptr, domain("alpha"), std::make_shared<int>(1));
    ASSERT_TRUE(published);
    const std::uint64_t object = published->handle();
    {
        const JobHold first = JobHold::begin(services, nullptr, object, PV_JOB_MODIFY, "first", 0);
        ASSERT_TRUE(first);
        auto call = std::make_shared<TestCall>();
        EXPECT_FALSE(JobHold::begin(services, call->handle(), object, PV_JOB_MODIFY, "second", 1'000'000));
        ASSERT_TRUE(call->has_error());
        EXPECT_THAT(call->take_error(PV_DEADLINE).message, HasSubstr("first"));
    }
    JobHold second = JobHold::begin(services, nullptr, object, PV_JOB_MODIFY, "second", 0);
    ASSERT_TRUE(second);
    JobHold moved = std::move(second);
    moved.end();
    EXPECT_TRUE(JobHold::begin(services, nullptr, object, PV_JOB_MODIFY, "third", 0));
}

TEST_F(Raii, a_buffer_holds_what_was_written_up_to_its_limit) {
    const Buffer buffer(services, 5);
    ASSERT_TRUE(buffer);
    EXPECT_EQ(buffer.text(), "");
    EXPECT_EQ(services.build->write(buffer.get(), "abc", 3), PV_OK);
    EXPECT_EQ(buffer.text(), "abc");
    EXPECT_NE(services.build->write(buffer.get(), "def", 3), PV_OK);
}

} // namespace
} // namespace polyvirt::plugin
