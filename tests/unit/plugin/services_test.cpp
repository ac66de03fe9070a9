// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// The services that have no test file of their own, and what all have in common.
#include "host/plugin/service.h"

#include <cstring>

#include <polyvirt/abi/build.h>
#include <polyvirt/abi/call.h>
#include <polyvirt/abi/check.h>
#include <polyvirt/abi/client.h>
#include <polyvirt/abi/config.h>
#include <polyvirt/abi/event.h>
#include <polyvirt/abi/job.h>
#include <polyvirt/abi/log.h>
#include <polyvirt/abi/paths.h>
#include <polyvirt/abi/proc.h>
#include <polyvirt/abi/registry.h>
#include <polyvirt/abi/state.h>
#include <polyvirt/abi/stream.h>

#include "host/plugin/builders.h"
#include "tests/unit/plugin/fixtures.h"

namespace polyvirt::plugin {
namespace {

TEST(Services, are_found_by_id_and_size) {
    for (const Offer& offer : service_offers()) {
        const std::string id(offer.id);
        EXPECT_NE(find_service(nullptr, id.c_str(), offer.size), nullptr);
        EXPECT_NE(find_service(nullptr, id.c_str(), 0), nullptr);
        EXPECT_EQ(find_service(nullptr, id.c_str(), offer.size + 1), nullptr);
    }
    EXPECT_EQ(service_offers().size(), 15U);
    EXPECT_EQ(find_service(nullptr, "host.loop/2", 0), nullptr);
    EXPECT_EQ(find_service(nullptr, "host.loop/1 ", 0), nullptr);
    EXPECT_EQ(find_service(nullptr, nullptr, 0), nullptr);
}

TEST(Services, have_every_slot_filled) {
    for (const Offer& offer : service_offers()) {
        const auto* table = static_cast<const char*>(find_service(nullptr, std::string(offer.id).c_str(), 0));
        for (std::size_t at = 8; at < offer.size; at += sizeof(void*)) {
            const void* slot = nullptr;
            std::memcpy(&slot, table + at, sizeof(slot));
            EXPECT_NE(slot, nullptr) << offer.id << " at " << at;
        }
    }
}

class ServiceTest : public DriverTest {
  protected:
    static pv_obj_desc desc(const char* name) {
        pv_obj_desc d{};
        d.size = sizeof(d);
        d.kind = PV_KIND_DOMAIN;
        d.name = name;
        d.dom_id = -1;
        return d;
    }
};

TEST_F(ServiceTest, nulls_and_short_structs_are_answered) {
    pv_host* host = started();
    const auto call = std::make_shared<TestCall>();
    const auto& c = *service<pv_svc_call>(PV_SVC_CALL);
    c.error(nullptr, nullptr);
    c.error(call->handle(), nullptr);
    EXPECT_THAT(call->take_error(PV_FAIL).message, ::testing::HasSubstr("'call.error' wrongly"));
    pv_error shorter{};
    shorter.size = 8;
    c.error(call->handle(), &shorter);
    EXPECT_TRUE(call->has_error());
    c.error_clear(call->handle());
    c.error_clear(nullptr);
    c.complete(nullptr, PV_OK);
    EXPECT_EQ(c.cancelled(nullptr), 0);
    EXPECT_EQ(c.fd(call->handle(), 0), -1);
    EXPECT_EQ(c.stream(call->handle()), nullptr);
    EXPECT_EQ(c.add_reply_fd(call->handle(), -1), PV_ABI);
    EXPECT_EQ(c.on_cancel(call->handle(), nullptr, nullptr, nullptr), PV_ABI);

    const auto& r = *service<pv_svc_registry>(PV_SVC_REGISTRY);
    std::uint64_t handle = 0;
    EXPECT_EQ(r.publish(host, nullptr, nullptr, &handle), PV_ABI);
    pv_obj_desc d = desc("");
    EXPECT_EQ(r.publish(host, nullptr, &d, &handle), PV_ABI);
    d = desc("x");
    d.kind = 99;
    EXPECT_EQ(r.publish(host, nullptr, &d, &handle), PV_ABI);
    d = desc("x");
    d.nkeys = 1;
    EXPECT_EQ(r.publish(host, nullptr, &d, &handle), PV_ABI);
    d = desc("x");
    d.size = 16;
    EXPECT_EQ(r.publish(host, nullptr, &d, &handle), PV_ABI);
    pv_obj_update u{};
    u.size = sizeof(u);
    EXPECT_EQ(r.update(host, 12345, &u), PV_GONE);
    u.what = 1024;
    EXPECT_EQ(r.update(host, 12345, &u), PV_ABI);
    EXPECT_EQ(r.retire(host, 12345), PV_GONE);
    EXPECT_EQ(r.pin(host, 12345), nullptr);
    EXPECT_EQ(r.find_name(host, PV_KIND_DOMAIN, 0, nullptr), 0U);

    const auto& e = *service<pv_svc_event>(PV_SVC_EVENT);
    EXPECT_EQ(e.queue_new(nullptr, "x"), nullptr);
    EXPECT_EQ(e.post(nullptr, nullptr), PV_ABI);
    e.queue_free(nullptr);

    const auto& p = *service<pv_svc_proc>(PV_SVC_PROC);
    pv_proc* proc = nullptr;
    EXPECT_EQ(p.spawn(host, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, &proc), PV_ABI);
    EXPECT_EQ(p.pid(nullptr), -1);
    EXPECT_EQ(p.signal(nullptr, 9), PV_ABI);
    p.forget(nullptr);

    const auto& s = *service<pv_svc_state>(PV_SVC_STATE);
    EXPECT_EQ(s.put(host, nullptr, PV_STATE_CONFIG, nullptr, "x", 1), PV_ABI);
    EXPECT_EQ(s.put(host, nullptr, PV_STATE_CONFIG, "x", nullptr, 1), PV_ABI);
    EXPECT_EQ(s.get(host, nullptr, PV_STATE_CONFIG, "x", nullptr), PV_ABI);
    EXPECT_EQ(s.sink_data(nullptr, nullptr), nullptr);
    s.sink_free(nullptr);

    const auto& st = *service<pv_svc_stream>(PV_SVC_STREAM);
    EXPECT_EQ(st.attach(nullptr, nullptr, nullptr, nullptr, nullptr), PV_ABI);
    EXPECT_EQ(st.attach_fd(nullptr, -1, 1, nullptr, nullptr, nullptr, nullptr), PV_ABI);
    EXPECT_EQ(st.send(nullptr, "x", 1), PV_ABI);
    st.fail(nullptr, nullptr);
    EXPECT_EQ(service<pv_svc_paths>(PV_SVC_PATHS)->dir(host, 99), nullptr);
    service<pv_svc_log>(PV_SVC_LOG)->write(host, 99, nullptr, nullptr);
    service<pv_svc_job>(PV_SVC_JOB)->end(host, 1, 2);
}

TEST_F(ServiceTest, builders_copy_and_are_bounded) {
    const auto& b = *service<pv_svc_build>(PV_SVC_BUILD);
    pv_sink text_sink(5);
    EXPECT_EQ(b.write(&text_sink, "abc", 3), PV_OK);
    EXPECT_EQ(b.write(&text_sink, "def", 3), PV_FAIL);
    EXPECT_EQ(b.write(&text_sink, "d", 1), PV_FAIL); // stays failed
    EXPECT_TRUE(text_sink.failed);
    EXPECT_EQ(text_sink.data, "abc");
    pv_sink empty(5);
    EXPECT_EQ(b.write(&empty, nullptr, 0), PV_OK);
    EXPECT_TRUE(empty.written);

    pv_params params;
    std::string field = "name";
    std::string text = "value";
    pv_param p{};
    p.field = field.c_str();
    p.type = PV_PARAM_STRING;
    p.v.s = text.c_str();
    EXPECT_EQ(b.add_param(&params, &p), PV_OK);
    field = text = "xxxxx";
    EXPECT_STREQ(params.list[0].value.field, "name");
    EXPECT_STREQ(params.list[0].value.v.s, "value");
    p.type = 8;
    EXPECT_EQ(b.add_param(&params, &p), PV_ABI);

    pv_strings strings;
    EXPECT_EQ(b.add_string(&strings, "x"), PV_OK);
    EXPECT_EQ(b.add_string(&strings, nullptr), PV_ABI);
    pv_objs objs;
    EXPECT_EQ(b.add_object(&objs, 5), PV_OK);
    pv_groups groups;
    pv_params* group = b.begin_group(&groups, 5);
    ASSERT_NE(group, nullptr);
    p.type = PV_PARAM_STRING;
    EXPECT_EQ(b.add_param(group, &p), PV_OK);
    ASSERT_NE(b.begin_group(&groups, 6), nullptr);
    EXPECT_EQ(groups.list[0].params.list.size(), 1U);
    EXPECT_EQ(b.write(nullptr, "x", 1), PV_ABI);
}

TEST_F(ServiceTest, published_data_is_released_on_the_loop_before_destroy) {
    pv_host* host = started();
    const auto& r = *service<pv_svc_registry>(PV_SVC_REGISTRY);
    struct Data {
        pv_host* host;
        std::atomic<int> released{0};
    } data{host, {}};
    pv_obj_desc d = desc("vm");
    d.data = &data;
    d.release = [](void* p) noexcept {
        auto& x = *static_cast<Data*>(p);
        EXPECT_TRUE(x.host->loop->loop.on_thread());
        ++x.released;
    };
    std::uint64_t handle = 0;
    ASSERT_EQ(r.publish(host, nullptr, &d, &handle), PV_OK);
    EXPECT_EQ(r.find_name(host, PV_KIND_DOMAIN, 0, "vm"), handle);
    EXPECT_EQ(r.pin(host, handle), &data);
    EXPECT_EQ(r.retire(host, handle), PV_OK);
    EXPECT_EQ(data.released, 0);
    r.unpin(host, handle);
    EXPECT_TRUE(eventually([&] { return data.released == 1; }));
    ASSERT_EQ(r.publish(host, nullptr, &d, &handle), PV_OK);
    driver.on_destroy = [&] { EXPECT_EQ(data.released, 2); };
    EXPECT_TRUE(instance->stop(soon(), PV_STOP_SHUTDOWN));
}

TEST_F(ServiceTest, a_define_publishes_only_what_was_allowed) {
    pv_host* host = started();
    struct Strict final : Call {
        using Call::Call;
        void finished(pv_status) override {}
        Status allow_publish(const ObjectRef& object) override {
            if (object.name == "mine") return {};
            return make_error(ErrorCode::access_denied, ErrorDomain::none, "'{}' was not authorised", object.name);
        }
    };
    const auto call = std::make_shared<Strict>(TestCall::make_caller(1));
    const auto& r = *service<pv_svc_registry>(PV_SVC_REGISTRY);
    std::uint64_t handle = 0;
    pv_obj_desc d = desc("other");
    EXPECT_EQ(r.publish(host, call->handle(), &d, &handle), PV_FAIL);
    EXPECT_EQ(call->take_error(PV_FAIL).code, ErrorCode::access_denied);
    d = desc("mine");
    EXPECT_EQ(r.publish(host, call->handle(), &d, &handle), PV_OK);

    // Inside the op a driver that names no call does not get round it, nor by another name later.
    driver.block = [&](pv_call*, const pv_obj*, const void*, void*) -> pv_status {
        pv_obj_desc other = desc("other");
        std::uint64_t none = 0;
        EXPECT_EQ(r.publish(host, nullptr, &other, &none), PV_FAIL);
        pv_obj_update rename{};
        rename.size = sizeof rename;
        rename.what = PV_UPDATE_NAME;
        rename.name = "other";
        EXPECT_EQ(r.update(host, handle, &rename), PV_FAIL);
        rename.name = "mine";
        EXPECT_EQ(r.update(host, handle, &rename), PV_OK);
        return PV_FAIL;
    };
    const auto inside = std::make_shared<Strict>(TestCall::make_caller(1));
    instance->enter(inside, kOpBlock, nullptr, nullptr, nullptr);
    EXPECT_EQ(inside->take_error(PV_FAIL).code, ErrorCode::access_denied);
    // Outside of it, it is the driver's own affair.
    d = desc("other");
    EXPECT_EQ(r.publish(host, nullptr, &d, &handle), PV_OK);
}

TEST_F(ServiceTest, events_of_all_queues_keep_their_order) {
    pv_host* host = started();
    const auto& e = *service<pv_svc_event>(PV_SVC_EVENT);
    pv_queue* one = e.queue_new(host, "one");
    pv_queue* two = e.queue_new(host, "two");
    std::vector<std::string> expected;
    for (int i = 0; i < 1000; ++i) {
        expected.push_back("vm" + std::to_string(i));
        pv_event event{};
        event.size = sizeof(event);
        event.kind = PV_KIND_DOMAIN;
        event.name = expected.back().c_str();
        ASSERT_EQ(e.post(i % 2 == 0 ? one : two, &event), PV_OK);
    }
    pv_event bad{};
    bad.size = sizeof(bad);
    bad.name = "bad";
    bad.id = -1;
    EXPECT_EQ(e.post(one, &bad), PV_ABI);
    bad.size = 8;
    EXPECT_EQ(e.post(one, &bad), PV_ABI);
    e.queue_free(one);
    e.queue_free(two); // what was in it is still sent
    shared->events.flush();
    EXPECT_EQ(sink.seen(), expected);
    EXPECT_EQ(shared->events.delivered(), 1000U);
}

TEST_F(ServiceTest, what_runs_on_the_events_thread_keeps_its_place_among_events) {
    pv_host* host = started();
    const auto& e = *service<pv_svc_event>(PV_SVC_EVENT);
    pv_queue* queue = e.queue_new(host, "q");
    std::vector<std::size_t> seen;
    for (int i = 0; i < 50; ++i) {
        pv_event event{};
        event.size = sizeof(event);
        event.name = "vm";
        ASSERT_EQ(e.post(queue, &event), PV_OK);
        shared->events.run([&] { seen.push_back(sink.seen().size()); });
    }
    shared->events.flush();
    ASSERT_EQ(seen.size(), 50U);
    for (std::size_t i = 0; i < 50; ++i) EXPECT_EQ(seen[i], i + 1);
}

TEST_F(ServiceTest, posters_on_many_threads_lose_nothing) {
    pv_host* host = started();
    const auto& e = *service<pv_svc_event>(PV_SVC_EVENT);
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&, t] {
            pv_queue* queue = e.queue_new(host, "q");
            const std::string name = "vm" + std::to_string(t);
            pv_event event{};
            event.size = sizeof(event);
            event.name = name.c_str();
            for (int i = 0; i < 500; ++i) EXPECT_EQ(e.post(queue, &event), PV_OK);
            e.queue_free(queue);
        });
    for (auto& t : threads) t.join();
    shared->events.flush();
    EXPECT_EQ(sink.seen().size(), 2000U);
}

TEST_F(ServiceTest, what_belongs_to_a_client_is_told_once_when_it_is_gone) {
    pv_host* host = started();
    const auto& c = *service<pv_svc_client>(PV_SVC_CLIENT);
    shared->clients.arrived(5);
    EXPECT_EQ(c.on_close(host, 5, 1, 100), PV_OK);
    EXPECT_EQ(c.on_close(host, 5, 1, 100), PV_OK); // one and the same
    EXPECT_EQ(c.on_close(host, 5, 2, 100), PV_OK);
    EXPECT_EQ(c.on_close(host, 5, 2, 200), PV_OK);
    EXPECT_EQ(c.forget(host, 5, 2, 200), PV_OK);
    EXPECT_EQ(c.on_close(host, 6, 1, 100), PV_GONE);
    std::vector<std::string> told;
    Signal signal;
    driver.on_closed = [&](std::uint64_t client, std::uint32_t kind, std::uint64_t object) {
        EXPECT_TRUE(host->loop->loop.on_thread());
        told.push_back(fmt::format("{}/{}/{}", client, kind, object));
        signal.set();
    };
    instance->tell_closed(5, shared->clients.gone(5));
    EXPECT_TRUE(signal.wait(2));
    EXPECT_THAT(told, ::testing::ElementsAre("5/1/100", "5/2/100"));
    EXPECT_EQ(c.on_close(host, 5, 1, 100), PV_GONE);
    EXPECT_TRUE(shared->clients.gone(5).empty());
}

TEST_F(ServiceTest, identity_is_told_by_key) {
    const auto& c = *service<pv_svc_client>(PV_SVC_CLIENT);
    const auto call = std::make_shared<TestCall>();
    char buffer[8];
    EXPECT_EQ(c.identity(call->handle(), "uid", buffer, sizeof(buffer)), PV_OK);
    EXPECT_STREQ(buffer, "1000");
    EXPECT_EQ(c.identity(call->handle(), "user", buffer, sizeof(buffer)), PV_OK);
    EXPECT_STREQ(buffer, "alice");
    EXPECT_EQ(c.identity(call->handle(), "user", buffer, 5), PV_ABI);
    EXPECT_EQ(c.identity(call->handle(), "x509-dname", buffer, sizeof(buffer)), PV_UNSUPPORTED);
    EXPECT_EQ(c.identity(call->handle(), "shoe-size", buffer, sizeof(buffer)), PV_UNSUPPORTED);
}

TEST_F(ServiceTest, configuration_is_the_plugins_own_part) {
    shared = std::make_shared<HostShared>(pool, sink, [](std::string_view key) -> std::optional<std::string> {
        if (key == "plugins.fake.monitor.timeout") return "30";
        return std::nullopt;
    });
    pv_host* host = started();
    const auto& c = *service<pv_svc_config>(PV_SVC_CONFIG);
    char buffer[4];
    EXPECT_EQ(c.get(host, "monitor.timeout", buffer, sizeof(buffer)), PV_OK);
    EXPECT_STREQ(buffer, "30");
    EXPECT_EQ(c.get(host, "monitor.timeout", buffer, 2), PV_ABI);
    EXPECT_EQ(c.get(host, "other", buffer, sizeof(buffer)), PV_GONE);
}

TEST_F(ServiceTest, folders_are_made_when_asked_for) {
    pv_host* host = started();
    const auto& p = *service<pv_svc_paths>(PV_SVC_PATHS);
    EXPECT_FALSE(std::filesystem::exists(dir.path() + "/log"));
    EXPECT_EQ(p.dir(host, PV_PATH_LOG), dir.path() + "/log/fake");
    EXPECT_TRUE(std::filesystem::is_directory(dir.path() + "/log/fake"));
    EXPECT_EQ(p.dir(host, PV_PATH_LOG), p.dir(host, PV_PATH_LOG));
}

TEST_F(ServiceTest, programs_stand_in_a_folder_of_the_plugins_own_or_beside_it) {
    const std::string beside = dir.path() + "/plugins";
    std::filesystem::create_directories(beside);
    const auto programs = [&] {
        Folders folders(dir.host_paths(), "fake", "", beside + "/fake.so");
        return std::string(*folders.dir(PV_PATH_PROGRAMS));
    };
    EXPECT_EQ(programs(), beside);
    std::filesystem::create_directories(beside + "/fake.programs");
    EXPECT_EQ(programs(), beside + "/fake.programs");
}

TEST_F(ServiceTest, state_goes_through_sinks) {
    pv_host* host = started();
    const auto& s = *service<pv_svc_state>(PV_SVC_STATE);
    ASSERT_EQ(s.put(host, nullptr, PV_STATE_STATUS, "vm", "abc", 3), PV_OK);
    pv_sink* own = s.sink_new(host, 5);
    ASSERT_EQ(s.get(host, nullptr, PV_STATE_STATUS, "vm", own), PV_OK);
    std::size_t length = 0;
    EXPECT_STREQ(s.sink_data(own, &length), "abc");
    EXPECT_EQ(length, 3U);
    const auto call = std::make_shared<TestCall>();
    EXPECT_EQ(s.get(host, call->handle(), PV_STATE_STATUS, "vm", own), PV_FAIL); // no room for it twice
    EXPECT_THAT(call->take_error(PV_FAIL).message, ::testing::HasSubstr("the sink takes 5"));
    EXPECT_EQ(s.get(host, nullptr, PV_STATE_STATUS, "absent", own), PV_GONE);
    s.sink_free(own);
}

} // namespace
} // namespace polyvirt::plugin
