/* fuzz_tar.c: any bytes as model.tar.gz.
 *
 * Members have names that stay below a folder, give exactly the bytes that they
 * announce, and never more in all than the limit; the second reading, which skips
 * the content, sees the same members as the first. What is refused has a reason.
 *
 * Each input runs twice: as it is, and with the checksum of every block that
 * looks like a header put right, because mutation alone hardly gets past one. */
#include "sagemaker/tar.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t LIMIT = 1 << 20;

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void require_safe(const char *name)
{
    require(name[0] != '\0' && name[0] != '/');
    for (const char *part = name; part != NULL;) {
        const size_t n = strcspn(part, "/");
        require(n > 0);
        require(!(n == 1 && part[0] == '.') && !(n == 2 && part[0] == '.' && part[1] == '.'));
        part = part[n] == '/' ? part + n + 1 : NULL;
    }
}

/* A number that says which members were seen; *ok: up to a proper end. */
static uint64_t walk(const uint8_t *bytes, size_t n_bytes, bool with_content, bool *ok)
{
    mf_error err = {0};
    uint64_t seen = 14695981039346656037u; /* FNV-1a */
    uint64_t total = 0;
    *ok = false;
    mf_tar *tar = mf_tar_open_bytes(bytes, n_bytes, "fuzz.tar", LIMIT, &err);
    require(tar != NULL);
    for (;;) {
        mf_tar_member member;
        if (!mf_tar_next(tar, &member, &err))
            break;
        if (member.name == NULL) {
            *ok = true;
            break;
        }
        require_safe(member.name);
        require(!member.is_folder || member.n_bytes == 0);
        for (const char *c = member.name; *c != '\0'; c++)
            seen = (seen ^ (unsigned char)*c) * 1099511628211u;
        seen = (seen ^ member.n_bytes) * 1099511628211u;
        if (!with_content)
            continue;
        uint64_t n_content = 0;
        size_t got;
        char content[1000];
        bool read;
        do {
            read = mf_tar_read(tar, content, sizeof content, &got, &err);
            n_content += got;
        } while (read && got == sizeof content);
        total += n_content;
        require(total <= LIMIT);
        if (!read)
            break;
        require(n_content == member.n_bytes);
    }
    require(*ok == (err.code == MF_OK));
    mf_tar_close(tar);
    return seen;
}

static void check(const uint8_t *bytes, size_t n_bytes)
{
    bool ok_first;
    bool ok_second;
    const uint64_t first = walk(bytes, n_bytes, true, &ok_first);
    const uint64_t second = walk(bytes, n_bytes, false, &ok_second);
    require(ok_first == ok_second);
    require(!ok_first || first == second);
}

static void put_checksums_right(uint8_t *bytes, size_t n_bytes)
{
    for (uint8_t *block = bytes; n_bytes - (size_t)(block - bytes) >= 512; block += 512) {
        if (memcmp(block + 257, "ustar", 5) != 0)
            continue;
        unsigned sum = 0;
        char digits[8];
        memset(block + 148, ' ', 8);
        for (size_t i = 0; i < 512; i++)
            sum += block[i];
        snprintf(digits, sizeof digits, "%06o", sum & 0777777);
        memcpy(block + 148, digits, 7);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    check(bytes, n_bytes);
    uint8_t *right = malloc(n_bytes > 0 ? n_bytes : 1);
    require(right != NULL);
    memcpy(right, bytes, n_bytes);
    put_checksums_right(right, n_bytes);
    check(right, n_bytes);
    free(right);
    return 0;
}
