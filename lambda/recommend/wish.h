/* wish.h: the best top_n for a user, wanted by one or more requests of a batch: asked for
 * once, whoever answers.
 *
 * Lists are texts as answers have them: [969,3035,"tt0080684",899,1948].
 *
 * Threads: a value. */
#ifndef MF_LAMBDA_RECOMMEND_WISH_H
#define MF_LAMBDA_RECOMMEND_WISH_H

#include "base/error.h"
#include "base/id_list.h"
#include "base/text.h"

enum { MF_WISH_VERSION_BYTES = 65 };

typedef enum mf_wish_state {
    MF_WISH_OPEN = 0,
    MF_WISH_GRANTED, /* list and what belongs to it are there         */
    MF_WISH_REFUSED, /* it can never be granted; the text says why    */
    MF_WISH_FAILED,  /* not now: it may be granted when asked again   */
} mf_wish_state;

typedef struct mf_wish {
    mf_id user;
    uint32_t top_n;
    mf_wish_state state;
    bool from_cache;
    bool known_user;
    uint32_t count;                      /* members of the list                  */
    size_t text_at, n_text;              /* the list, or why; in mf_wishes' text */
    double granted_s;                    /* mf_clock_seconds() then              */
    char version[MF_WISH_VERSION_BYTES]; /* of the model; "": not told           */
} mf_wish;

/* A batch's wishes. */
typedef struct mf_wishes {
    mf_wish *wishes; /* [n] */
    size_t n;
    mf_text text;
    mf_error failure; /* of the first that failed */

    size_t room;
    uint32_t *slots; /* [n_slots], a power of two: 1 + index, by user and top_n */
    size_t n_slots, slots_room;
} mf_wishes;

/* Forgets all, and makes room for `most`. False: MF_ERR_MEMORY. */
bool mf_wishes_start(mf_wishes *wishes, size_t most, mf_error *err);

/* The wish for this user and top_n, a new one if need be. user's bytes are borrowed. */
size_t mf_wishes_add(mf_wishes *wishes, mf_id user, uint32_t top_n);

/* Of a wish that is granted or refused. */
mf_id mf_wish_text(const mf_wishes *wishes, const mf_wish *wish);

void mf_wish_grant(mf_wish *wish, size_t text_at, size_t n_text, uint32_t count, bool known_user,
                   const char *version);

/* The printf kind of sentence says why; without a word of what the user sent but what the model
 * says of it. */
__attribute__((format(printf, 3, 4))) void mf_wish_refuse(mf_wishes *wishes, mf_wish *wish,
                                                          const char *format, ...);

void mf_wish_fail(mf_wishes *wishes, mf_wish *wish, const mf_error *why);

void mf_wishes_free(mf_wishes *wishes);

#endif
