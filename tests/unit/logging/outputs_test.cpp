// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/logging/outputs.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <gmock/gmock.h>

#include "base/unique_fd.h"

namespace polyvirt::logging {
namespace {

using testing::HasSubstr;

std::string shown(std::string_view text) {
    const auto specs = parse_outputs(text);
    EXPECT_TRUE(specs) << text;
    return specs ? outputs_text(*specs) : "";
}

std::string complaint(std::string_view text) {
    const auto specs = parse_outputs(text);
    EXPECT_FALSE(specs) << text;
    return specs ? "" : specs.error().message;
}

TEST(Outputs, they_are_read_and_shown_as_by_the_peer) {
    EXPECT_EQ(shown("1:stderr 2:file:/a/b"), "1:stderr 2:file:/a/b");
    EXPECT_EQ(shown("  3:journald   2:syslog:virt "), "3:journald 2:syslog:virt");
    EXPECT_EQ(shown("1:stderr 3:stderr"), "3:stderr");
    EXPECT_EQ(shown("1:file:/a 2:file:/b 3:file:/a"), "2:file:/b 3:file:/a");
    EXPECT_EQ(shown(""), "");
}

TEST(Outputs, wrong_ones_are_told) {
    EXPECT_THAT(complaint("9:stderr"), HasSubstr("Invalid priority '9' for log output '9:stderr'"));
    EXPECT_THAT(complaint("stderr"), HasSubstr("Malformed format for log output 'stderr'"));
    EXPECT_THAT(complaint("1:stdout"), HasSubstr("Invalid log destination 'stdout' for log output '1:stdout'"));
    EXPECT_THAT(complaint("1:journald:x"), HasSubstr("does not meet the format of destination 'journald'"));
    EXPECT_THAT(complaint("2:syslog"), HasSubstr("does not meet the format"));
    EXPECT_THAT(complaint("1:file:"), HasSubstr("does not meet the format"));
    EXPECT_THAT(complaint("1:file:a/b"), HasSubstr("expected an absolute path"));
}

class OutputTest : public testing::Test {
  protected:
    OutputTest() {
        std::string name = (std::filesystem::temp_directory_path() / "polyvirt-log-XXXXXX").string();
        folder_ = ::mkdtemp(name.data());
    }
    ~OutputTest() override { std::filesystem::remove_all(folder_); }

    [[nodiscard]] std::string path(const std::string& name) const { return (folder_ / name).string(); }
    [[nodiscard]] std::string text(const std::string& name) const {
        std::stringstream out;
        out << std::ifstream(path(name)).rdbuf();
        return out.str();
    }
    static void write(Output& output, const Line& line) { output.write(line, format(line)); }
    static Line line(std::string_view text) { return {log::Level::warning, "qemu.monitor", text}; }

    [[nodiscard]] UniqueFd service(const std::string& name) const {
        UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path(name).copy(address.sun_path, sizeof address.sun_path - 1);
        EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
        return fd;
    }
    static std::string received(const UniqueFd& fd) {
        std::string message(65536, '\0');
        const ssize_t n = ::recv(fd.get(), message.data(), message.size(), MSG_DONTWAIT);
        message.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
        return message;
    }

    std::filesystem::path folder_;
};

TEST_F(OutputTest, a_line_has_time_level_category_and_call) {
    const CallScope scope({.server = 'c', .client = 12, .serial = 45, .procedure = "domain_create"});
    EXPECT_THAT(format(line("it is late")),
                testing::MatchesRegex("[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3} [0-9]+ warning "
                                      "qemu\\.monitor: \\[c12/45 domain_create\\] it is late\n"));
}

TEST_F(OutputTest, what_looks_like_a_line_of_its_own_is_none) {
    EXPECT_THAT(format(line("one\n2026-01-01 00:00:00 two")), HasSubstr("one 2026-01-01 00:00:00 two\n"));
    EXPECT_LT(format(line(std::string(1'000'000, 'x'))).size(), 20'000U);
}

TEST_F(OutputTest, a_file_grows_and_is_begun_anew) {
    auto file = *open_file(path("log"), IfClosed::refuse);
    write(*file, line("one"));
    std::filesystem::rename(path("log"), path("log.1"));
    write(*file, line("two"));
    file->reopen();
    write(*file, line("three"));
    EXPECT_THAT(text("log.1"), testing::AllOf(HasSubstr(" one\n"), HasSubstr(" two\n")));
    EXPECT_THAT(text("log"), testing::EndsWith(" three\n"));
}

TEST_F(OutputTest, a_file_that_cannot_be_opened_is_an_error_or_tried_again) {
    const auto refused = open_file(path("none/log"), IfClosed::refuse);
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("failed to open " + path("none/log") + ": No such file or directory"));
    auto file = *open_file(path("none/log"), IfClosed::retry);
    write(*file, line("lost"));
    std::filesystem::create_directory(path("none"));
    file->reopen();
    write(*file, line("there"));
    EXPECT_THAT(text("none/log"), testing::AllOf(HasSubstr("1 lines were lost here"), testing::EndsWith(" there\n")));
}

// /dev/full is a disk without room.
TEST_F(OutputTest, a_full_disk_loses_lines_and_says_so_later) {
    std::filesystem::create_symlink("/dev/full", path("log"));
    auto file = *open_file(path("log"), IfClosed::refuse);
    write(*file, line("one"));
    write(*file, line("two"));
    std::filesystem::remove(path("log"));
    file->reopen();
    write(*file, line("three"));
    EXPECT_THAT(text("log"), testing::AllOf(HasSubstr("2 lines were lost here: No space left on device\n"),
                                            testing::EndsWith(" three\n")));
}

TEST_F(OutputTest, a_pipe_that_nobody_reads_does_not_hold_up) {
    ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
    const UniqueFd reader(::open(path("pipe").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    auto file = *open_file(path("pipe"), IfClosed::refuse);
    for (int i = 0; i < 2000; ++i) write(*file, line(std::string(1000, 'x'))); // more than a pipe holds
}

TEST_F(OutputTest, the_journal_gets_fields) {
    const UniqueFd journal = service("journal");
    auto output = open_journald(path("journal"));
    {
        const CallScope scope({.server = 'c', .client = 12, .serial = 45, .procedure = "domain_create"});
        write(*output, line("it is late"));
    }
    const std::string message = received(journal);
    for (const char* field : {"PRIORITY=4\n", "SYSLOG_IDENTIFIER=polyvirtd\n", "POLYVIRT_CATEGORY=qemu.monitor\n",
                              "POLYVIRT_CLIENT=c12\n", "POLYVIRT_SERIAL=45\n", "POLYVIRT_PROCEDURE=domain_create\n",
                              "MESSAGE=it is late\n"})
        EXPECT_THAT(message, HasSubstr(field));
    write(*output, line("no call"));
    EXPECT_THAT(received(journal), testing::Not(HasSubstr("POLYVIRT_CLIENT")));
}

TEST_F(OutputTest, a_journal_that_is_gone_or_stuck_does_not_hold_up) {
    auto gone = open_journald(path("none"));
    write(*gone, line("lost"));
    const UniqueFd journal = service("journal");
    auto stuck = open_journald(path("journal"));
    for (int i = 0; i < 2000; ++i) write(*stuck, line(std::string(1000, 'x')));
    while (!received(journal).empty()) {
    }
    write(*stuck, line("again"));
    EXPECT_THAT(received(journal), testing::AllOf(HasSubstr("POLYVIRT_LINES_LOST="), HasSubstr("MESSAGE=again\n")));
}

TEST_F(OutputTest, syslog_gets_what_its_readers_expect) {
    const UniqueFd syslog = service("syslog");
    write(*open_syslog("virt", path("syslog")), line("it is late"));
    EXPECT_THAT(received(syslog), testing::MatchesRegex("<28>[A-Z][a-z]{2} [ 0-9]{2} [0-9:]{8} virt\\[[0-9]+\\]: "
                                                        "qemu\\.monitor: it is late"));
}

} // namespace
} // namespace polyvirt::logging
