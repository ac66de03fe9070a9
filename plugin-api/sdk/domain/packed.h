// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#pragma once
// PackedDomain: the description of a domain that does not run, held as its document (sdk/xml/packed_text.h), with what
// lists and figures ask of it ready at hand. Immutable; any thread. Whoever changes a description unpacks it, changes the
// copy and packs that.

#include <cstdint>
#include <memory>
#include <string>

#include "sdk/domain/domain.h"
#include "sdk/xml/packed_text.h"

namespace polyvirt::sdk::domain {

struct Summary {
    std::uint64_t memory = 0, current_memory = 0; // KiB
    std::uint32_t vcpus = 1, max_vcpus = 1;
    std::string os_type; // hvm, exe ...
    std::vector<std::string> notes; // Domain::notes
};
Summary summarize(const Domain& domain);

class PackedDomain {
  public:
    // `text` is the inactive form of `domain` with its secrets, as format_domain() and with_notes() wrote it. Error: no_memory.
    static Result<std::shared_ptr<const PackedDomain>> pack(const Domain& domain, std::string_view text);

    [[nodiscard]] const Summary& summary() const { return summary_; }
    // Takes as long as parsing it. Errors: no_memory; those of parse_domain.
    [[nodiscard]] Result<Domain> unpack() const;
    [[nodiscard]] Result<std::string> text() const { return text_.unpack(); }

    PackedDomain(Summary summary, xml::PackedText text) : summary_(std::move(summary)), text_(std::move(text)) {}

  private:
    Summary summary_;
    xml::PackedText text_;
};
using PackedDomainPtr = std::shared_ptr<const PackedDomain>;

} // namespace polyvirt::sdk::domain
