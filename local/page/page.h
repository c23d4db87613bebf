/* page.h: the page at / on which a person tries the recommender, and the JSON that only it reads.
 *
 *     GET  /                                   the page with its style; its script is below /page/
 *     GET  /page/about                         what the model has, and where requests go
 *     GET  /page/users?q=PREFIX                users whose ids begin so
 *     GET  /page/items?q=WORDS                 items by title
 *     GET  /page/ratings?userId=ID             what this user has rated
 *     GET  /page/list?userId=ID&…              /recommend/cached/ID?… of the endpoint (page-stream)
 *     POST /page/ratings {"userId":…}          puts a rating on the stream     (page-stream)
 *
 * Lists, ratings and similar items are requests to the API itself, as any client sends them.
 *
 * (1) /page/ratings shows a user's history, which no client of the API may learn. So everything here
 *     responds with 403 unless the client is on this machine and addressed it as localhost or a
 *     loopback address: a name of another site that resolves to this machine (DNS rebinding) is
 *     refused.
 * (2) The page loads nothing from elsewhere, and a Content-Security-Policy keeps it so. Everything
 *     but the page's own files is JSON, never sniffed as something else.
 * (3) The files have an ETag: a client that has one gets 304.
 *
 * Threads: one. */
#ifndef MF_LOCAL_PAGE_PAGE_H
#define MF_LOCAL_PAGE_PAGE_H

#include "http/server.h"
#include "local/local_settings.h"

typedef struct mf_local_page mf_local_page;

/* Reads the model and the ratings. NULL with an error. settings must outlive it. */
MF_MUST_CHECK mf_local_page *mf_local_page_create(struct event_base *base,
                                                  const mf_local_settings *settings, mf_error *err);

/* NULL is fine. Not while a request waits for it. */
void mf_local_page_destroy(mf_local_page *page);

/* Responds to a request for one of the paths above, now or later. False for others. */
bool mf_local_page_handle(mf_local_page *page, mf_http_request *request);

#endif
