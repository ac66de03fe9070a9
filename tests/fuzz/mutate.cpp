// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Runs a harness where libFuzzer is not: on each seed, and on mutations of them that depend on nothing but their number.
//
//     fuzz_domain COUNT FOLDER     COUNT mutations in all
//     fuzz_domain FILE...          these inputs alone, such as one that libFuzzer has found

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "tests/fuzz/fuzz.h"

namespace polyvirt::fuzz {
namespace {

using Random = std::minstd_rand;

std::string read(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        std::fprintf(stderr, "%s cannot be read\n", path.c_str());
        std::exit(2);
    }
    return {std::istreambuf_iterator<char>(file), {}};
}

void run(const std::string& input) {
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
}

std::size_t below(Random& random, std::size_t bound) { return bound == 0 ? 0 : random() % bound; }

// A piece between two places where a document may be cut: whole tags and values rather than any bytes.
std::string piece(Random& random, const std::string& from) {
    const std::size_t begin = from.find_first_of("<'\" >", below(random, from.size()));
    if (begin == std::string::npos) return {};
    const std::size_t end = from.find_first_of("<'\" >", begin + 1 + below(random, 60));
    return from.substr(begin, end == std::string::npos ? end : end - begin);
}

void mutate(Random& random, std::string& text, const std::vector<std::string>& seeds) {
    const std::size_t at = below(random, text.size() + 1);
    switch (random() % 5) {
    case 0: text.insert(at, piece(random, seeds[below(random, seeds.size())])); break;
    case 1: text.erase(at, below(random, 40)); break;
    case 2: text.replace(at, std::min(below(random, 20), text.size() - at), piece(random, seeds[below(random, seeds.size())])); break;
    case 3:
        if (at < text.size()) text[at] = static_cast<char>(random());
        break;
    default: text.insert(at, std::to_string(static_cast<std::int64_t>(random()) << (random() % 33))); break;
    }
}

} // namespace
} // namespace polyvirt::fuzz

int main(int argc, char** argv) {
    namespace fuzz = polyvirt::fuzz;
    std::size_t count = 0;
    const std::string_view first = argc > 1 ? argv[1] : "";
    const bool counted = argc == 3 && std::from_chars(first.data(), first.data() + first.size(), count).ec == std::errc();
    if (!counted) {
        for (int i = 1; i < argc; ++i) fuzz::run(fuzz::read(argv[i]));
        return argc > 1 ? 0 : 2;
    }
    std::vector<std::filesystem::path> paths;
    for (const auto& entry : std::filesystem::directory_iterator(argv[2])) paths.push_back(entry.path());
    std::sort(paths.begin(), paths.end());
    std::vector<std::string> seeds;
    for (const auto& path : paths) fuzz::run(seeds.emplace_back(fuzz::read(path)));
    if (seeds.empty()) {
        std::fprintf(stderr, "%s holds no seed\n", argv[2]);
        return 2;
    }
    for (std::size_t i = 0; i < count; ++i) {
        fuzz::Random random(static_cast<std::uint32_t>(i + 1));
        std::string input = seeds[i % seeds.size()];
        for (std::size_t n = 1 + random() % 8; n > 0; --n) fuzz::mutate(random, input, seeds);
        fuzz::run(input);
    }
    std::printf("%zu seeds, %zu mutations\n", seeds.size(), count);
}
