// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/plugin/stream.h"

#include <cstring>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <polyvirt/abi/loop.h>
#include <polyvirt/abi/stream.h>

#include "tests/unit/plugin/fixtures.h"

namespace polyvirt::plugin {
namespace {

// The client's end: takes `window` bytes, then nothing until give() makes room.
class FakeClient final : public StreamTransport {
  public:
    void set_receiver(std::shared_ptr<StreamReceiver> r) override { receiver = std::move(r); }
    std::size_t send(std::span<const std::byte> bytes) override {
        const LeafLock lock(mu);
        const std::size_t n = over ? 0 : std::min(bytes.size(), window);
        received.append(reinterpret_cast<const char*>(bytes.data()), n);
        window -= n;
        news.notify_all();
        return n;
    }
    bool send_hole(std::int64_t length) override {
        const LeafLock lock(mu);
        holes += length;
        return true;
    }
    void send_eof() override {
        const LeafLock lock(mu);
        eof = true;
        news.notify_all();
    }
    void finish() override { end(PV_STREAM_FINISHED, ""); }
    void fail(const Error& e) override { end(PV_STREAM_BROKEN, e.message); }
    void resume() override {
        const LeafLock lock(mu);
        ++resumed;
        news.notify_all();
    }

    void give(std::size_t n) {
        {
            const LeafLock lock(mu);
            window += n;
        }
        receiver->writable();
    }
    // Uploads all of it, waiting whenever the driver's end is full.
    void upload(std::string_view bytes) {
        while (!bytes.empty()) {
            int before = 0;
            {
                const LeafLock lock(mu);
                before = resumed;
            }
            bytes.remove_prefix(receiver->data(std::as_bytes(std::span(bytes))));
            if (bytes.empty()) return;
            ASSERT_TRUE(wait([&]() PV_NO_TSA { return resumed > before; }));
        }
    }
    template <typename F> bool wait(F&& condition) PV_NO_TSA {
        const auto until = soon();
        LeafLock lock(mu);
        while (!condition())
            if (!news.wait_until(lock, until)) return condition();
        return true;
    }
    void end(std::uint32_t how, const std::string& text) {
        {
            const LeafLock lock(mu);
            if (over) return;
            over = true;
            why = how;
            error = text;
            news.notify_all();
        }
        // As rpc does it: from another thread.
        std::thread thread([r = std::move(receiver), how] { r->closed(how); });
        const LeafLock lock(mu);
        closer = std::move(thread);
        news.notify_all();
    }
    // To be called at the end.
    void join() {
        if (!wait([&]() PV_NO_TSA { return !over || closer.joinable(); }) || !over) return;
        closer.join();
        over = false;
    }

    std::shared_ptr<StreamReceiver> receiver;
    Mutex mu{Rank::leaf};
    CondVar news;
    std::size_t window = 1 << 20;
    std::string received, error;
    std::int64_t holes = 0;
    bool eof = false, over = false;
    std::uint32_t why = 99;
    int resumed = 0;
    std::thread closer;
};

// A driver's end made of callbacks.
struct Callbacks {
    explicit Callbacks(const pv_svc_stream& s) : streams(s) {}
    const pv_svc_stream& streams;
    pv_stream* stream = nullptr;
    Mutex mu{Rank::leaf};
    std::string got;
    std::size_t take = SIZE_MAX; // of each data()
    Signal data_came, writable, finish, closed, released;
    std::uint32_t why = 99;

    std::string text() {
        const LeafLock lock(mu);
        return got;
    }
    static Callbacks& of(void* ctx) { return *static_cast<Callbacks*>(ctx); }
    static pv_stream_ops ops() {
        pv_stream_ops o{};
        o.size = sizeof(o);
        o.data = [](void* ctx, const void* bytes, std::size_t n) noexcept {
            Callbacks& self = of(ctx);
            n = std::min(n, self.take);
            {
                const LeafLock lock(self.mu);
                self.got.append(static_cast<const char*>(bytes), n);
            }
            self.data_came.set();
            return n;
        };
        o.hole = [](void* ctx, std::int64_t n) noexcept {
            Callbacks& self = of(ctx);
            const LeafLock lock(self.mu);
            self.got += "<" + std::to_string(n) + ">";
            return pv_status{PV_OK};
        };
        o.writable = [](void* ctx) noexcept { of(ctx).writable.set(); };
        o.finish = [](void* ctx) noexcept {
            of(ctx).finish.set();
            of(ctx).streams.finish(of(ctx).stream);
        };
        o.closed = [](void* ctx, std::uint32_t w) noexcept {
            of(ctx).why = w;
            of(ctx).closed.set();
        };
        return o;
    }
    static void release(void* ctx) noexcept { of(ctx).released.set(); }
};

class Streams : public DriverTest {
  protected:
    void SetUp() override {
        host = started();
        loop = loops.acquire(host, PV_LOOP_DEDICATED, "stream");
        client = std::make_shared<FakeClient>();
        endpoint = StreamEndpoint::create(client);
    }
    void TearDown() override {
        client->join();
        endpoint->abandon();
        endpoint.reset();
        loops.release(loop);
        DriverTest::TearDown();
    }
    void attach(Callbacks& callbacks, bool open = true) {
        callbacks.stream = endpoint->handle();
        const pv_stream_ops ops = Callbacks::ops();
        ASSERT_EQ(streams.attach(endpoint->handle(), &ops, loop, &callbacks, Callbacks::release), PV_OK);
        if (open) endpoint->opened();
    }
    const pv_svc_loop& loops = *service<pv_svc_loop>(PV_SVC_LOOP);
    const pv_svc_stream& streams = *service<pv_svc_stream>(PV_SVC_STREAM);
    pv_host* host = nullptr;
    pv_loop* loop = nullptr;
    std::shared_ptr<FakeClient> client;
    std::shared_ptr<StreamEndpoint> endpoint;
};

TEST_F(Streams, an_upload_arrives_whole_and_in_order) {
    Callbacks callbacks(streams);
    attach(callbacks);
    std::string bytes;
    for (int i = 0; i < 200'000; ++i) bytes += std::to_string(i);
    client->upload(bytes);
    client->receiver->hole(4096);
    client->receiver->finish_requested();
    EXPECT_TRUE(callbacks.released.wait());
    EXPECT_EQ(callbacks.text(), bytes + "<4096>");
    EXPECT_EQ(callbacks.why, std::uint32_t{PV_STREAM_FINISHED});
    EXPECT_EQ(callbacks.finish.count(), 1);
    EXPECT_EQ(callbacks.closed.count(), 1);
}

TEST_F(Streams, a_slow_driver_holds_the_client_back) {
    Callbacks callbacks(streams);
    callbacks.take = 1000;
    attach(callbacks);
    const std::string bytes(3 * kStreamBuffer, 'x');
    std::size_t taken = 0;
    while (taken < bytes.size()) {
        const std::size_t n = client->receiver->data(std::as_bytes(std::span(bytes).subspan(taken)));
        taken += n;
        if (n == 0) break;
    }
    EXPECT_LE(taken, kStreamBuffer + 1000);
    EXPECT_TRUE(callbacks.data_came.wait());
    // It took 1000 and is asked for no more until it says so.
    callbacks.take = SIZE_MAX;
    streams.resume(callbacks.stream);
    EXPECT_TRUE(client->wait([&]() PV_NO_TSA { return client->resumed > 0; }));
    endpoint->abandon();
    EXPECT_TRUE(callbacks.released.wait());
}

TEST_F(Streams, a_download_waits_for_the_client) {
    Callbacks callbacks(streams);
    client->window = 1500;
    attach(callbacks);
    const std::string bytes(1000, 'y');
    EXPECT_EQ(streams.send(callbacks.stream, bytes.data(), bytes.size()), PV_OK);
    EXPECT_EQ(streams.send(callbacks.stream, bytes.data(), bytes.size()), PV_OK); // 500 of it wait here
    EXPECT_EQ(streams.send(callbacks.stream, bytes.data(), bytes.size()), PV_BUSY);
    EXPECT_EQ(callbacks.writable.count(), 0);
    client->give(10'000);
    EXPECT_TRUE(callbacks.writable.wait());
    EXPECT_EQ(streams.send(callbacks.stream, bytes.data(), bytes.size()), PV_OK);
    EXPECT_EQ(streams.send_hole(callbacks.stream, 77), PV_OK);
    EXPECT_EQ(streams.send_eof(callbacks.stream), PV_OK);
    EXPECT_TRUE(client->wait([&]() PV_NO_TSA { return client->eof; }));
    EXPECT_EQ(client->received, std::string(3000, 'y'));
    EXPECT_EQ(client->holes, 77);
    EXPECT_EQ(streams.send(callbacks.stream, "x", 1), PV_GONE);
    client->end(PV_STREAM_ABORTED, "");
    EXPECT_TRUE(callbacks.released.wait());
    EXPECT_EQ(callbacks.why, std::uint32_t{PV_STREAM_ABORTED});
}

TEST_F(Streams, nothing_flows_before_the_reply) {
    Callbacks callbacks(streams);
    attach(callbacks, false);
    EXPECT_EQ(streams.send(callbacks.stream, "x", 1), PV_BUSY);
    EXPECT_EQ(client->receiver->data(std::as_bytes(std::span("early", 5))), 5U);
    EXPECT_EQ(callbacks.data_came.count(), 0);
    endpoint->opened();
    EXPECT_TRUE(callbacks.writable.wait() && callbacks.data_came.wait());
    EXPECT_EQ(callbacks.text(), "early");
    endpoint->abandon();
    EXPECT_TRUE(callbacks.released.wait());
}

TEST_F(Streams, a_failed_call_takes_the_stream_along) {
    Callbacks callbacks(streams);
    attach(callbacks, false);
    endpoint->abandon();
    EXPECT_TRUE(callbacks.released.wait());
    EXPECT_EQ(callbacks.why, std::uint32_t{PV_STREAM_BROKEN});
    EXPECT_EQ(callbacks.data_came.count(), 0);
}

TEST_F(Streams, a_driver_that_forgets_the_stream_fails_it) {
    endpoint->opened();
    EXPECT_THAT(client->error, ::testing::HasSubstr("the driver opened a stream and did not take it"));
}

TEST_F(Streams, only_one_can_attach) {
    Callbacks callbacks(streams);
    attach(callbacks, false);
    Callbacks second(streams);
    const pv_stream_ops ops = Callbacks::ops();
    EXPECT_EQ(streams.attach(endpoint->handle(), &ops, loop, &second, Callbacks::release), PV_ORDER);
    EXPECT_EQ(second.released.count(), 0);
    endpoint->abandon();
    EXPECT_TRUE(callbacks.released.wait());
}

TEST_F(Streams, the_driver_can_break_it_with_its_reason) {
    for (const bool early : {true, false}) {
        endpoint->abandon();
        client = std::make_shared<FakeClient>();
        endpoint = StreamEndpoint::create(client);
        Callbacks callbacks(streams);
        attach(callbacks, !early);
        pv_error e{};
        e.size = sizeof(e);
        e.code = 38;
        e.message = "disk is full";
        streams.fail(callbacks.stream, &e);
        if (early) endpoint->opened();
        EXPECT_TRUE(callbacks.released.wait());
        EXPECT_EQ(client->error, "disk is full");
        client->join();
    }
}

class FdStreams : public Streams {
  protected:
    void SetUp() override {
        Streams::SetUp();
        int ends[2];
        ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
        guest.reset(ends[0]);
        ours = ends[1];
    }
    void pump(std::uint32_t directions) {
        ASSERT_EQ(streams.attach_fd(
                      endpoint->handle(), ours, directions, loop,
                      [](void* ctx, std::uint32_t reason) noexcept {
                          static_cast<FdStreams*>(ctx)->why = reason;
                          static_cast<FdStreams*>(ctx)->closed.set();
                      },
                      this, [](void* ctx) noexcept { static_cast<FdStreams*>(ctx)->released.set(); }),
                  PV_OK);
        endpoint->opened();
    }
    UniqueFd guest;
    int ours = -1;
    Signal closed, released;
    std::uint32_t why = 99;
};

TEST_F(FdStreams, a_console_goes_both_ways) {
    pump(PV_STREAM_TO_CLIENT | PV_STREAM_FROM_CLIENT);
    ASSERT_EQ(::write(guest.get(), "login: ", 7), 7);
    EXPECT_TRUE(client->wait([&]() PV_NO_TSA { return client->received == "login: "; }));
    client->upload("root\n");
    char buffer[16] = {};
    ASSERT_EQ(::read(guest.get(), buffer, 5), 5);
    EXPECT_STREQ(buffer, "root\n");
    guest.reset(); // the guest's end closes
    EXPECT_TRUE(client->wait([&]() PV_NO_TSA { return client->eof; }));
    EXPECT_EQ(closed.count(), 0); // until the client has finished
    client->receiver->finish_requested();
    EXPECT_TRUE(released.wait());
    EXPECT_EQ(why, std::uint32_t{PV_STREAM_FINISHED});
    EXPECT_EQ(closed.count(), 1);
    EXPECT_TRUE(eventually([&] { return ::fcntl(ours, F_GETFD) < 0; })); // it was the host's to close
}

TEST_F(FdStreams, a_client_that_does_not_read_stops_the_pump) {
    client->window = 0;
    pump(PV_STREAM_TO_CLIENT);
    const std::string bytes(1 << 20, 'z');
    std::thread writer([&] {
        std::size_t done = 0;
        while (done < bytes.size()) {
            const ssize_t n = ::write(guest.get(), bytes.data() + done, bytes.size() - done);
            ASSERT_GT(n, 0);
            done += static_cast<std::size_t>(n);
        }
        guest.reset();
    });
    for (int given = 0; given < (1 << 20); given += 4096) client->give(4096);
    EXPECT_TRUE(client->wait([&]() PV_NO_TSA { return client->received.size() == bytes.size(); }));
    EXPECT_TRUE(client->wait([&]() PV_NO_TSA { return client->eof; }));
    EXPECT_EQ(client->received, bytes);
    writer.join();
    client->end(PV_STREAM_ABORTED, "");
    EXPECT_TRUE(released.wait());
}

TEST_F(FdStreams, a_guest_that_does_not_read_holds_the_client_back) {
    pump(PV_STREAM_FROM_CLIENT);
    std::string bytes;
    for (int i = 0; i < 300'000; ++i) bytes += std::to_string(i);
    std::thread uploader([&] {
        client->upload(bytes);
        client->receiver->finish_requested();
    });
    std::string got;
    std::array<char, 7777> buffer;
    while (got.size() < bytes.size()) {
        const ssize_t n = ::read(guest.get(), buffer.data(), buffer.size());
        ASSERT_GT(n, 0);
        got.append(buffer.data(), static_cast<std::size_t>(n));
    }
    EXPECT_EQ(got, bytes);
    uploader.join();
    EXPECT_TRUE(released.wait());
    EXPECT_EQ(why, std::uint32_t{PV_STREAM_FINISHED});
}

TEST_F(FdStreams, an_abort_ends_it_at_once) {
    pump(PV_STREAM_TO_CLIENT | PV_STREAM_FROM_CLIENT);
    client->end(PV_STREAM_ABORTED, "");
    EXPECT_TRUE(released.wait());
    EXPECT_EQ(why, std::uint32_t{PV_STREAM_ABORTED});
    char c = 0;
    EXPECT_EQ(::read(guest.get(), &c, 1), 0); // our end is closed
}

TEST_F(FdStreams, a_terminals_end_is_the_end_of_data) {
    ::close(ours);
    UniqueFd master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    ASSERT_TRUE(master);
    ASSERT_EQ(::grantpt(master.get()) + ::unlockpt(master.get()), 0);
    std::array<char, 64> name{};
    ASSERT_EQ(::ptsname_r(master.get(), name.data(), name.size()), 0);
    UniqueFd slave(::open(name.data(), O_RDWR | O_NOCTTY | O_CLOEXEC));
    ours = master.release();
    pump(PV_STREAM_TO_CLIENT | PV_STREAM_FROM_CLIENT);
    ASSERT_EQ(::write(slave.get(), "HELLO", 5), 5);
    EXPECT_TRUE(client->wait([&]() PV_NO_TSA { return client->received == "HELLO"; }));
    slave.reset();
    EXPECT_TRUE(client->wait([&]() PV_NO_TSA { return client->eof; }));
    client->end(PV_STREAM_FINISHED, "");
    EXPECT_TRUE(released.wait());
}

TEST_F(FdStreams, a_file_is_refused_and_closed) {
    ::close(ours);
    ours = ::open((dir.path() + "/disk").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    EXPECT_EQ(streams.attach_fd(endpoint->handle(), ours, PV_STREAM_TO_CLIENT, loop, nullptr, nullptr, nullptr),
              PV_UNSUPPORTED);
    EXPECT_LT(::fcntl(ours, F_GETFD), 0);
    endpoint->abandon();
}

class FrameStreams : public FdStreams {
  protected:
    void put(std::uint32_t kind, std::uint64_t length, std::string_view bytes = {}) const {
        const pv_frame head{kind, 0, length};
        ASSERT_EQ(::write(guest.get(), &head, sizeof head), static_cast<ssize_t>(sizeof head));
        ASSERT_EQ(::write(guest.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    }
    // "D5:hello H4096 E"; until the end, or `frames`.
    std::string take(int frames) const {
        std::string text;
        for (int i = 0; i < frames; ++i) {
            pv_frame head{};
            if (::recv(guest.get(), &head, sizeof head, MSG_WAITALL) != static_cast<ssize_t>(sizeof head)) break;
            if (head.kind == PV_FRAME_END) return text + "E";
            if (head.kind == PV_FRAME_HOLE) {
                text += "H" + std::to_string(head.length) + " ";
                continue;
            }
            std::string bytes(static_cast<std::size_t>(head.length), '\0');
            EXPECT_EQ(::recv(guest.get(), bytes.data(), bytes.size(), MSG_WAITALL), static_cast<ssize_t>(bytes.size()));
            text += "D" + std::to_string(head.length) + ":" + bytes.substr(0, 10) + " ";
        }
        return text;
    }
    pv_status progress() { return streams.progress(endpoint->handle(), &moved, &waits); }

    std::uint64_t moved = 0;
    std::int32_t waits = 9;
};

TEST_F(FrameStreams, holes_stay_holes_on_their_way_to_the_client) {
    pump(PV_STREAM_TO_CLIENT | PV_STREAM_FRAMES);
    put(PV_FRAME_DATA, 5, "hello");
    put(PV_FRAME_HOLE, 1 << 30);
    put(PV_FRAME_DATA, 3, "end");
    put(PV_FRAME_END, 0);
    EXPECT_TRUE(client->wait([&]() PV_NO_TSA { return client->eof; }));
    EXPECT_EQ(client->received, "helloend");
    EXPECT_EQ(client->holes, 1 << 30);
    EXPECT_EQ(progress(), PV_OK);
    EXPECT_EQ(moved, 4 * sizeof(pv_frame) + 8);
    EXPECT_EQ(waits, 0);
    client->receiver->finish_requested();
    EXPECT_EQ(closed.count(), 0); // the plugin has not said what became of its program
    streams.finish(endpoint->handle());
    EXPECT_TRUE(released.wait());
    EXPECT_EQ(why, std::uint32_t{PV_STREAM_FINISHED});
    client->join();
}

TEST_F(FrameStreams, a_program_that_has_ended_waits_for_the_client) {
    pump(PV_STREAM_TO_CLIENT | PV_STREAM_FRAMES);
    put(PV_FRAME_DATA, 5, "hello");
    put(PV_FRAME_END, 0);
    guest.reset();
    streams.finish(endpoint->handle());
    EXPECT_TRUE(client->wait([&]() PV_NO_TSA { return client->eof; }));
    EXPECT_EQ(client->received, "hello");
    EXPECT_EQ(closed.count(), 0);
    client->receiver->finish_requested();
    EXPECT_TRUE(released.wait());
    EXPECT_EQ(why, std::uint32_t{PV_STREAM_FINISHED});
    client->join();
}

TEST_F(FrameStreams, a_program_that_dies_in_the_middle_is_the_plugins_to_tell) {
    pump(PV_STREAM_TO_CLIENT | PV_STREAM_FRAMES);
    put(PV_FRAME_DATA, 5, "hel"); // and no more
    EXPECT_TRUE(client->wait([&]() PV_NO_TSA { return client->received == "hel"; }));
    EXPECT_EQ(progress(), PV_OK);
    EXPECT_EQ(waits, 1);
    guest.reset();
    EXPECT_TRUE(eventually([&] { return progress() == PV_OK && waits == 0; }));
    EXPECT_FALSE(client->eof);
    EXPECT_EQ(closed.count(), 0);
    pv_error e{};
    e.size = sizeof e;
    e.message = "the helper died";
    streams.fail(endpoint->handle(), &e);
    EXPECT_TRUE(released.wait());
    EXPECT_EQ(client->error, "the helper died");
    client->join();
}

TEST_F(FrameStreams, what_makes_no_sense_breaks_the_stream) {
    pump(PV_STREAM_TO_CLIENT | PV_STREAM_FRAMES);
    put(17, 4);
    EXPECT_TRUE(released.wait());
    EXPECT_THAT(client->error, ::testing::HasSubstr("a frame of kind 17 and 4 bytes cannot be"));
    client->join();
}

TEST_F(FrameStreams, what_the_client_sends_ends_when_the_plugin_says_so) {
    pump(PV_STREAM_FROM_CLIENT | PV_STREAM_FRAMES);
    client->upload("hello");
    EXPECT_EQ(take(1), "D5:hello ");
    EXPECT_TRUE(client->receiver->hole(4096));
    EXPECT_EQ(take(1), "H4096 ");
    client->receiver->finish_requested();
    EXPECT_EQ(take(1), "E");
    EXPECT_TRUE(eventually([&] { return progress() == PV_OK && waits == 1; })); // for what the program says
    EXPECT_EQ(closed.count(), 0);
    streams.finish(endpoint->handle());
    EXPECT_TRUE(released.wait());
    EXPECT_EQ(why, std::uint32_t{PV_STREAM_FINISHED});
    client->join();
}

TEST_F(FrameStreams, a_program_that_does_not_read_holds_the_client_back_and_its_holes_together) {
    const int little = 4096;
    ASSERT_EQ(::setsockopt(ours, SOL_SOCKET, SO_SNDBUF, &little, sizeof little), 0);
    pump(PV_STREAM_FROM_CLIENT | PV_STREAM_FRAMES);
    client->upload(std::string(200'000, 'z'));
    EXPECT_TRUE(eventually([&] { return progress() == PV_OK && moved > 0 && waits == 1; }));
    int holes = 0;
    for (; holes < 1000 && client->receiver->hole(10); ++holes) {
    }
    client->receiver->finish_requested();
    std::uint64_t data = 0, hole = 0;
    int frames = 0;
    for (pv_frame head{}; ::recv(guest.get(), &head, sizeof head, MSG_WAITALL) == static_cast<ssize_t>(sizeof head); ++frames) {
        if (head.kind == PV_FRAME_END) break;
        (head.kind == PV_FRAME_HOLE ? hole : data) += head.length;
        std::string bytes(head.kind == PV_FRAME_DATA ? static_cast<std::size_t>(head.length) : 0, '\0');
        ASSERT_EQ(::recv(guest.get(), bytes.data(), bytes.size(), MSG_WAITALL), static_cast<ssize_t>(bytes.size()));
    }
    EXPECT_EQ(data, 200'000U);
    EXPECT_EQ(hole, 10U * static_cast<unsigned>(holes));
    EXPECT_LT(frames, 20);
    streams.finish(endpoint->handle());
    EXPECT_TRUE(released.wait());
    client->join();
}

} // namespace
} // namespace polyvirt::plugin
