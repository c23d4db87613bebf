/* scan.h: the commonest question, read at a glance.
 *
 *     {"userId":"2","movieId":"2959"}      in either order, ids also as integers
 *
 * jansson alone reads 1.4 million of these a second (bench_inference says it for
 * this machine); a batch holds nothing else. What the scanner takes it takes as
 * jansson and question.h would, and what it does not take goes to them
 * (fuzz_inference holds it to that).
 *
 * Threads: any. */
#ifndef MF_INFERENCE_SCAN_H
#define MF_INFERENCE_SCAN_H

#include "base/id_list.h"

#include <stddef.h>

/* When bytes[0 .. n_bytes) begins with an object of exactly the keys userId and
 * movieId, values being non-empty strings of printable ASCII without escapes or
 * integers of at most 18 digits without a sign: how many bytes it has, and the ids
 * as views of them. Else 0. An id may still be too long to be one. */
size_t mf_scan_pair(const char *bytes, size_t n_bytes, mf_id *user, mf_id *item);

#endif
