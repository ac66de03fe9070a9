// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "block/chain.h"

#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error_text.h"
#include "block/disks.h"
#include "block/iotune.h"
#include "block/jobs.h"
#include "block/missing.h"

namespace polyvirt::qemu {
namespace {

using namespace sdk::domain;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using sdk::storage::ImageHeader;

// Files that exist in a test alone: path -> what its header says.
struct Files {
    std::map<std::string, ImageHeader> headers;
    void add(const std::string& path, const std::string& format, const std::string& backing = "", const std::string& backing_format = "") {
        ImageHeader& header = headers[path];
        header.format = format;
        header.capacity = 1024;
        header.backing = backing;
        header.backing_format = backing_format;
    }
    [[nodiscard]] ImageReader reader() const {
        return [this](const std::string& path, std::string_view) -> Result<ImageFile> {
            const auto it = headers.find(path);
            if (it == headers.end()) return make_system_error(2, ErrorDomain::storage, "Cannot access storage file '" + path + "'");
            ImageFile file;
            file.header = it->second;
            file.inode = static_cast<std::uint64_t>(std::distance(headers.begin(), it)) + 1;
            file.regular = true;
            return file;
        };
    }
};

Disk disk(const std::string& target, const std::string& file, const std::string& format = "qcow2") {
    Disk d;
    d.type = DiskType::file;
    d.device = DiskDevice::disk;
    d.driver.type = format;
    d.target.dev = target;
    if (!file.empty()) d.source.emplace().file = file;
    return d;
}

std::vector<std::string> paths(const Chain& chain) {
    std::vector<std::string> list;
    for (const Link& link : chain.links) list.push_back(link.path());
    return list;
}
std::vector<std::uint32_t> numbers(const Chain& chain) {
    std::vector<std::uint32_t> list;
    for (const Link& link : chain.links) list.push_back(link.number());
    return list;
}

// vda: /d/top -> /d/mid -> /d/base, numbered 1 to 3.
Domain three_deep() {
    Files files;
    files.add("/d/top", "qcow2", "mid", "qcow2");
    files.add("/d/mid", "qcow2", "/d/base", "qcow2");
    files.add("/d/base", "qcow2");
    Domain domain;
    domain.devices.disks.push_back(disk("vda", "/d/top"));
    EXPECT_TRUE(complete_chains(domain, files.reader()));
    number_images(domain.devices.disks);
    return domain;
}

TEST(BlockChain, is_read_from_the_files_to_its_end) {
    const Domain domain = three_deep();
    const Chain chain = chain_of(domain.devices.disks[0]);
    EXPECT_THAT(paths(chain), ElementsAre("/d/top", "/d/mid", "/d/base"));
    EXPECT_TRUE(chain.ended);
    EXPECT_THAT(numbers(chain), ElementsAre(1, 2, 3));
}

TEST(BlockChain, of_a_raw_disk_ends_whatever_is_in_it) {
    Files files;
    files.add("/d/raw", "raw", "/etc/shadow", "raw");
    Domain domain;
    domain.devices.disks.push_back(disk("vda", "/d/raw", "raw"));
    ASSERT_TRUE(complete_chains(domain, files.reader()));
    EXPECT_THAT(paths(chain_of(domain.devices.disks[0])), ElementsAre("/d/raw"));
}

TEST(BlockChain, says_which_file_is_missing_and_who_refers_to_it) {
    Files files;
    files.add("/d/top", "qcow2", "/d/gone", "qcow2");
    Domain domain;
    domain.devices.disks.push_back(disk("vda", "/d/top"));
    const Status status = complete_chains(domain, files.reader());
    ASSERT_FALSE(status);
    EXPECT_THAT(status.error().message, HasSubstr("Cannot access backing file '/d/gone' of storage file '/d/top': No such file or directory"));
}

TEST(BlockChain, loops_and_endless_depths_are_refused) {
    Files files;
    files.add("/d/a", "qcow2", "/d/b", "qcow2");
    files.add("/d/b", "qcow2", "/d/a", "qcow2");
    Domain domain;
    domain.devices.disks.push_back(disk("vda", "/d/a"));
    const Status loop = complete_chains(domain, files.reader());
    ASSERT_FALSE(loop);
    EXPECT_THAT(loop.error().message, HasSubstr("loops"));

    for (std::size_t i = 0; i <= kMaxDepth; ++i) files.add(fmt::format("/d/{}", i), "qcow2", fmt::format("/d/{}", i + 1), "qcow2");
    domain.devices.disks[0] = disk("vda", "/d/0");
    const Status deep = complete_chains(domain, files.reader());
    ASSERT_FALSE(deep);
    EXPECT_THAT(deep.error().message, HasSubstr("more than 200 images"));
}

TEST(BlockChain, a_format_that_is_not_stated_is_looked_up_unless_it_leads_further) {
    Files files;
    files.add("/d/top", "qcow2", "/d/base");
    files.add("/d/base", "qcow2");
    Domain domain;
    domain.devices.disks.push_back(disk("vda", "/d/top"));
    ASSERT_TRUE(complete_chains(domain, files.reader()));
    EXPECT_EQ(chain_of(domain.devices.disks[0]).links[1].format, "qcow2");

    files.add("/d/base", "qcow2", "/d/more", "raw");
    domain.devices.disks[0] = disk("vda", "/d/top");
    const Status refused = complete_chains(domain, files.reader());
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("was not specified in the image metadata"));
}

TEST(BlockChain, images_are_numbered_from_the_last_disk_on_and_empty_drives_count) {
    Domain domain = three_deep();
    domain.devices.disks[0].source->index.reset();
    for (auto* below = &domain.devices.disks[0].backing; !below->empty(); below = &below->front().next) below->front().index.reset();
    domain.devices.disks.push_back(disk("vdb", "/d/raw", "raw"));
    domain.devices.disks.push_back(disk("sda", ""));
    EXPECT_EQ(number_images(domain.devices.disks), 6U);
    EXPECT_THAT(numbers(chain_of(domain.devices.disks[0])), ElementsAre(3, 4, 5));
    EXPECT_THAT(numbers(chain_of(domain.devices.disks[1])), ElementsAre(2));
    EXPECT_EQ(disk_of_number(domain, 4)->target.dev, "vda");
    EXPECT_EQ(disk_of_number(domain, 9), nullptr);
}

TEST(BlockChain, node_names_go_both_ways) {
    EXPECT_EQ(number_of_node(format_node(17)), 17U);
    EXPECT_EQ(number_of_node(storage_node(3)), 3U);
    EXPECT_EQ(number_of_node("libvirt-3-other"), 0U);
    EXPECT_EQ(number_of_node("libvirt--format"), 0U);
    EXPECT_EQ(number_of_node("drive"), 0U);
}

TEST(BlockChain, names_in_files_lead_to_files_and_hosts) {
    const auto relative = parse_backing_name("b.img", "/d/a.img");
    ASSERT_TRUE(relative);
    EXPECT_EQ(relative->source.file, "/d/b.img");
    const auto device = parse_backing_name("/dev/vg/lv", "/d/a.img");
    ASSERT_TRUE(device);
    EXPECT_EQ(device->type, DiskType::block);
    const auto nbd = parse_backing_name("nbd://host:99/export", "/d/a.img");
    ASSERT_TRUE(nbd);
    EXPECT_EQ(nbd->source.protocol, "nbd");
    EXPECT_EQ(nbd->source.hosts[0].port, "99");
    EXPECT_EQ(nbd->source.name, "export");
    const auto json = parse_backing_name(R"(json:{"driver":"qcow2","file":{"driver":"file","filename":"/d/x"}})", "/d/a");
    ASSERT_TRUE(json);
    EXPECT_EQ(json->source.file, "/d/x");
    EXPECT_EQ(json->format, "qcow2");
    const auto flat = parse_backing_name(R"(json:{"file.filename":"/d/x"})", "/d/a");
    ASSERT_TRUE(flat);
    EXPECT_EQ(flat->source.file, "/d/x");
    for (const char* bad : {"json:{", "json:[]", "json:{\"driver\":\"null-co\"}", "fat:/etc", "unknown://x/y"})
        EXPECT_FALSE(parse_backing_name(bad, "/d/a")) << bad;
}

TEST(BlockChain, images_are_found_by_path_by_name_and_by_number) {
    const Domain domain = three_deep();
    const Chain chain = chain_of(domain.devices.disks[0]);
    EXPECT_EQ(*find_image(chain, "vda", "/d/base", 1), 2U);
    EXPECT_EQ(*find_image(chain, "vda", "mid", 1), 1U);
    EXPECT_EQ(*find_image(chain, "vda", "vda[3]", 1), 2U);
    EXPECT_THAT(find_image(chain, "vda", "/x", 1).error().message, HasSubstr("could not find image '/x' beneath '/d/top' in chain for 'vda'"));
    EXPECT_THAT(find_image(chain, "vda", "vda[9]", 1).error().message, HasSubstr("could not find backing store index '9'"));
}

TEST(BlockChain, what_may_be_missing_is_left_out) {
    Domain domain;
    for (const char* target : {"vda", "sda", "vdb"}) domain.devices.disks.push_back(disk(target, std::string("/nowhere/") + target, "raw"));
    domain.devices.disks[0].source->startup_policy = "optional";
    domain.devices.disks[1].source->startup_policy = "optional";
    domain.devices.disks[1].device = DiskDevice::cdrom;
    const auto missing = drop_missing(domain);
    ASSERT_EQ(missing.size(), 2U);
    EXPECT_TRUE(missing[0].whole);
    EXPECT_EQ(missing[1].path, "/nowhere/sda");
    EXPECT_FALSE(missing[1].whole);
    ASSERT_EQ(domain.devices.disks.size(), 2U);
    EXPECT_FALSE(domain.devices.disks[0].source);
    EXPECT_TRUE(domain.devices.disks[1].source); // this one is needed
}

TEST(BlockIoTune, disks_of_a_group_share_limits_until_one_leaves) {
    Domain domain;
    DiskIotune tune;
    tune.group_name = "g";
    tune.total_iops_sec = 5;
    for (const char* target : {"vda", "vdb"}) {
        domain.devices.disks.push_back(disk(target, "/d/x"));
        set_io_tune(domain, target, tune);
    }
    tune.total_iops_sec = 7;
    set_io_tune(domain, "vda", tune);
    EXPECT_EQ(domain.devices.disks[1].iotune->total_iops_sec, 7U);
    tune.total_iops_sec.reset();
    set_io_tune(domain, "vda", tune);
    EXPECT_FALSE(domain.devices.disks[0].iotune);
    EXPECT_EQ(domain.devices.disks[1].iotune->total_iops_sec, 7U);
}

// --- what the end of a job makes of it ---

BlockJob job(std::int32_t type, std::int32_t outcome, std::uint32_t top, std::uint32_t base) {
    BlockJob j;
    j.type = type;
    j.disk = "vda";
    j.outcome = outcome;
    j.top = top;
    j.base = base;
    return j;
}

TEST(BlockJobs, a_pull_takes_out_what_is_above_its_base) {
    Domain domain = three_deep();
    BlockJob pull = job(PV_DOMAIN_BLOCK_JOB_TYPE_PULL, PV_DOMAIN_BLOCK_JOB_COMPLETED, 1, 3);
    settle_live(domain, pull);
    EXPECT_THAT(paths(chain_of(domain.devices.disks[0])), ElementsAre("/d/top", "/d/base"));
    EXPECT_THAT(pull.unused, ElementsAre(2));
    pull.base = 0;
    settle_live(domain, pull);
    EXPECT_THAT(paths(chain_of(domain.devices.disks[0])), ElementsAre("/d/top"));
    EXPECT_TRUE(chain_of(domain.devices.disks[0]).ended);
    EXPECT_THAT(pull.unused, ElementsAre(3));
}

TEST(BlockJobs, a_commit_takes_out_what_went_into_its_base) {
    Domain domain = three_deep();
    BlockJob commit = job(PV_DOMAIN_BLOCK_JOB_TYPE_COMMIT, PV_DOMAIN_BLOCK_JOB_COMPLETED, 2, 3);
    commit.removes = true;
    settle_live(domain, commit);
    EXPECT_THAT(paths(chain_of(domain.devices.disks[0])), ElementsAre("/d/top", "/d/base"));
    EXPECT_THAT(commit.unused, ElementsAre(2));
    EXPECT_THAT(commit.files, ElementsAre("/d/mid"));
}

TEST(BlockJobs, an_active_commit_leaves_its_base_alone_with_the_disk) {
    Domain domain = three_deep();
    Chain base;
    base.links.push_back(chain_of(domain.devices.disks[0]).links[2]);
    domain.devices.disks[0].mirror = mirror_of(base, "active-commit");
    BlockJob commit = job(PV_DOMAIN_BLOCK_JOB_TYPE_ACTIVE_COMMIT, PV_DOMAIN_BLOCK_JOB_CANCELED, 1, 3);
    Domain canceled = domain;
    settle_live(canceled, commit);
    EXPECT_FALSE(canceled.devices.disks[0].mirror);
    EXPECT_THAT(commit.unused, ElementsAre()); // the base is still below
    EXPECT_EQ(chain_of(canceled.devices.disks[0]).links.size(), 3U);

    commit.outcome = PV_DOMAIN_BLOCK_JOB_COMPLETED;
    const Disk before = domain.devices.disks[0];
    settle_live(domain, commit);
    EXPECT_FALSE(domain.devices.disks[0].mirror);
    EXPECT_THAT(paths(chain_of(domain.devices.disks[0])), ElementsAre("/d/base"));
    EXPECT_THAT(commit.unused, ElementsAre(1, 2));

    Domain config;
    config.devices.disks.push_back(disk("vda", "/d/top"));
    EXPECT_TRUE(settle_config(config, before, domain.devices.disks[0], commit));
    EXPECT_EQ(config.devices.disks[0].source->file, "/d/base");
    EXPECT_FALSE(config.devices.disks[0].source->index);
    // Once more, as after a daemon that died in between.
    EXPECT_FALSE(settle_config(config, before, domain.devices.disks[0], commit));
}

TEST(BlockJobs, a_copy_becomes_the_disk_or_goes) {
    Domain domain = three_deep();
    Chain mirror;
    mirror.links.push_back({DiskType::file, {}, "raw", {}});
    mirror.links[0].source.file = "/d/copy";
    mirror.links[0].source.index = 4;
    mirror.ended = true;
    domain.devices.disks[0].mirror = mirror_of(mirror, "copy");
    BlockJob copy = job(PV_DOMAIN_BLOCK_JOB_TYPE_COPY, PV_DOMAIN_BLOCK_JOB_FAILED, 4, 0);
    Domain failed = domain;
    settle_live(failed, copy);
    EXPECT_THAT(copy.unused, ElementsAre(4));
    EXPECT_THAT(paths(chain_of(failed.devices.disks[0])), ElementsAre("/d/top", "/d/mid", "/d/base"));

    copy.outcome = PV_DOMAIN_BLOCK_JOB_COMPLETED;
    Domain shallow = domain;
    settle_live(domain, copy);
    EXPECT_THAT(copy.unused, ElementsAre(1, 2, 3));
    EXPECT_EQ(domain.devices.disks[0].driver.type, "raw");
    EXPECT_THAT(paths(chain_of(domain.devices.disks[0])), ElementsAre("/d/copy"));

    shallow.devices.disks[0].mirror->backing.clear();
    copy.shallow = true;
    settle_live(shallow, copy);
    EXPECT_THAT(copy.unused, ElementsAre(1));
    EXPECT_THAT(paths(chain_of(shallow.devices.disks[0])), ElementsAre("/d/copy", "/d/mid", "/d/base"));
    EXPECT_THAT(numbers(chain_of(shallow.devices.disks[0])), ElementsAre(4, 2, 3));
}

TEST(BlockJobs, a_persistent_description_of_something_else_stays) {
    Domain domain = three_deep();
    const Disk before = domain.devices.disks[0];
    BlockJob pull = job(PV_DOMAIN_BLOCK_JOB_TYPE_COPY, PV_DOMAIN_BLOCK_JOB_COMPLETED, 1, 0);
    Domain config;
    config.devices.disks.push_back(disk("vda", "/d/other"));
    EXPECT_FALSE(settle_config(config, before, before, pull));
    EXPECT_EQ(config.devices.disks[0].source->file, "/d/other");
}

TEST(BlockJobs, what_a_user_listed_is_listed_without_what_went) {
    Domain domain = three_deep();
    Domain config = domain;
    const Disk before = domain.devices.disks[0];
    BlockJob commit = job(PV_DOMAIN_BLOCK_JOB_TYPE_COMMIT, PV_DOMAIN_BLOCK_JOB_COMPLETED, 2, 3);
    settle_live(domain, commit);
    EXPECT_TRUE(settle_config(config, before, domain.devices.disks[0], commit));
    EXPECT_THAT(paths(chain_of(config.devices.disks[0])), ElementsAre("/d/top", "/d/base"));
}

TEST(BlockState, is_the_same_after_a_record_and_garbage_is_none) {
    BlockState state;
    state.next_image = 9;
    BlockJob one = job(PV_DOMAIN_BLOCK_JOB_TYPE_COPY, -1, 4, 0);
    one.id = "copy-vda-libvirt-1-format";
    one.state = JobState::ready;
    one.shallow = true;
    one.unused = {7};
    state.jobs.emplace(one.id, one);
    const BlockState again = block_state_from(to_json(state));
    EXPECT_EQ(again.next_image, 9U);
    ASSERT_EQ(again.jobs.size(), 1U);
    EXPECT_EQ(to_json(again), to_json(state));
    EXPECT_TRUE(block_state_from({{"jobs", {1, "x", nullptr, {{"id", 3}}}}, {"next_image", "many"}}).jobs.empty());
    EXPECT_TRUE(block_state_from(nullptr).jobs.empty());
}

TEST(BlockSample, reads_devices_and_images_and_leaves_out_nonsense) {
    const Json stats = Json::parse(R"([{"qdev":"/machine/peripheral/virtio-disk0/virtio-backend","node-name":"libvirt-1-format",
        "stats":{"rd_operations":3,"rd_bytes":-4,"wr_bytes":"x","flush_operations":2},
        "parent":{"node-name":"libvirt-1-storage","stats":{"wr_highest_offset":512}},
        "backing":{"node-name":"libvirt-2-format","stats":{},"parent":{"stats":{"wr_highest_offset":7}}}}, 7, {"qdev":1}])");
    const Json nodes = Json::parse(R"([{"node-name":"libvirt-1-format","image":{"virtual-size":1024,"actual-size":5}},
        {"node-name":"libvirt-2-storage","write_threshold":99}, {"node-name":"other"}, null])");
    const BlockSample sample = read_block_sample(stats, nodes);
    ASSERT_EQ(sample.devices.size(), 1U);
    const DeviceFigures& device = sample.devices.at("virtio-disk0");
    EXPECT_EQ(device.rd_reqs, 3U);
    EXPECT_EQ(device.rd_bytes, 0U);
    EXPECT_EQ(device.fl_reqs, 2U);
    EXPECT_EQ(sample.images.at(1).capacity, 1024U);
    EXPECT_EQ(sample.images.at(1).highest, 512U);
    EXPECT_EQ(sample.images.at(2).highest, 7U);
    EXPECT_EQ(sample.images.at(2).threshold, 99U);
    EXPECT_TRUE(read_block_sample({}, {}).devices.empty());
    EXPECT_TRUE(read_block_sample("x", 4).images.empty());
}

TEST(BlockDisks, image_names_have_a_number_or_none) {
    EXPECT_EQ(parse_image_name("vda")->number, 0U);
    EXPECT_EQ(parse_image_name("vda[12]")->number, 12U);
    EXPECT_EQ(parse_image_name("vda[12]")->target, "vda");
    for (const char* bad : {"vda[", "vda[x]", "vda[1", "vda[1]x", "vda[]", "vda[99999999999]"}) EXPECT_FALSE(parse_image_name(bad)) << bad;
}

} // namespace
} // namespace polyvirt::qemu
