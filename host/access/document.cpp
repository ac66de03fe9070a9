// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
#include "host/access/document.h"

#include <memory>

#include <libxml/xmlreader.h>

namespace polyvirt::access {
namespace {

struct FreeReader {
    void operator()(xmlTextReaderPtr reader) const { xmlFreeTextReader(reader); }
};
struct FreeText {
    void operator()(xmlChar* text) const { xmlFree(text); }
};

void swallow(void*, const char*, xmlParserSeverities, xmlTextReaderLocatorPtr) {}

std::string attribute(xmlTextReaderPtr reader, const char* name) {
    const std::unique_ptr<xmlChar, FreeText> value(
        xmlTextReaderGetAttribute(reader, reinterpret_cast<const xmlChar*>(name)));
    return value != nullptr ? reinterpret_cast<const char*>(value.get()) : "";
}

std::string_view text_of(const xmlChar* text) {
    return text != nullptr ? reinterpret_cast<const char*>(text) : std::string_view();
}

bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

class Scan {
  public:
    explicit Scan(xmlTextReaderPtr reader) : reader_(reader) {}

    std::optional<DocumentIdentity> run() {
        int more = 0;
        while ((more = xmlTextReaderRead(reader_)) == 1)
            if (!node()) return std::nullopt;
        if (more != 0 || names_ > 1 || uuids_ > 1) return std::nullopt;
        // Drivers may differ over blanks around a name, and then the rules would be asked about another.
        if (!name_.empty() && (is_blank(name_.front()) || is_blank(name_.back()))) return std::nullopt;
        const auto uuid = Uuid::parse(uuid_);
        if (uuids_ == 1 && !uuid) return std::nullopt;
        return DocumentIdentity{names_ == 1 ? name_ : root_name_, uuid.value_or(Uuid{})};
    }

  private:
    // False: nothing that a name is taken from.
    bool node() {
        const int depth = xmlTextReaderDepth(reader_);
        switch (xmlTextReaderNodeType(reader_)) {
        case XML_READER_TYPE_DOCUMENT_TYPE:
        case XML_READER_TYPE_ENTITY_REFERENCE: return false;
        case XML_READER_TYPE_ELEMENT: element(depth); break;
        case XML_READER_TYPE_TEXT:
        case XML_READER_TYPE_CDATA:
        case XML_READER_TYPE_SIGNIFICANT_WHITESPACE:
            if (depth == 2 && into_ != nullptr) into_->append(text_of(xmlTextReaderConstValue(reader_)));
            break;
        default: break;
        }
        return true;
    }

    void element(int depth) {
        if (depth == 0) root_name_ = attribute(reader_, "name");
        if (depth != 1) return;
        into_ = nullptr;
        const std::string_view element = text_of(xmlTextReaderConstName(reader_));
        if (element == "name") {
            ++names_;
            into_ = &name_;
        } else if (element == "uuid") {
            ++uuids_;
            into_ = &uuid_;
        } else if (element == "portdev") {
            root_name_ = attribute(reader_, "name");
        }
    }

    xmlTextReaderPtr reader_;
    std::string root_name_, name_, uuid_;
    int names_ = 0, uuids_ = 0;
    std::string* into_ = nullptr;
};

} // namespace

std::optional<DocumentIdentity> identify_document(std::string_view xml) {
    if (xml.empty() || xml.size() > kMaxDocument) return std::nullopt;
    const std::unique_ptr<xmlTextReader, FreeReader> reader(
        xmlReaderForMemory(xml.data(), static_cast<int>(xml.size()), nullptr, nullptr, XML_PARSE_NONET));
    if (reader == nullptr) return std::nullopt;
    xmlTextReaderSetErrorHandler(reader.get(), &swallow, nullptr);
    return Scan(reader.get()).run();
}

} // namespace polyvirt::access
