// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/plugin/param_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <polyvirt/abi/build.h>
#include <polyvirt/abi/gen/constants.h>
#include <polyvirt/abi/gen/ops.h>

#include "host/plugin/builders.h"
#include "host/plugin/service.h"

namespace polyvirt::plugin {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ParamCheck : public ::testing::Test {
  protected:
    void add(pv_params& to, const char* field, std::int32_t type) const {
        pv_param p{};
        p.field = field;
        p.type = type;
        if (type == PV_PARAM_STRING) p.v.s = "text";
        ASSERT_EQ(build_.add_param(&to, &p), PV_OK);
    }
    const pv_svc_build& build_ = *static_cast<const pv_svc_build*>(find_service(nullptr, PV_SVC_BUILD, sizeof(pv_svc_build)));
};

TEST_F(ParamCheck, lists_as_the_spec_has_them_are_right) {
    pv_params params;
    add(params, PV_DOMAIN_SCHEDULER_CPU_SHARES, PV_PARAM_ULLONG);
    add(params, PV_DOMAIN_SCHEDULER_VCPU_QUOTA, PV_PARAM_LLONG);
    pv_dom_scheduler_params_out out{sizeof out, 0, &params};
    EXPECT_THAT(wrong_params(PV_OP_DOM_SCHEDULER_PARAMS, &out), IsEmpty());
    out.params = nullptr;
    EXPECT_THAT(wrong_params(PV_OP_DOM_SCHEDULER_PARAMS, &out), IsEmpty());
    pv_dom_suspend_out none{};
    EXPECT_THAT(wrong_params(PV_OP_DOM_SUSPEND, &none), IsEmpty());
}

TEST_F(ParamCheck, unknown_names_wrong_types_and_repetitions_are_found) {
    pv_params params;
    add(params, "cpu_sharez", PV_PARAM_ULLONG);
    add(params, PV_DOMAIN_SCHEDULER_CPU_SHARES, PV_PARAM_INT);
    add(params, PV_DOMAIN_SCHEDULER_VCPU_PERIOD, PV_PARAM_ULLONG);
    add(params, PV_DOMAIN_SCHEDULER_VCPU_PERIOD, PV_PARAM_ULLONG);
    add(params, PV_DOMAIN_MEMORY_HARD_LIMIT, PV_PARAM_ULLONG); // of another family
    pv_dom_scheduler_params_out out{sizeof out, 0, &params};
    EXPECT_THAT(wrong_params(PV_OP_DOM_SCHEDULER_PARAMS, &out),
                ElementsAre("parameter 'cpu_sharez' is unknown", "parameter 'cpu_shares' is int, expected ullong",
                            "parameter 'vcpu_period' stands there twice", "parameter 'hard_limit' is unknown"));
}

TEST_F(ParamCheck, every_group_is_looked_at) {
    pv_groups groups;
    pv_params* one = build_.begin_group(&groups, 1);
    add(*one, "state.state", PV_PARAM_INT);
    add(*one, "vcpu.3.state", PV_PARAM_INT);
    add(*one, "vm.remote_tlb_flush.sum", PV_PARAM_ULLONG);
    pv_params* two = build_.begin_group(&groups, 2);
    add(*two, "state.state", PV_PARAM_INT);
    add(*two, "block.0.rd.reqs", PV_PARAM_STRING);
    add(*two, "iothread.1.poll-grow", PV_PARAM_BOOLEAN);
    pv_dom_all_stats_out out{sizeof out, 0, &groups};
    EXPECT_THAT(wrong_params(PV_OP_DOM_ALL_STATS, &out),
                ElementsAre("parameter 'block.0.rd.reqs' is string, expected ullong",
                            "parameter 'iothread.1.poll-grow' is boolean, expected uint or ullong"));
}

} // namespace
} // namespace polyvirt::plugin
