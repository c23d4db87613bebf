/* work.c: long work in slices, one request after the other, so that a short one does
 * not wait for the whole of a long one that came before it; and requests that wait for
 * something from outside. */
#include "http/loop.h"

static void count_working(mf_http_loop *loop)
{
    atomic_store_explicit(&loop->counters.working, loop->n_work, memory_order_relaxed);
}

static void take_over(mf_http_request *request, mf_http_slice *slice, void *state,
                      void (*destroy)(void *state))
{
    request->slice = slice;
    request->state = state;
    request->destroy = destroy;
    request->waits = true;
}

static void enqueue(mf_http_request *request, struct mf_request_queue *queue)
{
    request->queue = queue;
    TAILQ_INSERT_TAIL(queue, request, work);
}

static void dequeue(mf_http_request *request)
{
    if (request->queue != NULL)
        TAILQ_REMOVE(request->queue, request, work);
    request->queue = NULL;
}

void mf_http_work(mf_http_request *request, mf_http_slice *slice, void *state,
                  void (*destroy)(void *state))
{
    mf_http_loop *loop = request->loop;
    if (request->answered || request->waits || loop->n_work >= loop->settings->max_working) {
        mf_http_refuse(request, 503, "the server works on %u requests already; try again later",
                       loop->n_work);
        destroy(state);
        return;
    }
    take_over(request, slice, state, destroy);
    enqueue(request, &loop->work);
    loop->n_work++;
    count_working(loop);
    mf_loop_want_turn(loop);
}

void mf_http_wait(mf_http_request *request, mf_http_slice *slice, void *state,
                  void (*destroy)(void *state))
{
    if (request->answered || request->waits)
        destroy(state);
    else
        take_over(request, slice, state, destroy);
}

void mf_http_go_on(mf_http_request *request)
{
    if (request->answered || !request->waits || request->suspended || request->queue != NULL)
        return;
    enqueue(request, &request->loop->woken);
    mf_loop_want_turn(request->loop);
}

void mf_http_suspend(mf_http_request *request)
{
    if (request->answered || request->waits)
        return;
    take_over(request, NULL, NULL, NULL);
    request->suspended = true;
}

void mf_work_respond_later(mf_http_request *request, int status, const char *content_type)
{
    request->later_status = status;
    request->later_type = content_type;
    enqueue(request, &request->loop->woken);
    mf_loop_want_turn(request->loop);
}

void mf_work_respond(mf_http_request *request)
{
    const int status = request->later_status;
    request->later_status = 0;
    request->suspended = false;
    mf_http_reply(request, status, request->later_type);
}

void mf_work_defer(mf_http_request *request)
{
    request->deferred = true;
    TAILQ_INSERT_TAIL(&request->loop->deferred, request, work);
    mf_request_count(request);
}

void mf_work_run_deferred(mf_http_loop *loop)
{
    mf_http_request *request;
    while (loop->handled_us < MF_HANDLED_US && (request = TAILQ_FIRST(&loop->deferred)) != NULL) {
        mf_connection *connection = request->connection;
        TAILQ_REMOVE(&loop->deferred, request, work);
        request->deferred = false;
        loop->gathering = false;
        mf_dispatch_handle(request);
        mf_connection_resume(connection);
    }
}

void mf_work_cancel(mf_http_request *request)
{
    mf_http_loop *loop = request->loop;
    if (request->deferred) {
        request->deferred = false;
        TAILQ_REMOVE(&loop->deferred, request, work);
    }
    if (!request->waits)
        return;
    request->waits = false;
    if (request->queue == &loop->work) {
        loop->n_work--;
        count_working(loop);
    }
    dequeue(request);
    if (request->destroy != NULL)
        request->destroy(request->state);
}

/* One slice, and what follows when it was the last one; true then. */
static bool run_slice(mf_http_request *request)
{
    mf_connection *connection = request->connection;
    mf_http_loop *loop = request->loop;
    mf_loop_touch(loop);
    loop->gathering = false;
    bool done = true;
    if (request->suspended)
        mf_work_respond(request);
    else
        done = request->slice(request, request->state);
    if (!done && !request->answered) {
        if (mf_request_count(request))
            return false;
        mf_request_abort(request);
        mf_http_refuse(request, 503, "the server holds too many answers already; try again later");
    }
    if (!request->answered) {
        mf_request_abort(request);
        mf_http_refuse(request, 500, "the server has a bug: nothing answered this request");
    }
    mf_work_cancel(request);
    mf_connection_finish_request(connection);
    mf_connection_resume(connection);
    return true;
}

void mf_work_run_woken(mf_http_loop *loop)
{
    mf_http_request *request;
    mf_loop_touch(loop);
    const int64_t until_us = loop->now_us + MF_HANDLED_US;
    while (loop->now_us < until_us && (request = TAILQ_FIRST(&loop->woken)) != NULL) {
        dequeue(request);
        run_slice(request);
        mf_loop_touch(loop);
    }
}

void mf_work_run(mf_http_loop *loop)
{
    mf_http_request *request = TAILQ_FIRST(&loop->work);
    if (request == NULL)
        return;
    if (!run_slice(request)) {
        TAILQ_REMOVE(&loop->work, request, work);
        TAILQ_INSERT_TAIL(&loop->work, request, work);
    }
}
