// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Verbs for the tests of host/rpc: a server on a loop of its own, a handler whose behaviour the
// test writes, and a peer that speaks raw packets over a blocking socket. Waits have a generous
// bound.

#include <chrono>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/sync.h"
#include "base/unique_fd.h"
#include "host/loop/event_loop.h"
#include "host/rpc/error_reply.h"
#include "host/rpc/server.h"
#include "host/work/worker_pool.h"

namespace polyvirt::rpc {

inline constexpr std::chrono::seconds kBound{60};
inline constexpr std::uint32_t kProgram = 0x20008086;
inline constexpr std::uint32_t kKeepalive = 0x6b656570;

Header call_header(std::int32_t proc, std::uint32_t serial, MsgType type = MsgType::call);
Buffer make_packet(const Header& header, std::string_view payload = {});
std::string text_of(std::span<const std::uint8_t> bytes);

// State shared between threads of a test: change() wakes whoever waits.
class Board {
  public:
    template <typename F> void change(F f) PV_EXCLUDES(level_leaf) {
        LeafLock lock(mu_);
        f();
        cv_.notify_all();
    }
    template <typename F> [[nodiscard]] bool wait(F condition) PV_EXCLUDES(level_leaf) {
        const auto until = std::chrono::steady_clock::now() + kBound;
        LeafLock lock(mu_);
        while (!condition())
            if (!cv_.wait_until(lock, until))
                return condition();
        return true;
    }
    template <typename F> auto look(F f) PV_EXCLUDES(level_leaf) {
        LeafLock lock(mu_);
        return f();
    }

  private:
    Mutex mu_{Rank::leaf};
    CondVar cv_;
};

struct Received {
    Header header;
    std::string payload;
    std::vector<UniqueFd> fds;
};

// The other end. A read that gets nothing within the bound fails the test.
class Peer {
  public:
    explicit Peer(UniqueFd fd) : fd_(std::move(fd)) {}

    void send(const Buffer& bytes);
    void send_call(std::int32_t proc, std::uint32_t serial, std::string_view payload = {}) {
        send(make_packet(call_header(proc, serial), payload));
    }
    void send_byte_with_fd(int fd); // fd -1: the byte alone
    void ping();
    // Nothing: the connection has ended.
    [[nodiscard]] std::optional<Received> receive();
    [[nodiscard]] bool receive_end() { return !receive().has_value(); }
    [[nodiscard]] bool has_input() const;
    // Sends without waiting until the socket takes no more; how many bytes it took.
    std::size_t send_what_fits(const Buffer& bytes);
    void leave() { fd_.reset(); }
    [[nodiscard]] int fd() const { return fd_.get(); }

  private:
    bool read_exactly(std::uint8_t* to, std::size_t n);
    UniqueFd fd_;
};

// Answers each call as the test says; by default with its own payload.
class TestHandler : public Handler {
  public:
    using Answer = std::function<void(const std::shared_ptr<Client>&, Message)>;

    std::shared_ptr<Session> client_arrived(Client& client) override;
    bool is_priority(const Header& header) override { return header.proc >= 1000; }
    bool answer_quickly(const std::shared_ptr<Client>& client, Message& message) override;
    void handle_call(std::shared_ptr<Client> client, Message message) override;
    void client_closed(Client& client) override;
    bool client_gone_quickly(const std::shared_ptr<Client>& client) override;
    void client_gone(std::shared_ptr<Client> client) override;

    Board board;
    Answer answer = echo;      // before the first call
    std::int32_t quick = -1;   // calls of this procedure are echoed on rpc-loop; before the first call
    unsigned quickly = 0;      // how many were
    std::vector<Message> held; // what hold() keeps
    bool holding = true;
    unsigned arrived = 0, closed = 0, calls = 0;
    std::map<Client::Id, unsigned> gone;
    bool unheard = false;         // clients go without client_gone(); before the first client
    unsigned gone_unheard = 0;

    static void echo(const std::shared_ptr<Client>& client, Message message);
    // Keeps calls of procedure 1 (and 1001) unanswered, echoes others.
    [[nodiscard]] Answer hold();
    void answer_held(std::size_t which);
    // Ends what is held without a reply, and holds nothing from now on.
    void let_go();
};

class RpcTest : public testing::Test {
  protected:
    void TearDown() override;

    void start(const Limits& limits = {});
    [[nodiscard]] Peer connect(bool authenticated = true);
    [[nodiscard]] std::shared_ptr<Client> last_client() { return last_; }
    template <typename F> void on_loop(F f) {
        auto done = std::make_shared<std::promise<void>>();
        auto future = done->get_future();
        ASSERT_TRUE(loop_.post([&f, done] {
            f();
            done->set_value();
        }));
        ASSERT_EQ(future.wait_for(kBound), std::future_status::ready);
    }
    // Asks on the loop's thread, round after round, until it is so.
    template <typename F> [[nodiscard]] bool eventually(F condition) {
        const auto until = std::chrono::steady_clock::now() + kBound;
        bool so = false;
        while (!so && std::chrono::steady_clock::now() < until)
            on_loop([&] { so = condition(); });
        return so;
    }
    [[nodiscard]] bool wait_gone(unsigned clients);

    loop::EventLoop loop_{"test-loop"};
    std::unique_ptr<work::WorkerPool> pool_;
    TestHandler handler_;
    std::unique_ptr<Server> server_;
    std::unique_ptr<loop::LoopThread> thread_;
    std::shared_ptr<Client> last_;
    work::PoolLimits pool_limits_{.min_workers = 4};
};

} // namespace polyvirt::rpc
