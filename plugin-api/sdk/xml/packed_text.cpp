// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "sdk/xml/packed_text.h"

#include <zlib.h>

#include "base/error_text.h"

namespace polyvirt::sdk::xml {
namespace {

// A window of 8 KiB sees a usual document whole; with it and this much for its tables, zlib takes 64 KiB while it packs
// and not the 256 of its default, for which the allocator would ask the kernel each time.
constexpr int kWindowBits = 13, kMemoryLevel = 6;

Bytef* bytes(const char* text) { return reinterpret_cast<Bytef*>(const_cast<char*>(text)); } // zlib's next_in is not const

Error failed(const char* what, int code) {
    if (code == Z_MEM_ERROR) return make_error(ErrorCode::no_memory, ErrorDomain::xml, "no memory to {} a document", what);
    return make_error(ErrorCode::internal_error, ErrorDomain::xml, "cannot {} a document: zlib says {}", what, zError(code));
}

} // namespace

Result<PackedText> PackedText::pack(std::string_view text) {
    z_stream z{};
    if (const int code = ::deflateInit2(&z, Z_BEST_SPEED, Z_DEFLATED, kWindowBits, kMemoryLevel, Z_DEFAULT_STRATEGY);
        code != Z_OK)
        return failed("pack", code);
    std::string data(::deflateBound(&z, text.size()), '\0');
    z.next_in = bytes(text.data());
    z.avail_in = static_cast<uInt>(text.size());
    z.next_out = bytes(data.data());
    z.avail_out = static_cast<uInt>(data.size());
    const int code = ::deflate(&z, Z_FINISH);
    data.resize(z.total_out);
    ::deflateEnd(&z);
    if (code != Z_STREAM_END) return failed("pack", code);
    data.shrink_to_fit();
    return PackedText(std::move(data), text.size());
}

Result<std::string> PackedText::unpack() const {
    z_stream z{};
    if (const int code = ::inflateInit2(&z, kWindowBits); code != Z_OK) return failed("unpack", code);
    std::string text(length_, '\0');
    z.next_in = bytes(data_.data());
    z.avail_in = static_cast<uInt>(data_.size());
    z.next_out = bytes(text.data());
    z.avail_out = static_cast<uInt>(text.size());
    const int code = ::inflate(&z, Z_FINISH);
    ::inflateEnd(&z);
    if (code != Z_STREAM_END || z.total_out != length_) return failed("unpack", code);
    return text;
}

} // namespace polyvirt::sdk::xml
