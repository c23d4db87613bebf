/* scan.h: reads the most frequent instance without jansson.
 *
 *     {"userId":"2","movieId":"2959"}      in either order, ids also as integers
 *
 * A batch usually holds nothing else. On one core of an AMD EPYC with AVX-512, and a model of 671
 * users, 9,066 items and 64 factors, bench_inference predicts 12.8 million of these a second with
 * the scanner and 1.5 million without it: 8.3 times as many. The scanner reads what it accepts as
 * jansson and instance.h would, and leaves everything else to them; fuzz_inference checks that.
 *
 * Threads: any. */
#ifndef MF_INFERENCE_SCAN_H
#define MF_INFERENCE_SCAN_H

#include "base/id_list.h"

#include <stddef.h>

/* When bytes[0 .. n_bytes) begins with an object of exactly the keys userId and movieId, values
 * being non-empty strings of printable ASCII without escapes or integers of at most 18 digits
 * without a sign: how many bytes it has, and the ids as views of them. Else 0. An id may still be
 * too long to be one. */
size_t mf_scan_pair(const char *bytes, size_t n_bytes, mf_id *user, mf_id *item);

#endif
