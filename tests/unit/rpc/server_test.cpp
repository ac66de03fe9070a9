// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/rpc/server.h"

#include <filesystem>
#include <thread>

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "rpc_fixture.h"

namespace polyvirt::rpc {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

class ServerTest : public RpcTest {
  protected:
    ServerTest() {
        std::string name = (std::filesystem::temp_directory_path() / "pv-rpc-XXXXXX").string();
        EXPECT_NE(::mkdtemp(name.data()), nullptr);
        folder_ = name;
        path_ = name + "/sock";
    }
    ~ServerTest() override {
        std::filesystem::remove_all(folder_);
    }
    // A blocking connection through the listening socket.
    [[nodiscard]] Peer dial() {
        UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path_.copy(address.sun_path, sizeof address.sun_path - 1);
        EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
                  0)
            << path_;
        return Peer(std::move(fd));
    }
    void serve(const Limits& limits = {}, ListenerConfig config = {}) {
        start(limits);
        config.path = path_;
        const auto status = server_->add_listener(config);
        ASSERT_TRUE(status) << status.error().message;
        server_->start_serving();
    }
    static testing::AssertionResult answers(Peer& peer, std::uint32_t serial) {
        peer.send_call(2, serial);
        const auto r = peer.receive();
        if (r && r->header.serial == serial)
            return testing::AssertionSuccess();
        return testing::AssertionFailure() << "no answer";
    }

    std::string folder_, path_;
};

TEST_F(ServerTest, early_clients_wait_until_it_serves) {
    start();
    ASSERT_TRUE(server_->add_listener({.path = path_}));
    Peer peer = dial();
    peer.send_call(2, 1);
    on_loop([] {});
    EXPECT_EQ(server_->stats().accepted, 0U);
    server_->start_serving();
    EXPECT_EQ(peer.receive()->header.serial, 1U);
}

TEST_F(ServerTest, a_client_is_known_by_its_credentials) {
    serve({}, {.readonly = true});
    Peer peer = dial();
    ASSERT_TRUE(answers(peer, 1));
    const auto client = server_->find_client(1);
    ASSERT_TRUE(client);
    const Identity identity = client->identity();
    EXPECT_EQ(identity.uid, ::geteuid());
    EXPECT_EQ(identity.gid, ::getegid());
    EXPECT_EQ(identity.pid, ::getpid());
    EXPECT_TRUE(identity.readonly);
    EXPECT_TRUE(client->readonly());
    EXPECT_TRUE(client->authenticated());
    EXPECT_NE(client->session(), nullptr);
    EXPECT_EQ(client->server_name(), "test");
    EXPECT_NE(process_start_time(identity.pid), 0U);
    EXPECT_EQ(process_start_time(1 << 30), 0U);
    EXPECT_EQ(server_->clients().size(), 1U);
}

TEST_F(ServerTest, ids_are_never_used_again) {
    serve();
    for (Client::Id id = 1; id <= 5; ++id) {
        Peer peer = dial();
        ASSERT_TRUE(answers(peer, 1));
        EXPECT_NE(server_->find_client(id), nullptr);
        peer.leave();
        ASSERT_TRUE(wait_gone(static_cast<unsigned>(id)));
        EXPECT_EQ(server_->find_client(id), nullptr);
    }
}

TEST_F(ServerTest, a_client_may_go_without_a_worker_but_not_before_its_last_call) {
    handler_.unheard = true;
    handler_.answer = handler_.hold();
    serve();
    Peer idle = dial(); // without a call, whose worker may be there a moment longer than its reply
    ASSERT_TRUE(handler_.board.wait([&] { return handler_.arrived == 1; }));
    Peer busy = dial();
    busy.send_call(1, 1);
    ASSERT_TRUE(handler_.board.wait([&] { return handler_.held.size() == 1; }));
    idle.leave();
    ASSERT_TRUE(wait_gone(1));
    busy.leave();
    ASSERT_TRUE(handler_.board.wait([&] { return handler_.closed == 2; }));
    EXPECT_EQ(handler_.board.look([&] { return handler_.gone.size(); }), 1U);
    handler_.answer_held(0); // on this thread: its client goes on a worker, or on rpc-loop, if that is not yet through
    ASSERT_TRUE(wait_gone(2));
    handler_.board.look([&] {
        EXPECT_GE(handler_.gone_unheard, 1U);
        EXPECT_EQ(handler_.gone, (std::map<Client::Id, unsigned>{{1, 1}, {2, 1}}));
        return 0;
    });
    EXPECT_TRUE(server_->drain(kBound));
    EXPECT_TRUE(server_->close_clients("end of test", kBound));
}

TEST_F(ServerTest, a_stop_refuses_new_calls_and_drains_the_running_ones) {
    handler_.answer = handler_.hold();
    serve();
    Peer peer = dial();
    peer.send_call(1, 1);
    ASSERT_TRUE(handler_.board.wait([&] { return handler_.held.size() == 1; }));
    server_->stop_accepting();
    EXPECT_FALSE(std::filesystem::exists(path_));
    peer.send_call(2, 2);
    const auto refusal = peer.receive();
    ASSERT_TRUE(refusal);
    EXPECT_EQ(refusal->header.serial, 2U);
    EXPECT_EQ(refusal->header.status, MsgStatus::error);
    EXPECT_THAT(refusal->payload, HasSubstr("stopping"));
    EXPECT_FALSE(server_->drain(milliseconds(1)));
    std::thread answering([&] { handler_.answer_held(0); });
    EXPECT_TRUE(server_->drain(kBound));
    answering.join();
    EXPECT_EQ(peer.receive()->header.serial, 1U);
    EXPECT_TRUE(server_->close_clients("end of test", kBound));
    EXPECT_TRUE(peer.receive_end());
    EXPECT_EQ(handler_.gone.size(), 1U);
}

TEST_F(ServerTest, a_thousand_clients_come_call_and_leave) {
    serve({.max_clients = 2000});
    constexpr unsigned kClients = 1000, kThreads = 4;
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < kThreads; ++t)
        threads.emplace_back([&] {
            std::vector<Peer> peers;
            for (unsigned i = 0; i < kClients / kThreads; ++i) {
                peers.push_back(dial());
                peers.back().send_call(2, i);
                if (i % 3 == 0)
                    peers[i / 2].leave(); // some in the middle of a call
            }
            for (unsigned i = 0; i < peers.size(); ++i)
                if (peers[i].fd() >= 0) {
                    const auto r = peers[i].receive();
                    EXPECT_TRUE(r && r->header.serial == i);
                }
        });
    for (auto& thread : threads)
        thread.join();
    ASSERT_TRUE(wait_gone(kClients));
    EXPECT_EQ(server_->stats().clients, 0U);
    EXPECT_EQ(server_->stats().accepted, kClients);
    EXPECT_EQ(server_->stats().input_bytes, 0U);
    handler_.board.look([&] {
        for (const auto& [id, times] : handler_.gone)
            EXPECT_EQ(times, 1U) << id;
        EXPECT_EQ(handler_.arrived, kClients);
        EXPECT_EQ(handler_.closed, kClients);
        return 0;
    });
}

TEST_F(ServerTest, silent_clients_make_room_for_those_that_speak) {
    serve({.max_clients = 4, .reserved_clients = 0});
    std::vector<Peer> silent;
    for (int i = 0; i < 4; ++i)
        silent.push_back(dial());
    ASSERT_TRUE(handler_.board.wait([&] { return handler_.arrived == 4; }));
    Peer peer = dial();
    ASSERT_TRUE(answers(peer, 1));
    EXPECT_TRUE(silent[0].receive_end()); // the oldest
    EXPECT_FALSE(silent[1].has_input());
}

TEST_F(ServerTest, a_full_house_turns_newcomers_away_but_keeps_places_for_root) {
    serve({.max_clients = 2, .reserved_clients = 1});
    std::vector<Peer> peers;
    for (std::uint32_t i = 0; i < 3; ++i) { // the daemon's own user has one place more
        peers.push_back(dial());
        ASSERT_TRUE(answers(peers.back(), i));
    }
    Peer late = dial();
    EXPECT_TRUE(late.receive_end());
    EXPECT_EQ(server_->stats().turned_away, 1U);
    int fds[2] = {-1, -1};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    const UniqueFd far(fds[1]);
    Identity stranger;
    stranger.uid = 12345;
    EXPECT_EQ(server_->add_client(UniqueFd(fds[0]), stranger, true), nullptr);
    for (std::uint32_t i = 0; i < 3; ++i)
        EXPECT_TRUE(answers(peers[i], 100 + i));
}

TEST_F(ServerTest, a_peer_at_its_quota_makes_room_among_its_own) {
    serve({.max_clients = 100, .max_clients_per_peer = 3});
    std::vector<Peer> others;
    const auto of_user = [&](uid_t uid) {
        int fds[2] = {-1, -1};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        others.emplace_back(UniqueFd(fds[1]));
        Identity who;
        who.uid = uid;
        return server_->add_client(UniqueFd(fds[0]), who, true);
    };
    ASSERT_NE(of_user(1001), nullptr);
    for (int i = 0; i < 4; ++i)
        ASSERT_NE(of_user(1002), nullptr);
    EXPECT_TRUE(others[1].receive_end()) << "the oldest silent one of that user, not of all";
    EXPECT_FALSE(others[0].has_input());
    for (unsigned i = 2; i < 5; ++i)
        ASSERT_TRUE(answers(others[i], i));
    EXPECT_EQ(of_user(1002), nullptr) << "all of them have spoken";
    EXPECT_NE(of_user(1001), nullptr);
    Peer own = dial();
    EXPECT_TRUE(answers(own, 9)) << "the daemon's own user has no quota";
}

TEST_F(ServerTest, too_many_anonymous_clients_push_out_the_oldest_silent_one) {
    serve({.max_anonymous = 3}, {.auth = AuthMethod::sasl});
    Peer first = dial();
    ASSERT_TRUE(answers(first, 1)); // it has said something, though it is not authenticated
    std::vector<Peer> silent;
    for (int i = 0; i < 2; ++i)
        silent.push_back(dial());
    ASSERT_TRUE(handler_.board.wait([&] { return handler_.arrived == 3; }));
    Peer late = dial();
    ASSERT_TRUE(answers(late, 2));
    EXPECT_TRUE(silent[0].receive_end());
    EXPECT_TRUE(answers(first, 3));
    EXPECT_EQ(server_->stats().anonymous, 3U);
}

TEST_F(ServerTest, who_does_not_authenticate_in_time_is_closed) {
    serve({.auth_deadline = milliseconds(50)}, {.auth = AuthMethod::sasl});
    Peer slow = dial(), quick = dial();
    ASSERT_TRUE(answers(quick, 1));
    for (const auto& client : server_->clients())
        if (client->stats().calls != 0)
            client->set_authenticated("user", "");
    EXPECT_TRUE(slow.receive_end());
    EXPECT_TRUE(answers(quick, 2));
    EXPECT_EQ(server_->clients().front()->identity().sasl_user, "user");
}

TEST_F(ServerTest, limits_change_while_clients_are_connected) {
    handler_.answer = handler_.hold();
    serve({.max_in_flight = 1});
    Peer peer = dial();
    for (std::uint32_t i = 0; i < 4; ++i)
        peer.send_call(1, i);
    ASSERT_TRUE(handler_.board.wait([&] { return handler_.held.size() == 1; }));
    Limits limits = server_->limits();
    limits.max_in_flight = 4;
    server_->set_limits(limits);
    EXPECT_TRUE(handler_.board.wait([&] { return handler_.held.size() == 4; }));
}

TEST_F(ServerTest, running_out_of_descriptors_closes_the_silent_and_goes_on) {
#ifdef __SANITIZE_ADDRESS__
    GTEST_SKIP() << "UBSan looks at the types of objects through a pipe, for which nothing is left here";
#endif
    serve();
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    std::vector<Peer> silent;
    for (int i = 0; i < 8; ++i)
        silent.push_back(dial());
    ASSERT_TRUE(handler_.board.wait([&] { return handler_.arrived == 8; }));
    UniqueFd mine(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    rlimit low = before;
    const UniqueFd lowest_free(::dup(0)); // no number below this one is free
    low.rlim_cur = static_cast<rlim_t>(lowest_free.get());
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
    ASSERT_EQ(::connect(mine.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
              0);
    Peer peer(std::move(mine));
    const auto served = answers(peer, 1);
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    EXPECT_TRUE(served);
    EXPECT_TRUE(silent[0].receive_end());
}

TEST_F(ServerTest, it_may_be_destroyed_while_clients_talk) {
    serve();
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([peer = dial()]() mutable {
            for (std::uint32_t i = 0;; ++i) {
                peer.send_call(2, i);
                const auto r = peer.receive();
                if (!r)
                    return;
                EXPECT_EQ(r->header.serial, i);
            }
        });
    ASSERT_TRUE(handler_.board.wait([&] { return handler_.calls > 200; }));
    server_.reset();
    for (auto& thread : threads)
        thread.join();
    EXPECT_EQ(handler_.gone.size(), 4U);
}

class ListenerTest : public ServerTest {
  protected:
    [[nodiscard]] mode_t mode_of(const std::string& path) {
        struct stat s {};
        EXPECT_EQ(::stat(path.c_str(), &s), 0);
        return s.st_mode & 07777;
    }
};

TEST_F(ListenerTest, the_file_has_the_mode_asked_for_whatever_the_umask) {
    for (const mode_t umask_now : {mode_t{0}, mode_t{0777}}) {
        const mode_t before = ::umask(umask_now);
        const auto listener = Listener::open({.path = path_, .mode = 0666});
        ::umask(before);
        ASSERT_TRUE(listener) << listener.error().message;
        EXPECT_EQ(mode_of(path_), 0666U);
    }
}

TEST_F(ListenerTest, its_file_goes_with_it_unless_it_is_anothers_by_now) {
    {
        const auto listener = Listener::open({.path = path_});
        ASSERT_TRUE(listener);
    }
    EXPECT_FALSE(std::filesystem::exists(path_));
    {
        const auto first = Listener::open({.path = path_});
        ASSERT_TRUE(first);
        std::filesystem::remove(path_);
        const auto second = Listener::open({.path = path_ + "2"});
        ASSERT_TRUE(second);
        std::filesystem::rename(path_ + "2", path_);
        // destroyed in reverse: the second finds its name gone, the first another's file
    }
    EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(ListenerTest, a_stale_socket_is_replaced) {
    {
        UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path_.copy(address.sun_path, sizeof address.sun_path - 1);
        ASSERT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    }
    ASSERT_TRUE(std::filesystem::exists(path_));
    serve();
    Peer peer = dial();
    EXPECT_TRUE(answers(peer, 1));
}

TEST_F(ListenerTest, a_live_socket_is_left_alone) {
    serve();
    const auto second = Listener::open({.path = path_});
    ASSERT_FALSE(second);
    EXPECT_THAT(second.error().message, HasSubstr(path_));
    Peer peer = dial();
    EXPECT_TRUE(answers(peer, 1));
}

TEST_F(ListenerTest, what_is_no_socket_is_left_alone) {
    std::filesystem::create_directory(path_);
    const auto listener = Listener::open({.path = path_});
    ASSERT_FALSE(listener);
    EXPECT_THAT(listener.error().message, HasSubstr("no socket"));
    EXPECT_TRUE(std::filesystem::is_directory(path_));
}

TEST_F(ListenerTest, a_path_too_long_is_named_with_the_limit) {
    const auto listener = Listener::open({.path = folder_ + "/" + std::string(120, 'l')});
    ASSERT_FALSE(listener);
    EXPECT_THAT(listener.error().message, HasSubstr("107"));
}

TEST_F(ListenerTest, a_folder_that_is_not_there_is_an_error) {
    const auto listener = Listener::open({.path = folder_ + "/none/sock"});
    ASSERT_FALSE(listener);
    EXPECT_EQ(listener.error().code, ErrorCode::system_error);
}

TEST_F(ListenerTest, an_adopted_socket_serves_and_keeps_its_file) {
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    start();
    EXPECT_FALSE(server_->adopt_listener(UniqueFd(::dup(fd.get())), {.path = path_}));
    ASSERT_EQ(::listen(fd.get(), 10), 0);
    ASSERT_TRUE(server_->adopt_listener(std::move(fd), {.path = path_}));
    server_->start_serving();
    {
        Peer peer = dial();
        EXPECT_TRUE(answers(peer, 1));
    }
    server_.reset();
    EXPECT_TRUE(std::filesystem::exists(path_));
}

} // namespace
} // namespace polyvirt::rpc
