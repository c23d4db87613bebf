/* config_file.h: the small JSON files of input/config, read strictly.
 *
 * jansson enters here and nowhere else in src/sagemaker; its types stay behind
 * mf_config, which is one value of such a file.
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
 * Values are borrowed from the file's mf_config and live until its close.
 * Threads: one file, one thread at a time. */
#ifndef MF_SAGEMAKER_CONFIG_FILE_H
#define MF_SAGEMAKER_CONFIG_FILE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum { MF_CONFIG_FILE_BYTES = 1 << 20 };

typedef struct mf_config mf_config;

typedef enum mf_config_kind {
    MF_CONFIG_OBJECT,
    MF_CONFIG_ARRAY,
    MF_CONFIG_TEXT,
    MF_CONFIG_NUMBER,
    MF_CONFIG_BOOLEAN,
    MF_CONFIG_NULL,
} mf_config_kind;

/* The object in the file at path, or in bytes[0..n_bytes) (name stands for the
 * path in errors). NULL on failure: MF_ERR_CONFIG, MF_ERR_IO, MF_ERR_MEMORY. */
mf_config *mf_config_read(const char *path, mf_error *err);
mf_config *mf_config_parse(const char *bytes, size_t n_bytes, const char *name, mf_error *err);

/* NULL is fine. */
void mf_config_close(mf_config *file);

mf_config_kind mf_config_kind_of(const mf_config *value);

/* "a text", "a number", "an object" … */
const char *mf_config_kind_name(mf_config_kind kind);

/* The member called key; NULL when there is none or it is null. */
const mf_config *mf_config_get(const mf_config *object, const char *key);

/* The next member; *position starts as NULL. False after the last. */
bool mf_config_next(const mf_config *object, void **position, const char **key,
                    const mf_config **value);

/* Length of an array or object, and an array's element i < length. */
size_t mf_config_count(const mf_config *value);
const mf_config *mf_config_at(const mf_config *array, size_t i);

/* A text's bytes, NUL-terminated and without a NUL inside; NULL for other kinds. */
const char *mf_config_text(const mf_config *value);

/* The text member called key. *text is NULL when it is absent or null. False and
 * MF_ERR_CONFIG when it is something else; `owner` names its owner ("channel
 * train"). */
MF_MUST_CHECK bool mf_config_get_text(const mf_config *object, const char *key, const char *path,
                                      const char *owner, const char **text, mf_error *err);

/* The value as JSON text in out, cut to fit. Returns out. */
char *mf_config_spell(const mf_config *value, char *out, size_t out_size);

/* When text is itself a JSON text ("\"adam\"", as the SDK's framework estimators
 * send it), the text inside as a value of its own, to be closed; else NULL. */
mf_config *mf_config_unquote(const char *text);

#endif
