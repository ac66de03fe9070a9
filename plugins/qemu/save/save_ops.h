// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// SaveOps: pv.dom.save. Guests whose memory goes to a file and comes back from it, and dumps of it.

#include <functional>
#include <memory>
#include <string>

#include <polyvirt/gen/dom_save.h>

#include "beginning.h"
#include "part.h"
#include "save/image.h"
#include "save/jobs.h"
#include "save/pipeline.h"
#include "save/store.h"

namespace polyvirt::qemu {

inline constexpr Ending kSaved{.reason = PV_DOMAIN_SHUTOFF_SAVED, .detail = PV_DOMAIN_EVENT_STOPPED_SAVED, .name = "saved"};

class SaveOps final : public Part {
  public:
    explicit SaveOps(Driver& driver) : Part(driver), store_(s_) {}
    [[nodiscard]] const SaveStore& store() const { return store_; }
    using Implements = plugin::implements<ops::dom_save::save, ops::dom_save::restore, ops::dom_save::save_image_xml_desc,
                                          ops::dom_save::save_image_define_xml, ops::dom_save::managed_save, ops::dom_save::managed_save_remove,
                                          ops::dom_save::managed_save_xml_desc, ops::dom_save::managed_save_define_xml, ops::dom_save::core_dump>;

    pv_status save(pv_call*, const pv_obj*, const pv_dom_save_in&, pv_dom_save_out&);
    pv_status restore(pv_call*, const pv_obj*, const pv_dom_restore_in&, pv_dom_restore_out&);
    pv_status save_image_xml_desc(pv_call*, const pv_obj*, const pv_dom_save_image_xml_desc_in&, pv_dom_save_image_xml_desc_out&);
    pv_status save_image_define_xml(pv_call*, const pv_obj*, const pv_dom_save_image_define_xml_in&, pv_dom_save_image_define_xml_out&);
    pv_status managed_save(pv_call*, const pv_obj*, const pv_dom_managed_save_in&, pv_dom_managed_save_out&);
    pv_status managed_save_remove(pv_call*, const pv_obj*, const pv_dom_managed_save_remove_in&, pv_dom_managed_save_remove_out&);
    pv_status managed_save_xml_desc(pv_call*, const pv_obj*, const pv_dom_managed_save_xml_desc_in&, pv_dom_managed_save_xml_desc_out&);
    pv_status managed_save_define_xml(pv_call*, const pv_obj*, const pv_dom_managed_save_define_xml_in&, pv_dom_managed_save_define_xml_out&);
    pv_status core_dump(pv_call*, const pv_obj*, const pv_dom_core_dump_in&, pv_dom_core_dump_out&);

    // Starts a guest from its managed save, as a part of `op`: the image goes when it runs. One that is no image, or half of one, is
    // removed and said so in the log, and the guest boots. Workers.
    Task start_managed(sdk::OperationPtr op, GuestPtr guest, StartOptions options);
    // Boots one that has a managed save, which is dropped.
    Task start_anew(sdk::OperationPtr op, GuestPtr guest, StartOptions options);
    // Removes a guest's managed save, if it has one. Worker.
    Status drop_managed(const GuestPtr& guest);
    // A guest of which an earlier daemon had begun a start runs: it needs its image no more. Any thread.
    void adopted(const GuestPtr& guest);
    // A run that is adopted and whose guest is saved (SaveStore::load): its emulator ends, and then the save has.
    void end_saved(const GuestPtr& guest, Run& run);
    // The memory of a running guest into a new file, with header and description. It is whole and on the disk, or not there.
    // `direct`: past the host's cache.
    Task write_image(RunPtr run, std::string path, ImageFacts facts, JobTicketPtr ticket, const char* what, bool direct = false);

  private:
    struct Request {
        std::string path, dxml;
        std::uint32_t flags = 0;
        bool managed = false;
    };
    Task save_guest(sdk::OperationPtr op, GuestPtr guest, Request request);
    Task save_and_end(sdk::OperationPtr op, GuestPtr guest, RunPtr run, Request request, JobTicketPtr ticket);
    [[nodiscard]] Result<ImageFacts> facts_of(const GuestPtr& guest, const Request& request);
    // What `write` has the emulator put into the descriptor goes through the programs, if any, into the file.
    using Write = std::function<Task(std::shared_ptr<UniqueFd>)>;
    Task write_through(RunPtr run, std::shared_ptr<UniqueFd> file, Programs programs, Write write);
    // The document of an image, for one that is to be put in its place. Worker.
    [[nodiscard]] Result<std::string> replacement(const std::string& xml, const Uuid& uuid);
    Task remove_managed(GuestPtr guest);
    Task redefine_managed(GuestPtr guest, std::string xml, std::uint32_t flags);
    Status define_image(const std::string& path, const std::string& xml, std::uint32_t flags);
    pv_status describe_image(pv_call* call, const std::string& path, std::uint32_t flags, pv_sink* sink);

    // restore.cpp
    [[nodiscard]] Result<std::shared_ptr<Beginning>> beginning_from(OpenImage& image, bool paused, bool direct);
    Task boot_defined(sdk::OperationPtr op, GuestPtr guest, StartOptions options);
    Task restore_guest(sdk::OperationPtr op, GuestPtr guest, std::shared_ptr<OpenImage> image, std::shared_ptr<const Domain> description,
                       std::uint32_t flags);

    // dump.cpp
    struct DumpRequest {
        std::string path;
        std::uint32_t format = 0, flags = 0;
    };
    const SaveStore store_;

    Task dump_guest(GuestPtr guest, DumpRequest request);
    Task write_dump(RunPtr run, DumpRequest request, JobTicketPtr ticket);
    Task after_dump(RunPtr run, std::uint32_t flags, bool paused_here, bool dumped);
};

} // namespace polyvirt::qemu
