// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/rpc/tls_context.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "tls_fixture.h"

namespace polyvirt::rpc {
namespace {

using testing::HasSubstr;
using Progress = TlsSession::Progress;

class Tls : public testing::Test {
  protected:
    Tls() {
        std::string name = (std::filesystem::temp_directory_path() / "pv-tls-XXXXXX").string();
        EXPECT_NE(::mkdtemp(name.data()), nullptr);
        folder_ = name;
        options_.ca = write("ca.pem", ca_.certificate_pem());
        options_.certificate = write("cert.pem", server_.certificate_pem());
        options_.key = write("key.pem", server_.key_pem());
    }
    ~Tls() override { std::filesystem::remove_all(folder_); }

    std::string write(const std::string& name, const std::string& text, mode_t mode = 0600) {
        const std::string path = folder_ + "/" + name;
        std::ofstream(path) << text;
        ::chmod(path.c_str(), mode);
        return path;
    }
    std::shared_ptr<TlsContext> context() {
        auto made = TlsContext::create(options_);
        EXPECT_TRUE(made) << made.error().message;
        return made ? *made : nullptr;
    }
    std::string why_not() {
        const auto made = TlsContext::create(options_);
        return made ? "it was made" : made.error().message;
    }
    // What a client with this certificate comes to, and the server's words.
    std::pair<Progress, std::string> meet(TlsContext& context, const TestCertificate* own) {
        TestTlsClient client(own);
        const auto session = context.new_session();
        const Progress progress = client.shake_hands(*session);
        return {progress, progress == Progress::done ? session->client_name() : session->failure()};
    }
    TestCertificate client(const TestSubject& subject) { return make_certificate(subject, &ca_); }

    TestCertificate ca_ = make_certificate({.name = "ca", .authority = true}, nullptr);
    TestCertificate server_ = make_certificate({.name = "server"}, &ca_);
    TlsOptions options_;
    std::string folder_;
};

TEST_F(Tls, a_client_of_the_authority_is_known_by_name) {
    const auto tls = context();
    const auto alice = client({.name = "alice"});
    EXPECT_THAT(meet(*tls, &alice),
                testing::Pair(Progress::done, "C=GB,O=polyvirt\\, tests,CN=alice"));
}

TEST_F(Tls, others_are_refused_and_the_reason_names_them) {
    const auto tls = context();
    const auto other_ca = make_certificate({.name = "ca2", .authority = true}, nullptr);
    const auto mallory = make_certificate({.name = "mallory"}, &other_ca);
    const auto old = client({.name = "old", .from_days = -20, .to_days = -10});
    const auto early = client({.name = "early", .from_days = 10});
    EXPECT_THAT(meet(*tls, &mallory), testing::Pair(Progress::failed, HasSubstr("CN=mallory")));
    EXPECT_THAT(meet(*tls, &old), testing::Pair(Progress::failed, HasSubstr("expired")));
    EXPECT_THAT(meet(*tls, &early), testing::Pair(Progress::failed, HasSubstr("not yet valid")));
    EXPECT_THAT(meet(*tls, nullptr), testing::Pair(Progress::failed, HasSubstr("certificate")));
}

TEST_F(Tls, names_must_fit_a_pattern) {
    options_.allowed_names = {"*CN=al*", "C=DE,*"};
    const auto tls = context();
    const auto alice = client({.name = "alice"}), bob = client({.name = "bob"});
    EXPECT_EQ(meet(*tls, &alice).first, Progress::done);
    EXPECT_THAT(meet(*tls, &bob), testing::Pair(Progress::failed, HasSubstr("allowed names")));
}

TEST_F(Tls, patterns_take_a_backslash_as_it_stands) {
    EXPECT_TRUE(name_allowed({"C=GB,O=a\\, b,*"}, "C=GB,O=a\\, b,CN=x"));
    EXPECT_FALSE(name_allowed({"C=GB,O=a, b,*"}, "C=GB,O=a\\, b,CN=x"));
    EXPECT_TRUE(name_allowed({}, "anything"));
}

TEST_F(Tls, without_verification_nobody_is_asked) {
    options_.verify_client = false;
    EXPECT_EQ(meet(*context(), nullptr), std::pair(Progress::done, std::string()));
}

TEST_F(Tls, a_revoked_client_is_refused) {
    const auto bob = client({.name = "bob"}), alice = client({.name = "alice"});
    options_.crl = write("crl.pem", make_crl(ca_, &bob));
    const auto tls = context();
    EXPECT_THAT(meet(*tls, &bob), testing::Pair(Progress::failed, HasSubstr("revoked")));
    EXPECT_EQ(meet(*tls, &alice).first, Progress::done);
}

TEST_F(Tls, an_issuer_without_a_list_is_no_reason_to_refuse) {
    const auto other_ca = make_certificate({.name = "ca2", .authority = true}, nullptr);
    write("ca.pem", ca_.certificate_pem() + other_ca.certificate_pem());
    options_.crl = write("crl.pem", make_crl(other_ca, nullptr));
    const auto alice = client({.name = "alice"});
    EXPECT_EQ(meet(*context(), &alice).first, Progress::done);
}

TEST_F(Tls, a_list_may_be_missing_unless_it_was_asked_for) {
    options_.crl = folder_ + "/none.pem";
    EXPECT_NE(context(), nullptr);
    options_.crl_required = true;
    EXPECT_THAT(why_not(), HasSubstr("none.pem': cannot open it"));
}

TEST_F(Tls, an_expired_list_is_an_error) {
    options_.crl = write("crl.pem", make_crl(ca_, nullptr, -1));
    EXPECT_THAT(why_not(), HasSubstr("crl.pem': it has expired on"));
}

TEST_F(Tls, a_reload_is_for_those_who_come_after_it) {
    const auto bob = client({.name = "bob"});
    options_.crl = write("crl.pem", make_crl(ca_, nullptr));
    const auto tls = context();
    TestTlsClient before(&bob);
    const auto session = tls->new_session();
    ASSERT_EQ(before.shake_hands(*session), Progress::done);
    write("crl.pem", make_crl(ca_, &bob));
    EXPECT_EQ(meet(*tls, &bob).first, Progress::done);
    ASSERT_TRUE(tls->reload());
    EXPECT_EQ(meet(*tls, &bob).first, Progress::failed);
    Buffer wire;
    ASSERT_TRUE(session->encode({reinterpret_cast<const std::uint8_t*>("still"), 5}, wire));
    EXPECT_EQ(before.decode(wire), "still");
}

TEST_F(Tls, a_reload_that_fails_changes_nothing) {
    const auto tls = context();
    write("cert.pem", "nonsense");
    const auto status = tls->reload();
    ASSERT_FALSE(status);
    EXPECT_THAT(status.error().message, HasSubstr("there is no certificate in it"));
    const auto alice = client({.name = "alice"});
    EXPECT_EQ(meet(*tls, &alice).first, Progress::done);
}

TEST_F(Tls, errors_say_which_file_and_what_is_wrong) {
    options_.key = write("open.pem", server_.key_pem(), 0644);
    EXPECT_THAT(why_not(), HasSubstr("open.pem': its permissions 0644 are too open"));
    const auto other = make_certificate({.name = "other"}, &ca_);
    options_.key = write("other.pem", other.key_pem());
    EXPECT_THAT(why_not(), HasSubstr("other.pem': it is not the key of the certificate"));
    options_.key = write("nokey.pem", "hello");
    EXPECT_THAT(why_not(), HasSubstr("nokey.pem': there is no private key in it"));
    const auto old = make_certificate({.name = "s", .from_days = -9, .to_days = -3}, &ca_);
    options_.certificate = write("old.pem", old.certificate_pem());
    EXPECT_THAT(why_not(), HasSubstr("old.pem': the certificate of 'C=GB"));
    options_.certificate = write("cut.pem", server_.certificate_pem().substr(0, 200));
    EXPECT_THAT(why_not(), HasSubstr("cut.pem': it is damaged"));
    options_.ca = folder_;
    EXPECT_THAT(why_not(), HasSubstr("it is no regular file"));
    options_.ca = folder_ + "/nowhere";
    EXPECT_THAT(why_not(), HasSubstr("nowhere': cannot open it"));
}

TEST_F(Tls, a_certificate_of_another_authority_is_an_error) {
    const auto other_ca = make_certificate({.name = "ca2", .authority = true}, nullptr);
    options_.ca = write("ca2.pem", other_ca.certificate_pem());
    EXPECT_THAT(why_not(), HasSubstr("cert.pem': "));
}

TEST_F(Tls, unknown_ciphers_are_an_error) {
    options_.ciphersuites = "NO_SUCH";
    EXPECT_THAT(why_not(), HasSubstr("ciphersuites 'NO_SUCH': no such ciphers"));
    options_.ciphersuites.clear();
    options_.ciphers = "NO_SUCH";
    EXPECT_THAT(why_not(), HasSubstr("ciphers 'NO_SUCH': no such ciphers"));
}

TEST_F(Tls, what_is_encoded_is_decoded_in_any_pieces) {
    const auto tls = context();
    const auto alice = client({.name = "alice"});
    TestTlsClient peer(&alice);
    const auto session = tls->new_session();
    ASSERT_EQ(peer.shake_hands(*session), Progress::done);
    EXPECT_GE(session->secret_bits(), 128U);
    const std::string plain(50'000, 'x');
    const std::string wire = peer.encode(plain);
    std::string got;
    for (std::size_t at = 0; at < wire.size(); at += 777) {
        const auto n = std::min<std::size_t>(777, wire.size() - at);
        const auto more = session->decode(
            {reinterpret_cast<const std::uint8_t*>(wire.data()) + at, n}, [&](Layer::Bytes part) {
                got.append(reinterpret_cast<const char*>(part.data()), part.size());
                return true;
            });
        ASSERT_TRUE(more);
    }
    EXPECT_EQ(got, plain);
}

TEST_F(Tls, damaged_records_are_an_error) {
    const auto tls = context();
    const auto alice = client({.name = "alice"});
    TestTlsClient peer(&alice);
    const auto session = tls->new_session();
    ASSERT_EQ(peer.shake_hands(*session), Progress::done);
    std::string wire = peer.encode("hello");
    wire.back() = static_cast<char>(wire.back() ^ 1);
    const auto got =
        session->decode({reinterpret_cast<const std::uint8_t*>(wire.data()), wire.size()},
                        [](Layer::Bytes) { return true; });
    EXPECT_FALSE(got);
}

TEST_F(Tls, an_endless_handshake_is_not_taken) {
    const auto session = context()->new_session();
    const Buffer part(60'000, 0x16);
    EXPECT_TRUE(session->feed(part));
    EXPECT_TRUE(session->feed(part));
    EXPECT_FALSE(session->feed(part));
}

} // namespace
} // namespace polyvirt::rpc
