/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright 2026 The polyvirt authors */
#ifndef POLYVIRT_TESTS_PLUGINS_DOCUMENT_H
#define POLYVIRT_TESTS_PLUGINS_DOCUMENT_H
/* What the small drivers in C read of a document: who it is about. Any text will do; no parser of XML is at work. */
#include <stdint.h>
#include <string.h>

/* What stands in the first <name>, or the whole text. `to` is zeroed. */
static inline void read_name(const char *xml, char *to, size_t size) {
    const char *begin = strstr(xml, "<name>");
    begin = begin != NULL ? begin + 6 : xml;
    const char *end = strstr(begin, "</name>");
    const size_t n = end != NULL ? (size_t)(end - begin) : strlen(begin);
    memcpy(to, begin, n < size ? n : size - 1);
}

static inline int hex_digit(char c) {
    static const char digits[] = "0123456789abcdef";
    const char lower = c >= 'A' && c <= 'F' ? (char)(c - 'A' + 'a') : c;
    const char *at = lower != '\0' ? strchr(digits, lower) : NULL;
    return at != NULL ? (int)(at - digits) : -1;
}

/* The 16 bytes of the first <uuid>; without one, or with a broken one, bytes that follow from the name alone. */
static inline void read_uuid(const char *xml, const char *name, uint8_t *uuid) {
    const char *at = strstr(xml, "<uuid>");
    unsigned digits = 0;
    for (at = at != NULL ? at + 6 : ""; *at != '\0' && *at != '<' && digits < 32; ++at) {
        const int digit = hex_digit(*at);
        if (digit < 0) continue;
        uuid[digits / 2] = (uint8_t)((digits % 2 == 0 ? 0 : uuid[digits / 2] << 4) | digit);
        ++digits;
    }
    if (digits == 32) return;
    uint64_t hash[2] = {14695981039346656037ULL, 4711};
    for (const char *c = name; *c != '\0'; ++c) hash[0] = (hash[0] ^ (unsigned char)*c) * 1099511628211ULL;
    memcpy(uuid, hash, 16);
}

#endif
