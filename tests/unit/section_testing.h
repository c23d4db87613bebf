/* section_testing.h: the checksum of a section file, for tests that change its bytes. */
#ifndef MF_TESTS_SECTION_TESTING_H
#define MF_TESTS_SECTION_TESTING_H

#include "model/section_file.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/* What n_bytes ≥ 64 bytes should have at offset 56. */
static inline uint64_t section_checksum(const void *bytes, size_t n_bytes)
{
    XXH3_state_t hash;
    mf_section_header header;
    memcpy(&header, bytes, sizeof header);
    header.checksum = 0;
    XXH3_64bits_reset(&hash);
    XXH3_64bits_update(&hash, (const char *)bytes + sizeof header, n_bytes - sizeof header);
    XXH3_64bits_update(&hash, &header, sizeof header);
    return XXH3_64bits_digest(&hash);
}

#endif
