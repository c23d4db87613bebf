/* request.h: one request for recommendations, as a record of the stream carries it.
 *
 *     {"user_id":123,"top_n":20,"request_id":"7d0c…","timestamp":"2026-01-31T09:30:00Z"}
 *
 *     user_id     a text or an integer (123 is "123"), required
 *     request_id  a text of at most 255 bytes, required: the answer carries it
 *     top_n       a whole number from 1 on; may be absent
 *     timestamp   a text of at most 64 bytes, handed on as it is; may be absent
 *
 * (1) Members that are not known are passed over, whatever they are. (An integer of more than
 *     64 bits in a request that also has a text with an escape makes it none: jansson.)
 * (2) A record that is no request says why in a sentence that has no word of it: the
 *     sentence goes into the log.
 *
 * Threads: any, one request each. */
#ifndef MF_LAMBDA_RECOMMEND_REQUEST_H
#define MF_LAMBDA_RECOMMEND_REQUEST_H

#include "base/error.h"
#include "base/id_list.h"
#include "base/text.h"

enum { MF_TIMESTAMP_BYTES = 64 };

typedef struct mf_recommend_request {
    mf_id user;
    mf_id request_id;
    mf_id timestamp; /* n_bytes 0: there is none */
    uint32_t top_n;
} mf_recommend_request;

typedef struct mf_recommend_limits {
    uint32_t usual_top_n; /* when a request has none */
    uint32_t max_top_n;
} mf_recommend_limits;

/* Reads bytes[0 .. n). The views are of *kept, to which at most n bytes are appended; it has
 * room for them and does not move. False: MF_ERR_PARSE with the reason, or MF_ERR_MEMORY. */
bool mf_recommend_request_read(mf_recommend_request *request, const mf_recommend_limits *limits,
                               const char *bytes, size_t n, mf_text *kept, mf_error *why);

#endif
