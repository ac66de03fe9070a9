// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Writes a RelaxNG schema for each kind of document into a folder: `polyvirt-schemas DIR`. The build runs it.

#include <cstdio>
#include <fstream>
#include <string>

#include "sdk/domain/domain.h"
#include "sdk/domain/snapshot.h"
#include "sdk/interface/interface.h"
#include "sdk/network/network.h"
#include "sdk/network/port.h"
#include "sdk/nodedev/nodedev.h"
#include "sdk/nwfilter/nwfilter.h"
#include "sdk/secret/secret.h"
#include "sdk/storage/pool.h"
#include "sdk/storage/volume.h"
#include "sdk/xml/schema.h"

namespace sdk = polyvirt::sdk;

namespace {

struct Document {
    const char* root; // and the file's name
    std::string (*schema)(std::string_view root);
};
template <typename T> std::string made(std::string_view root) { return sdk::xml::schema<T>(root); }

constexpr Document kDocuments[] = {
    {"domain", made<sdk::domain::Domain>},
    {"domainsnapshot", made<sdk::domain::Snapshot>},
    {"domaincheckpoint", made<sdk::domain::Checkpoint>},
    {"domainbackup", made<sdk::domain::Backup>},
    {"network", made<sdk::network::Network>},
    {"networkport", made<sdk::network::Port>},
    {"pool", made<sdk::storage::Pool>},
    {"volume", made<sdk::storage::Volume>},
    {"device", made<sdk::nodedev::Device>},
    {"interface", made<sdk::interface::Interface>},
    {"secret", made<sdk::secret::Secret>},
    {"filter", made<sdk::nwfilter::Filter>},
    {"filterbinding", made<sdk::nwfilter::Binding>},
};

} // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fprintf(stderr, "usage: polyvirt-schemas DIR\n");
        return 2;
    }
    for (const Document& d : kDocuments) {
        const std::string path = std::string(argv[1]) + "/" + d.root + ".rng";
        std::ofstream file(path);
        file << d.schema(d.root);
        file.close();
        if (!file) {
            std::fprintf(stderr, "polyvirt-schemas: cannot write '%s'\n", path.c_str());
            return 1;
        }
    }
    return 0;
}
