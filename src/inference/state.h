/* state.h: what an inference is made of, for the files of this room.
 *
 *   body ──▶ envelope.c ──▶ pairs.c ──▶ response.c     {"userId":…,"movieId":…}: 64 at a time
 *            lines.c    ──▶ lists.c ──▶ response.c     everything else: one at a time
 *
 * (1) A source moves `at` behind what it took; nothing is read twice but the error.
 * (2) A list of a large catalogue is searched in a workspace of the inference's own, so that
 *     others are answered between two steps; nothing is read before it is answered.
 * (3) Pairs are answered before any other question behind them, and before an error
 *     behind them is reported. */
#ifndef MF_INFERENCE_STATE_H
#define MF_INFERENCE_STATE_H

#include "csv/rows.h"
#include "inference/inference.h"
#include "inference/instance.h"
#include "inference/json.h"

enum {
    MF_PAIRS = 64,              /* answered together, so that their cache misses overlap */
    MF_PAIR_BYTES = 4096,       /* copies of ids that do not stay where they were read */
    MF_SLICE_BYTES = 64 * 1024, /* of blanks or lines between two looks at the clock */
};

/* "What is user u's rating of item i?", not yet answered. */
typedef struct mf_pair {
    mf_id user;
    mf_id item;
    mf_place place;
} mf_pair;

typedef enum mf_envelope_state {
    MF_ENVELOPE_START, /* expected next: { */
    MF_ENVELOPE_KEY,   /* "instances", or the first field of the only question */
    MF_ENVELOPE_COLON,
    MF_ENVELOPE_ARRAY,
    MF_ENVELOPE_FIRST, /* a question or ] */
    MF_ENVELOPE_INSTANCE,
    MF_ENVELOPE_NEXT,  /* , or ] */
    MF_ENVELOPE_CLOSE, /* } */
    MF_ENVELOPE_END,   /* nothing */
} mf_envelope_state;

/* The fields of the CSV row that libcsv is handing over. */
typedef struct mf_csv_row {
    size_t n_fields;
    mf_id fields[2];
    size_t n_rows; /* rows of this line so far */
} mf_csv_row;

/* A candidate of a list that the model does not know. */
typedef struct mf_unknown_item {
    mf_id id;
    size_t place; /* in the request */
} mf_unknown_item;

/* A list between its steps: the question's answer but for what the search finds. */
typedef struct mf_list {
    mf_workspace *searched_in; /* NULL: no search is under way */
    mf_profile profile;
    bool known_item;          /* of similar: the movie is in the model */
    mf_unknown_item *unknown; /* [n_unknown] each once, in the order of the request */
    size_t n_unknown;
} mf_list;

struct mf_inference {
    const mf_recommender *recommender;
    const mf_model *model;
    const mf_model_parts *parts;
    const mf_inference_limits *limits;
    mf_inference_format request_format;
    mf_inference_format response_format;

    const char *body;
    size_t n_bytes;
    size_t at;
    bool ended; /* the whole body was read */

    mf_envelope_state envelope;
    size_t object_at;     /* where the body's object starts */
    uint64_t n_instances; /* questions taken so far */
    uint64_t n_slow;      /* of them by jansson: each is followed by a look at the clock */
    uint64_t n_lines;     /* lines read so far */
    uint64_t empty_line;  /* the first of the empty lines just before, or 0 */
    mf_rows *rows;        /* libcsv; NULL until a CSV line comes */
    mf_csv_row row;
    bool has_header;

    mf_instance instance;
    size_t n_pairs;
    size_t pairs_capacity; /* pairs that may be gathered in this step */
    mf_pair pairs[MF_PAIRS];
    size_t n_pair_bytes;
    char pair_bytes[MF_PAIR_BYTES];

    double until;      /* mf_clock_seconds() at which this step ends; 0: with the question */
    mf_workspace *own; /* in which long searches live between steps; NULL until one comes */
    mf_list list;

    uint32_t *indexes; /* [indexes_room] items of a list or of a visitor */
    size_t indexes_capacity;

    mf_text *response;
    bool single; /* the body is one question and no batch */
    bool opened; /* the answer has begun */
    uint64_t n_responses;
};

/* ---------------------------------------------------------------- sources: body → questions
 *
 * Reads on until the pairs are full, another question was answered or MF_SLICE_BYTES
 * are behind it; sets `ended` at the end of the body. */
bool mf_envelope_read(mf_inference *inference, mf_workspace *workspace, mf_error *err);
bool mf_lines_read(mf_inference *inference, mf_workspace *workspace, mf_error *err);

/* ---------------------------------------------------------------- questions → answers */

/* Puts a pair on the list. Its bytes must stay until the pairs are answered. */
void mf_pairs_add(mf_inference *inference, mf_id user, mf_id item, mf_place place);

/* Copies an id that does not stay, at most two for each pair. */
mf_id mf_pairs_copy(mf_inference *inference, mf_id id);

/* No more fit. */
bool mf_pairs_full(const mf_inference *inference);

/* Answers the pairs on the list. */
bool mf_pairs_respond(mf_inference *inference, mf_error *err);

/* Reads one question in JSON from bytes[0 .. n_bytes), answers it or, when it is a
 * pair, puts it on the list. *n_used: how many bytes it took. When list.searched_in is set
 * afterwards it is not answered yet, and mf_instance_resume is next. */
bool mf_instance_take(mf_inference *inference, mf_workspace *workspace, const char *bytes,
                      size_t n_bytes, size_t *n_used, mf_json_where where, mf_error *err);

void mf_instance_resume(mf_inference *inference);

/* ---------------------------------------------------------------- response
 *
 *   JSON        {"predictions":[…,…]}, or the response alone to a body without instances
 *   JSON Lines  a response and \n
 *   CSV         a number and \n; only ratings (mf_response_check)
 */

typedef struct mf_rating_response {
    float predicted_rating;
    bool known_user;
    bool known_item;
    bool rejected; /* null instead of a rating: strict, or there is no rating model */
} mf_rating_response;

/* Whether the reply format can hold this kind of answer: MF_ERR_NOT_ACCEPTABLE. */
bool mf_response_check(const mf_inference *inference, mf_instance_kind kind, mf_error *err);

/* Around one answer: separators, line ends. Counts it. */
void mf_response_begin(mf_inference *inference);
void mf_response_end(mf_inference *inference);

void mf_response_rating(mf_inference *inference, const mf_rating_response *response);

/* What stands beside the header line of a CSV question; not counted as an answer. */
void mf_response_header(mf_inference *inference);

/* What comes after the last answer; and before the first when there was none. */
void mf_response_finish(mf_inference *inference);

/* What strict mode says of a user or movie that the model does not know, when it is
 * the only question: MF_ERR_UNKNOWN. True otherwise. */
bool mf_reject_unknown(const mf_inference *inference, const char *field, mf_id id, mf_error *err);

/* Without a rating model a request for a rating alone fails: MF_ERR_PARSE. True otherwise: in a
 * batch its response is null. */
bool mf_reject_rating(const mf_inference *inference, mf_error *err);

#endif
