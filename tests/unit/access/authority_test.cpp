// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// polkit that cannot be asked: each question ends with an error that says why, by its deadline. How polkit's
// answers are understood is tested with a bus (tests/integration/polkit_test.py).

#include "host/access/authority.h"

#include <filesystem>
#include <future>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/unique_fd.h"
#include "host/access/polkit_actions.h"

namespace polyvirt::access {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

Question question(std::int64_t pid = 1) { return {.action = "org.example.act", .uid = 0, .pid = pid, .start_time = 7}; }

std::future<Result<Answer>> ask(Authority& authority, Question q, std::chrono::milliseconds deadline) {
    auto promise = std::make_shared<std::promise<Result<Answer>>>();
    auto future = promise->get_future();
    authority.ask(std::move(q), deadline, [promise](Result<Answer> answer) { promise->set_value(std::move(answer)); });
    return future;
}

Error error_of(std::future<Result<Answer>> future) {
    if (future.wait_for(60s) != std::future_status::ready) return {.message = "nothing in a minute"};
    const auto answer = future.get();
    return answer ? Error{.message = "an answer"} : answer.error();
}

// A socket that takes connections and never says a word.
class SilentBus {
  public:
    SilentBus() {
        std::string folder = std::filesystem::temp_directory_path() / "pvbus.XXXXXX";
        folder_ = ::mkdtemp(folder.data());
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        const std::string path = folder_ + "/bus";
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        fd_ = UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        EXPECT_EQ(::listen(fd_.get(), 16), 0);
    }
    ~SilentBus() { std::filesystem::remove_all(folder_); }
    [[nodiscard]] std::string address() const { return "unix:path=" + folder_ + "/bus"; }

  private:
    std::string folder_;
    UniqueFd fd_;
};

TEST(Authority, bus_that_is_not_there_is_an_error_that_says_so) {
    Authority authority({.bus = "unix:path=/nonexistent/bus"});
    const Error error = error_of(ask(authority, question(), 30s));
    EXPECT_EQ(error.code, ErrorCode::dbus_service);
    EXPECT_THAT(error.message, HasSubstr("the message bus cannot be reached"));
}

TEST(Authority, bus_that_is_silent_ends_at_the_deadline) {
    const SilentBus bus;
    Authority authority({.bus = bus.address()});
    const Error error = error_of(ask(authority, question(), 50ms));
    EXPECT_EQ(error.code, ErrorCode::dbus_service);
    EXPECT_THAT(error.message, HasSubstr("did not answer within the deadline"));
}

TEST(Authority, stopping_ends_open_questions_and_later_ones) {
    const SilentBus bus;
    Authority authority({.bus = bus.address()});
    auto open = ask(authority, question(), 1h);
    authority.stop();
    EXPECT_THAT(error_of(std::move(open)).message, HasSubstr("the daemon stops"));
    EXPECT_EQ(error_of(ask(authority, question(), 1h)).code, ErrorCode::resource_busy);
}

TEST(Authority, takes_only_so_many_questions_at_a_time) {
    const SilentBus bus;
    Authority authority({.bus = bus.address(), .max_open = 2});
    auto first = ask(authority, question(1), 1h), second = ask(authority, question(2), 1h);
    EXPECT_EQ(error_of(ask(authority, question(3), 1h)).code, ErrorCode::resource_busy);
    authority.stop();
}

TEST(Authority, errors_are_not_kept) {
    Authority authority({.bus = "unix:path=/nonexistent/bus"});
    (void)error_of(ask(authority, question(), 30s));
    EXPECT_EQ(authority.known(question()), std::nullopt);
}

Question about(std::string_view permission, const Object& object) {
    Subject subject;
    subject.uid = 5;
    subject.pid = 6;
    subject.start_time = 7;
    return api_question(subject, *find_permission(permission), object, "QEMU");
}

TEST(PolkitActions, are_those_that_administrators_know) {
    EXPECT_EQ(api_action(*find_permission("domain.getattr")), "org.libvirt.api.domain.getattr");
    EXPECT_EQ(api_action(*find_permission("storage_pool.search_storage_vols")),
              "org.libvirt.api.storage-pool.search-storage-vols");
}

TEST(PolkitActions, details_name_the_object) {
    const Uuid uuid = *Uuid::parse("c7a5fdbd-cdaf-9455-926a-d65c16db1809");
    const Question q = about("domain.start", {.kind = Kind::domain, .name = "web", .uuid = uuid});
    EXPECT_EQ(q.uid, 5);
    EXPECT_EQ(q.pid, 6);
    EXPECT_EQ(q.start_time, 7U);
    EXPECT_THAT(q.details, ElementsAre(Pair("connect_driver", "QEMU"), Pair("domain_name", "web"),
                                       Pair("domain_uuid", uuid.to_string())));
}

TEST(PolkitActions, details_come_from_keys_and_parents_too) {
    const std::pair<std::string, std::string> keys[] = {{"key", "/images/a"}};
    EXPECT_THAT(
        about("storage_vol.read", {.kind = Kind::storage_vol, .name = "a", .parent = "images", .keys = keys}).details,
        ElementsAre(Pair("connect_driver", "QEMU"), Pair("vol_name", "a"), Pair("pool_name", "images"),
                    Pair("vol_key", "/images/a")));
    const std::pair<std::string, std::string> usage[] = {{"usage-type", "2"}, {"usage-id", "ceph key"}};
    EXPECT_THAT(about("secret.read", {.kind = Kind::secret, .keys = usage}).details,
                ElementsAre(Pair("connect_driver", "QEMU"), Pair("secret_usage_ceph", "ceph key")));
}

TEST(PolkitActions, connection_and_unknown_objects_have_no_details_of_their_own) {
    EXPECT_THAT(about("connect.read", {}).details, ElementsAre(Pair("connect_driver", "QEMU")));
    EXPECT_THAT(about("domain.start", {.kind = Kind::domain, .known = false, .name = "x"}).details,
                ElementsAre(Pair("connect_driver", "QEMU")));
}

} // namespace
} // namespace polyvirt::access
