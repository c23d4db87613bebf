/* state.h: the state of an inference and the functions that its steps call. Private to this folder.
 *
 *   body ──▶ envelope.c ──▶ pairs.c ──▶ response.c     {"userId":…,"movieId":…}: 64 at a time
 *            lines.c    ──▶ lists.c ──▶ response.c     everything else: one at a time
 *
 * (1) A reader advances `at` past what it consumed. Only after an error are bytes read twice.
 * (2) A long list is searched in a workspace that the inference owns, so that the caller can
 *     process other requests between two steps. The next instance is read after the list.
 * (3) Responses to pairs are written before the response to the next other instance, and before an
 *     error in a later instance is reported. */
#ifndef MF_INFERENCE_STATE_H
#define MF_INFERENCE_STATE_H

#include "csv/rows.h"
#include "inference/inference.h"
#include "inference/instance.h"
#include "inference/json.h"
#include "recommend/audience.h"
#include "recommend/explain.h"

enum {
    MF_PAIRS = 64,              /* processed together, so that their cache misses overlap */
    MF_PAIR_BYTES = 4096,       /* copies of ids whose source is reused (libcsv, jansson) */
    MF_SLICE_BYTES = 64 * 1024, /* of blanks or lines between two readings of the clock */
};

/* A user and an item whose rating is to be predicted. */
typedef struct mf_pair {
    mf_id user;
    mf_id item;
    mf_place place;
} mf_pair;

typedef enum mf_envelope_state {
    MF_ENVELOPE_START, /* expected next: { */
    MF_ENVELOPE_KEY,   /* "instances", or the first field of the single instance */
    MF_ENVELOPE_COLON,
    MF_ENVELOPE_ARRAY,
    MF_ENVELOPE_FIRST, /* an instance or ] */
    MF_ENVELOPE_INSTANCE,
    MF_ENVELOPE_NEXT,  /* , or ] */
    MF_ENVELOPE_CLOSE, /* } */
    MF_ENVELOPE_END,   /* nothing */
} mf_envelope_state;

/* The fields of the CSV row that libcsv is parsing. */
typedef struct mf_csv_row {
    size_t n_fields;
    mf_id fields[2];
    size_t n_rows; /* rows of this line so far */
} mf_csv_row;

/* An unknown item among the candidates of a list. */
typedef struct mf_unknown_item {
    mf_id id;
    size_t place; /* in the request */
} mf_unknown_item;

/* A list between two steps of its search. */
typedef struct mf_list {
    mf_workspace *searched_in; /* NULL: no search has begun */
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
    bool is_listing;

    mf_envelope_state envelope;
    size_t object_at;     /* where the body's object starts */
    uint64_t n_instances; /* read so far */
    uint64_t n_slow;      /* by jansson, or 64 empty lines: after each the clock is read */
    uint64_t n_lines;     /* lines read so far */
    uint64_t empty_line;  /* the first of the empty lines just before, or 0 */
    mf_rows *rows;        /* libcsv; NULL until a CSV line comes */
    mf_csv_row row;
    bool has_header;
    bool item_first; /* the header's order */

    mf_instance instance;
    mf_steered steered; /* of the instance */
    size_t n_pairs;
    size_t pairs_capacity; /* pairs that may be collected in this step */
    mf_pair pairs[MF_PAIRS];
    size_t n_pair_bytes;
    char pair_bytes[MF_PAIR_BYTES];

    double until;      /* mf_clock_seconds() at which this step ends; 0: after one instance */
    mf_workspace *own; /* for long searches; NULL until the first one */
    mf_list list;

    uint32_t *indexes; /* [indexes_capacity] items of a list or of a folded-in user */
    size_t indexes_capacity;

    size_t least_at;      /* of the body: what mf_least_step has read */
    uint64_t least_bytes; /* that the response must have by then */

    mf_text *response;
    size_t response_at; /* where it begins in *response */
    bool single;        /* the body is one instance, not a batch */
    bool opened;        /* something was written to the response */
    mf_inference_counts counts;
};

/* ---------------------------------------------------------------- readers: body → instances
 *
 * Both read until the pairs are full, an instance of another kind was processed or MF_SLICE_BYTES
 * were read. They set `ended` at the end of the body. */
MF_MUST_CHECK bool mf_envelope_read(mf_inference *inference, mf_workspace *workspace,
                                    mf_error *err);
MF_MUST_CHECK bool mf_lines_read(mf_inference *inference, mf_workspace *workspace, mf_error *err);

/* ---------------------------------------------------------------- instances → responses */

/* Appends a pair. Its bytes must stay valid until mf_pairs_respond. */
void mf_pairs_add(mf_inference *inference, mf_id user, mf_id item, mf_place place);

/* Copies an id whose bytes will be reused; at most two for each pair. */
mf_id mf_pairs_copy(mf_inference *inference, mf_id id);

/* Reads the next piece of the body for the least size of the response (least.c): least_bytes grows
 * with each. Not after its end. */
void mf_least_step(mf_inference *inference);

/* Whether there is no capacity for another pair. */
bool mf_pairs_full(const mf_inference *inference);

/* Writes the responses to all pairs and removes them. */
MF_MUST_CHECK bool mf_pairs_respond(mf_inference *inference, mf_error *err);

/* Reads one JSON instance from bytes[0 .. n_bytes). Appends it when it is a pair, else writes its
 * response. *n_used: how many bytes the instance has. When list.searched_in is set afterwards, the
 * response is incomplete and mf_instance_resume continues it. */
MF_MUST_CHECK bool mf_instance_take(mf_inference *inference, mf_workspace *workspace,
                                    const char *bytes, size_t n_bytes, size_t *n_used,
                                    mf_json_where where, mf_error *err);

MF_MUST_CHECK bool mf_instance_resume(mf_inference *inference, mf_error *err);

/* Writes the response to a list or to similar items. explanations: [n_best], NULL: none. */
void mf_entries_write(mf_inference *inference, const mf_recommendation *best, size_t n_best,
                      const mf_explanation *explanations);

/* Adds the attributes of an item (`with`) to the rating that was written last. */
void mf_entries_add_attributes(mf_inference *inference, mf_id item);

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

/* Whether the response format can hold this kind of response: MF_ERR_NOT_ACCEPTABLE. */
MF_MUST_CHECK bool mf_response_check(const mf_inference *inference, mf_instance_kind kind,
                                     mf_error *err);

/* Separators and line ends around one response. end counts it. */
void mf_response_begin(mf_inference *inference);
void mf_response_end(mf_inference *inference);

void mf_response_rating(mf_inference *inference, const mf_rating_response *response);

/* Writes the line of a batch job that corresponds to a line without an instance, the CSV header or an empty
 * line; not counted. */
void mf_response_no_instance(mf_inference *inference, bool header);

/* Closes the response; opens it first when the body had no instance. */
void mf_response_finish(mf_inference *inference);

/* In strict mode a single instance with an unknown user or item fails: MF_ERR_UNKNOWN. True
 * otherwise: in a batch its response is null. */
MF_MUST_CHECK bool mf_reject_unknown(const mf_inference *inference, const char *field, mf_id id,
                                     mf_error *err);

/* Without a rating model a request for a rating alone fails: MF_ERR_PARSE. True otherwise: in a
 * batch its response is null. */
MF_MUST_CHECK bool mf_reject_rating(const mf_inference *inference, mf_error *err);

#endif
