/* event.h: the JSON of an event, read strictly; what every handler begins with.
 *
 * (1) The event is one JSON object; anything else is refused.
 * (2) Refused too: a NUL byte or \u0000, invalid UTF-8, a key that occurs twice,
 *     nesting deeper than 2,048 (jansson's limit), a number that does not fit, text
 *     after the object.
 * (3) The error is MF_ERR_PARSE (reported as Function.InvalidEvent) and begins with
 *     event:line:column.
 *
 * Threads: any, one event each. */
#ifndef MF_LAMBDA_RUNTIME_EVENT_H
#define MF_LAMBDA_RUNTIME_EVENT_H

#include "base/error.h"

#include <stddef.h>

struct json_t; /* jansson's */

/* A new object, the caller's to json_decref. NULL on failure: MF_ERR_PARSE, or
 * MF_ERR_MEMORY (jansson may also call a text malformed that there was no memory for). */
struct json_t *mf_event_parse(const char *event, size_t n_event, mf_error *err);

#endif
