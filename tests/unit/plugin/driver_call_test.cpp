// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// host.driver/1 between two real plugins: tests/plugins/caller.cpp calls tests/plugins/callee.cpp.
#include "host/plugin/driver_call.h"

#include <polyvirt/abi/driver.h>
#include <polyvirt/abi/event.h>
#include <polyvirt/abi/gen/events.h>
#include <polyvirt/abi/gen/ops.h>

#include "host/plugin/manager.h"
#include "host/plugin/service.h"
#include "host/plugin/subscriptions.h"
#include "tests/unit/plugin/fixtures.h"

namespace polyvirt::plugin {
namespace {

using ::testing::HasSubstr;

// A client's call that says who asks, and whether that one may.
class AskingCall final : public Call {
  public:
    AskingCall() : Call(TestCall::make_caller(7)) {}
    void finished(pv_status s) override {
        status = s;
        if (s < 0) error = take_error(s);
        done.set();
    }
    Status allow_op(std::uint32_t asked, const ObjectPtr& object, Instance& driver) override {
        asked_op = asked;
        asked_about = object != nullptr ? object->name : "nothing";
        asked_driver = driver.plugin_id();
        if (allowed) return {};
        return make_error(ErrorCode::access_denied, ErrorDomain::access, "not you");
    }
    void leave_visible(std::vector<ObjectPtr>& objects, Instance& driver) override {
        asked_driver = driver.plugin_id();
        std::erase_if(objects, [this](const ObjectPtr& o) { return o->name == hidden; });
    }
    bool allowed = true;
    std::string hidden;
    std::uint32_t asked_op = 0;
    std::string asked_about, asked_driver;
    pv_status status = PV_PENDING;
    Error error;
    Signal done;
};

class Neighbourhood : public ::testing::Test {
  protected:
    void load(const std::vector<std::string>& names) {
        ManagerOptions o;
        o.paths = dir.host_paths();
        o.version = o.build_id = "t";
        o.pool = &pool;
        o.sink = &sink;
        o.catalog = &default_catalog();
        manager = std::make_unique<PluginManager>(std::move(o));
        std::vector<std::string> folders;
        for (const std::string& name : names) folders.push_back(std::string(TEST_PLUGINS) + "/" + name);
        manager->load(folders);
        manager->start();
    }
    void load_both() {
        load({"caller", "callee"}); // in the wrong order: whom others use comes first
        auto opened = manager->open("caller:///default", 7);
        ASSERT_TRUE(opened) << opened.error().message;
        caller = *opened;
    }
    // Sends a command to the caller; its answer.
    std::string ask(const std::string& command, const std::shared_ptr<AskingCall>& asking) {
        pv_sink text(4096);
        pv_hv_domain_xml_from_native_in in{};
        in.size = sizeof in;
        in.format = "caller";
        in.config = command.c_str();
        pv_hv_domain_xml_from_native_out out{sizeof out, 0, &text};
        caller->enter(asking, PV_OP_HV_DOMAIN_XML_FROM_NATIVE, nullptr, &in, &out);
        EXPECT_TRUE(asking->done.wait());
        return text.data;
    }

    TempDir dir;
    work::WorkerPool pool{{}};
    TestSink sink;
    std::unique_ptr<PluginManager> manager;
    std::shared_ptr<Instance> caller;
    std::shared_ptr<AskingCall> call = std::make_shared<AskingCall>();
};

TEST_F(Neighbourhood, the_other_driver_acts_for_the_caller) {
    load_both();
    EXPECT_EQ(ask("desc lan", call), "<network name='lan' flags='0' uid='1000' client='yes'/>");
    EXPECT_EQ(call->status, PV_OK);
    EXPECT_EQ(call->asked_op, std::uint32_t{PV_OP_NET_XML_DESC});
    EXPECT_EQ(call->asked_about, "lan");
    EXPECT_EQ(call->asked_driver, "callee");
    EXPECT_EQ(ask("start", std::make_shared<AskingCall>()), "<network name='lan' flags='0' uid='host' client='no'/>");
}

TEST_F(Neighbourhood, what_the_caller_may_not_the_other_driver_is_not_asked) {
    load_both();
    for (const char* command : {"desc lan", "async lan", "destroy lan"}) {
        auto denied = std::make_shared<AskingCall>();
        denied->allowed = false;
        EXPECT_EQ(ask(command, denied), "") << command;
        EXPECT_EQ(denied->status < 0, true) << command;
        EXPECT_THAT(denied->error.message, HasSubstr("not you")) << command;
    }
}

TEST_F(Neighbourhood, answers_that_come_later_pass_through) {
    load_both();
    EXPECT_EQ(ask("destroy lan", call), "destroyed");
    EXPECT_EQ(ask("async dmz", std::make_shared<AskingCall>()),
              "<network name='dmz' flags='0' uid='1000' client='yes'/>");
}

TEST_F(Neighbourhood, the_other_drivers_error_is_the_callers) {
    load_both();
    EXPECT_EQ(ask("undefine lan", call), "");
    EXPECT_EQ(call->error.code, ErrorCode::operation_invalid);
    EXPECT_THAT(call->error.message, HasSubstr("network 'lan' stays"));
    auto missing = std::make_shared<AskingCall>();
    EXPECT_EQ(ask("missing lan", missing), "");
    EXPECT_EQ(missing->error.code, ErrorCode::no_support);
}

TEST_F(Neighbourhood, unknown_flags_do_not_reach_the_other_driver) {
    load_both();
    EXPECT_EQ(ask("secure lan", call), "");
    EXPECT_EQ(call->error.code, ErrorCode::invalid_arg);
    EXPECT_THAT(call->error.message, HasSubstr("unsupported flags (0x8000) in function calleeNetworkGetXMLDesc"));
}

TEST_F(Neighbourhood, records_come_back_as_a_list) {
    load_both();
    EXPECT_EQ(ask("leases dmz", call), "192.0.2.1/24 until 1000000000001 on dmz for one\n"
                                       "192.0.2.2/24 until 1000000000002 on dmz for nobody\n");
    EXPECT_EQ(ask("lists lan", std::make_shared<AskingCall>()), "empty");
}

TEST_F(Neighbourhood, a_list_that_could_not_be_filled_is_an_error) {
    load_both();
    EXPECT_EQ(ask("endless lan", call), "");
    EXPECT_LT(call->status, 0);
    EXPECT_THAT(call->error.message, HasSubstr("longer than a list may be"));
}

TEST_F(Neighbourhood, objects_are_listed_described_and_asked_for_parameters) {
    load_both();
    EXPECT_EQ(ask("ports lan", call), "2 ports\np0 (uuid 30, tap p0): 17, none\np1 (uuid 31, tap p1): 17, none\n");
    auto blind = std::make_shared<AskingCall>();
    blind->hidden = "p0";
    EXPECT_EQ(ask("ports lan", blind), "1 ports\np1 (uuid 31, tap p1): 17, none\n");
    EXPECT_EQ(ask("ports dmz", std::make_shared<AskingCall>()), "0 ports\n");
}

TEST_F(Neighbourhood, lists_that_are_never_given_back_go_with_the_instance) {
    load_both();
    const auto* svc = static_cast<const pv_svc_driver*>(find_service(nullptr, PV_SVC_DRIVER, sizeof(pv_svc_driver)));
    pv_host* host = caller->host();
    EXPECT_NE(svc->params_new(host), nullptr);
    EXPECT_NE(svc->groups_new(host), nullptr);
    EXPECT_NE(svc->records_new(host, PV_OP_NET_DHCP_LEASES), nullptr);
    pv_strings* strings = svc->strings_new(host);
    svc->strings_free(strings);
    EXPECT_EQ(svc->records_new(host, PV_OP_NET_DESTROY), nullptr);
    EXPECT_EQ(svc->params_new(nullptr), nullptr);
    EXPECT_EQ(svc->params_count(nullptr), 0);
    EXPECT_EQ(svc->params_at(nullptr, 0), nullptr);
    EXPECT_EQ(svc->records_at(nullptr, 0), nullptr);
    EXPECT_EQ(svc->strings_at(nullptr, 0), nullptr);
    std::uint64_t object = 1;
    EXPECT_EQ(svc->groups_at(nullptr, 0, &object), nullptr);
    EXPECT_EQ(object, 0U);
    svc->params_free(nullptr);
    pv_objs* objects = svc->objs_new(host);
    EXPECT_EQ(svc->list(host, nullptr, PV_KIND_NETWORK, 99'999, objects), PV_GONE);
    EXPECT_EQ(svc->list(host, nullptr, PV_KIND_SECRET, 0, objects), PV_ORDER);
    EXPECT_EQ(svc->list(host, nullptr, PV_KIND_NETWORK, 0, nullptr), PV_ABI);
    ASSERT_EQ(svc->list(host, nullptr, PV_KIND_NETWORK, 0, objects), PV_OK);
    EXPECT_EQ(svc->objs_count(objects), 2);
    const std::uint64_t lan = svc->objs_at(objects, 0);
    pv_obj seen{};
    EXPECT_EQ(svc->describe(host, nullptr, PV_KIND_NETWORK, lan, &seen, nullptr, nullptr, nullptr), PV_ABI); // no size
    seen.size = sizeof seen;
    EXPECT_EQ(svc->describe(host, nullptr, PV_KIND_NETWORK, lan, &seen, nullptr, nullptr, nullptr), PV_OK);
    EXPECT_EQ(seen.handle, lan);
    EXPECT_EQ(svc->describe(host, nullptr, PV_KIND_NETWORK_PORT, lan, &seen, nullptr, nullptr, nullptr), PV_GONE);
}

TEST_F(Neighbourhood, kinds_that_the_manifest_does_not_list_are_refused) {
    load_both();
    EXPECT_EQ(ask("undeclared x", call), "");
    EXPECT_THAT(call->error.message, HasSubstr("'caller' calls the driver of kind secret without listing it"));
}

TEST_F(Neighbourhood, a_loop_does_not_wait) {
    load_both();
    EXPECT_EQ(ask("loop lan", call), "");
    EXPECT_THAT(call->error.message, HasSubstr("on a loop's thread"));
}

TEST_F(Neighbourhood, calls_are_four_deep_at_most) {
    load_both();
    call->depth = DriverCall::kMaxDepth;
    EXPECT_EQ(ask("desc lan", call), "");
    EXPECT_THAT(call->error.message, HasSubstr("more than 4 deep"));
    auto below = std::make_shared<AskingCall>();
    below->depth = DriverCall::kMaxDepth - 1;
    EXPECT_NE(ask("desc lan", below), "");
}

TEST_F(Neighbourhood, a_driver_whose_neighbour_is_absent_says_so) {
    load({"caller"});
    EXPECT_FALSE(manager->open("caller:///default", 7));
}

TEST_F(Neighbourhood, drivers_that_use_each_other_in_a_circle_are_not_started) {
    load({"caller_in_circle", "callee_in_circle"});
    for (const PluginInfo& info : manager->list()) EXPECT_THAT(info.reason, HasSubstr("uses")) << info.id;
    EXPECT_EQ(manager->list().size(), 2U);
    EXPECT_FALSE(manager->open("caller:///default", 7));
    EXPECT_FALSE(manager->open("callee:///default", 7));
}

TEST_F(Neighbourhood, nonsense_is_answered) {
    load_both();
    const auto* svc = static_cast<const pv_svc_driver*>(find_service(nullptr, PV_SVC_DRIVER, sizeof(pv_svc_driver)));
    ASSERT_NE(svc, nullptr);
    pv_host* host = caller->host();
    std::uint64_t handle = 1;
    EXPECT_EQ(svc->implements(nullptr, PV_OP_NET_XML_DESC), 0);
    EXPECT_EQ(svc->implements(host, 0xffffff), 0);
    EXPECT_EQ(svc->implements(host, PV_OP_NET_XML_DESC), 1);
    EXPECT_EQ(svc->implements(host, PV_OP_NET_CREATE), 0);
    EXPECT_EQ(svc->find(host, nullptr, PV_KIND_NETWORK, 0, nullptr, nullptr, &handle), PV_ABI);
    EXPECT_EQ(svc->find(host, nullptr, PV_KIND_NETWORK, 0, "none", nullptr, &handle), PV_GONE);
    EXPECT_EQ(handle, 0u);
    EXPECT_EQ(svc->find(host, nullptr, PV_KIND_SECRET, 0, "none", nullptr, &handle), PV_ORDER);
    const pv_net_xml_desc_in in{sizeof in, 0};
    pv_net_xml_desc_out out{};
    EXPECT_EQ(svc->call(host, nullptr, PV_OP_NET_XML_DESC, 1, &in, nullptr), PV_ABI);
    EXPECT_EQ(svc->call(host, nullptr, PV_OP_NET_XML_DESC, 1, &in, &out), PV_ABI); // its size is not set
    out.size = sizeof out;
    EXPECT_EQ(svc->call(host, nullptr, PV_OP_NET_XML_DESC, 99'999, &in, &out), PV_GONE);
    EXPECT_EQ(svc->call(host, nullptr, 0xffffff, 1, &in, &out), PV_ABI);
    EXPECT_EQ(svc->call_async(host, nullptr, PV_OP_NET_XML_DESC, 1, &in, &out, nullptr, nullptr, nullptr), PV_ABI);
}

class Notices : public Neighbourhood {
  protected:
    void SetUp() override {
        load_both();
        find_callee();
    }
    void TearDown() override {
        if (queue != nullptr) events.queue_free(queue);
    }
    void find_callee() {
        callee = manager->provider(caller, PV_KIND_NETWORK);
        ASSERT_NE(callee, nullptr);
        queue = events.queue_new(callee->host(), "test");
    }
    // As the other driver.
    pv_status post(const char* name, std::int32_t what, std::uint32_t kind = PV_KIND_NETWORK,
                   std::int32_t id = PV_EVENT_NETWORK_LIFECYCLE) {
        pv_event_network_lifecycle payload{};
        payload.size = sizeof payload;
        payload.event = what;
        payload.detail = 7;
        pv_event event{};
        event.size = sizeof event;
        event.kind = kind;
        event.id = id;
        event.uuid[0] = static_cast<std::uint8_t>(name[0]);
        event.name = name;
        event.payload = &payload;
        return events.post(queue, &event);
    }
    std::string heard() { return ask("heard", std::make_shared<AskingCall>()); }
    // Nothing is told until this is set.
    std::shared_ptr<Signal> hold() {
        auto held = std::make_shared<Signal>();
        EXPECT_TRUE(caller->post([held] { EXPECT_TRUE(held->wait()); }));
        return held;
    }

    const pv_svc_event& events = *static_cast<const pv_svc_event*>(find_service(nullptr, PV_SVC_EVENT, 0));
    const pv_svc_driver& drivers = *static_cast<const pv_svc_driver*>(find_service(nullptr, PV_SVC_DRIVER, 0));
    const pv_svc_loop& loops = *static_cast<const pv_svc_loop*>(find_service(nullptr, PV_SVC_LOOP, 0));
    std::shared_ptr<Instance> callee;
    pv_queue* queue = nullptr;
};

TEST_F(Notices, what_becomes_of_anothers_objects_is_told_in_order) {
    EXPECT_EQ(post("lan", 3), PV_OK);
    EXPECT_EQ(post("lan", 1, PV_KIND_NETWORK, PV_EVENT_NETWORK_METADATA_CHANGE), PV_OK);
    EXPECT_EQ(post("vm", 2, PV_KIND_DOMAIN, PV_EVENT_DOMAIN_LIFECYCLE), PV_OK); // it serves none
    EXPECT_EQ(post("lan", 2), PV_OK);
    EXPECT_TRUE(eventually([&] { return heard() == "2, lan 3/7 6c, lan 2/7 6c"; })) << heard();
}

TEST_F(Notices, who_listens_is_known) {
    sink.listening = false;
    EXPECT_EQ(events.wanted(queue, PV_KIND_NETWORK, PV_EVENT_NETWORK_LIFECYCLE), 1);
    EXPECT_EQ(events.wanted(queue, PV_KIND_NETWORK, PV_EVENT_NETWORK_METADATA_CHANGE), 0);
    EXPECT_EQ(events.wanted(queue, PV_KIND_DOMAIN, PV_EVENT_DOMAIN_LIFECYCLE), 0);
    sink.listening = true;
    EXPECT_EQ(events.wanted(queue, PV_KIND_DOMAIN, PV_EVENT_DOMAIN_LIFECYCLE), 1);
    EXPECT_EQ(events.wanted(nullptr, PV_KIND_DOMAIN, PV_EVENT_DOMAIN_LIFECYCLE), 0);
}

TEST_F(Notices, what_does_not_fit_is_told_as_lost) {
    const auto held = hold();
    for (std::size_t i = 0; i < Subscription::kMaxWaiting + 5; ++i) EXPECT_EQ(post("lan", 2), PV_OK);
    held->set();
    EXPECT_TRUE(eventually([&] { return heard() == "1025, lan 2/7 6c, lan 2/7 6c, 5 lost"; })) << heard();
    EXPECT_EQ(post("dmz", 3), PV_OK);
    EXPECT_TRUE(eventually([&] { return heard() == "1026, lan 2/7 6c, 5 lost, dmz 3/7 64"; })) << heard();
}

TEST_F(Notices, follow_the_driver_that_replaces_another) {
    const auto held = hold();
    EXPECT_EQ(post("lan", 3), PV_OK); // who says that will be gone
    events.queue_free(std::exchange(queue, nullptr));
    callee.reset();
    Disable how;
    how.force = true;
    how.remember = false;
    how.until = soon();
    const Status disabled = manager->disable("callee", how);
    ASSERT_TRUE(disabled) << disabled.error().message;
    held->set();
    const Status enabled = manager->enable("callee", false);
    ASSERT_TRUE(enabled) << enabled.error().message;
    find_callee();
    EXPECT_EQ(post("dmz", 2), PV_OK);
    EXPECT_TRUE(eventually([&] { return heard() == "1, dmz 2/7 64"; })) << heard();
}

struct Told {
    Signal told, released;
    static void fn(void* ctx, const pv_notice*) noexcept { static_cast<Told*>(ctx)->told.set(); }
    static void release(void* ctx) noexcept { static_cast<Told*>(ctx)->released.set(); }
};

TEST_F(Notices, end_when_they_are_given_back) {
    pv_loop* const loop = loops.acquire(caller->host(), PV_LOOP_SHARED, "t");
    Told told;
    pv_subscription* subscription = nullptr;
    ASSERT_EQ(drivers.subscribe(caller->host(), PV_KIND_NETWORK, loop, Told::fn, &told, Told::release, &subscription),
              PV_OK);
    EXPECT_EQ(post("lan", 2), PV_OK);
    EXPECT_TRUE(told.told.wait());
    const auto held = hold();
    EXPECT_EQ(post("lan", 3), PV_OK);
    drivers.unsubscribe(subscription);
    EXPECT_EQ(told.released.count(), 0); // on its loop
    held->set();
    EXPECT_TRUE(told.released.wait());
    EXPECT_EQ(told.told.count(), 1);
    // One that is left is ended by the host, when the driver has stopped.
    ASSERT_EQ(drivers.subscribe(caller->host(), PV_KIND_NETWORK, loop, Told::fn, &told, Told::release, &subscription),
              PV_OK);
    EXPECT_TRUE(manager->stop(soon()));
    queue = nullptr;
    EXPECT_EQ(told.released.count(), 2);
}

TEST_F(Notices, there_are_none_of_ones_own_nor_of_what_has_no_life) {
    pv_loop* const loop = loops.acquire(caller->host(), PV_LOOP_SHARED, "t");
    pv_subscription* none = nullptr;
    const auto ask_for = [&](std::uint32_t kind) {
        return drivers.subscribe(caller->host(), kind, loop, Told::fn, nullptr, nullptr, &none);
    };
    EXPECT_EQ(ask_for(PV_KIND_DOMAIN), PV_UNSUPPORTED);
    EXPECT_EQ(ask_for(PV_KIND_NETWORK_PORT), PV_UNSUPPORTED);
    EXPECT_EQ(ask_for(PV_KIND_SECRET), PV_ORDER); // undeclared
    EXPECT_EQ(ask_for(77), PV_UNSUPPORTED);
    EXPECT_EQ(drivers.subscribe(caller->host(), PV_KIND_NETWORK, loop, nullptr, nullptr, nullptr, &none), PV_ABI);
    EXPECT_EQ(none, nullptr);
    drivers.unsubscribe(nullptr);
    loops.release(loop);
}

} // namespace
} // namespace polyvirt::plugin
