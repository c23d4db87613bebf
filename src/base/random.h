/* random.h: random numbers that are functions, not streams.
 *
 * A value depends on a key and a counter alone (SplitMix64's finalizer, Steele, Lea, Flood 2014).
 * Threads may compute values in any order, so a model does not depend on the number of threads.
 *
 * Threads: any. No libm, so the bits are equal on every machine. */
#ifndef MF_BASE_RANDOM_H
#define MF_BASE_RANDOM_H

#include <stdint.h>

/* A well-mixed 64-bit value of (key, counter). */
static inline uint64_t mf_random_bits(uint64_t key, uint64_t counter)
{
    uint64_t z = key + (counter + 1) * UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

/* A key for an independent sequence named by `purpose`. */
static inline uint64_t mf_random_key(uint64_t seed, uint64_t purpose)
{
    return mf_random_bits(mf_random_bits(seed, 0x6D66), purpose);
}

/* Uniform in [0, 1), 24 random bits, exact in float. */
static inline float mf_random_unit(uint64_t key, uint64_t counter)
{
    return (float)(mf_random_bits(key, counter) >> 40) * 0x1p-24f;
}

/* About normal: the sum of the four 16-bit parts, mean 0, deviation 1, within ±3.47. Enough for
 * starting values. */
static inline float mf_random_normal(uint64_t key, uint64_t counter)
{
    const uint64_t z = mf_random_bits(key, counter);
    const int64_t sum = (int64_t)(z & 0xFFFF) + (int64_t)((z >> 16) & 0xFFFF) +
                        (int64_t)((z >> 32) & 0xFFFF) + (int64_t)(z >> 48);
    /* Four uniforms on 0…65535: mean 131070, deviation 37837.2. */
    return (float)(sum - 131070) * (1.0f / 37837.2f);
}

/* Uniform in 0 … bound-1 (bound > 0), by multiplication (Lemire 2019); the bias
 * is below bound / 2^32. */
static inline uint32_t mf_random_below(uint64_t key, uint64_t counter, uint32_t bound)
{
    return (uint32_t)(((mf_random_bits(key, counter) >> 32) * bound) >> 32);
}

#endif
