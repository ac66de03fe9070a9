// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Console: a terminal of the host's (/dev/pts/N, for clients) joined with one of the container's. It never makes the
// container wait: what nobody reads is kept up to kKept bytes, then the oldest goes.

#include <cstddef>
#include <string>
#include <vector>

#include <poll.h>

namespace polyvirt::lxc {

class Console {
  public:
    static constexpr std::size_t kKept = 65'536;

    // Empty path(): the host has no terminal left.
    Console();
    ~Console();
    Console(const Console&) = delete;
    Console& operator=(const Console&) = delete;

    [[nodiscard]] const std::string& path() const { return path_; }
    // Makes the container's end a terminal of the host's, too, which liblxc's monitor opens: nothing that is said from
    // the first moment on is lost. Its path; empty: there is none left.
    [[nodiscard]] std::string make_inner();
    // Once liblxc has it: what it sets (5.0.2) would give each line a second carriage return.
    void settle_inner() const;
    // The container's end, ours from here on; -1: it has none just now. `lease`: what has to stay open for it, or -1.
    void join(int inner, int lease);

    // The two descriptors, as poll() is to be asked; and what it answered.
    void ask(std::vector<pollfd>& list) const;
    void answer(const pollfd* two);

  private:
    void read_inner();
    void write_inner();
    void read_outer();
    void write_outer();

    std::string path_;
    int outer_ = -1, slave_ = -1, inner_ = -1, lease_ = -1;
    std::string inner_path_; // of one that was made
    std::string out_, in_;   // on their way to the client, to the container
};

} // namespace polyvirt::lxc
