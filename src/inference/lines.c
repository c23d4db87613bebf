/* lines.c: the body as lines, JSON Lines or CSV (csv.c). */
#include "inference/scan.h"
#include "inference/state.h"

#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static size_t count_blanks(const char *bytes, size_t n_bytes)
{
    size_t n = 0;
    while (n < n_bytes && is_blank(bytes[n]))
        n++;
    return n;
}

/* One line, not empty. bytes is NULL when there is none: at the end of the body
 * (`ended`) or of the slice. An empty line is none at the end of a body and refused
 * before another line: answers must be as many as lines. */
static bool next_line(mf_inference *inference, mf_line *line, mf_error *err)
{
    const size_t stop = inference->at + MF_SLICE_BYTES;
    line->bytes = NULL;
    while (inference->at < inference->n_bytes && inference->at < stop) {
        const char *start = inference->body + inference->at;
        const size_t left = inference->n_bytes - inference->at;
        const size_t longest = (size_t)MF_QUESTION_BYTES_MAX + 1;
        const char *end = memchr(start, '\n', left < longest ? left : longest);
        const mf_place place = {MF_PLACE_LINE, inference->n_lines + 1};
        if (end == NULL && left >= longest)
            return mf_place_fail(err, MF_ERR_LIMIT, place, NULL,
                                 "over %d bytes, which is the most that one question may have",
                                 MF_QUESTION_BYTES_MAX);
        const size_t n_bytes = end != NULL ? (size_t)(end - start) : left;
        inference->at += n_bytes + (end != NULL);
        inference->n_lines++;
        if (count_blanks(start, n_bytes) == n_bytes) {
            if (inference->empty_line == 0)
                inference->empty_line = inference->n_lines;
            continue;
        }
        if (inference->empty_line > 0)
            return mf_fail(err, MF_ERR_PARSE, MF_NOWHERE,
                           "line %llu: the line is empty: every line must hold a question",
                           (unsigned long long)inference->empty_line);
        *line = (mf_line){start, n_bytes, end != NULL};
        return true;
    }
    inference->ended = inference->at == inference->n_bytes;
    return true;
}

/* A pair goes on the list, another question is answered. */
static bool take_json(mf_inference *inference, mf_workspace *workspace, const mf_line *line,
                      mf_place place, mf_error *err)
{
    const mf_json_where where = {line->bytes, place};
    mf_id user;
    mf_id item;
    size_t n_used = mf_scan_pair(line->bytes, line->n_bytes, &user, &item);
    const bool pair = n_used > 0;
    if (!pair &&
        !mf_question_take(inference, workspace, line->bytes, line->n_bytes, &n_used, where, err))
        return false;
    n_used += count_blanks(line->bytes + n_used, line->n_bytes - n_used);
    if (n_used < line->n_bytes)
        return mf_json_fail_at(err, line->bytes + n_used, where,
                               "something follows the question: one question a line");
    if (pair)
        mf_pairs_add(inference, user, item, place);
    return true;
}

bool mf_lines_read(mf_inference *inference, mf_workspace *workspace, mf_error *err)
{
    const size_t stop = inference->at + MF_SLICE_BYTES;
    const uint64_t n_slow = inference->n_slow;
    while (!mf_pairs_full(inference) && inference->at < stop && inference->n_slow == n_slow) {
        mf_line line;
        if (!next_line(inference, &line, err))
            return false;
        if (line.bytes == NULL)
            return true;
        const mf_place place = {MF_PLACE_LINE, inference->n_lines};
        if (inference->asked == MF_INFERENCE_CSV
                ? !mf_csv_take(inference, &line, place, err)
                : !take_json(inference, workspace, &line, place, err))
            return false;
    }
    return true;
}
