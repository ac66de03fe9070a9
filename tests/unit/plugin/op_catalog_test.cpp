// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/plugin/op_catalog.h"

#include <gtest/gtest.h>
#include <polyvirt/abi/gen/constants.h>
#include <polyvirt/abi/gen/ops.h>

namespace polyvirt::plugin {
namespace {

const OpInfo& info(std::uint32_t op) { return *find_op(default_catalog(), op); }

TEST(OpCatalog, what_ends_or_watches_something_long_comes_at_any_time) {
    const std::uint32_t ops[] = {PV_OP_DOM_DESTROY, PV_OP_DOM_JOB_INFO, PV_OP_DOM_JOB_STATS, PV_OP_DOM_ABORT_JOB};
    for (const std::uint32_t op : ops)
        EXPECT_TRUE(info(op).always) << op;
    EXPECT_FALSE(info(PV_OP_DOM_CREATE).always);
}

TEST(OpCatalog, knows_the_flags_of_an_op_and_where_they_stand) {
    EXPECT_EQ(info(PV_OP_DOM_DESTROY).flags_offset, offsetof(pv_dom_destroy_in, flags));
    EXPECT_EQ(info(PV_OP_DOM_DESTROY).flags_known, std::uint32_t{PV_DOMAIN_DESTROY_GRACEFUL | PV_DOMAIN_DESTROY_REMOVE_LOGS});
    EXPECT_STREQ(info(PV_OP_DOM_DESTROY).api, "virDomainDestroyFlags");
    EXPECT_EQ(info(PV_OP_DOM_DEFINE_XML).flags_offset, offsetof(pv_dom_define_xml_in, flags));
    EXPECT_EQ(info(PV_OP_DOM_OS_TYPE).flags_offset, 0u); // it has none
    EXPECT_EQ(info(PV_OP_DOM_RENAME).flags_offset, offsetof(pv_dom_rename_in, flags));
    EXPECT_EQ(info(PV_OP_DOM_RENAME).flags_known, 0u); // none is known yet
}

TEST(OpCatalog, knows_whose_objects_a_table_is_about_and_the_sizes) {
    const auto kind = [](std::uint32_t op) { return default_catalog().tables[op >> 8].kind; };
    EXPECT_EQ(kind(PV_OP_NET_CREATE), std::uint32_t{PV_KIND_NETWORK});
    EXPECT_EQ(kind(PV_OP_DOM_DEFINE_XML), std::uint32_t{PV_KIND_DOMAIN});
    EXPECT_EQ(kind(PV_OP_HV_VERSION), std::uint32_t{PV_KIND_NONE});
    EXPECT_EQ(info(PV_OP_DOM_DESTROY).in_size, sizeof(pv_dom_destroy_in));
    EXPECT_EQ(info(PV_OP_DOM_DESTROY).out_size, sizeof(pv_dom_destroy_out));
    EXPECT_TRUE(info(PV_OP_DOM_OS_TYPE).cancels);
    EXPECT_FALSE(info(PV_OP_DOM_DESTROY).cancels);
}

TEST(OpCatalog, has_no_op_beyond_its_tables) {
    for (const std::uint32_t op : {0u, 0x03ffu, 0xff00u, 0xffffffffu}) EXPECT_EQ(find_op(default_catalog(), op), nullptr) << op;
}

} // namespace
} // namespace polyvirt::plugin
