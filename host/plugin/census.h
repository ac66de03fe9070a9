// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Census: what of a plugin the host still holds (callbacks not yet released, published data, jobs, ...).
// An instance is destroyed only when its census is empty. Any thread; leaf.

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include <polyvirt/abi/base.h>

namespace polyvirt::plugin {

class Census {
  public:
    enum Kind : std::uint8_t { callback, object_data, job, process, stream, kKinds };

    Census();
    ~Census();

    // One thing held, for as long as it lives. May outlive the Census.
    class Token {
      public:
        Token() = default;
        Token(Token&& other) noexcept = default;
        Token& operator=(Token&& other) noexcept;
        ~Token();

      private:
        friend class Census;
        struct Count;
        std::shared_ptr<Count> count_;
        Kind kind_ = callback;
    };

    [[nodiscard]] Token take(Kind kind);
    // True: nothing is held any more; false: `until` came first.
    bool wait_empty(std::chrono::steady_clock::time_point until);
    // "2 callbacks, 1 job"; "nothing".
    [[nodiscard]] std::string describe() const;

  private:
    std::shared_ptr<Token::Count> count_;
};

// A plugin's opaque pointer and how it is given back: once, when the last owner lets go.
class PluginContext {
  public:
    PluginContext(void* context, pv_release_fn release, Census::Token token)
        : context_(context), release_(release), token_(std::move(token)) {}
    ~PluginContext();
    PluginContext(const PluginContext&) = delete;
    PluginContext& operator=(const PluginContext&) = delete;

    [[nodiscard]] void* get() const { return context_; }
    // The host did not take it after all: it stays the plugin's.
    void disown() { release_ = nullptr; }

  private:
    void* const context_;
    pv_release_fn release_;
    const Census::Token token_; // given back after the release
};

} // namespace polyvirt::plugin
