/* json_build.h: JSON objects built value by value, with one check for memory at the end.
 *
 * An object or array without memory for one of its values is freed and becomes NULL. So does
 * everything that is to hold it; jansson alone would leave the key out. The caller checks the
 * outermost value. */
#ifndef MF_TRAIN_JSON_BUILD_H
#define MF_TRAIN_JSON_BUILD_H

#include <jansson.h>

/* Doubles with at most 15 digits: 0.02, not 0.020000000000000000416. */
enum { MF_TRAIN_JSON_FLAGS = JSON_INDENT(2) | JSON_REAL_PRECISION(15) };

/* Sets object.key; takes the reference to value. */
static inline void mf_train_json_set(json_t **object, const char *key, json_t *value)
{
    if (json_object_set_new(*object, key, value) != 0) {
        json_decref(*object);
        *object = NULL;
    }
}

/* Appends to the array; takes the reference to value. */
static inline void mf_train_json_append(json_t **array, json_t *value)
{
    if (json_array_append_new(*array, value) != 0) {
        json_decref(*array);
        *array = NULL;
    }
}

#endif
