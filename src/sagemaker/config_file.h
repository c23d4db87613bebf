/* config_file.h: the small JSON files of input/config, read strictly into jansson's values.
 *
 * (1) The file's own value is an object; anything else is refused.
 * (2) A key that occurs twice, a NUL byte, invalid UTF-8, text after the object
 *     and more than MF_CONFIG_FILE_BYTES are refused.
 * (3) Errors are MF_ERR_CONFIG and start with path:line:column where there is one.
 * (4) Members come in the order of the file.
 *
 * Without memory for these few bytes jansson may call the text malformed; the
 * result is an error all the same.
 *
 * Threads: one file, one thread at a time. */
#ifndef MF_SAGEMAKER_CONFIG_FILE_H
#define MF_SAGEMAKER_CONFIG_FILE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct json_t; /* jansson's */

enum { MF_CONFIG_FILE_BYTES = 1 << 20 };

/* The object in the file at path, or in bytes[0..n_bytes) (name stands for the path in errors).
 * json_decref gives it back. NULL on failure: MF_ERR_CONFIG, MF_ERR_IO, MF_ERR_MEMORY. */
MF_MUST_CHECK struct json_t *mf_config_read(const char *path, mf_error *err);
MF_MUST_CHECK struct json_t *mf_config_parse(const char *bytes, size_t n_bytes, const char *name,
                                             mf_error *err);

/* "a text", "a number", "an object" … */
const char *mf_config_kind_name(const struct json_t *value);

/* The text member called key. *text is NULL when it is absent or null. False and
 * MF_ERR_CONFIG when it is something else; `owner` names its owner ("channel
 * train"). */
MF_MUST_CHECK bool mf_config_get_text(const struct json_t *object, const char *key,
                                      const char *path, const char *owner, const char **text,
                                      mf_error *err);

/* The value as JSON text in out, cut to fit. Returns out. */
char *mf_config_write(const struct json_t *value, char *out, size_t out_size);

#endif
