/* identifiers.c: promises in identifiers.h. */
#include "identifiers.h"

#include "base/random.h"

#include <stdint.h>
#include <stdio.h>
#include <sys/random.h>
#include <time.h>

static uint64_t bits(void)
{
    static uint64_t key, counter;
    if (counter == 0 && getrandom(&key, sizeof key, 0) != (ssize_t)sizeof key)
        key = (uint64_t)time(NULL);
    return mf_random_bits(key, ++counter);
}

static char *hex(char *out, uint64_t value, unsigned n_digits)
{
    for (unsigned i = n_digits; i-- > 0; value >>= 4)
        out[i] = "0123456789abcdef"[value & 15];
    return out + n_digits;
}

char *mf_uuid_make(char out[MF_UUID_BYTES])
{
    const uint64_t high = bits(), low = bits();
    char *at = hex(out, high >> 32, 8);
    *at++ = '-';
    at = hex(at, high >> 16, 4);
    *at++ = '-';
    at = hex(at, 0x4000 | (high & 0xFFF), 4);
    *at++ = '-';
    at = hex(at, 0x8000 | ((low >> 48) & 0x3FFF), 4);
    *at++ = '-';
    at = hex(at, low, 12);
    *at = '\0';
    return out;
}

char *mf_trace_make(char out[MF_TRACE_BYTES])
{
    const uint64_t a = bits(), b = bits(), c = bits();
    char *at = out + sprintf(out, "Root=1-");
    at = hex(at, (uint64_t)time(NULL), 8);
    *at++ = '-';
    at = hex(hex(at, a, 16), b, 8);
    at += sprintf(at, ";Parent=");
    at = hex(at, c, 16);
    sprintf(at, ";Sampled=0");
    return out;
}

char *mf_short_id_make(char out[MF_SHORT_ID_BYTES])
{
    *hex(out, bits(), 16) = '\0';
    return out;
}
