// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "node_document.h"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error_text.h"
#include "base/log.h"
#include "base/unique_fd.h"
#include "sdk/xml/reader.h"

namespace polyvirt::test {
namespace {

using sdk::xml::Node;

constexpr std::string_view kFilePrefix = "file:";
constexpr std::size_t kMaxBytes = 4u << 20; // of one file
constexpr std::size_t kMaxFiles = 10'000;   // beside the document itself

Error in_file(Error error, const std::string& file, int line) {
    // The document's own errors have a line already, those of objects are told where the object stands.
    const std::string where = line > 0 ? fmt::format("{}: line {}: ", file, line) : file + ": ";
    error.message.insert(0, where);
    return error;
}

Result<std::string> read_file(const std::string& path) {
    const auto failed = [&](int why) { return make_system_error(why, ErrorDomain::test, "cannot read '" + path + "'"); };
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!fd) return failed(errno);
    struct stat facts {};
    if (::fstat(fd.get(), &facts) != 0) return failed(errno);
    if (!S_ISREG(facts.st_mode))
        return make_error(ErrorCode::operation_failed, ErrorDomain::test, "'{}' is not a regular file", path);
    if (facts.st_size > static_cast<off_t>(kMaxBytes))
        return make_error(ErrorCode::operation_failed, ErrorDomain::test, "'{}' has {} bytes, expected at most {}", path, facts.st_size,
                          kMaxBytes);
    std::string text(static_cast<std::size_t>(facts.st_size), '\0');
    std::size_t have = 0;
    while (have < text.size()) {
        const ssize_t n = ::read(fd.get(), text.data() + have, text.size() - have);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return failed(errno);
        if (n == 0) break; // it has shrunk meanwhile
        have += static_cast<std::size_t>(n);
    }
    text.resize(have);
    return text;
}

class Loader {
  public:
    Loader(std::string file, const std::vector<Part*>& parts)
        : file_(std::move(file)), folder_(file_.substr(0, file_.rfind('/') + 1)), parts_(parts) {}

    Status load(std::string_view text) {
        auto root = sdk::xml::read(text, "description of the test host");
        if (!root) return in_file(std::move(root).error(), file_, 0);
        if (root->name != "node" || !root->uri.empty())
            return in_file(make_error(ErrorCode::xml_error, ErrorDomain::test, "the outermost element is <{}>, expected <node>",
                                      root->qualified_name()),
                           file_, root->line);
        for (const Node& child : root->children)
            if (child.is_element()) PV_TRY(element(child));
        return {};
    }

  private:
    Status element(const Node& element) {
        const std::string name = element.uri.empty() ? element.name : element.qualified_name();
        Part* const part = owner(element.uri.empty() ? name : element.name);
        if (part == nullptr) {
            log::warning("node", "{}: line {}: element <{}> is not known and left out", file_, element.line, name);
            return {};
        }
        const std::string* const file = element.attribute("file");
        if (file == nullptr) return at(part->load(element), file_, element.line);
        if (++files_ > kMaxFiles)
            return in_file(make_error(ErrorCode::operation_failed, ErrorDomain::test, "more than {} files are named", kMaxFiles), file_,
                           element.line);
        const std::string path = file->starts_with('/') ? *file : folder_ + *file;
        auto text = read_file(path);
        if (!text) return in_file(std::move(text).error(), file_, element.line);
        auto root = sdk::xml::read(*text, "description");
        if (!root) return in_file(std::move(root).error(), path, 0);
        if (root->name != name)
            return in_file(make_error(ErrorCode::xml_error, ErrorDomain::test, "the outermost element is <{}>, expected <{}>",
                                      root->qualified_name(), name),
                           path, root->line);
        return at(part->load(*root), path, root->line);
    }

    Part* owner(std::string_view name) const {
        const auto found = std::find_if(parts_.begin(), parts_.end(), [&](const Part* p) { return p->knows(name); });
        return found == parts_.end() ? nullptr : *found;
    }

    static Status at(Status loaded, const std::string& file, int line) {
        if (!loaded) return in_file(std::move(loaded).error(), file, line);
        return loaded;
    }

    const std::string file_, folder_;
    const std::vector<Part*>& parts_;
    std::size_t files_ = 0;
};

} // namespace

Status load_node(const std::string& instance, const std::vector<Part*>& parts) {
    if (!instance.starts_with(kFilePrefix)) return Loader("test:///default", parts).load(default_node());
    const std::string path = instance.substr(kFilePrefix.size());
    PV_ASSIGN_OR_RETURN(const std::string text, read_file(path));
    return Loader(path, parts).load(text);
}

} // namespace polyvirt::test
