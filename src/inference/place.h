/* place.h: where in a body something is wrong, in words.
 *
 *     the only question       "movieId: expected …"
 *     one of instances        "instances[3].movieId: expected …"
 *     a line                  "line 4: movieId: expected …"
 *
 * Threads: any. */
#ifndef MF_INFERENCE_PLACE_H
#define MF_INFERENCE_PLACE_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum mf_place_kind {
    MF_PLACE_BODY,     /* the whole body is one question */
    MF_PLACE_INSTANCE, /* number counts from 0 */
    MF_PLACE_LINE,     /* number counts from 1 */
} mf_place_kind;

typedef struct mf_place {
    mf_place_kind kind;
    uint64_t number;
} mf_place;

/* Fails with the place, the field ("ratings[2].movieId"; NULL for the question as a
 * whole) and the message. Returns false. */
__attribute__((format(printf, 5, 6))) bool mf_place_fail(mf_error *err, mf_error_code code,
                                                         mf_place place, const char *field,
                                                         const char *format, ...);

#endif
