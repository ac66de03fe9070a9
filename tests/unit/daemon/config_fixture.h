// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// A folder with configuration files, gone with the test.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "host/daemon/config.h"

namespace polyvirt::daemon {

class ConfigTest : public testing::Test {
  protected:
    ConfigTest() {
        std::string name = (std::filesystem::temp_directory_path() / "polyvirt-config-XXXXXX").string();
        folder_ = ::mkdtemp(name.data());
    }
    ~ConfigTest() override {
        std::error_code error;
        std::filesystem::remove_all(folder_, error);
    }

    std::string write(const std::string& name, const std::string& text) {
        const std::filesystem::path path = folder_ / name;
        std::filesystem::create_directories(path.parent_path());
        std::ofstream(path) << text;
        return path.string();
    }
    [[nodiscard]] std::string path(const std::string& name) const { return (folder_ / name).string(); }
    Config::Loaded load(const std::string& text) {
        return Config::load({.file = write("polyvirtd.yaml", text), .must_exist = true});
    }
    // The problems without the name of the folder.
    std::vector<std::string> problems(const std::string& text) {
        std::vector<std::string> out = load(text).problems;
        for (std::string& problem : out)
            if (problem.starts_with(folder_.string())) problem.erase(0, folder_.string().size() + 1);
        return out;
    }

    std::filesystem::path folder_;
};

} // namespace polyvirt::daemon
