/* deadlines.c: who waited too long.
 *
 * Each kind of waiting has one constant time, so a list in the order of beginning
 * is a list in the order of ending: setting and removing a deadline are a few
 * pointers, and a look at the clock costs as much as there is expired. No timer
 * per request. */
#include "http/loop.h"

#include <stdio.h>

void mf_deadline_set(mf_connection *connection, mf_deadline deadline)
{
    mf_http_loop *loop = connection->loop;
    mf_deadline_remove(connection);
    connection->deadline = (uint8_t)deadline;
    connection->deadline_ms = deadline == MF_DEADLINE_UNLIMITED
                                  ? INT64_MAX
                                  : loop->now_us / 1000 + loop->duration_ms[deadline];
    TAILQ_INSERT_TAIL(&loop->waiting[deadline], connection, waiting);
}

void mf_deadline_remove(mf_connection *connection)
{
    if (connection->deadline == MF_DEADLINE_NONE)
        return;
    TAILQ_REMOVE(&connection->loop->waiting[connection->deadline], connection, waiting);
    connection->deadline = MF_DEADLINE_NONE;
}

/* Answers 503 instead of the work, which ends; so may the connection. */
static void end_work(mf_connection *connection, const char *why)
{
    mf_http_request *request = connection->request;
    if (request->later_status == 0) {
        mf_request_abort(request);
        request->suspended = false;
        mf_http_refuse(request, 503, "%s", why);
    } else {
        mf_work_respond(request);
    }
    mf_work_cancel(request);
    mf_connection_finish_request(connection);
    mf_connection_resume(connection);
}

static void expire(mf_connection *connection)
{
    mf_http_loop *loop = connection->loop;
    const mf_http_settings *settings = loop->settings;
    char why[80];
    switch (connection->deadline) {
    case MF_DEADLINE_HEAD:
        mf_count(&loop->counters.timed_out, 1);
        mf_dispatch_refuse(connection, 408, "the head of the request did not come within %u ms",
                           settings->head_ms);
        break;
    case MF_DEADLINE_BODY:
        mf_count(&loop->counters.timed_out, 1);
        if (connection->state == MF_CONNECTION_SKIP)
            connection->dead = true; /* it was answered */
        else
            mf_dispatch_refuse(connection, 408, "the body did not come within %u ms",
                               settings->body_ms);
        break;
    case MF_DEADLINE_ANSWER:
        snprintf(why, sizeof why, "the answer was not ready within %u ms", settings->answer_ms);
        end_work(connection, why);
        return;
    case MF_DEADLINE_WRITE:
        mf_count(&loop->counters.timed_out, 1);
        connection->dead = true;
        break;
    default:
        connection->dead = true;
        break;
    }
    mf_connection_settle(connection);
}

/* A loop cannot cut off another one's slow clients; it can hurry its own. */
static bool is_memory_short(const mf_http_server *server)
{
    return atomic_load_explicit(&server->buffered_bytes, memory_order_relaxed) >
           server->settings.max_buffered_bytes / 2;
}

/* Nobody may be left to read an answer whose client has sent its FIN; who stops does
 * not wait for it as long as for others, and for one without a deadline not at all. */
static void end_all_work(mf_http_loop *loop, mf_deadline which, bool only_finished)
{
    mf_connection *connection = TAILQ_FIRST(&loop->waiting[which]);
    while (connection != NULL) {
        mf_connection *next = TAILQ_NEXT(connection, waiting);
        if (connection->finished || !only_finished)
            end_work(connection, "the server stops; ask again");
        connection = next;
    }
}

void mf_deadlines_check(mf_http_loop *loop)
{
    if (loop->draining)
        end_all_work(loop, MF_DEADLINE_UNLIMITED, false);
    if (loop->draining && loop->now_us >= loop->drain_us + MF_DRAIN_FINISHED_MS * INT64_C(1000))
        end_all_work(loop, MF_DEADLINE_ANSWER, true);
    for (int i = 0; i < MF_DEADLINES; i++) {
        int64_t now_ms = loop->now_us / 1000;
        if (i == MF_DEADLINE_LINGER && loop->draining)
            now_ms += MF_LINGER_MS - MF_DRAIN_LINGER_MS;
        if (i == MF_DEADLINE_WRITE && is_memory_short(loop->server))
            now_ms += loop->duration_ms[i] - loop->duration_ms[i] / 4;
        mf_connection *connection;
        while ((connection = TAILQ_FIRST(&loop->waiting[i])) != NULL &&
               connection->deadline_ms <= now_ms)
            expire(connection);
    }
}
