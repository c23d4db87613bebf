/* lines.c: promises in lines.h. */
#include "lambda/aws/lines.h"

#include "base/clock.h"
#include "base/memory.h"
#include "lambda/aws/exchange_steps.h"

typedef enum line_state { IDLE, UNDER_WAY, FAILED } line_state;

struct mf_aws_lines {
    CURLM *multi;
    size_t n_lines;
    size_t n_under_way;
    int64_t used_ms; /* wall clock when the last of them was done */
    struct {
        mf_aws_exchange *exchange;
        line_state state;
    } lines[MF_AWS_LINES_MOST];
};

static bool open_multi(mf_aws_lines *lines)
{
    lines->multi = curl_multi_init();
    return lines->multi != NULL &&
           curl_multi_setopt(lines->multi, CURLMOPT_MAXCONNECTS, (long)lines->n_lines) == CURLM_OK;
}

mf_aws_lines *mf_aws_lines_create(size_t n_lines, mf_error *err)
{
    mf_aws_lines *lines = mf_allocate(1, sizeof *lines, "connections", err);
    if (lines == NULL)
        return NULL;
    lines->n_lines = n_lines < MF_AWS_LINES_MOST ? n_lines : MF_AWS_LINES_MOST;
    for (size_t i = 0; i < lines->n_lines; i++) {
        lines->lines[i].exchange = mf_aws_exchange_create(err);
        if (lines->lines[i].exchange == NULL) {
            mf_aws_lines_destroy(lines);
            return NULL;
        }
    }
    if (!open_multi(lines)) {
        mf_aws_lines_destroy(lines);
        mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "libcurl cannot start");
        return NULL;
    }
    return lines;
}

void mf_aws_lines_destroy(mf_aws_lines *lines)
{
    if (lines == NULL)
        return;
    for (size_t i = 0; i < lines->n_lines; i++) {
        mf_aws_exchange *exchange = lines->lines[i].exchange;
        if (exchange == NULL)
            continue;
        if (lines->lines[i].state == UNDER_WAY)
            curl_multi_remove_handle(lines->multi, exchange->easy);
        if (lines->lines[i].state != IDLE)
            mf_aws_exchange_end(exchange, CURLE_ABORTED_BY_CALLBACK);
    }
    /* Before the handles: connections are closed through one of the multi's own. */
    curl_multi_cleanup(lines->multi);
    for (size_t i = 0; i < lines->n_lines; i++)
        mf_aws_exchange_destroy(lines->lines[i].exchange);
    mf_free(lines);
}

/* (3). The connections are the multi's, and go with it. */
static bool drop_stale(mf_aws_lines *lines)
{
    const int64_t idle_ms = mf_clock_wall_ms() - lines->used_ms;
    if (lines->n_under_way > 0 || lines->used_ms == 0 || (idle_ms >= 0 && idle_ms < MF_AWS_IDLE_MS))
        return true;
    curl_multi_cleanup(lines->multi);
    return open_multi(lines);
}

void mf_aws_lines_start(mf_aws_lines *lines, size_t line, const mf_aws_request *request,
                        mf_aws_answer *answer)
{
    mf_aws_exchange *exchange = lines->lines[line].exchange;
    const bool is_ready = drop_stale(lines);
    /* The handle has no connection of its own that could be too old: the multi has. */
    exchange->used_ms = mf_clock_wall_ms();
    const bool has_begun = mf_aws_exchange_begin(exchange, request, answer) && is_ready &&
                           curl_multi_add_handle(lines->multi, exchange->easy) == CURLM_OK;
    lines->lines[line].state = has_begun ? UNDER_WAY : FAILED;
    lines->n_under_way++;
}

static size_t end(mf_aws_lines *lines, size_t line, CURLcode code)
{
    if (lines->lines[line].state == UNDER_WAY)
        curl_multi_remove_handle(lines->multi, lines->lines[line].exchange->easy);
    mf_aws_exchange_end(lines->lines[line].exchange, code);
    lines->lines[line].state = IDLE;
    lines->n_under_way--;
    lines->used_ms = mf_clock_wall_ms();
    return line;
}

/* A line that is done by now. */
static size_t find_done(mf_aws_lines *lines)
{
    for (size_t i = 0; i < lines->n_lines; i++)
        if (lines->lines[i].state == FAILED)
            return end(lines, i, CURLE_OUT_OF_MEMORY);
    int n_left;
    const CURLMsg *message;
    while ((message = curl_multi_info_read(lines->multi, &n_left)) != NULL) {
        if (message->msg != CURLMSG_DONE)
            continue;
        for (size_t i = 0; i < lines->n_lines; i++)
            if (lines->lines[i].exchange->easy == message->easy_handle)
                return end(lines, i, message->data.result);
    }
    return MF_AWS_NO_LINE;
}

size_t mf_aws_lines_wait(mf_aws_lines *lines, int64_t timeout_ms)
{
    enum { LONGEST_POLL_MS = 1000 };
    const int64_t until_ms = (int64_t)(mf_clock_seconds() * 1e3) + timeout_ms;
    while (lines->n_under_way > 0) {
        int n_running;
        curl_multi_perform(lines->multi, &n_running);
        const size_t line = find_done(lines);
        const int64_t left_ms = until_ms - (int64_t)(mf_clock_seconds() * 1e3);
        if (line != MF_AWS_NO_LINE || left_ms <= 0)
            return line;
        curl_multi_poll(lines->multi, NULL, 0,
                        (int)(left_ms < LONGEST_POLL_MS ? left_ms : LONGEST_POLL_MS), NULL);
    }
    return MF_AWS_NO_LINE;
}
