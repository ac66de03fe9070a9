// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Reading: files to YAML nodes, nodes to values, each checked against the table.
#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

#include <fmt/core.h>
#include <yaml-cpp/yaml.h>

#include "host/daemon/config.h"
#include "host/daemon/libvirtd_conf.h"

namespace polyvirt::daemon {

namespace fs = std::filesystem;

namespace {

constexpr int kMaxDepth = 16;
constexpr std::size_t kMaxValues = 20'000; // aliases of YAML multiply what a small file says
constexpr std::uintmax_t kMaxBytes = std::uintmax_t{4} << 20;
constexpr std::string_view kFree = "plugins";

std::string kind_of(const YAML::Node& node) {
    switch (node.Type()) {
    case YAML::NodeType::Map: return "a section";
    case YAML::NodeType::Sequence: return "a list";
    case YAML::NodeType::Scalar: return "'" + node.Scalar() + "'";
    default: return "nothing";
    }
}

bool is_section(std::string_view path) {
    const std::string prefix = std::string(path) + ".";
    return std::any_of(settings().begin(), settings().end(),
                       [&](const Setting& s) { return s.path.starts_with(prefix); });
}

bool is_free(std::string_view path) { return path == kFree || path.starts_with(std::string(kFree) + "."); }

} // namespace

class ConfigReader {
  public:
    Config::Loaded take() {
        put_in_order();
        return std::move(out_);
    }
    void read(const std::string& file);
    void note(const std::string& file, const std::string& what) { out_.config.notes_.push_back(file + ": " + what); }
    void problem(const std::string& file, std::string what) {
        out_.problems.push_back(file + ": " + std::move(what));
    }

  private:
    void read_yaml(const std::string& text);
    void read_conf(const std::string& text);
    void conf_item(const ConfItem& item);
    void conf_value(const Setting& setting, const std::vector<std::string>& texts, const ConfItem& item);
    void section(const YAML::Node& node, const std::string& path, int depth);
    void item(const YAML::Node& key, const YAML::Node& value, const std::string& prefix, int depth);
    void setting(const Setting& setting, const YAML::Node& key, const YAML::Node& node);
    void free_form(const YAML::Node& node, const std::string& path, int depth);
    void unknown(const YAML::Node& key, const std::string& path);
    void put_in_order();
    bool first_time(const std::string& path, const YAML::Node& key);
    Origin origin(const YAML::Node& node) const {
        return {file_, node.Mark().line + 1, node.Mark().column + 1};
    }
    void problem(const Origin& at, std::string_view what) {
        out_.problems.push_back(fmt::format("{}:{}:{}: {}", at.file, at.line, at.column, what));
    }
    void problem(const YAML::Node& node, std::string_view what) { problem(origin(node), what); }

    Config::Loaded out_;
    std::string file_;
    std::map<std::string, Origin, std::less<>> seen_; // in this file
    std::size_t values_ = 0;
};

void ConfigReader::read(const std::string& file) {
    file_ = file;
    seen_.clear();
    out_.files.push_back(file);
    std::error_code error;
    const std::uintmax_t bytes = fs::file_size(file, error);
    if (error) return problem(file, "cannot read it: " + error.message());
    if (bytes > kMaxBytes)
        return problem(file, fmt::format("has {} bytes, at most {} are read", bytes, kMaxBytes));
    std::ifstream in(file, std::ios::binary);
    std::stringstream text;
    text << in.rdbuf();
    if (!in || (bytes > 0 && !text))
        return problem(file, "cannot read it: " + std::system_category().message(errno));
    if (fs::path(file).extension() == ".conf") read_conf(text.str());
    else read_yaml(text.str());
}

void ConfigReader::read_yaml(const std::string& text) {
    try {
        const std::vector<YAML::Node> documents = YAML::LoadAll(text);
        if (documents.size() > 1) return problem(documents[1], "a second document begins; expected one");
        if (!documents.empty()) section(documents.front(), "", 0);
    } catch (const YAML::Exception& e) {
        problem(Origin{file_, e.mark.line + 1, e.mark.column + 1}, e.msg);
    }
}

void ConfigReader::read_conf(const std::string& text) {
    const ConfFile parsed = parse_conf(text);
    for (const ConfProblem& wrong : parsed.problems) problem(Origin{file_, wrong.at.line, wrong.at.column}, wrong.what);
    for (const ConfItem& item : parsed.items) conf_item(item);
}

void ConfigReader::conf_item(const ConfItem& item) {
    const Origin at{file_, item.at.line, item.at.column};
    const ConfKey* key = find_conf_key(item.name);
    if (key == nullptr) {
        const std::string_view similar = similar_conf_key(item.name);
        return problem(at, fmt::format("{}: libvirtd.conf has no such key{}", item.name,
                                       similar.empty() ? "" : fmt::format("; did you mean {}?", similar)));
    }
    const auto [first, is_new] = seen_.emplace(item.name, at);
    if (!is_new) return problem(at, fmt::format("{}: given twice, first at line {}", item.name, first->second.line));
    if (key->value == ConfValue::none)
        return note(fmt::format("{}:{}:{}", at.file, at.line, at.column),
                    fmt::format("{} has no meaning here: {}", item.name, key->note));
    const Result<std::vector<std::string>> texts = convert_conf(*key, item);
    if (!texts) return problem(at, texts.error().message);
    for (const std::string_view path : {key->setting, key->second})
        if (!path.empty() && !texts->empty()) conf_value(*find_setting(path), *texts, item);
}

void ConfigReader::conf_value(const Setting& setting, const std::vector<std::string>& texts, const ConfItem& item) {
    const Origin at{file_, item.at.line, item.at.column};
    Value value;
    for (const std::string& text : texts)
        if (const Status good = read_value(setting, text, value); !good)
            return problem(at, fmt::format("{}: {}", item.name, good.error().message));
    Config::Entry& entry = out_.config.entries_.find(setting.path)->second;
    entry.value = std::move(value);
    entry.origin = at;
}

bool ConfigReader::first_time(const std::string& path, const YAML::Node& key) {
    const auto [first, is_new] = seen_.emplace(path, origin(key));
    if (!is_new)
        problem(key, fmt::format("{}: given twice, first at line {} column {}", path, first->second.line,
                                 first->second.column));
    return is_new;
}

void ConfigReader::section(const YAML::Node& node, const std::string& path, int depth) {
    if (node.IsNull()) return; // a section without settings
    if (!node.IsMap())
        return problem(node, fmt::format("{}: found {}, expected a section (lines NAME: VALUE)",
                                         path.empty() ? "the file" : path, kind_of(node)));
    for (const auto& pair : node) item(pair.first, pair.second, path, depth);
}

void ConfigReader::item(const YAML::Node& key, const YAML::Node& value, const std::string& prefix,
                        int depth) {
    if (!key.IsScalar()) return problem(key, fmt::format("found {} as a name, expected text", kind_of(key)));
    const std::string path = prefix.empty() ? key.Scalar() : prefix + "." + key.Scalar();
    if (is_free(path)) {
        if (first_time(path, key)) free_form(value, path, depth + 1);
    } else if (const Setting* known = find_setting(path)) {
        if (first_time(path, key)) setting(*known, key, value);
    } else if (is_section(path)) {
        if (first_time(path, key)) section(value, path, depth + 1);
    } else {
        unknown(key, path);
    }
}

void ConfigReader::unknown(const YAML::Node& key, const std::string& path) {
    std::string what = fmt::format("{}: there is no such setting", path);
    const std::vector<std::string> similar = similar_settings(path);
    for (std::size_t i = 0; i < similar.size(); ++i)
        what += (i == 0 ? "; did you mean " : ", or ") + similar[i];
    if (!similar.empty()) what += "?";
    problem(key, what);
}

void ConfigReader::setting(const Setting& setting, const YAML::Node& key, const YAML::Node& node) {
    Value value;
    const auto take = [&](const YAML::Node& scalar) {
        if (!scalar.IsScalar())
            return problem(
                scalar.IsNull() ? key : scalar,
                fmt::format("{}: found {}, expected {}", setting.path, kind_of(scalar), expected(setting)));
        if (const Status good = read_value(setting, scalar.Scalar(), value); !good)
            problem(scalar, good.error().message);
    };
    const std::size_t before = out_.problems.size();
    if (setting.kind == Kind::list && node.IsSequence())
        for (const YAML::Node& element : node) take(element);
    else
        take(node);
    if (out_.problems.size() != before) return;
    Config::Entry& entry = out_.config.entries_.find(setting.path)->second;
    entry.value = std::move(value);
    entry.origin = origin(node.IsScalar() ? node : key);
}

void ConfigReader::free_form(const YAML::Node& node, const std::string& path, int depth) {
    if (depth > kMaxDepth) return problem(node, fmt::format("{}: nested more than {} deep", path, kMaxDepth));
    if (++values_ > kMaxValues)
        return values_ == kMaxValues + 1 ? problem(node, fmt::format("more than {} values", kMaxValues))
                                         : void();
    if (path == kFree) return section(node, path, depth);
    if (node.IsScalar()) {
        out_.config.plugins_[path] = {node.Scalar(), origin(node)};
    } else if (node.IsMap()) {
        for (const auto& pair : node) item(pair.first, pair.second, path, depth);
    } else if (node.IsSequence()) {
        for (std::size_t i = 0; i < node.size(); ++i)
            free_form(node[i], fmt::format("{}.{}", path, i), depth + 1);
    }
}

void ConfigReader::put_in_order() {
    for (const Order& order : setting_orders()) {
        Config::Entry& low = out_.config.entries_.find(order.low)->second;
        Config::Entry& high = out_.config.entries_.find(order.high)->second;
        if (low.value.number <= high.value.number) continue;
        if (low.origin.given() && high.origin.given()) {
            const bool low_is_later =
                low.origin.file == high.origin.file && low.origin.line > high.origin.line;
            const Config::Entry& at = low_is_later ? low : high;
            problem(at.origin, fmt::format("{} is {}, {} is {}: found the first above the second", order.low,
                                           written(*low.setting, low.value), order.high,
                                           written(*high.setting, high.value)));
        } else if (high.origin.given()) {
            low.value = high.value;
            low.origin.note = "follows " + order.high;
        } else {
            high.value = low.value;
            high.origin.note = "follows " + order.low;
        }
    }
}

Config::Loaded Config::load(const ConfigFiles& files) {
    ConfigReader reader;
    std::error_code error, ignored;
    const std::string& file = files.file;
    if (fs::exists(file, error)) {
        reader.read(file);
    } else if (!error && !files.instead.empty() && fs::exists(files.instead, ignored)) {
        reader.note(files.instead, "is read, as there is no " + file);
        reader.read(files.instead);
    } else if (files.must_exist || error)
        reader.problem(file, error ? "cannot look at it: " + error.message() : "there is no such file");
    const fs::path folder = fs::path(file).replace_extension(".d");
    std::vector<std::string> more;
    if (fs::exists(folder, error)) {
        for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
            const std::string name = at->path().filename().string();
            if (name.ends_with(".yaml") && name.front() != '.') more.push_back(at->path().string());
        }
        if (error) reader.problem(folder.string(), "cannot read the folder: " + error.message());
    }
    std::sort(more.begin(), more.end());
    for (const std::string& one : more) reader.read(one);
    return reader.take();
}

} // namespace polyvirt::daemon
