/* content_type.h: which content types a channel may declare.
 *
 * Compared without regard to case, parameters after ';' ignored (docs/sagemaker.md,
 * 2.5.6): "Text/CSV; charset=utf-8" is text/csv. Absent and empty are fine,
 * because the SDK leaves the field out (2.4). What a file really is, is
 * found out by looking into it. */
#ifndef MF_SAGEMAKER_CONTENT_TYPE_H
#define MF_SAGEMAKER_CONTENT_TYPE_H

#include <stdbool.h>

/* Text of columns, gzip of it, or unspecific bytes. NULL counts as absent. */
bool mf_content_type_is_ratings(const char *content_type);

/* A packed model: application/x-sagemaker-model, tar, gzip, unspecific bytes. */
bool mf_content_type_is_model(const char *content_type);

/* A sentence that helps whoever asked for something else, e.g. how to come from
 * RecordIO-protobuf to CSV. Never NULL. */
const char *mf_content_type_advice(const char *content_type);

#endif
