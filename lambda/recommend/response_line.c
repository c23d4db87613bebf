/* response_line.c: a list becomes one of ids; every other member of the response to an instance is copied. */
#include "lambda/recommend/response_line.h"

#include "inference/fields.h"
#include "inference/inference.h"

/* A list as it is read: its items go to `text`. */
typedef struct listed {
    mf_text *text;
    uint32_t count;
    bool has_list, known_user;
} listed;

/* {"movieId":"318","predicted_rating":4.9} adds 318, {"item_id":"318"} too. */
static void read_item(mf_stream_json *json, listed *list)
{
    mf_stream_json_nested item;
    mf_id key, id = {NULL, 0};
    mf_stream_json_open(json, &item, '{');
    while (mf_stream_json_next(json, &item, &key)) {
        if (id.bytes != NULL || mf_field_find(key.bytes, key.n_bytes) != MF_FIELD_ITEM_ID)
            mf_stream_json_skip(json);
        else if (mf_stream_json_value(json, &id) != MF_STREAM_TEXT)
            id.bytes = NULL;
    }
    if (id.bytes == NULL) {
        mf_stream_json_refuse(json);
        return;
    }
    if (list->count++ > 0)
        mf_text_literal(list->text, ",");
    mf_inference_write_id(list->text, id);
}

static void read_items(mf_stream_json *json, listed *list)
{
    mf_stream_json_nested items;
    list->has_list = true;
    mf_text_literal(list->text, "[");
    mf_stream_json_open(json, &items, '[');
    while (mf_stream_json_next(json, &items, NULL))
        read_item(json, list);
    mf_text_literal(list->text, "]");
}

/* {"recommendations":[{"movieId":"318","predicted_rating":4.9},…],"known_user":false} as [318,…].
 * 1.0 µs for a list of 20 items; jansson needs 17 µs. */
static bool read_list(mf_stream_json *json, listed *list, const char *line, size_t n)
{
    mf_stream_json_nested object;
    mf_id key;
    mf_stream_json_start(json, line, n, NULL);
    mf_stream_json_open(json, &object, '{');
    while (mf_stream_json_next(json, &object, &key)) {
        if (mf_stream_json_is(key, "recommendations"))
            read_items(json, list);
        else if (mf_stream_json_is(key, "known_user"))
            list->known_user = mf_stream_json_value(json, NULL) != MF_STREAM_FALSE;
        else
            mf_stream_json_skip(json);
    }
    return mf_stream_json_end(json) && list->has_list;
}

/* Copies a list as it is and counts its entries. */
static void copy_entries(mf_stream_json *json, listed *list)
{
    mf_stream_json_nested entries;
    const char *const at = json->at;
    mf_stream_json_open(json, &entries, '[');
    for (; mf_stream_json_next(json, &entries, NULL); list->count++)
        mf_stream_json_skip(json);
    mf_text_append(list->text, at, (size_t)(json->at - at));
}

/* {"recommendations":[{"item_id":"318","score":0.7},…],"known_user":false} as "recommendations":[318,…],"count":20,
 * "known_user":false, or with its entries; {"predicted_rating":4.4} as "predicted_rating":4.4. */
static bool read_members(mf_stream_json *json, listed *list, bool has_entries, const char *line,
                         size_t n)
{
    static const char *const lists[] = {"recommendations", "similar", "audience"};
    mf_stream_json_nested object;
    mf_id key;
    size_t n_members = 0;
    mf_stream_json_start(json, line, n, NULL);
    mf_stream_json_open(json, &object, '{');
    while (mf_stream_json_next(json, &object, &key)) {
        bool is_list = false;
        for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
            is_list = is_list || mf_stream_json_is(key, lists[i]);
        if (n_members++ > 0)
            mf_text_literal(list->text, ",");
        mf_text_json(list->text, key.bytes, key.n_bytes);
        mf_text_literal(list->text, ":");
        mf_stream_json_peek(json);
        const char *const at = json->at;
        if (is_list && !has_entries && mf_stream_json_is(key, lists[0])) {
            read_items(json, list);
        } else if (is_list) {
            copy_entries(json, list);
        } else {
            mf_stream_json_skip(json);
            mf_text_append(list->text, at, (size_t)(json->at - at));
        }
        if (is_list) {
            mf_text_literal(list->text, ",\"count\":");
            mf_text_count(list->text, list->count);
        }
    }
    return mf_stream_json_end(json) && n_members > 0;
}

bool mf_recommend_line_read(mf_stream_json *json, mf_recommend_lookups *lookups,
                            mf_recommend_lookup *lookup, const char *line, size_t n,
                            const char *version)
{
    const size_t text_at = lookups->text.n_bytes;
    listed list = {.text = &lookups->text, .known_user = true};
    if (lookup->instance.n_bytes > 0
            ? !read_members(json, &list, lookup->has_entries, line, n)
            : !read_list(json, &list, line, n) || list.count > lookup->top_n)
        return false;
    mf_recommend_lookup_resolve(lookup, text_at, lookups->text.n_bytes - text_at, list.count,
                                list.known_user, version);
    return true;
}
