// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// The rules of the glue that have a meaning to clients, each on a procedure that has it.

#include <polyvirt/abi/gen/constants.h>
#include <polyvirt/abi/gen/ops.h>

#include "tests/unit/glue/glue_fixture.h"

namespace polyvirt::test {
namespace {

using remote::Proc;
constexpr std::uint32_t kStringsOkay = 4;

TEST_F(GlueTest, a_variant_without_flags_sets_what_it_stands_for) {
    auto call = prepare(Proc::domain_set_max_memory, remote::domain_set_max_memory_args{the_domain(), 4096});
    ASSERT_TRUE(ok);
    EXPECT_EQ(glue->op, std::uint32_t{PV_OP_DOM_SET_MEMORY});
    const auto& in = call->in_as<pv_dom_set_memory_in>();
    EXPECT_EQ(in.size, sizeof in);
    EXPECT_EQ(in.memory, 4096u);
    EXPECT_EQ(in.flags, std::uint32_t{PV_DOMAIN_MEM_MAXIMUM});
    EXPECT_EQ(call->target()->handle, handles[PV_KIND_DOMAIN]);
}

TEST_F(GlueTest, a_domain_is_found_by_uuid_whatever_its_name) {
    protocol::domain other = the_domain();
    other.name = to_str("renamed meanwhile");
    prepare(Proc::domain_suspend, remote::domain_suspend_args{other});
    EXPECT_TRUE(ok);
    other.uuid = {};
    auto call = prepare(Proc::domain_suspend, remote::domain_suspend_args{other});
    ASSERT_TRUE(call->error);
    EXPECT_EQ(call->error->code, ErrorCode::no_domain);
}

TEST_F(GlueTest, a_volume_is_found_in_its_pool) {
    remote::storage_vol_delete_args args{{to_str("x"), to_str("x"), to_str("the-key")}, 0};
    auto call = prepare(Proc::storage_vol_delete, args);
    ASSERT_TRUE(ok);
    EXPECT_EQ(call->target()->handle, handles[PV_KIND_VOLUME]);
    ASSERT_NE(call->target()->parent, nullptr);
    EXPECT_EQ(call->target()->parent->handle, handles[PV_KIND_POOL]);
    args.vol.pool = to_str("other");
    call = prepare(Proc::storage_vol_delete, args);
    ASSERT_TRUE(call->error);
    EXPECT_EQ(call->error->code, ErrorCode::no_storage_pool);
}

TEST_F(GlueTest, a_node_device_is_named_by_its_bare_name) {
    auto call = prepare(Proc::node_device_reset, remote::node_device_reset_args{to_str("x")});
    ASSERT_TRUE(ok);
    EXPECT_EQ(call->target()->kind, std::uint32_t{PV_KIND_NODEDEV});
    call = prepare(Proc::node_device_reset, remote::node_device_reset_args{to_str("y")});
    ASSERT_TRUE(call->error);
    EXPECT_EQ(call->error->code, ErrorCode::no_node_device);
}

TEST_F(GlueTest, a_snapshot_belongs_to_its_domain) {
    remote::domain_snapshot_delete_args args{{to_str("x"), the_domain()}, 3};
    auto call = prepare(Proc::domain_snapshot_delete, args);
    ASSERT_TRUE(ok);
    EXPECT_EQ(call->target()->parent->handle, handles[PV_KIND_DOMAIN]);
    EXPECT_EQ(call->in_as<pv_snapshot_remove_in>().flags, 3u);
}

TEST_F(GlueTest, the_number_of_parameters_is_told_when_none_are_wanted) {
    remote::domain_get_memory_parameters_args args{the_domain(), 0, kStringsOkay};
    auto call = prepare(Proc::domain_get_memory_parameters, args);
    ASSERT_TRUE(ok);
    add_params(build_service(), call->out_as<pv_dom_memory_params_out>().params);
    const auto ret = reply<remote::domain_get_memory_parameters_ret>(*call);
    EXPECT_EQ(ret.nparams, 7);
    EXPECT_TRUE(ret.params.empty());
}

TEST_F(GlueTest, as_many_parameters_come_as_are_wanted_and_their_number_is_zero) {
    remote::domain_get_memory_parameters_args args{the_domain(), 3, kStringsOkay};
    auto call = prepare(Proc::domain_get_memory_parameters, args);
    add_params(build_service(), call->out_as<pv_dom_memory_params_out>().params);
    const auto ret = reply<remote::domain_get_memory_parameters_ret>(*call);
    EXPECT_EQ(ret.nparams, 0);
    ASSERT_EQ(ret.params.size(), 3u);
    EXPECT_EQ(ret.params[0].field.view(), "int");
    EXPECT_EQ(ret.params[0].value.i, -1);
    EXPECT_EQ(ret.params[2].value.l, -3);
}

TEST_F(GlueTest, text_parameters_go_to_clients_that_take_them) {
    for (const bool takes : {true, false}) {
        remote::domain_get_memory_parameters_args args{the_domain(), 16, 1 | (takes ? kStringsOkay : 0)};
        auto call = prepare(Proc::domain_get_memory_parameters, args);
        EXPECT_EQ(call->in_as<pv_dom_memory_params_in>().flags, 1u) << "the driver never sees the bit";
        add_params(build_service(), call->out_as<pv_dom_memory_params_out>().params);
        EXPECT_EQ(reply<remote::domain_get_memory_parameters_ret>(*call).params.size(), takes ? 7u : 6u);
    }
    // Newer procedures have no such bit.
    auto call = prepare(Proc::domain_get_guest_info, remote::domain_get_guest_info_args{the_domain(), 0, 0});
    add_params(build_service(), call->out_as<pv_dom_guest_info_out>().params);
    EXPECT_EQ(reply<remote::domain_get_guest_info_ret>(*call).params.size(), 7u);
}

TEST_F(GlueTest, too_high_a_limit_is_refused_in_the_peers_words) {
    for (const std::int32_t n : {17, -1}) {
        auto call = prepare(Proc::domain_get_memory_parameters,
                            remote::domain_get_memory_parameters_args{the_domain(), n, 0});
        EXPECT_FALSE(ok);
        ASSERT_TRUE(call->error);
        EXPECT_EQ(call->error->code, ErrorCode::internal_error);
        EXPECT_NE(call->error->message.find("nparams too large"), std::string::npos);
    }
    auto call = prepare(Proc::node_get_cells_free_memory, remote::node_get_cells_free_memory_args{0, 1025});
    ASSERT_TRUE(call->error);
    EXPECT_EQ(call->error->code, ErrorCode::rpc);
    EXPECT_EQ(call->error->message, "maxcells > REMOTE_NODE_MAX_CELLS");
}

TEST_F(GlueTest, maps_of_processors_are_packed_to_the_clients_width) {
    auto call = prepare(Proc::domain_get_vcpus, remote::domain_get_vcpus_args{the_domain(), 4, 2});
    ASSERT_TRUE(ok);
    auto& out = call->out_as<pv_dom_vcpus_out>();
    const std::uint8_t wide[] = {0xff, 0x0f, 0x07};
    pv_dom_vcpu vcpu{};
    vcpu.size = sizeof vcpu;
    for (std::uint32_t i = 0; i < 2; ++i) {
        vcpu.number = i;
        vcpu.cpumap = wide;
        vcpu.ncpumap = i == 0 ? 3 : 1;
        ASSERT_EQ(build_service().add_record(out.vcpus, &vcpu), PV_OK);
    }
    const auto ret = reply<remote::domain_get_vcpus_ret>(*call);
    ASSERT_EQ(ret.info.size(), 2u);
    EXPECT_EQ(ret.info[1].number, 1u);
    const std::vector<std::uint8_t> maps(ret.cpumaps.data, ret.cpumaps.data + ret.cpumaps.size);
    EXPECT_EQ(maps, (std::vector<std::uint8_t>{0xff, 0x0f, 0xff, 0x00}));
}

TEST_F(GlueTest, a_map_that_no_reply_can_hold_is_refused) {
    auto call = prepare(Proc::domain_get_vcpus, remote::domain_get_vcpus_args{the_domain(), 16384, 8388608});
    EXPECT_FALSE(ok);
    ASSERT_TRUE(call->error);
    EXPECT_NE(call->error->message.find("REMOTE_CPUMAPS_MAX"), std::string::npos);
}

TEST_F(GlueTest, results_that_the_client_does_not_need_stay_home) {
    for (const std::int32_t need : {0, 1}) {
        auto call = prepare(Proc::connect_get_cpu_model_names,
                            remote::connect_get_cpu_model_names_args{to_str("x86_64"), need, 0});
        ASSERT_TRUE(ok);
        auto* models = call->out_as<pv_hv_cpu_model_names_out>().models;
        build_service().add_string(models, "one");
        build_service().add_string(models, "two");
        const auto ret = reply<remote::connect_get_cpu_model_names_ret>(*call);
        EXPECT_EQ(ret.ret, 2);
        EXPECT_EQ(ret.models.size(), need == 0 ? 0u : 2u);
    }
}

TEST_F(GlueTest, more_than_the_wire_carries_is_an_error_that_says_so) {
    auto call = prepare(Proc::domain_get_security_label, remote::domain_get_security_label_args{the_domain()});
    auto& out = call->out_as<pv_dom_security_label_out>();
    const std::string label(5000, 'l');
    EXPECT_NE(build_service().write(out.label, label.data(), label.size()), PV_OK);
    protocol::Encoder encoder;
    glue->encode(*call, encoder);
    ASSERT_TRUE(call->error);
    EXPECT_EQ(call->error->code, ErrorCode::internal_error);
}

TEST_F(GlueTest, characters_carry_their_nul) {
    auto call = prepare(Proc::domain_get_security_label, remote::domain_get_security_label_args{the_domain()});
    auto& out = call->out_as<pv_dom_security_label_out>();
    build_service().write(out.label, "u:r:t", 5);
    const auto ret = reply<remote::domain_get_security_label_ret>(*call);
    EXPECT_EQ(std::string_view(ret.label.data(), ret.label.size()), std::string_view("u:r:t", 6));
}

TEST_F(GlueTest, security_labels_answer_minus_one_instead_of_an_error) {
    prepare(Proc::domain_get_security_label_list, remote::domain_get_security_label_list_args{the_domain()});
    ASSERT_NE(glue->encode_error, nullptr);
    WireCall call(driver, proc_of(*glue));
    protocol::Encoder encoder;
    glue->encode_error(call, encoder);
    std::vector<std::uint8_t> bytes = encoder.take();
    protocol::Decoder decoder(bytes, call.arena());
    remote::domain_get_security_label_list_ret ret{};
    ASSERT_TRUE(decode(decoder, ret));
    EXPECT_EQ(ret.ret, -1);
    EXPECT_TRUE(ret.labels.empty());
}

TEST_F(GlueTest, an_object_that_went_meanwhile_is_an_error) {
    auto call = prepare(Proc::domain_define_xml, remote::domain_define_xml_args{to_str("<domain/>")});
    ASSERT_TRUE(ok);
    call->out_as<pv_dom_define_xml_out>().obj = handles[PV_KIND_DOMAIN];
    driver.registry().retire(handles[PV_KIND_DOMAIN]);
    protocol::Encoder encoder;
    glue->encode(*call, encoder);
    ASSERT_TRUE(call->error);
    EXPECT_EQ(call->error->code, ErrorCode::no_domain);
}

TEST_F(GlueTest, a_reply_repeats_the_target_as_it_is_now) {
    auto call = prepare(Proc::domain_create_with_flags, remote::domain_create_with_flags_args{the_domain(), 0});
    pv_obj_update update{};
    update.size = sizeof update;
    update.what = PV_UPDATE_ID;
    update.dom_id = 42;
    ASSERT_TRUE(driver.registry().update(handles[PV_KIND_DOMAIN], update));
    EXPECT_EQ(reply<remote::domain_create_with_flags_ret>(*call).dom.id, 42);
    driver.registry().retire(handles[PV_KIND_DOMAIN]);
    EXPECT_EQ(reply<remote::domain_create_with_flags_ret>(*call).dom.id, -1);
    EXPECT_EQ(reply<remote::domain_create_with_flags_ret>(*call).dom.name.view(), "x");
}

TEST_F(GlueTest, descriptors_reach_the_op_and_one_means_one) {
    auto call = prepare(Proc::domain_create_with_files, remote::domain_create_with_files_args{the_domain(), 0});
    ASSERT_TRUE(ok);
    const auto& in = call->in_as<pv_dom_create_in>();
    ASSERT_EQ(in.nfds, 1u);
    EXPECT_EQ(in.fds[0], call->fds_in[0].get());

    prepare(Proc::domain_open_graphics, remote::domain_open_graphics_args{the_domain(), 0, 0});
    EXPECT_TRUE(ok);
    protocol::Encoder encoder;
    encode(encoder, remote::domain_open_graphics_args{the_domain(), 0, 0});
    std::vector<std::uint8_t> bytes = encoder.take();
    WireCall bare(driver, proc_of(*glue));
    protocol::Decoder decoder(bytes, bare.arena());
    EXPECT_FALSE(glue->prepare(bare, decoder));
    ASSERT_TRUE(bare.error);
    EXPECT_EQ(bare.error->code, ErrorCode::invalid_arg);
}

TEST_F(GlueTest, arguments_of_the_old_migration_become_parameters) {
    remote::domain_migrate_prepare3_args args{};
    args.dname = to_str("new name");
    args.resource = 100;
    args.dom_xml = to_str("<domain/>");
    auto call = prepare(Proc::domain_migrate_prepare3, args);
    ASSERT_TRUE(ok);
    const auto& in = call->in_as<pv_migrate_prepare_in>();
    EXPECT_EQ(in.protocol, 3u);
    ASSERT_EQ(in.nparams, 3u) << "the absent uri is left out";
    EXPECT_STREQ(in.params[0].field, PV_MIGRATE_PARAM_DEST_NAME);
    EXPECT_STREQ(in.params[0].v.s, "new name");
    EXPECT_STREQ(in.params[1].field, PV_MIGRATE_PARAM_BANDWIDTH);
    EXPECT_EQ(in.params[1].v.ul, 100u);
    EXPECT_STREQ(in.params[2].field, PV_MIGRATE_PARAM_DEST_XML);
}

TEST_F(GlueTest, rules_on_flags_hold_before_anything_is_looked_up) {
    readonly = true;
    protocol::domain unknown{to_str("y"), {}, -1};
    auto call = prepare(Proc::domain_get_xml_desc,
                        remote::domain_get_xml_desc_args{unknown, PV_DOMAIN_XML_SECURE});
    ASSERT_TRUE(call->error);
    EXPECT_EQ(call->error->code, ErrorCode::operation_denied);
    prepare(Proc::domain_get_xml_desc, remote::domain_get_xml_desc_args{the_domain(), 0});
    EXPECT_TRUE(ok);
}

TEST_F(GlueTest, groups_of_objects_that_went_meanwhile_are_left_out) {
    const protocol::domain doms[] = {the_domain()};
    auto call = prepare(Proc::connect_get_all_domain_stats, remote::connect_get_all_domain_stats_args{doms, 0, 0});
    ASSERT_TRUE(ok);
    EXPECT_EQ(call->in_as<pv_dom_all_stats_in>().ndomains, 1u);
    auto* stats = call->out_as<pv_dom_all_stats_out>().stats;
    add_params(build_service(), build_service().begin_group(stats, handles[PV_KIND_DOMAIN]));
    add_params(build_service(), build_service().begin_group(stats, 999999));
    const auto ret = reply<remote::connect_get_all_domain_stats_ret>(*call);
    ASSERT_EQ(ret.retStats.size(), 1u);
    EXPECT_EQ(ret.retStats[0].params.size(), 7u);
}

class CpuStats : public GlueTest {
  protected:
    remote::domain_get_cpu_stats_ret ask(std::uint32_t nparams, std::int32_t start, std::uint32_t ncpus) {
        call = prepare(Proc::domain_get_cpu_stats,
                       remote::domain_get_cpu_stats_args{the_domain(), nparams, start, ncpus, kStringsOkay});
        EXPECT_TRUE(ok);
        auto& out = call->out_as<pv_dom_cpu_stats_out>();
        out.cpus = 8;
        out.fields = 7;
        for (std::uint32_t i = 0; i < (start < 0 ? 1 : ncpus); ++i)
            add_params(build_service(), build_service().begin_group(out.stats, 0));
        return reply<remote::domain_get_cpu_stats_ret>(*call);
    }
    std::unique_ptr<WireCall> call;
};

TEST_F(CpuStats, answer_four_questions) {
    EXPECT_EQ(ask(0, 0, 0).nparams, 8) << "how many processors";
    EXPECT_EQ(ask(0, 0, 1).nparams, 7) << "how many parameters each has";
    EXPECT_EQ(ask(0, -1, 1).nparams, 7) << "how many parameters the totals have";
    EXPECT_EQ(ask(7, -1, 1).params.size(), 7u);
    const auto each = ask(7, 0, 3);
    EXPECT_EQ(each.params.size(), 21u);
    EXPECT_EQ(each.nparams, 7);
}

} // namespace
} // namespace polyvirt::test
