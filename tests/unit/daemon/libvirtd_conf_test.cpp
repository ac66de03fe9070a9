// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/daemon/libvirtd_conf.h"

#include <cstdlib>
#include <fstream>
#include <random>
#include <set>
#include <sstream>

#include <gmock/gmock.h>

#include "tests/unit/daemon/config_fixture.h"

namespace polyvirt::daemon {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::vector<std::string> shown(const ConfFile& file) {
    std::vector<std::string> out;
    for (const ConfItem& item : file.items) {
        std::string text = item.name + (item.is_list ? "=[" : "=");
        for (const ConfScalar& value : item.values) text += (value.is_number ? "" : "'") + value.text + ";";
        out.push_back(text);
    }
    for (const ConfProblem& wrong : file.problems)
        out.push_back(std::to_string(wrong.at.line) + ":" + std::to_string(wrong.at.column) + ": " + wrong.what);
    return out;
}

TEST(LibvirtdConf, values_of_every_form_are_read) {
    EXPECT_THAT(shown(parse_conf("# a comment\n"
                                 "a = 1\n"
                                 "  b=-20 # behind\r\n"
                                 "\n"
                                 "c = \"x # y\"\n"
                                 "d = 'it \"is\"'\n"
                                 "e = \"\"\"two\nlines\"\"\"\n"
                                 "f = [ \"one\", 'two' ,\n  # between\n  3,\n]\n"
                                 "g = []")),
                ElementsAre("a=1;", "b=-20;", "c='x # y;", "d='it \"is\";", "e='two\nlines;", "f=['one;'two;3;", "g=["));
}

TEST(LibvirtdConf, what_is_wrong_has_its_place_and_the_rest_is_read) {
    EXPECT_THAT(shown(parse_conf("a 1\nb = \nc = word\nd = \"open\ne = 1 2\n!\nf = [1 2]\n\x01 = 1\ng = 7\n")),
                ElementsAre("g=7;", "1:3: a: found '1', expected '='",
                            "2:5: b: found the end of the line, expected an integer, a text in quotes or a list in [ ]",
                            "3:5: c: found 'w', expected an integer, a text in quotes or a list in [ ]",
                            "4:5: d: the text has no end, expected \"",
                            "5:7: e: found '2' after the value, expected the end of the line",
                            "6:1: found '!', expected KEY = VALUE", "7:8: f: found '2' in the list, expected ',' or ']'",
                            "8:1: found byte 0x01, expected KEY = VALUE"));
    EXPECT_THAT(shown(parse_conf("a = [1,\n2,\n")), ElementsAre("1:5: a: the list has no end, expected ']'"));
    EXPECT_THAT(shown(parse_conf("a = \"\"\"x\n\"\"")), ElementsAre("1:5: a: the text has no end, expected \"\"\""));
    EXPECT_THAT(shown(parse_conf("a = [[1]]")), ElementsAre(HasSubstr("found '[', expected an integer")));
}

TEST(LibvirtdConf, what_a_file_may_cost_is_bounded) {
    std::string many = "a = [";
    for (int i = 0; i < 20'000; ++i) many += "1,";
    const ConfFile file = parse_conf(many + "]\n");
    EXPECT_THAT(file.problems, ElementsAre(testing::Field(&ConfProblem::what, HasSubstr("more than 10000 values"))));
    EXPECT_THAT(parse_conf(std::string(1 << 20, '!')).problems, SizeIs(1));
    std::string wrong;
    for (int i = 0; i < 10'000; ++i) wrong += "!\n";
    EXPECT_LE(parse_conf(wrong).problems.size(), 64U);
}

TEST(LibvirtdConf, noise_ends) {
    std::mt19937 random(7);
    using namespace std::string_literals;
    const std::string letters = "ab=1\"'[],#\n -\x00\xff"s;
    for (int round = 0; round < 20'000; ++round) {
        std::string text(random() % 40, ' ');
        for (char& c : text) c = letters[random() % letters.size()];
        const ConfFile file = parse_conf(text);
        EXPECT_LE(file.items.size() + file.problems.size(), 41U);
    }
}

TEST(LibvirtdConf, each_key_has_a_setting_or_a_reason) {
    std::set<std::string_view> names;
    for (const ConfKey& key : conf_keys()) {
        EXPECT_TRUE(names.insert(key.name).second) << key.name;
        EXPECT_EQ(key.value == ConfValue::none, key.setting.empty()) << key.name;
        EXPECT_TRUE(!key.setting.empty() || !key.note.empty()) << key.name;
        for (const std::string_view path : {key.setting, key.second})
            EXPECT_TRUE(path.empty() || find_setting(path) != nullptr) << path;
    }
}

class LibvirtdConfFile : public ConfigTest {
  protected:
    Config::Loaded load_conf(const std::string& text) {
        return Config::load({.file = write("libvirtd.conf", text), .must_exist = true});
    }
    std::vector<std::string> conf_problems(const std::string& text) {
        std::vector<std::string> out = load_conf(text).problems;
        for (std::string& problem : out) problem.erase(0, folder_.string().size() + 1);
        return out;
    }
};

TEST_F(LibvirtdConfFile, keys_set_what_they_are_here) {
    const Config::Loaded loaded = load_conf("listen_tls = 0\n"
                                            "listen_tcp = 1\n"
                                            "tcp_port = \"16599\"\n"
                                            "listen_addr = \"192.168.0.1\"\n"
                                            "unix_sock_rw_perms = \"0770\"\n"
                                            "unix_sock_group = \"0\"\n"
                                            "auth_unix_rw = \"polkit\"\n"
                                            "access_drivers = [ \"polkit\" ]\n"
                                            "tls_no_verify_certificate = 1\n"
                                            "tls_allowed_dn_list = [\"C=GB,O=x,CN=*\", \"CN=b\"]\n"
                                            "max_clients = 77\n"
                                            "max_anonymous_clients = 20\n"
                                            "max_client_requests = 5\n"
                                            "log_level = 3\n"
                                            "log_filters = \"1:qemu 3:rpc\"\n"
                                            "keepalive_interval = -1\n"
                                            "admin_keepalive_interval = 7\n");
    EXPECT_THAT(loaded.problems, IsEmpty());
    const Config& c = loaded.config;
    EXPECT_THAT(c.notes(), IsEmpty());
    EXPECT_FALSE(c.flag("listen.tls.enabled"));
    EXPECT_TRUE(c.flag("listen.tcp.enabled"));
    EXPECT_EQ(c.integer("listen.tcp.port"), 16599);
    EXPECT_THAT(c.list("listen.tcp.addresses"), ElementsAre("192.168.0.1"));
    EXPECT_THAT(c.list("listen.tls.addresses"), ElementsAre("192.168.0.1"));
    EXPECT_EQ(c.mode("listen.unix.mode"), 0770U);
    EXPECT_EQ(c.text("listen.unix.group"), "0");
    EXPECT_EQ(c.text("auth.unix"), "polkit");
    EXPECT_EQ(c.text("policy.backend"), "polkit");
    EXPECT_FALSE(c.flag("tls.verify_client"));
    EXPECT_THAT(c.list("tls.allowed_names"), ElementsAre("C=GB,O=x,CN=*", "CN=b"));
    EXPECT_EQ(c.integer("limits.max_clients"), 77);
    EXPECT_EQ(c.integer("limits.max_anonymous"), 20);
    EXPECT_EQ(c.integer("limits.max_in_flight"), 5);
    EXPECT_EQ(c.text("log.level"), "warning");
    EXPECT_THAT(c.list("log.filters"), ElementsAre("1:qemu", "3:rpc"));
    EXPECT_EQ(c.duration("keepalive.interval").count(), 0);
    EXPECT_EQ(c.duration("admin_keepalive.interval").count(), 7000);
    EXPECT_EQ(c.where("limits.max_clients"), path("libvirtd.conf") + ":11: limits.max_clients");
}

TEST_F(LibvirtdConfFile, what_is_wrong_is_named_by_its_key) {
    EXPECT_THAT(conf_problems("max_clinets = 5\n"),
                ElementsAre("libvirtd.conf:1:1: max_clinets: libvirtd.conf has no such key; did you mean max_clients?"));
    EXPECT_THAT(conf_problems("frobnicate = 5\n"),
                ElementsAre("libvirtd.conf:1:1: frobnicate: libvirtd.conf has no such key"));
    EXPECT_THAT(conf_problems("max_clients = 1\nmax_clients = 2\n"),
                ElementsAre("libvirtd.conf:2:1: max_clients: given twice, first at line 1"));
    EXPECT_THAT(conf_problems("\nmax_clients = \"many\"\n"),
                ElementsAre("libvirtd.conf:2:1: max_clients: limits.max_clients: found 'many', expected an integer from 1 "
                            "to 1000000"));
    EXPECT_THAT(conf_problems("max_clients = [1]\n"), ElementsAre(HasSubstr("found a list, expected a single value")));
    EXPECT_THAT(conf_problems("listen_tcp = 2\n"), ElementsAre(HasSubstr("found '2', expected 0 or 1")));
    EXPECT_THAT(conf_problems("unix_sock_rw_perms = 770\n"), ElementsAre(HasSubstr("expected a text in quotes")));
    EXPECT_THAT(conf_problems("log_level = 9\n"), ElementsAre(HasSubstr("expected an integer from 1 to 4")));
    EXPECT_THAT(conf_problems("access_drivers = [\"selinux\"]\n"), ElementsAre(HasSubstr("expected [ \"polkit\" ]")));
    EXPECT_THAT(conf_problems("sasl_allowed_username_list = []\n"), ElementsAre(HasSubstr("at least one element")));
    EXPECT_THAT(conf_problems("tls_allowed_dn_list = 5\n"), ElementsAre(HasSubstr("expected texts in quotes")));
}

TEST_F(LibvirtdConfFile, keys_without_a_meaning_here_are_noted) {
    const Config::Loaded loaded = load_conf("audit_level = 2\n");
    EXPECT_THAT(loaded.problems, IsEmpty());
    EXPECT_THAT(loaded.config.notes(), ElementsAre(HasSubstr("libvirtd.conf:1:1: audit_level has no meaning here: ")));
}

TEST_F(LibvirtdConfFile, is_read_where_there_is_no_yaml_and_drop_ins_win) {
    const std::string old = write("libvirt/libvirtd.conf", "max_clients = 7\nmin_workers = 3\n");
    write("polyvirtd.d/10.yaml", "limits: {max_clients: 8}\n");
    const ConfigFiles files{.file = path("polyvirtd.yaml"), .instead = old};
    const Config::Loaded without = Config::load(files);
    EXPECT_THAT(without.problems, IsEmpty());
    EXPECT_EQ(without.config.integer("limits.max_clients"), 8);
    EXPECT_EQ(without.config.integer("workers.min"), 3);
    EXPECT_THAT(without.config.notes(), ElementsAre(HasSubstr("is read, as there is no ")));
    write("polyvirtd.yaml", "");
    EXPECT_EQ(Config::load(files).config.integer("workers.min"), 2);
}

TEST(LibvirtdConf, docs_have_the_table) {
    const std::string docs = std::string(POLYVIRT_SOURCE_DIR) + "/docs/configuration.md";
    const std::string begin = "<!-- keys of libvirtd.conf: made from host/daemon/libvirtd_keys.cpp -->\n", end = "<!-- end of keys -->\n";
    std::stringstream in;
    in << std::ifstream(docs).rdbuf();
    std::string text = in.str();
    const std::size_t at = text.find(begin), stop = text.find(end);
    ASSERT_TRUE(at != std::string::npos && stop != std::string::npos) << docs;
    const std::size_t from = at + begin.size();
    if (std::getenv("POLYVIRT_UPDATE_DOCS") != nullptr) { // NOLINT(concurrency-mt-unsafe): one thread
        std::ofstream(docs) << text.replace(from, stop - from, conf_keys_markdown());
        return;
    }
    EXPECT_EQ(text.substr(from, stop - from), conf_keys_markdown())
        << "run this test once with POLYVIRT_UPDATE_DOCS=1 (docs/configuration.md)";
}

} // namespace
} // namespace polyvirt::daemon
