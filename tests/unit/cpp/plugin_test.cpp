// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/plugin/manifest.h"
#include "host/plugin/offered.h"
#include "tests/unit/cpp/small_driver.h"
#include "tests/unit/plugin/fixtures.h"

namespace polyvirt::plugin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::SizeIs;

// Here driver and host are one module: what the glue hands from one to the other (log lines, the byte of lock ranks)
// would go round in a circle, so these two services are the test's own.
std::vector<std::string>& lines() {
    thread_local std::vector<std::string> lines; // this test's thread makes the instances
    return lines;
}
const void* in_one_module(pv_host* host, const char* id, std::uint32_t min_size) noexcept {
    static constexpr pv_svc_log kLog{
        sizeof kLog, 0,
        [](pv_host*, std::int32_t, const char*, const char* text) noexcept { lines().emplace_back(text); },
        [](pv_host*) noexcept { return std::int32_t{PV_LOG_ERROR}; }};
    if (std::string_view(id) == PV_SVC_LOG) return &kLog;
    if (std::string_view(id) == PV_SVC_CHECK) return nullptr;
    return find_service(host, id, min_size);
}

class Glue : public DriverTest {
  protected:
    Glue() {
        root.get_service = in_one_module;
        lines().clear();
    }
    ~Glue() override { log::set_sink(nullptr, nullptr); }
    Result<std::shared_ptr<DriverInstance>> make_small(const std::string& key) {
        auto generation = std::make_shared<Generation>();
        generation->manifest = *parse_manifest(small::manifest(), "small.so");
        generation->plugin = small::plugin_table();
        return DriverInstance::create(shared, dir.host_paths(),
                                      {generation, &default_catalog(), &root, key, "small:///" + key, ""});
    }
    small::Driver& start_small() {
        instance = *make_small("one");
        const Status status = instance->start();
        EXPECT_TRUE(status) << status.error().message;
        return *small::Driver::last();
    }
    std::shared_ptr<TestCall> undefine(std::uint32_t flags) {
        auto call = std::make_shared<TestCall>();
        const pv_dom_undefine_in in{sizeof in, flags};
        pv_dom_undefine_out out{sizeof out, 0};
        instance->enter(call, PV_OP_DOM_UNDEFINE, nullptr, &in, &out);
        return call;
    }
};

// A driver whose tables are its own: nothing of them is known to the glue but their ids.
struct HandMade : DriverBase {
    static constexpr About kAbout{.id = "hand", .version = "1", .uri = "hand", .kinds = "domain"};
    static const void* config() {
        static const pv_dom_config table = [] {
            pv_dom_config t{};
            t.size = sizeof t;
            return t;
        }();
        return &table;
    }
    static constexpr OwnTable kTables[] = {{PV_IFACE_DOM_CONFIG, &HandMade::config}};
    static Claim probe(std::string_view uri, bool) {
        if (!uri.starts_with("hand:")) return {};
        return {.score = 1, .canonical = std::string(uri), .instance = std::string(uri)};
    }
    using DriverBase::DriverBase;
};

TEST(GlueTables, a_driver_may_make_them_itself) {
    const auto note = detail::manifest_note<HandMade>();
    const auto manifest = parse_manifest(note.desc, "hand.so");
    ASSERT_TRUE(manifest) << manifest.error().message;
    EXPECT_THAT(manifest->provides, ElementsAre(PV_IFACE_DOM_CONFIG));
    const pv_plugin& plugin = PluginEntry<HandMade>::kPlugin;
    EXPECT_EQ(plugin.get_interface(nullptr, PV_IFACE_DOM_CONFIG), HandMade::config());
    EXPECT_EQ(plugin.get_interface(nullptr, PV_IFACE_DOM_STATS), nullptr);
}

TEST(GlueProbe, long_answers_go_another_way_and_are_no_answer_where_there_is_none) {
    const pv_plugin& plugin = PluginEntry<HandMade>::kPlugin;
    const std::string uri = "hand:" + std::string(1000, 'x');
    pv_probe old{};
    old.size = offsetof(pv_probe, answer);
    EXPECT_EQ(plugin.probe(uri.c_str(), 0, &old), PV_ABI);
    EXPECT_EQ(old.score, 0);
    const auto generation = std::make_shared<Generation>();
    generation->plugin = plugin;
    const Offered offered = ask(generation, uri, false);
    EXPECT_EQ(offered.score, 1);
    EXPECT_EQ(offered.canonical, uri);
    EXPECT_EQ(offered.instance, uri);
    EXPECT_EQ(ask(generation, "hand:" + std::string(PV_PROBE_MAX, 'x'), false).score, 0) << "more than may be";
    const Offered shorter = ask(generation, "hand:x", false);
    EXPECT_EQ(shorter.canonical, "hand:x");
    EXPECT_EQ(ask(generation, "other:x", false).score, 0);
}

TEST(GlueManifest, says_what_the_class_says) {
    const auto parsed = parse_manifest(small::manifest(), "small.so");
    ASSERT_TRUE(parsed) << parsed.error().message;
    EXPECT_EQ(parsed->id, "small");
    EXPECT_EQ(parsed->type, "small");
    EXPECT_EQ(parsed->error_domain, 10u);
    EXPECT_THAT(parsed->provides, ElementsAre("pv.dom.config/1", "pv.dom.stats/1", "pv.net.network/1"));
    EXPECT_THAT(parsed->kinds, ElementsAre(std::uint32_t{PV_KIND_DOMAIN}, std::uint32_t{PV_KIND_NETWORK}));
    EXPECT_THAT(parsed->uses, ElementsAre());
    EXPECT_THAT(parsed->uri, ElementsAre("small"));
    EXPECT_THAT(parsed->needs, SizeIs(std::size(Services::kNeeds)));
    const Status fits = check_manifest(*parsed, service_offers(), "small.so");
    EXPECT_TRUE(fits) << fits.error().message;
}

TEST(GlueTables, have_the_slots_whose_methods_exist_and_no_other) {
    const auto* config = static_cast<const pv_dom_config*>(find_table<small::Driver>("pv.dom.config/1"));
    ASSERT_NE(config, nullptr);
    EXPECT_EQ(config->size, sizeof(pv_dom_config));
    EXPECT_NE(config->undefine, nullptr);
    EXPECT_NE(config->xml_desc, nullptr);
    EXPECT_NE(config->os_type, nullptr);
    EXPECT_EQ(config->define_xml, nullptr);
    EXPECT_EQ(config->rename, nullptr);
    const auto* network = static_cast<const pv_net_network*>(find_table<small::Driver>("pv.net.network/1"));
    ASSERT_NE(network, nullptr);
    EXPECT_NE(network->undefine, nullptr);
    EXPECT_EQ(find_table<small::Driver>("pv.dom.config/2"), nullptr);
    EXPECT_EQ(find_table<small::Driver>("pv.dom.tune/1"), nullptr);
    EXPECT_EQ(find_table<small::Driver>(""), nullptr);
}

TEST(GlueProbe, says_how_well_a_uri_fits_and_survives_the_driver) {
    const auto probe = [](const char* uri, pv_probe& answer) {
        answer = pv_probe{};
        answer.size = sizeof answer;
        return small::plugin_table().probe(uri, 0, &answer);
    };
    pv_probe answer{};
    EXPECT_EQ(probe("small:///one", answer), PV_OK);
    EXPECT_EQ(answer.score, 70);
    EXPECT_STREQ(answer.canonical, "small:///one");
    EXPECT_STREQ(answer.instance, "one");
    EXPECT_EQ(answer.lifetime, std::uint32_t{PV_LIFETIME_PER_URI});
    EXPECT_EQ(probe("other:///x", answer), PV_OK);
    EXPECT_EQ(answer.score, 0);
    EXPECT_EQ(probe("small:///long", answer), PV_ABI);
    EXPECT_EQ(answer.score, 0);
    EXPECT_EQ(probe("small:///throw", answer), PV_FAIL);
}

TEST_F(Glue, enters_methods_of_the_class_and_of_its_parts) {
    small::Driver& small = start_small();
    EXPECT_EQ(undefine(64)->status, PV_OK);
    EXPECT_EQ(small.flags_seen, 64u);
    auto call = std::make_shared<TestCall>();
    const pv_net_undefine_in in{sizeof in, 0};
    pv_net_undefine_out out{sizeof out, 0};
    instance->enter(call, PV_OP_NET_UNDEFINE, nullptr, &in, &out);
    EXPECT_EQ(call->status, PV_OK);
    EXPECT_EQ(small.networks.undefined, 1);
    EXPECT_FALSE(instance->implements(PV_OP_DOM_RENAME));
}

TEST_F(Glue, what_a_method_throws_or_returns_becomes_an_error_of_the_call) {
    start_small();
    const struct {
        std::uint32_t flags;
        ErrorCode code;
        const char* text;
    } rows[] = {{1, ErrorCode::no_domain, "no such guest"},
                {2, ErrorCode::no_memory, "out of memory"},
                {3, ErrorCode::internal_error, "internal error: broken"},
                {4, ErrorCode::internal_error, "unknown exception"},
                {5, ErrorCode::operation_invalid, "thrown on purpose"}};
    for (const auto& row : rows) {
        const auto call = undefine(row.flags);
        EXPECT_EQ(call->status, PV_FAIL) << row.flags;
        EXPECT_EQ(call->error.code, row.code) << row.flags;
        EXPECT_THAT(call->error.message, HasSubstr(row.text));
    }
    EXPECT_EQ(instance->stats().status_mended, 0u);
}

TEST_F(Glue, a_method_may_complete_later) {
    start_small();
    auto call = std::make_shared<TestCall>();
    const pv_dom_xml_desc_in in{sizeof in, 1};
    pv_dom_xml_desc_out out{sizeof out, 0, nullptr};
    instance->enter(call, PV_OP_DOM_XML_DESC, nullptr, &in, &out);
    ASSERT_TRUE(call->done.wait());
    EXPECT_EQ(call->status, PV_OK);
}

TEST_F(Glue, an_older_hosts_shorter_structs_are_not_read_or_written_beyond_their_size) {
    small::Driver& small = start_small();
    small.flags_seen = 9;
    auto call = std::make_shared<TestCall>();
    const pv_dom_undefine_in in{sizeof(std::uint32_t), 3}; // as if the host knew no flags: 3 would throw
    pv_dom_undefine_out out{sizeof out, 0};
    instance->enter(call, PV_OP_DOM_UNDEFINE, nullptr, &in, &out);
    EXPECT_EQ(call->status, PV_OK);
    EXPECT_EQ(small.flags_seen, 0u);
    auto short_result = std::make_shared<TestCall>();
    const pv_dom_info_in info_in{sizeof info_in, 0};
    pv_dom_info_out info_out{};
    info_out.size = 8;
    info_out.vcpus = 77; // not the struct's, as far as its size says
    instance->enter(short_result, PV_OP_DOM_INFO, nullptr, &info_in, &info_out);
    EXPECT_EQ(short_result->status, PV_OK);
    EXPECT_EQ(info_out.state, 1);
    EXPECT_EQ(info_out.vcpus, 77u);
    EXPECT_EQ(info_out.size, 8u);
    // A method that may complete later would write into a copy that is gone by then.
    auto refused = std::make_shared<TestCall>();
    const pv_dom_xml_desc_in xml_in{sizeof xml_in, 1};
    pv_dom_xml_desc_out xml_out{8, 0, nullptr};
    instance->enter(refused, PV_OP_DOM_XML_DESC, nullptr, &xml_in, &xml_out);
    EXPECT_EQ(refused->status, PV_FAIL);
    EXPECT_THAT(refused->error.message, HasSubstr("shorter"));
}

TEST_F(Glue, an_instance_that_cannot_be_made_leaves_nothing) {
    EXPECT_FALSE(make_small("refused"));
    EXPECT_FALSE(make_small("thrown"));
    EXPECT_THAT(lines(), IsSupersetOf({HasSubstr("no instance of that name"), HasSubstr("cannot be made")}));
    EXPECT_EQ(small::Driver::last(), nullptr);
}

TEST_F(Glue, a_start_that_throws_fails_with_that_error) {
    instance = *make_small("unstartable");
    const Status status = instance->start();
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, ErrorCode::no_connect);
    EXPECT_TRUE(instance->stop(soon(), PV_STOP_SHUTDOWN));
    EXPECT_EQ(small::Driver::last(), nullptr) << "it was not destroyed";
}

TEST_F(Glue, tells_the_class_of_clients_that_left_and_of_the_stop) {
    small::Driver& small = start_small();
    Signal told;
    small.on_closed = [&](std::uint64_t client, std::uint32_t kind, std::uint64_t object) {
        EXPECT_EQ(client, 5u);
        EXPECT_EQ(kind, 2u);
        EXPECT_EQ(object, 9u);
        told.set();
    };
    instance->tell_closed(5, {{instance->host(), 2, 9}});
    EXPECT_TRUE(told.wait());
    EXPECT_TRUE(instance->stop(soon(), PV_STOP_SHUTDOWN));
    EXPECT_EQ(small::Driver::last(), nullptr);
}

// A host of another size or with less.
const void* less(pv_host* host, const char* id, std::uint32_t min_size) noexcept {
    if (std::string_view(id) == PV_SVC_STREAM) return nullptr;
    return in_one_module(host, id, min_size);
}
struct LongLoop {
    pv_svc_loop known;
    void* later = nullptr;
};
const void* longer(pv_host* host, const char* id, std::uint32_t min_size) noexcept {
    if (std::string_view(id) != PV_SVC_LOOP) return in_one_module(host, id, min_size);
    static LongLoop table;
    table.known = *static_cast<const pv_svc_loop*>(find_service(host, id, min_size));
    table.known.size = sizeof table;
    return &table;
}

TEST_F(Glue, names_the_service_that_a_host_lacks) {
    start_small();
    const pv_host_root poor{sizeof poor, PV_ABI_MINOR, "t", "t", less};
    const auto fetched = Services::fetch(instance->host(), &poor);
    ASSERT_FALSE(fetched);
    EXPECT_THAT(fetched.error().message, HasSubstr(PV_SVC_STREAM));
}

TEST_F(Glue, takes_longer_tables_of_a_newer_host_as_they_are) {
    start_small();
    const pv_host_root newer{sizeof newer, PV_ABI_MINOR, "t", "t", longer};
    const auto fetched = Services::fetch(instance->host(), &newer);
    ASSERT_TRUE(fetched);
    EXPECT_EQ(fetched->loop->size, sizeof(LongLoop));
}

} // namespace
} // namespace polyvirt::plugin
