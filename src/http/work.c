/* work.c: long work in slices, one request after the other, so that a short one does
 * not wait for the whole of a long one that came before it. */
#include "http/loop.h"

static void count_working(mf_http_loop *loop)
{
    atomic_store_explicit(&loop->counters.working, loop->n_work, memory_order_relaxed);
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
    request->slice = slice;
    request->state = state;
    request->destroy = destroy;
    request->waits = true;
    TAILQ_INSERT_TAIL(&loop->work, request, work);
    loop->n_work++;
    count_working(loop);
    mf_loop_want_turn(loop);
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
    TAILQ_REMOVE(&loop->work, request, work);
    loop->n_work--;
    count_working(loop);
    request->destroy(request->state);
}

void mf_work_run(mf_http_loop *loop)
{
    mf_http_request *request = TAILQ_FIRST(&loop->work);
    if (request == NULL)
        return;
    mf_connection *connection = request->connection;
    mf_loop_touch(loop);
    loop->gathering = false;
    const bool done = request->slice(request, request->state);
    if (!done && !request->answered && !mf_request_count(request))
        mf_http_refuse(request, 503, "the server holds too many answers already; try again later");
    else if (!done && !request->answered) {
        TAILQ_REMOVE(&loop->work, request, work);
        TAILQ_INSERT_TAIL(&loop->work, request, work);
        return;
    }
    if (!request->answered)
        mf_http_refuse(request, 500, "the server has a bug: nothing answered this request");
    mf_work_cancel(request);
    mf_connection_finish_request(connection);
    mf_connection_resume(connection);
}
