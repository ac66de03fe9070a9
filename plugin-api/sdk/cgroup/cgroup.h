// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// Control groups: a guest's emulator in one of its own, in every hierarchy that this host has, v1 and v2 beside each other.
// They stand below the daemon's own place, in the guest's partition: OWN/machine/qemu-ID-NAME. What is above the daemon's
// place is never changed.
//
//     const auto group = tree.guest("/machine", "qemu-3-web");     // paths alone
//     PV_TRY(group.make());
//     if (group.version(Controller::cpu) == 1) PV_TRY(group.set(Controller::cpu, "cpu.shares", "512"));
//     PV_ASSIGN_OR_RETURN(const Group vcpu, group.thread_group("vcpu0"));   // made where it is not there
//     PV_TRY(vcpu.add_thread(tid));
//
// Any thread. Reads and writes files of the kernel: not on a loop.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/sync.h"
#include "base/unique_fd.h"

namespace polyvirt::sdk::cgroup {

// v2 knows blkio as "io", has no cpuacct (the figures are in the file cpu.stat), and needs no devices.
enum class Controller : std::uint8_t { cpu, cpuacct, cpuset, memory, devices, blkio };
inline constexpr std::size_t kControllers = 6;
constexpr std::uint32_t bit(Controller c) { return 1U << static_cast<unsigned>(c); } // its place in a set
std::string_view name(Controller controller);

// The folders of one group: one in each hierarchy.
class Group {
  public:
    Group() = default;
    // 0: not to be had; 1 or 2.
    [[nodiscard]] int version(Controller controller) const;
    [[nodiscard]] bool empty() const { return places_.empty(); }
    // Errors: operation_invalid where the controller is not to be had, in the peer's words; system_error.
    [[nodiscard]] Result<std::string> get(Controller controller, std::string_view file) const; // without the last newline
    [[nodiscard]] Status set(Controller controller, std::string_view file, std::string_view value) const;
    // "" where the controller is not to be had.
    [[nodiscard]] std::string folder(Controller controller) const;

    // As one line of text for each hierarchy, "1:cpu,cpuacct:/FOLDER", for what must be known after a restart; and back.
    [[nodiscard]] std::vector<std::string> to_text() const;
    [[nodiscard]] static Group from_text(const std::vector<std::string>& lines, ErrorDomain domain);

    // Makes the folders. Where that fails in one hierarchy, its controllers are not to be had, and why() says why.
    void make();
    [[nodiscard]] const std::string& why() const { return why_; }
    // The group of some threads of the guest, "vcpu0", "emulator", "iothread1": of cpu, cpuacct and cpuset alone.
    [[nodiscard]] Result<Group> thread_group(std::string_view name) const;
    // A thread of the guest, into a thread group; or back, into the guest's.
    [[nodiscard]] Status add_thread(std::int64_t tid) const;
    // cgroup.procs of each hierarchy, for Command::join().
    [[nodiscard]] std::vector<UniqueFd> entrances() const;
    // Ends what is left in it, frozen or not, and removes it with all groups below; and its partition, if that is empty then.
    void remove() const;
    // operation_invalid, in the driver's name.
    [[nodiscard]] Error invalid(std::string text) const;

  private:
    friend class Tree;
    struct Place {
        std::string folder;
        int version = 1;
        std::uint32_t controllers = 0; // bits
        bool threads = false;          // a thread group
    };
    [[nodiscard]] const Place* place_of(Controller controller) const;
    [[nodiscard]] Result<const Place*> need(Controller controller) const;

    std::vector<Place> places_;
    std::string why_;
    ErrorDomain domain_ = ErrorDomain::none;
};

// "qemu-3-web": of a driver, and of one run of one of its guests.
std::string group_name(std::string_view driver, std::int32_t id, std::string_view guest);
// Of a Tree: daemons with state of their own on one host (--root) number their guests alike, so each has a folder more.
std::string prefix_of(std::string_view run_folder, std::string_view usual_run_folder);

// The hierarchies of this host and the daemon's place in them.
class Tree {
  public:
    // What /proc/self/mountinfo and /proc/self/cgroup say. `prefix` (may be empty) stands between the daemon's place and
    // the partitions, `domain` in the errors.
    static Tree of(std::string_view mountinfo, std::string_view own, std::string prefix, ErrorDomain domain = ErrorDomain::none);
    static Tree of_this_process(std::string prefix, ErrorDomain domain);

    // every_hierarchy: those of controllers that nothing is set in, and those of none, too: for whoever makes groups below.
    enum class Reach : std::uint8_t { controllers, every_hierarchy };
    [[nodiscard]] Group guest(std::string_view partition, const std::string& name, Reach reach = Reach::controllers) const;
    // Makes v2's controllers available below the daemon's place, which may mean that the daemon moves into a group of its
    // own there: a group with processes gives none to others. Once; worker or start. The error says what cannot be had.
    [[nodiscard]] Status prepare();

  private:
    struct Hierarchy {
        std::string base;
        int version = 1;
        std::uint32_t controllers = 0;
        std::string others; // v1's name of one that has none of ours: "freezer", "name=systemd"
    };
    [[nodiscard]] Status prepare_v2(Hierarchy& hierarchy) const;

    std::vector<Hierarchy> hierarchies_;
    std::string prefix_;
    ErrorDomain domain_ = ErrorDomain::none;
};

} // namespace polyvirt::sdk::cgroup
