// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// FakeSysfs: a folder that stands for the root of a host, and a kernel that binds and unbinds PCI devices as it is told.
// After `last_write` writes it does nothing any more, like one whose daemon was killed there.

#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include <fmt/format.h>
#include <stdlib.h>

#include "base/error_text.h"
#include "hostdev/sysfs.h"

namespace polyvirt::qemu::test {

inline std::string new_root() {
    std::string pattern = "/tmp/pvsysfsXXXXXX";
    return ::mkdtemp(pattern.data());
}

class FakeSysfs : public Sysfs {
  public:
    FakeSysfs() : FakeSysfs(new_root()) {}
    ~FakeSysfs() override { std::filesystem::remove_all(root); }

    void file(const std::string& path, const std::string& text) const {
        std::filesystem::create_directories(std::filesystem::path(root + path).parent_path());
        std::ofstream(root + path) << text << "\n";
    }
    void folder(const std::string& path) const { std::filesystem::create_directories(root + path); }
    void link(const std::string& path, const std::string& to) const {
        std::filesystem::create_directories(std::filesystem::path(root + path).parent_path());
        std::filesystem::remove(root + path);
        std::filesystem::create_directory_symlink(root + to, root + path);
    }

    void usb(const std::string& name, const std::string& vendor, const std::string& product, int bus, int device) const {
        const std::string f = "/sys/bus/usb/devices/" + name + "/";
        file(f + "idVendor", vendor);
        file(f + "idProduct", product);
        file(f + "busnum", std::to_string(bus));
        file(f + "devnum", std::to_string(device));
    }

    void vfio() const {
        folder("/sys/bus/pci/drivers/vfio-pci");
        folder("/sys/kernel/iommu_groups/1");
        file("/dev/vfio/vfio", "");
    }
    // `driver`: what it has now, and what the kernel chooses for it.
    void pci(const std::string& name, int group, const std::string& driver, const std::string& kind = "0x020000") {
        const std::string f = "/sys/bus/pci/devices/" + name, g = fmt::format("/sys/kernel/iommu_groups/{}", group);
        file(f + "/config", "");
        file(f + "/class", kind);
        file(f + "/driver_override", "(null)");
        folder(g + "/devices");
        link(g + "/devices/" + name, f);
        link(f + "/iommu_group", g);
        if (driver.empty()) return;
        folder("/sys/bus/pci/drivers/" + driver);
        natural_[name] = driver;
        link(f + "/driver", "/sys/bus/pci/drivers/" + driver);
    }
    [[nodiscard]] std::string driver(const std::string& name) const { return target("/sys/bus/pci/devices/" + name + "/driver"); }

    [[nodiscard]] Status write(const std::string& path, std::string_view value) const override {
        if (last_write-- <= 0) return make_system_error(EIO, ErrorDomain::none, "no more writes");
        const std::string devices = "/sys/bus/pci/devices/", drivers = "/sys/bus/pci/drivers/";
        if (path.ends_with("/driver_override")) {
            file(path, value == "\n" ? "(null)" : std::string(value.substr(0, value.size() - 1)));
        } else if (path.ends_with("/driver/unbind")) {
            std::filesystem::remove(root + devices + std::string(value) + "/driver");
        } else {
            const std::string name(value);
            if (!driver(name).empty()) return {}; // it has one already
            const std::string pinned = text(devices + name + "/driver_override");
            const auto natural = natural_.find(name);
            std::string chosen = pinned != "(null)" ? pinned : natural != natural_.end() ? natural->second : "";
            if (path.ends_with("/bind")) chosen = path.substr(drivers.size(), path.size() - drivers.size() - 5);
            if (!chosen.empty() && exists(drivers + chosen)) link(devices + name + "/driver", drivers + chosen);
        }
        return {};
    }

    const std::string root;
    mutable int last_write = 1000;

  private:
    explicit FakeSysfs(const std::string& folder) : Sysfs(folder), root(folder) {}
    std::map<std::string, std::string> natural_;
};

} // namespace polyvirt::qemu::test
