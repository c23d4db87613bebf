/* media.h: media types in Content-Type and Accept (RFC 9110, 8.3.1 and 12.5.1).
 *
 * Names compare in any case; parameters other than q are ignored.
 *
 * Threads: any. No allocation. */
#ifndef MF_HTTP_PARSE_MEDIA_H
#define MF_HTTP_PARSE_MEDIA_H

#include <stdbool.h>
#include <stddef.h>

/* True when a Content-Type value names this type ("text/csv"), whatever its
 * case, parameters and blanks ("Text/CSV; charset=utf-8"). */
bool mf_media_is(const char *value, size_t n_bytes, const char *type);

/* Which of the types that we can send the client wants most: the one with the
 * highest q by an Accept value, where a named type goes before type/∗ and that
 * before ∗/∗; of equals the one that is first in `types`. An empty value
 * (n_bytes 0) accepts everything.
 * Returns its number, or -1: none is accepted. A range that cannot be read counts
 * as absent; when none can be read at all, everything is accepted. */
int mf_media_choose(const char *accept, size_t n_bytes, const char *const *types, int n_types);

#endif
