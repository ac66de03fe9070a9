// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// One thread at a time writes, without the lock; whoever comes meanwhile adds to the queue and
// leaves, and the writer takes that along in its next system call.
#include "host/rpc/client.h"

#include <cerrno>
#include <cstring>
#include <system_error>

#include <sys/socket.h>

#include "base/error_text.h"
#include "base/log.h"
#include "host/rpc/error_reply.h"
#include "host/rpc/server_shared.h"

namespace polyvirt::rpc {
namespace {

// System calls that a thread makes for others before it leaves the rest to rpc-loop.
constexpr int kWriteRounds = 16;

ssize_t send_batch(OutputQueue::Batch& batch) {
    if (batch.through != nullptr) {
        const ssize_t n = batch.through->send(batch);
        batch.held = batch.through->left() != 0;
        return n;
    }
    msghdr message{};
    message.msg_iov = batch.parts.data();
    message.msg_iovlen = batch.count;
    alignas(cmsghdr) unsigned char control[CMSG_SPACE(sizeof(int))] = {};
    if (batch.fd >= 0) {
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        cmsghdr* c = CMSG_FIRSTHDR(&message);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof batch.fd);
        std::memcpy(CMSG_DATA(c), &batch.fd, sizeof batch.fd);
    }
    for (;;) {
        const ssize_t n = ::sendmsg(batch.socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n >= 0 || errno != EINTR)
            return n;
    }
}

} // namespace

void Client::reply(Buffer packet, std::vector<UniqueFd> fds) {
    if (!fds.empty() && !local_)
        return reply_error(protocol::read_header(packet.data() + protocol::kLengthBytes),
                           make_error(ErrorCode::operation_unsupported, ErrorDomain::rpc,
                                      "descriptors can be passed over unix sockets only"));
    OutputQueue::Chunk chunk;
    chunk.own = std::move(packet);
    chunk.fds = std::move(fds);
    send(std::move(chunk));
}

void Client::reply_error(const Header& call, const Error& error) {
    reply(error_reply(call, error));
}

bool Client::send_event(SharedBuffer packet) {
    OutputQueue::Chunk chunk;
    chunk.kind = OutputQueue::Kind::event;
    chunk.shared = std::move(packet);
    return send(std::move(chunk));
}

bool Client::send(OutputQueue::Chunk chunk) {
    OutputQueue::Batch batch;
    const bool together = server_->loop.on_thread() && feeding_;
    bool write = false, over_budget = false;
    {
        ClientLock lock(mu_);
        if (closed_.load(std::memory_order_relaxed))
            return false;
        const std::size_t unread = out_.memory(OutputQueue::Kind::event);
        over_budget = chunk.kind == OutputQueue::Kind::event && unread != 0 &&
                      unread + OutputQueue::kPerChunk + chunk.bytes().size() > limits_.max_event_bytes;
        if (!over_budget) {
            out_.push(std::move(chunk));
            if (!together)
                write = begin_writing(batch);
        }
    }
    if (over_budget) {
        server_->cut_off.fetch_add(1, std::memory_order_relaxed);
        close("it left more events and refusals unread than its limit (max_event_bytes)");
        return false;
    }
    if (together)
        flush_due_ = true;
    else if (write)
        write_out(batch);
    return true;
}

void Client::flush() {
    OutputQueue::Batch batch;
    bool write = false;
    {
        ClientLock lock(mu_);
        write = begin_writing(batch);
    }
    if (write)
        write_out(batch);
}

// True: this thread is the writer now, and `batch` is what it sends first.
bool Client::begin_writing(OutputQueue::Batch& batch) {
    if (writing_ || blocked_ || handshaking_ || all_sent() || closed_.load(std::memory_order_relaxed))
        return false;
    writing_ = true;
    batch.socket = fd_.get();
    next_batch(batch);
    return true;
}

void Client::next_batch(OutputQueue::Batch& batch) const {
    batch.through = through_;
    out_.front(batch);
}

void Client::write_ready() {
    {
        ClientLock lock(mu_);
        blocked_ = false;
    }
    flush();
    update_watch();
}

void Client::write_out(OutputQueue::Batch& batch) {
    AfterWrite after;
    for (int round = 1; !after.stop; ++round) {
        const ssize_t n = send_batch(batch);
        const int error = n < 0 ? errno : 0;
        ClientLock lock(mu_);
        after_sendmsg(n, error, batch, after);
        if (round < kWriteRounds || after.stop)
            continue;
        writing_ = false;
        blocked_ = after.stop = after.update = true;
    }
    if (after.error != 0 && after.error != EPIPE && after.error != ECONNRESET)
        close(std::system_category().message(after.error));
    else if (after.error != 0)
        end(log::Level::debug, "the client left");
    else if (after.flushed)
        end(log::Level::debug, "the client said goodbye");
    if (after.update)
        post_update();
    server_->progress();
}

void Client::after_sendmsg(ssize_t n, int error, OutputQueue::Batch& batch, AfterWrite& after) {
    const std::size_t before = after.done.size();
    if (closed_.load(std::memory_order_relaxed)) {
        writing_ = false;
        after.stop = true;
        out_.clear(after.done);
        // After teardown nobody else closes it; before, the loop still watches it.
        if (torn_down_)
            after.fd = std::move(fd_);
        return;
    }
    if (n < 0 && error != EAGAIN) {
        writing_ = false;
        after.stop = true;
        after.error = error;
        return;
    }
    const std::size_t sent = n < 0 ? 0 : static_cast<std::size_t>(n);
    server_->sent_bytes.fetch_add(sent, std::memory_order_relaxed);
    out_.sent(sent, after.done);
    held_ = batch.held;
    for (std::size_t i = before; i < after.done.size(); ++i) {
        if (after.done[i].stream && stream_bytes_sent(after.done[i]))
            after.update = true;
        if (after.done[i].ends_plain)
            through_ = layer_.out.get();
    }
    if (calls_held_ && !output_high())
        after.update = true;
    if (sent < batch.bytes() || held_) {
        writing_ = false;
        blocked_ = after.stop = after.update = true;
    } else if (out_.empty()) {
        writing_ = false;
        after.stop = true;
        after.flushed = flush_and_close_;
    } else {
        next_batch(batch);
    }
}

bool Client::output_high() const {
    return out_.memory(OutputQueue::Kind::reply) + out_.memory(OutputQueue::Kind::event) >
           limits_.reply_bytes_pause;
}

} // namespace polyvirt::rpc
