/* data_values.c: the different ratings are counted while they are few; otherwise in bins of equal width.
 * Most warnings compare the least or the greatest value with the next one. */
#include "data_values.h"

#include "data_warning.h"

#include <math.h>
#include <string.h>

static const double MANY_LOWEST = 0.01;
static const double MANY_ZEROS = 0.2; /* on a scale of half stars, which may begin with 0 */
enum { BINS = 20 };

/* The different values, in order of appearance; false when there are more than fit. A value is
 * found through its bits, where it was last. */
static bool count_values(const mf_ratings *ratings, mf_report_values *v)
{
    uint8_t last[256] = {0};
    for (uint64_t k = 0; k < ratings->n_ratings; k++) {
        const float value = ratings->value[k];
        uint32_t bits;
        memcpy(&bits, &value, sizeof bits);
        const uint32_t place = bits * UINT32_C(0x9E3779B9) >> 24;
        uint32_t i = last[place];
        if (i >= v->n || v->low[i] != value)
            for (i = 0; i < v->n && v->low[i] != value;)
                i++;
        if (i == MF_REPORT_VALUES)
            return false;
        if (i == v->n)
            v->low[v->n++] = value;
        last[place] = (uint8_t)i;
        v->count[i]++;
    }
    return true;
}

static void sort_values(mf_report_values *v)
{
    for (uint32_t i = 1; i < v->n; i++)
        for (uint32_t j = i; j > 0 && v->low[j - 1] > v->low[j]; j--) {
            const float low = v->low[j];
            const uint64_t count = v->count[j];
            v->low[j] = v->low[j - 1];
            v->count[j] = v->count[j - 1];
            v->low[j - 1] = low;
            v->count[j - 1] = count;
        }
    memcpy(v->high, v->low, sizeof v->high);
}

static bool is_near_whole(double value)
{
    return fabs(value - rint(value)) < 0.1;
}

/* values[0 .. n), each as often as counts says (NULL: once). */
static mf_value_facts look_at_values(const float *value, const uint64_t *counts, uint64_t n)
{
    mf_value_facts v = {0, INFINITY, INFINITY, -INFINITY, -INFINITY, 0,
                        0, true,     true,     false,     false};
    for (uint64_t k = 0; k < n; k++) {
        v.sum += (double)value[k] * (double)(counts != NULL ? counts[k] : 1);
        v.least = value[k] < v.least ? value[k] : v.least;
        v.most = value[k] > v.most ? value[k] : v.most;
    }
    for (uint64_t k = 0; k < n; k++) {
        const float x = value[k];
        const uint64_t count = counts != NULL ? counts[k] : 1;
        const bool is_whole = floorf(x) == x;
        v.n_least += x == v.least ? count : 0;
        v.n_most += x == v.most ? count : 0;
        v.second = x > v.least && x < v.second ? x : v.second;
        v.second_most = x < v.most && x > v.second_most ? x : v.second_most;
        v.are_whole &= is_whole;
        v.has_large_whole |= is_whole && x >= 100 && x < 1000;
        v.are_thousandths &= x < 1000 && (is_whole || (x >= 1 && is_near_whole(1000 * (double)x)));
        v.has_third_decimal |= !is_near_whole(100 * (double)x);
    }
    return v;
}

static void bin_values(const mf_ratings *ratings, const mf_value_facts *range, mf_report_values *v)
{
    const double width = ((double)range->most - (double)range->least) / BINS;
    *v = (mf_report_values){.n = BINS, .is_binned = true};
    for (uint32_t b = 0; b < BINS; b++) {
        v->low[b] = (float)((double)range->least + b * width);
        v->high[b] = (float)((double)range->least + (b + 1) * width);
    }
    for (uint64_t k = 0; k < ratings->n_ratings; k++) {
        const double at = ((double)ratings->value[k] - (double)range->least) / width;
        v->count[at < BINS ? (uint32_t)at : BINS - 1]++;
    }
}

mf_value_facts mf_data_values_look(const mf_ratings *ratings, mf_report_values *v)
{
    *v = (mf_report_values){0};
    if (count_values(ratings, v)) {
        sort_values(v);
        return look_at_values(v->low, v->count, v->n);
    }
    const mf_value_facts range = look_at_values(ratings->value, NULL, ratings->n_ratings);
    bin_values(ratings, &range, v);
    return range;
}

/* 0, -1 or -99 below ratings that are far from it, or so often that it is no rating. */
static bool lowest_is_a_mark(const mf_value_facts *v, double n)
{
    const double share = (double)v->n_least / n;
    if (v->most <= 1)
        return false;
    if (v->least == 0)
        return share >= (v->second >= 1 ? MANY_LOWEST : MANY_ZEROS);
    if (v->least == -1)
        return v->second >= 0 && share >= MANY_LOWEST;
    return (v->least == -99 || v->least == -999 || v->least == -9999) && v->second >= v->least / 4;
}

void mf_data_values_warn(mf_data_report *report, const mf_value_facts *v)
{
    const double n = (double)report->n_ratings;
    const bool is_explicit = report->feedback == MF_FEEDBACK_EXPLICIT;
    const bool is_many = report->n_distinct == 0 || report->n_distinct > 100;
    if (!is_explicit && v->are_whole && v->least >= 1e8F)
        mf_data_report_warn(report, "weights_like_times",
                            "weights from %.9g to %.9g look like times or ids: weight_column=none "
                            "uses no weights, timestamp_column=… names the times",
                            (double)v->least, (double)v->most);
    if (!is_explicit || report->n_ratings < 2)
        return;
    if (v->are_whole && v->least >= 1e8F)
        mf_data_report_warn(
            report, "ratings_like_times",
            "ratings from %.9g to %.9g look like times or ids: rating_column=… says "
            "which column has the ratings",
            (double)v->least, (double)v->most);
    if (v->least == v->most) {
        mf_data_report_warn(report, "one_rating",
                            "every rating is %g: nothing can be learned from their values",
                            (double)v->least);
        return;
    }
    if (v->are_whole && v->least < 1e8F && v->most > 1000 && v->least >= 0 && is_many)
        mf_data_report_warn(
            report, "ratings_like_ids",
            "ratings from %.9g to %.9g look like ids or counts: rating_column=… says "
            "which column has the ratings, feedback=implicit that they are counts",
            (double)v->least, (double)v->most);
    if (lowest_is_a_mark(v, n))
        mf_data_report_warn(report, "looks_not_rated",
                            "%.1f %% of the ratings are %g, the others %g to %g: where that means "
                            "\"not rated\", not_rated=%g leaves them out",
                            100 * (double)v->n_least / n, (double)v->least, (double)v->second,
                            (double)v->most, (double)v->least);
    /* 1.234 beside 999 is no 1234 below 9990. */
    const bool has_points = v->are_thousandths && v->has_third_decimal;
    if (has_points && v->has_large_whole)
        mf_data_report_warn(
            report, "thousands_points",
            "values from %g to %g: all fractions have three decimals, and whole "
            "numbers are below 1000: where the point separates thousands, it has to "
            "be removed",
            (double)v->least, (double)v->most);
    else if (!has_points && (v->most == 99 || v->most == 999 || v->most == 9999) &&
             v->second_most <= v->most / 4)
        mf_data_report_warn(report, "looks_not_rated",
                            "%llu ratings are %g, the others at most %g: where that means \"not "
                            "rated\", not_rated=%g leaves them out",
                            (unsigned long long)v->n_most, (double)v->most, (double)v->second_most,
                            (double)v->most);
}
