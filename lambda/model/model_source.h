/* model_source.h: where the model of this process comes from, and the newest that came from
 * there, ready to answer.
 *
 *     s3://bucket/key       fetched into a file without a name in $TMPDIR or /tmp
 *     a path                mapped where it is: replace it by renaming, never in place
 *     model.tar.gz          of either: as a training job leaves it (mapped_model.h)
 *
 * (1) What a file is its first bytes say, not its name.
 * (2) There is a model once load went well, and from then on always. refresh asks the place
 *     for something newer (watched.h); when that cannot be had, is no model, or would take too
 *     long, the old one stays and the log says why.
 * (3) refresh ends by its deadline. What cannot be interrupted, checking every byte and the
 *     index of top-N, is begun only when there is twice the time that the last model took for
 *     as many bytes.
 * (4) While a newer one is made ready both are there: twice the space in /tmp, and with an
 *     archive its own too.
 *
 * Threads: one. */
#ifndef MF_LAMBDA_MODEL_MODEL_SOURCE_H
#define MF_LAMBDA_MODEL_MODEL_SOURCE_H

#include "lambda/model/held_model.h"
#include "lambda/model/watched.h"

enum { MF_MODEL_REFRESH_MS = 5000 }; /* of an event, or half of it: for a newer model */

typedef struct mf_model_source mf_model_source;

/* uri and s3 as in watched.h. Reads nothing. NULL: MF_ERR_CONFIG, MF_ERR_MEMORY. */
mf_model_source *mf_model_source_create(const char *uri, mf_aws_client *s3, mf_error *err);

/* NULL is fine. */
void mf_model_source_destroy(mf_model_source *source);

/* Reads the model for the first time. deadline_ms: wall clock; 0: none. Fails with the place
 * and the reason: MF_ERR_IO, MF_ERR_FORMAT (no model, or an archive without one),
 * MF_ERR_LIMIT, MF_ERR_MEMORY. */
bool mf_model_source_load(mf_model_source *source, int64_t deadline_ms, mf_error *err);

/* Looks for a newer one. False when it could not be had (it is in the log). The old one may be
 * gone afterwards. */
bool mf_model_source_refresh(mf_model_source *source, int64_t deadline_ms);

/* The same before an event, when the last look is every_seconds ago (0: never): for half of
 * what the event has and MF_MODEL_REFRESH_MS at most. NULL is fine. */
void mf_model_source_refresh_before(mf_model_source *source, uint32_t every_seconds,
                                    int64_t event_ms);

/* The newest model, until the next refresh; NULL before load. */
mf_held_model *mf_model_source_get(const mf_model_source *source);

/* For its ages. */
const mf_watched *mf_model_source_place(const mf_model_source *source);

#endif
