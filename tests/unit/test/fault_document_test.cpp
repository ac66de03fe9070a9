// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "fault_document.h"

#include <gtest/gtest.h>

#include "op_names.h"
#include "sdk/xml/reader.h"

namespace polyvirt::test {
namespace {

Result<FaultSet> read(const std::string& rules) {
    const std::string text = "<domain><fault:faults xmlns:fault='http://polyvirt.org/schemas/fault/1.0'>" + rules + "</fault:faults></domain>";
    auto root = sdk::xml::read(text, "text");
    if (!root) return root.error();
    return read_faults(*root);
}

std::string complaint(const std::string& rules) {
    const auto set = read(rules);
    return set ? std::string() : set.error().message;
}

TEST(FaultDocument, a_document_without_faults_has_none) {
    const auto root = sdk::xml::read("<domain><faults/></domain>", "text");
    ASSERT_TRUE(root);
    const auto set = read_faults(*root);
    ASSERT_TRUE(set);
    EXPECT_TRUE(set->empty());
}

TEST(FaultDocument, every_rule_is_read) {
    const auto set = read("<fault:error op='domain.suspend' code='38' message='m' after='2' times='3'/>"
                          "<fault:delay op='domain.*' ms='5'/><fault:hang op='*'/><fault:storm event='reboot' count='7' per-second='100'/>"
                          "<fault:lost-monitor after-ms='9'/><fault:long-jobs ms='11'/>");
    ASSERT_TRUE(set) << set.error().message;
    ASSERT_EQ(set->errors.size(), 1U);
    EXPECT_EQ(set->errors[0].kind, FaultKind::error);
    EXPECT_EQ(set->errors[0].code, 38U);
    EXPECT_EQ(set->errors[0].after, 2U);
    EXPECT_EQ(set->errors[0].times, 3U);
    ASSERT_EQ(set->delays.size(), 1U);
    EXPECT_EQ(set->delays[0].ms, 5U);
    EXPECT_EQ(set->hangs.size(), 1U);
    EXPECT_EQ(set->storms[0].count, 7U);
    EXPECT_EQ(set->monitor->after_ms, 9U);
    EXPECT_EQ(set->job_ms(), 11U);
}

TEST(FaultDocument, what_can_never_come_true_is_refused) {
    EXPECT_NE(complaint("<fault:error op='domain.suspent'/>").find("did you mean 'domain.suspend'"), std::string::npos);
    EXPECT_NE(complaint("<fault:error op='dom.*'/>").find("expected one like"), std::string::npos);
    EXPECT_NE(complaint("<fault:delay op='*'/>").find("'ms'"), std::string::npos);
    EXPECT_NE(complaint("<fault:hang op='*' code='1'/>").find("only <fault:error>"), std::string::npos);
    EXPECT_NE(complaint("<fault:error op='*' code='110'/>").find("1 to 109"), std::string::npos);
    EXPECT_NE(complaint("<fault:storm event='rain'/>").find("'rtc-change'"), std::string::npos);
    EXPECT_NE(complaint("<fault:nonsense/>").find("nonsense"), std::string::npos);
    EXPECT_NE(complaint("<fault:error op='*' timse='3'/>").find("timse"), std::string::npos);
}

TEST(FaultDocument, patterns_mean_one_op_a_kind_or_all) {
    EXPECT_TRUE(op_matches("*", "pool.refresh"));
    EXPECT_TRUE(op_matches("pool.*", "pool.refresh"));
    EXPECT_TRUE(op_matches("pool.refresh", "pool.refresh"));
    EXPECT_FALSE(op_matches("pool.*", "pools.refresh"));
    EXPECT_FALSE(op_matches("pool.ref", "pool.refresh"));
}

TEST(OpNames, are_the_abi_s) {
    EXPECT_EQ(std::size(kOps), std::size_t{PV_OP_COUNT});
    EXPECT_TRUE(is_op("domain.suspend"));
    EXPECT_TRUE(is_op("snapshot.revert"));
    EXPECT_TRUE(is_op("volume.upload"));
    EXPECT_TRUE(is_op("nwfilter_binding.create_xml") || is_op("nwfilter_binding.create"));
    EXPECT_FALSE(is_op("suspend"));
    EXPECT_FALSE(is_op("domain."));
}

} // namespace
} // namespace polyvirt::test
