// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// What needs no user to exist; whole exchanges are tests/integration/remote_sasl_test.py.
#include "host/rpc/sasl.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace polyvirt::rpc {
namespace {

using testing::HasSubstr;

class Sasl : public testing::Test {
  protected:
    static std::shared_ptr<SaslService> make(std::vector<std::string> mechanisms,
                                             std::string config_dir = {}) {
        SaslOptions options;
        options.hostname = "localhost";
        options.mechanisms = std::move(mechanisms);
        options.config_dir = std::move(config_dir);
        auto made = SaslService::create(std::move(options));
        EXPECT_TRUE(made) << made.error().message;
        return made ? *made : nullptr;
    }
    static Identity over(Transport transport) {
        Identity identity;
        identity.transport = transport;
        identity.address = "[::1]:40000";
        identity.local_address = "[::1]:16509";
        identity.secret_bits = transport == Transport::tls ? 256 : 0;
        return identity;
    }
    static std::string mechanisms(SaslService& service, Transport transport) {
        auto session = service.begin(over(transport));
        if (!session)
            return session.error().message;
        const auto list = (*session)->mechanisms();
        return list ? *list : list.error().message;
    }
};

TEST_F(Sasl, offered_is_what_was_configured_and_works_there) {
    const auto service = make({"SCRAM-SHA-256", "DIGEST-MD5"});
    EXPECT_THAT(mechanisms(*service, Transport::unix_socket), HasSubstr("SCRAM-SHA-256"));
    EXPECT_THAT(mechanisms(*service, Transport::tls), HasSubstr("SCRAM-SHA-256"));
    EXPECT_EQ(mechanisms(*service, Transport::tcp), "DIGEST-MD5");
}

TEST_F(Sasl, a_connection_in_clear_text_with_nothing_that_encrypts_says_so) {
    const auto service = make({"SCRAM-SHA-256"});
    EXPECT_THAT(mechanisms(*service, Transport::tcp), HasSubstr("none encrypts"));
}

TEST_F(Sasl, nobody_comes_in_anonymously) {
    const auto service = make({"ANONYMOUS", "SCRAM-SHA-256"});
    for (const auto transport : {Transport::unix_socket, Transport::tls})
        EXPECT_EQ(mechanisms(*service, transport), "SCRAM-SHA-256");
}

TEST_F(Sasl, the_librarys_own_file_is_read_from_the_folder_given) {
    std::string name = (std::filesystem::temp_directory_path() / "pv-sasl-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    std::ofstream(name + "/libvirt.conf") << "mech_list: SCRAM-SHA-512\n";
    {
        const auto service = make({}, name);
        EXPECT_EQ(mechanisms(*service, Transport::tls), "SCRAM-SHA-512");
    }
    std::filesystem::remove_all(name);
}

TEST_F(Sasl, it_is_set_up_once_at_a_time_and_can_be_again) {
    auto service = make({});
    EXPECT_FALSE(SaslService::create({}));
    service.reset();
    EXPECT_NE(make({}), nullptr);
}

TEST_F(Sasl, a_session_keeps_the_library_alive) {
    auto service = make({"SCRAM-SHA-256"});
    auto session = service->begin(over(Transport::tls));
    ASSERT_TRUE(session);
    service.reset();
    EXPECT_TRUE((*session)->mechanisms());
}

TEST_F(Sasl, only_an_offered_mechanism_may_be_chosen) {
    const auto service = make({"SCRAM-SHA-256"});
    for (const char* wrong : {"PLAIN", "", ",", "SCRAM", "SCRAM-SHA-256,PLAIN", "scram-sha-512"}) {
        auto session = service->begin(over(Transport::tls));
        ASSERT_TRUE(session);
        const auto step = (*session)->start(wrong, std::nullopt);
        ASSERT_FALSE(step) << wrong;
        EXPECT_EQ(step.error().code, ErrorCode::auth_failed);
    }
}

TEST_F(Sasl, a_step_before_the_start_is_an_error) {
    const auto service = make({"SCRAM-SHA-256"});
    auto session = service->begin(over(Transport::tls));
    ASSERT_TRUE(session);
    EXPECT_FALSE((*session)->step(std::nullopt));
}

TEST_F(Sasl, nonsense_fails_and_names_nobody) {
    const auto service = make({"SCRAM-SHA-256", "PLAIN"});
    for (const std::string& data : {std::string(), std::string(70'000, '\0'), std::string("n,,n=\xff")})
        for (const char* mechanism : {"SCRAM-SHA-256", "PLAIN"}) {
            auto session = service->begin(over(Transport::tls));
            ASSERT_TRUE(session);
            auto step = (*session)->start(mechanism, data);
            EXPECT_FALSE(step && step->complete);
            EXPECT_EQ((*session)->user(), "");
        }
}

} // namespace
} // namespace polyvirt::rpc
