// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/stats_fields.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <polyvirt/abi/gen/constants.h>

namespace polyvirt::sdk {
namespace {

using ::testing::ElementsAre;

class StatsFields : public ::testing::Test {
  protected:
    StatsFields() {
        build.add_param = [](pv_params* to, const pv_param* p) noexcept -> pv_status {
            auto& list = *reinterpret_cast<std::vector<std::string>*>(to);
            const std::string value = p->type == PV_PARAM_STRING   ? p->v.s
                                      : p->type == PV_PARAM_ULLONG ? std::to_string(p->v.ul)
                                                                   : std::to_string(p->v.i);
            list.push_back(std::string(p->field) + "=" + value);
            return PV_OK;
        };
        services.build = &build;
    }
    ParamWriter writer() { return {services, reinterpret_cast<pv_params*>(&written)}; }

    pv_svc_build build{};
    plugin::Services services;
    std::vector<std::string> written;
};

TEST_F(StatsFields, of_the_balloon_are_those_that_it_has) {
    put_balloon_fields(writer(), {{PV_DOMAIN_MEMORY_STAT_ACTUAL_BALLOON, 1}, {PV_DOMAIN_MEMORY_STAT_UNUSED, 2}, {PV_DOMAIN_MEMORY_STAT_RSS, 3}});
    EXPECT_THAT(written, ElementsAre("balloon.unused=2", "balloon.rss=3"));
}

TEST_F(StatsFields, of_a_processor) {
    put_vcpu_fields(writer(), 2, {.time = 5, .wait = 6, .delay = 7});
    EXPECT_THAT(written, ElementsAre("vcpu.2.state=1", "vcpu.2.time=5", "vcpu.2.wait=6", "vcpu.2.delay=7"));
}

TEST_F(StatsFields, of_a_disk_are_those_that_are_known) {
    put_block_fields(writer(), 1, {.name = "vda", .path = {}});
    BlockFields f{.name = "vdb", .path = "/x", .backing_index = 4};
    f.fl_times = 0;
    f.physical = 9;
    put_block_fields(writer(), 2, f);
    EXPECT_THAT(written, ElementsAre("block.1.name=vda", "block.2.name=vdb", "block.2.path=/x", "block.2.backingIndex=4",
                                     "block.2.fl.times=0", "block.2.physical=9"));
}

} // namespace
} // namespace polyvirt::sdk
