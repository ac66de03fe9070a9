// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// pv_plugin.reconfigure: when, on which threads and how often it is called.
#include <polyvirt/abi/call.h>
#include <polyvirt/abi/check.h>

#include "base/log.h"
#include "host/plugin/thread_kind.h"
#include "tests/unit/plugin/fixtures.h"

namespace polyvirt::plugin {
namespace {

class Reconfigure : public DriverTest {
  protected:
    [[nodiscard]] bool idle() const { return eventually([&] { return instance->stats().in_flight == 0; }); }
    const pv_svc_call& calls = *service<pv_svc_call>(PV_SVC_CALL);
};

TEST_F(Reconfigure, is_called_on_a_worker_in_its_turn) {
    pv_host* host = started(PV_CONCURRENCY_SERIAL_ALL);
    Signal inside, go, told;
    std::atomic<int> within{0};
    driver.block = [&](pv_call*, const pv_obj*, const void*, void*) -> pv_status {
        ++within;
        inside.set();
        EXPECT_TRUE(go.wait());
        --within;
        return PV_OK;
    };
    driver.on_reconfigure = [&](pv_call* call) -> pv_status {
        EXPECT_EQ(within, 0);
        EXPECT_EQ(thread_kind(), std::uint32_t{PV_THREAD_INIT});
        EXPECT_FALSE(host->loop->loop.on_thread());
        EXPECT_EQ(calls.client(call), 0U);
        told.set();
        return PV_OK;
    };
    const auto call = enter_on_worker(kOpBlock);
    ASSERT_TRUE(inside.wait());
    instance->configuration_changed(); // waits without a thread until the op is out
    EXPECT_TRUE(eventually([&] { return instance->stats().waiting == 1; }));
    EXPECT_EQ(told.count(), 0);
    go.set();
    EXPECT_TRUE(told.wait());
    EXPECT_TRUE(call->done.wait());
    EXPECT_TRUE(idle());
}

TEST_F(Reconfigure, changes_meanwhile_are_told_once_more_and_never_beside) {
    started();
    Signal inside, go;
    std::atomic<int> within{0}, times{0};
    driver.on_reconfigure = [&](pv_call*) -> pv_status {
        EXPECT_EQ(++within, 1);
        ++times;
        inside.set();
        EXPECT_TRUE(go.wait());
        --within;
        return PV_OK;
    };
    instance->configuration_changed();
    ASSERT_TRUE(inside.wait());
    for (int i = 0; i < 10; ++i) instance->configuration_changed();
    go.set();
    EXPECT_TRUE(inside.wait(2));
    EXPECT_TRUE(idle());
    EXPECT_EQ(times, 2);
    instance->configuration_changed();
    EXPECT_TRUE(inside.wait(3));
    EXPECT_TRUE(idle());
}

TEST_F(Reconfigure, a_driver_that_fails_or_ends_it_later_goes_on) {
    started();
    std::atomic<int> times{0};
    std::atomic<pv_call*> pending{nullptr};
    driver.on_reconfigure = [&](pv_call* call) -> pv_status {
        if (++times == 1) {
            pv_error e{};
            e.size = sizeof e;
            e.code = 1;
            e.message = "no such file";
            calls.error(call, &e);
            return PV_FAIL;
        }
        pending = call;
        return PV_PENDING;
    };
    instance->configuration_changed();
    EXPECT_TRUE(eventually([&] { return times == 1; }));
    EXPECT_TRUE(idle());
    EXPECT_EQ(instance->stats().failed, 1U);
    EXPECT_EQ(instance->stats().status_mended, 0U);
    EXPECT_EQ(instance->state(), InstanceState::started);
    EXPECT_EQ(enter(kOpQuick)->status, PV_OK);
    instance->configuration_changed();
    EXPECT_TRUE(eventually([&] { return pending.load() != nullptr; }));
    EXPECT_EQ(enter(kOpQuick)->status, PV_OK); // who takes long is in nobody's way
    calls.complete(pending, PV_OK);
    EXPECT_TRUE(idle());
}

TEST_F(Reconfigure, who_is_not_started_or_ends_is_left_alone) {
    std::atomic<int> times{0};
    driver.on_reconfigure = [&](pv_call*) -> pv_status {
        ++times;
        return PV_OK;
    };
    make();
    instance->configuration_changed();
    ASSERT_TRUE(instance->start());
    instance->refuse_calls();
    instance->configuration_changed();
    EXPECT_TRUE(instance->stop(soon(), PV_STOP_SHUTDOWN));
    instance->configuration_changed();
    EXPECT_EQ(times, 0);
}

} // namespace
} // namespace polyvirt::plugin
