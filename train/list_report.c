/* list_report.c: a view of the model, its recommender, the lists of both sources. */
#include "list_report.h"

#include "base/clock.h"
#include "base/memory.h"
#include "evaluate/baselines.h"
#include "evaluate/model_lists.h"
#include "progress.h"
#include "recommend/recommender.h"

#include <stdio.h>
#include <string.h>

/* What lists are evaluated against, and what has to be released. */
typedef struct evaluating {
    const mf_list_report_options *options;
    mf_held_out held_out;
    float *popularity_rank;
    uint32_t *order;
} evaluating;

static bool evaluate(const evaluating *j, const mf_list_source *source, mf_evaluation *evaluation,
                     mf_list_summary *summary, mf_error *err)
{
    const mf_evaluation_options options = {
        .k = j->options->k,
        .n_threads = j->options->n_threads,
        .max_users = MF_LIST_REPORT_USERS,
        .popularity_rank = j->popularity_rank,
    };
    return mf_evaluate_lists(source, &j->held_out, &options, evaluation, err) &&
           mf_list_summary_of(evaluation, 1, j->held_out.n_users, MF_RESAMPLES, j->options->seed,
                              summary, err);
}

static bool prepare(evaluating *j, const mf_model_parts *parts, const mf_baselines *baselines,
                    const mf_ratings_rows *validation, mf_error *err)
{
    j->popularity_rank =
        mf_allocate(parts->n_items, sizeof *j->popularity_rank, "popularity ranks", err);
    j->order = mf_allocate(parts->n_items, sizeof *j->order, "popularity ranks", err);
    if (j->popularity_rank == NULL || j->order == NULL ||
        !mf_held_out_create(validation, parts->n_users, j->options->relevant_rating, &j->held_out,
                            err))
        return false;
    mf_popularity_ranks(mf_baselines_item_count(baselines), parts->n_items, j->order,
                        j->popularity_rank);
    return true;
}

bool mf_list_report_make(const mf_model_parts *parts, const mf_ratings *train,
                         const mf_ratings_rows *validation, const mf_list_report_options *options,
                         mf_list_report *report, mf_error *err)
{
    bool ok = false;
    const double start = mf_clock_seconds();
    evaluating j = {.options = options};
    mf_evaluation of_model = {0};
    mf_evaluation of_popularity = {0};
    mf_recommender *recommender = NULL;
    mf_model_lists lists;
    mf_list_source source;
    memset(report, 0, sizeof *report);
    mf_model *model = mf_model_view(parts, err);
    mf_baselines *baselines = mf_baselines_create(train, err);
    if (model == NULL || baselines == NULL || !prepare(&j, parts, baselines, validation, err))
        goto done;
    recommender = mf_recommender_create(model, SIZE_MAX, err);
    if (recommender == NULL)
        goto done;
    lists = (mf_model_lists){.recommender = recommender, .order = MF_ORDER_DEFAULT};
    source = mf_model_lists_source(&lists);
    if (!evaluate(&j, &source, &of_model, &report->model, err))
        goto done;
    source = mf_baselines_popularity(baselines);
    if (!evaluate(&j, &source, &of_popularity, &report->popularity, err))
        goto done;
    mf_lists_by_count_add(&of_model, &j.held_out, train, mf_baselines_item_count(baselines),
                          &report->model_by_count);
    mf_lists_by_count_add(&of_popularity, &j.held_out, train, mf_baselines_item_count(baselines),
                          &report->popularity_by_count);
    if (parts->n_factors > 0)
        report->errors_by_count = mf_errors_by_count_of(
            model, validation, train, mf_baselines_item_count(baselines), MF_LIST_REPORT_ROWS);
    report->k = options->k;
    report->relevant_rating = (double)options->relevant_rating;
    report->n_relevant = j.held_out.n_relevant;
    report->n_skipped_users = of_model.n_nothing_relevant + of_model.n_not_looked_at;
    report->n_unknown_rows = j.held_out.n_unknown_user_rows + j.held_out.n_unknown_item_rows;
    report->seconds = mf_clock_seconds() - start;
    ok = true;
done:
    mf_evaluation_clear(&of_model);
    mf_evaluation_clear(&of_popularity);
    mf_recommender_destroy(recommender);
    mf_baselines_destroy(baselines);
    mf_model_close(model);
    mf_held_out_clear(&j.held_out);
    mf_free(j.popularity_rank);
    mf_free(j.order);
    return ok;
}

bool mf_list_report_print(const mf_list_report *report)
{
    if (report->k == 0 || report->model.n_users == 0)
        return true;
    const unsigned k = report->k;
    mf_progress_clear();
    printf("validation_ndcg_at_%u=%.4f validation_precision_at_%u=%.4f "
           "validation_recall_at_%u=%.4f validation_map_at_%u=%.4f validation_coverage_at_%u=%.4f "
           "validation_novelty_at_%u=%.4f popularity_ndcg_at_%u=%.4f users=%u\n",
           k, report->model.ndcg.mean, k, report->model.precision.mean, k,
           report->model.recall.mean, k, report->model.map.mean, k, report->model.coverage, k,
           report->model.novelty, k, report->popularity.ndcg.mean, report->model.n_users);
    const bool failed = fflush(stdout) != 0 || ferror(stdout);
    clearerr(stdout);
    return !failed;
}
