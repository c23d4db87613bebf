/* lists.c: the questions that are asked one at a time: lists, visitors, similar
 * movies. */
#include "base/memory.h"
#include "inference/answer.h"
#include "inference/state.h"
#include "model/dot.h"

#include <stdlib.h>
#include <string.h>

enum { SHOWN_BYTES = 64 };

bool mf_refuse_unknown(const mf_inference *inference, const char *field, mf_id id, mf_error *err)
{
    if (!inference->limits->strict || !inference->single)
        return true;
    char shown[SHOWN_BYTES];
    return mf_fail(err, MF_ERR_UNKNOWN, MF_NOWHERE, "%s \"%s\" is not in the training data", field,
                   mf_printable(shown, sizeof shown, id.bytes, id.n_bytes));
}

static bool make_room(mf_inference *inference, size_t n, mf_error *err)
{
    if (inference->indexes_room >= n)
        return true;
    mf_free(inference->indexes);
    inference->indexes_room = 0;
    inference->indexes = mf_allocate(n, sizeof *inference->indexes, "the items of a question", err);
    if (inference->indexes == NULL)
        return false;
    inference->indexes_room = n;
    return true;
}

/* The items of these ids, MF_INDEX_NONE for those that the model does not know. */
static bool find_items(mf_inference *inference, const mf_asked_id *ids, size_t n, mf_error *err)
{
    if (!make_room(inference, n, err))
        return false;
    for (size_t i = 0; i < n; i++)
        inference->indexes[i] =
            mf_model_find_item(inference->model, ids[i].id.bytes, ids[i].id.n_bytes);
    return true;
}

/* Who asks. The taste is valid until the next fold-in. */
static bool find_taste(mf_inference *inference, mf_workspace *workspace, mf_taste *taste,
                       mf_error *err)
{
    const mf_question *q = &inference->question;
    if (q->n_ratings == 0) {
        const mf_id id = q->user.id;
        *taste = mf_taste_of_user(inference->recommender,
                                  mf_model_find_user(inference->model, id.bytes, id.n_bytes));
        return taste->known || mf_refuse_unknown(inference, "userId", id, err);
    }
    if (!find_items(inference, q->rated, q->n_ratings, err) ||
        !mf_fold_in(inference->recommender, workspace, inference->indexes, q->ratings, q->n_ratings,
                    taste, err))
        return false;
    if (!taste->known && inference->limits->strict && inference->single)
        return mf_fail(err, MF_ERR_UNKNOWN, MF_NOWHERE,
                       "ratings: none of the movies is in the training data");
    return true;
}

/* ------------------------------------------------------------------------- lists */

/* A movie of a list that the model does not know. */
typedef struct stranger {
    mf_id id;
    size_t place; /* in the question */
} stranger;

/* They have the score of a movie of which nothing is known, all of them the same, and
 * stand together in the order of the question, each once. */
typedef struct strangers {
    stranger *list;
    size_t n;
    float predicted_rating;
    bool refused; /* null instead (strict) */
} strangers;

static int compare_ids(mf_id x, mf_id y)
{
    const int order = memcmp(x.bytes, y.bytes, x.n_bytes < y.n_bytes ? x.n_bytes : y.n_bytes);
    return order != 0 ? order : (x.n_bytes > y.n_bytes) - (x.n_bytes < y.n_bytes);
}

static int by_place(const void *a, const void *b)
{
    const stranger *x = a;
    const stranger *y = b;
    return (x->place > y->place) - (x->place < y->place);
}

static int by_id(const void *a, const void *b)
{
    const int order = compare_ids(((const stranger *)a)->id, ((const stranger *)b)->id);
    return order != 0 ? order : by_place(a, b);
}

/* Gathers them; inference->indexes holds the items of question.movies. */
static bool find_strangers(const mf_inference *inference, const mf_taste *taste, strangers *s,
                           mf_error *err)
{
    const mf_question *q = &inference->question;
    size_t n = 0;
    for (size_t i = 0; i < q->n_movies; i++)
        n += inference->indexes[i] == MF_INDEX_NONE;
    if (n == 0)
        return true;
    s->predicted_rating = mf_predict(inference->recommender, taste, MF_INDEX_NONE);
    s->refused = inference->limits->strict;
    s->list = mf_allocate(n, sizeof *s->list, "the movies of a question", err);
    if (s->list == NULL)
        return false;
    for (size_t i = 0, k = 0; i < q->n_movies; i++)
        if (inference->indexes[i] == MF_INDEX_NONE)
            s->list[k++] = (stranger){q->movies[i].id, i};
    if (!mf_refuse_unknown(inference, "movieIds", s->list[0].id, err))
        return false;
    qsort(s->list, n, sizeof *s->list, by_id);
    s->n = 1;
    for (size_t i = 1; i < n; i++)
        if (compare_ids(s->list[i].id, s->list[i - 1].id) != 0)
            s->list[s->n++] = s->list[i];
    qsort(s->list, s->n, sizeof *s->list, by_place);
    return true;
}

/* Whether a known item stands before a stranger in a list: its score is at least as
 * high. The order of lists is by score, which the clipped rating hides. */
static bool goes_before_stranger(const mf_inference *inference, const mf_taste *taste,
                                 uint32_t item)
{
    const mf_model_parts *parts = inference->parts;
    if (!taste->known) /* by b_i · c_i (mf_top_n), which a stranger has none of */
        return !(parts->item_bias[item] * (float)parts->item_count[item] < 0);
    const size_t stride = mf_model_stride(parts->n_factors);
    const float unknown = parts->global_mean + taste->bias;
    float score = unknown + parts->item_bias[item];
    if (taste->factors != NULL)
        score += mf_dot(taste->factors, parts->item_factors + item * stride, stride);
    return !(score < unknown);
}

static void write_known(mf_inference *inference, mf_recommendation known, const char *measure)
{
    mf_text *text = inference->answer;
    const mf_id id = mf_id_list_get(&inference->parts->items, known.item);
    mf_text_literal(text, "{\"movieId\":");
    mf_text_json(text, id.bytes, id.n_bytes);
    mf_text_append(text, measure, strlen(measure));
    mf_text_float(text, known.predicted_rating);
    mf_text_literal(text, "}");
}

static void write_stranger(mf_inference *inference, const strangers *s, size_t i)
{
    mf_text *text = inference->answer;
    mf_text_literal(text, "{\"movieId\":");
    mf_text_json(text, s->list[i].id.bytes, s->list[i].id.n_bytes);
    mf_text_literal(text, ",\"predicted_rating\":");
    if (s->refused)
        mf_text_literal(text, "null");
    else
        mf_text_float(text, s->predicted_rating);
    mf_text_literal(text, ",\"known_item\":false}");
}

/* Both lists are in order; at most n of them. Strangers without a rating come last. */
static void write_merged(mf_inference *inference, const mf_taste *taste,
                         const mf_recommendation *best, size_t n_best, const strangers *s, size_t n)
{
    size_t i = 0;
    size_t j = 0;
    while (i + j < n && (i < n_best || j < s->n)) {
        if (i + j > 0)
            mf_text_literal(inference->answer, ",");
        if (j == s->n ||
            (i < n_best && (s->refused || goes_before_stranger(inference, taste, best[i].item))))
            write_known(inference, best[i++], ",\"predicted_rating\":");
        else
            write_stranger(inference, s, j++);
    }
}

static bool answer_list(mf_inference *inference, mf_workspace *workspace, mf_error *err)
{
    const mf_question *q = &inference->question;
    const mf_recommendation *best = NULL;
    size_t n_best = 0;
    strangers s = {.n = 0};
    mf_taste taste;
    bool ok = false;
    if (!find_taste(inference, workspace, &taste, err))
        return false;
    /* Strict: nobody's list is empty rather than made of guesses. */
    const bool refused = inference->limits->strict && !taste.known;
    if (q->n_movies > 0 && (!find_items(inference, q->movies, q->n_movies, err) ||
                            !find_strangers(inference, &taste, &s, err)))
        goto done;
    const mf_top_n_query query = {
        .n = q->n > 0 ? q->n : q->n_movies,
        .include_rated = q->include_rated,
        .candidates = q->n_movies > 0 ? inference->indexes : NULL,
        .n_candidates = q->n_movies,
    };
    if (!refused &&
        !mf_top_n(inference->recommender, workspace, &taste, &query, &best, &n_best, err))
        goto done;
    mf_answer_begin(inference);
    mf_text_literal(inference->answer, "{\"recommendations\":[");
    if (!refused)
        write_merged(inference, &taste, best, n_best, &s, query.n);
    mf_text_literal(inference->answer, "]");
    if (!taste.known)
        mf_text_literal(inference->answer, ",\"known_user\":false");
    mf_text_literal(inference->answer, "}");
    mf_answer_end(inference);
    ok = true;
done:
    mf_free(s.list);
    return ok;
}

/* ------------------------------------------------------------------------ others */

static bool answer_similar(mf_inference *inference, mf_workspace *workspace, mf_error *err)
{
    const mf_question *q = &inference->question;
    const mf_id id = q->item.id;
    const uint32_t item = mf_model_find_item(inference->model, id.bytes, id.n_bytes);
    const mf_recommendation *best = NULL;
    size_t n_best = 0;
    if (item == MF_INDEX_NONE) {
        if (!mf_refuse_unknown(inference, "movieId", id, err))
            return false;
    } else if (!mf_similar(inference->recommender, workspace, item, q->n, &best, &n_best, err)) {
        return false;
    }
    mf_answer_begin(inference);
    mf_text_literal(inference->answer, "{\"similar\":[");
    for (size_t i = 0; i < n_best; i++) {
        if (i > 0)
            mf_text_literal(inference->answer, ",");
        write_known(inference, best[i], ",\"similarity\":");
    }
    mf_text_literal(inference->answer, "]");
    if (item == MF_INDEX_NONE)
        mf_text_literal(inference->answer, ",\"known_item\":false");
    mf_text_literal(inference->answer, "}");
    mf_answer_end(inference);
    return true;
}

/* A visitor's rating of one movie. */
static bool answer_rating(mf_inference *inference, mf_workspace *workspace, mf_error *err)
{
    const mf_id id = inference->question.item.id;
    const uint32_t item = mf_model_find_item(inference->model, id.bytes, id.n_bytes);
    mf_taste taste;
    if (!find_taste(inference, workspace, &taste, err))
        return false;
    mf_rating_answer answer = {.known_user = taste.known, .known_item = item != MF_INDEX_NONE};
    answer.refused = inference->limits->strict && !(answer.known_user && answer.known_item);
    if (!answer.known_item && !mf_refuse_unknown(inference, "movieId", id, err))
        return false;
    answer.predicted_rating = mf_predict(inference->recommender, &taste, item);
    mf_answer_begin(inference);
    mf_answer_rating(inference, &answer);
    mf_answer_end(inference);
    return true;
}

bool mf_question_answer(mf_inference *inference, mf_workspace *workspace, mf_error *err)
{
    switch (inference->question.kind) {
    case MF_QUESTION_LIST:
        return answer_list(inference, workspace, err);
    case MF_QUESTION_SIMILAR:
        return answer_similar(inference, workspace, err);
    case MF_QUESTION_RATING:
        break;
    }
    return answer_rating(inference, workspace, err);
}

bool mf_question_take(mf_inference *inference, mf_workspace *workspace, const char *bytes,
                      size_t n_bytes, size_t *n_used, mf_json_where where, mf_error *err)
{
    const mf_question *q = &inference->question;
    inference->n_slow++;
    if (!mf_question_read(&inference->question, inference->limits, bytes, n_bytes, n_used, where,
                          err) ||
        !mf_answer_check(inference, q->kind, err))
        return false;
    if (q->kind == MF_QUESTION_RATING && q->n_ratings == 0) {
        mf_pairs_add(inference, q->user.id, q->item.id, where.place);
        return true;
    }
    inference->n_asked++;
    return mf_pairs_answer(inference, err) && mf_question_answer(inference, workspace, err);
}
