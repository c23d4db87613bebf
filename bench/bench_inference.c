/* bench_inference.c: predictions per second from body to response, in process, beside the parsers
 * alone.
 *
 *     bench_inference MODEL [requests [repeats]]      default 10000 21
 *
 * The requests are pairs of a random user and item of the model, in three forms:
 *
 *   json        {"instances":[{"userId":"…","movieId":"…"},…]}
 *   jsonlines   {"userId":"…","movieId":"…"} a line
 *   csv         user,movie a line
 *
 * with a response in the same format, on one thread, in slices of a millisecond. The peers, in
 * turn with them on the same bytes:
 *
 *   jansson     json_loadb on each instance, and nothing else
 *   libcsv      csv_parse with callbacks that do nothing
 *   predict     mf_model_predict on known indexes
 *
 * escaped is json with one escape in each user's id, which sends it through jansson. Prints one
 * JSON line: medians in predictions per second, and the speed of JSON and CSV as a multiple of
 * that of the parser alone. */
#include "base/clock.h"
#include "base/random.h"
#include "bench.h"
#include "inference/inference.h"

#include <csv.h>
#include <jansson.h>

enum { SLICE_MICROSECONDS = 1000, REPEATS_MOST = 101 };

static mf_error err;

typedef struct pair {
    uint32_t user;
    uint32_t item;
} pair;

static struct {
    mf_model *model;
    mf_recommender *recommender;
    mf_workspace *workspace;
    const mf_model_parts *parts;
    size_t n;
    pair *pairs;
    mf_text json, escaped, lines, csv;
    mf_text response;
    float sum; /* keeps the compiler from removing the work */
} b;

static void append_request(mf_text *text, pair p, bool escape)
{
    const mf_id user = mf_id_list_get(&b.parts->users, p.user);
    const mf_id item = mf_id_list_get(&b.parts->items, p.item);
    mf_text_literal(text, "{\"userId\":");
    if (escape)
        mf_text_format(text, "\"\\u%04x%.*s\"", (unsigned char)user.bytes[0], (int)user.n_bytes - 1,
                       user.bytes + 1);
    else
        mf_text_json(text, user.bytes, user.n_bytes);
    mf_text_literal(text, ",\"movieId\":");
    mf_text_json(text, item.bytes, item.n_bytes);
    mf_text_literal(text, "}");
}

static void write_bodies(void)
{
    mf_text_literal(&b.json, "{\"instances\":[");
    mf_text_literal(&b.escaped, "{\"instances\":[");
    for (size_t i = 0; i < b.n; i++) {
        const pair p = {mf_random_below(1, 2 * i, b.parts->n_users),
                        mf_random_below(1, 2 * i + 1, b.parts->n_items)};
        const mf_id user = mf_id_list_get(&b.parts->users, p.user);
        const mf_id item = mf_id_list_get(&b.parts->items, p.item);
        b.pairs[i] = p;
        if (i > 0) {
            mf_text_literal(&b.json, ",");
            mf_text_literal(&b.escaped, ",");
        }
        append_request(&b.json, p, false);
        append_request(&b.escaped, p, true);
        append_request(&b.lines, p, false);
        mf_text_literal(&b.lines, "\n");
        mf_text_append(&b.csv, user.bytes, user.n_bytes);
        mf_text_literal(&b.csv, ",");
        mf_text_append(&b.csv, item.bytes, item.n_bytes);
        mf_text_literal(&b.csv, "\n");
    }
    mf_text_literal(&b.json, "]}");
    mf_text_literal(&b.escaped, "]}");
    /* Bodies are NUL-terminated. */
    mf_text_append(&b.json, "", 1);
    mf_text_append(&b.escaped, "", 1);
    mf_text_append(&b.lines, "", 1);
    mf_text_append(&b.csv, "", 1);
}

static void respond(mf_inference_format format, const mf_text *body)
{
    static const mf_inference_limits limits = {.max_top_n = 1000, .max_fold_in = 1000};
    mf_inference_progress progress;
    mf_text_clear(&b.response, SIZE_MAX);
    mf_inference *inference = mf_inference_create(
        b.recommender, &limits, format, format, body->bytes, body->n_bytes - 1, &b.response, &err);
    if (inference == NULL)
        die("body", err.text);
    do
        progress = mf_inference_step(inference, b.workspace, SLICE_MICROSECONDS, &err);
    while (progress == MF_INFERENCE_MORE);
    if (progress == MF_INFERENCE_FAILED || mf_inference_counted(inference).n_responses != b.n)
        die("body", err.text);
    mf_inference_destroy(inference);
}

static void run_json(void)
{
    respond(MF_INFERENCE_JSON, &b.json);
}

static void run_escaped(void)
{
    respond(MF_INFERENCE_JSON, &b.escaped);
}

static void run_lines(void)
{
    respond(MF_INFERENCE_JSON_LINES, &b.lines);
}

static void run_csv(void)
{
    respond(MF_INFERENCE_CSV, &b.csv);
}

/* Instances are separated by one byte, and so are lines. */
static void run_jansson(void)
{
    size_t at = 0;
    json_error_t error;
    while (at < b.lines.n_bytes - 1) {
        json_t *value = json_loadb(b.lines.bytes + at, b.lines.n_bytes - 1 - at,
                                   JSON_REJECT_DUPLICATES | JSON_DISABLE_EOF_CHECK, &error);
        if (value == NULL)
            die("jansson", error.text);
        json_decref(value);
        at += (size_t)error.position + 1;
    }
}

static void run_libcsv(void)
{
    struct csv_parser parser;
    if (csv_init(&parser, 0) != 0)
        die("libcsv", "cannot start");
    csv_parse(&parser, b.csv.bytes, b.csv.n_bytes - 1, ignore_field, ignore_row, NULL);
    csv_fini(&parser, ignore_field, ignore_row, NULL);
    csv_free(&parser);
}

static void run_predict(void)
{
    for (size_t i = 0; i < b.n; i++)
        b.sum += mf_model_predict(b.model, b.pairs[i].user, b.pairs[i].item);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } contenders[] = {{"json", run_json},       {"jsonlines", run_lines}, {"csv", run_csv},
                      {"escaped", run_escaped}, {"jansson", run_jansson}, {"libcsv", run_libcsv},
                      {"predict", run_predict}};
    enum { N = sizeof contenders / sizeof contenders[0], JSON = 0, CSV = 2, JANSSON = 4, LIBCSV };
    static double seconds[N][REPEATS_MOST];
    b.n = argc > 2 ? strtoul(argv[2], NULL, 10) : 10000;
    const size_t repeats = argc > 3 ? strtoul(argv[3], NULL, 10) : 21;
    if (argc < 2 || b.n < 1 || repeats < 1 || repeats > REPEATS_MOST)
        die("usage", "bench_inference MODEL [requests [repeats]]");
    b.model = mf_model_open(argv[1], &err);
    if (b.model == NULL)
        die(argv[1], err.text);
    b.parts = mf_model_get(b.model);
    b.recommender = mf_recommender_create(b.model, 0, &err);
    b.workspace = mf_workspace_create(&err);
    b.pairs = calloc(b.n, sizeof *b.pairs);
    if (b.recommender == NULL || b.workspace == NULL || b.pairs == NULL)
        die("memory", err.text);
    write_bodies();
    for (size_t run = 0; run < repeats; run++)
        for (size_t c = 0; c < N; c++) {
            const double before = mf_clock_seconds();
            contenders[c].run();
            seconds[c][run] = mf_clock_seconds() - before;
        }
    printf("{\"bench\":\"inference\",\"n_users\":%lu,\"n_items\":%lu,\"n_factors\":%lu,"
           "\"requests\":%zu,\"threads\":1,\"runs\":%zu",
           (unsigned long)b.parts->n_users, (unsigned long)b.parts->n_items,
           (unsigned long)b.parts->n_factors, b.n, repeats);
    double median[N];
    for (size_t c = 0; c < N; c++) {
        median[c] = quantile(seconds[c], repeats, 0.5);
        printf(",\"%s_per_s\":%.0f", contenders[c].name, (double)b.n / median[c]);
    }
    printf(",\"json_to_jansson\":%.2f,\"csv_to_libcsv\":%.2f}\n", median[JANSSON] / median[JSON],
           median[LIBCSV] / median[CSV]);
    return b.sum > -1e30f ? 0 : 1;
}
