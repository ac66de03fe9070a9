// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// How many domain documents a second are read, completed, printed, packed: a server's description of 5 KB once completed
// (tests/fuzz/seeds/domain/server.xml).
//
//     taskset -c 1 build/release/bin/bench_documents

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include <benchmark/benchmark.h>

#include "sdk/domain/packed.h"
#include "sdk/domain/passes.h"

namespace polyvirt::sdk::domain {
namespace {

constexpr FormatOptions kWhole{.inactive = true, .secure = true};

HostContext host() {
    HostContext context;
    context.default_machine = "pc-q35-7.2";
    context.emulator = [](std::string_view) { return "/usr/bin/qemu-system-x86_64"; };
    context.canonical_machine = [](std::string_view, std::string_view machine) -> std::string {
        return machine == "q35" ? "pc-q35-7.2" : std::string(machine);
    };
    context.default_cpu = [](std::string_view, std::string_view) { return "qemu64"; };
    return context;
}

template <typename T> T must(Result<T> result) {
    if (result) return std::move(*result);
    std::fprintf(stderr, "%s\n", result.error().message.c_str());
    std::exit(1);
}

Domain completed(const std::string& text) {
    Domain d = must(parse_domain(text)).domain;
    if (const Status status = complete(d, host()); !status) {
        std::fprintf(stderr, "%s\n", status.error().message.c_str());
        std::exit(1);
    }
    return d;
}

std::string written_by_user() {
    std::ifstream file(BENCH_SEEDS "/server.xml");
    return {std::istreambuf_iterator<char>(file), {}};
}

const std::string& stored() {
    static const std::string text = format_domain(completed(written_by_user()), kWhole);
    return text;
}

void parse(benchmark::State& state) {
    for (auto _ : state) benchmark::DoNotOptimize(parse_domain(stored()));
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(parse);

void format(benchmark::State& state) {
    const Domain d = must(parse_domain(stored())).domain;
    for (auto _ : state) benchmark::DoNotOptimize(format_domain(d, kWhole));
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(format);

// What a define does with a document.
void parse_complete_format_pack(benchmark::State& state) {
    const std::string text = written_by_user();
    for (auto _ : state) {
        const Domain d = completed(text);
        benchmark::DoNotOptimize(PackedDomain::pack(d, format_domain(d, kWhole)));
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(parse_complete_format_pack);

void unpack(benchmark::State& state) {
    const auto packed = must(PackedDomain::pack(must(parse_domain(stored())).domain, stored()));
    for (auto _ : state) benchmark::DoNotOptimize(packed->unpack());
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(unpack);

} // namespace
} // namespace polyvirt::sdk::domain

BENCHMARK_MAIN();
