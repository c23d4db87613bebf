/* locate.h: the line and column of fields that are known by number only. */
#ifndef MF_RATINGS_LOCATE_H
#define MF_RATINGS_LOCATE_H

#include "base/error.h"
#include "ratings/parse.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Walks a block, a byte at a time through libcsv, and sets line and column of
 * bad[0 .. n_bad), whose rows ascend. A field begins at its first byte that is no
 * blank (an opening quote counts); an empty one where its delimiter or line end
 * stands, as does a field that the row does not have. The line is that on which
 * the row begins, and columns count from there. MF_ERR_MEMORY. */
bool mf_locate(const char *bytes, size_t n_bytes, char delimiter, mf_bad_row *bad, uint32_t n_bad,
               mf_error *err);

#endif
