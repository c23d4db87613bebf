/* grading.c: promises in grading.h. */
#include "grading.h"

#include "base/portable_math.h"

#include <math.h>
#include <string.h>

/* Values met before and their codes: rating files have few different ones. */
enum { KNOWN_BITS = 8, KNOWN = 1 << KNOWN_BITS };

typedef struct known_code {
    float value;
    uint8_t code; /* 0: empty */
} known_code;

static double mean_of(const mf_ratings *ratings)
{
    double sum = 0;
    for (uint64_t k = 0; k < ratings->n_ratings; k++)
        sum += (double)ratings->value[k];
    return sum / (double)ratings->n_ratings;
}

static bool all_equal(const mf_ratings *ratings)
{
    for (uint64_t k = 1; k < ratings->n_ratings; k++)
        if (ratings->value[k] != ratings->value[0])
            return false;
    return true;
}

static mf_grading of_counts(const mf_ratings *ratings)
{
    if (all_equal(ratings))
        return (mf_grading){.kind = MF_GRADING_ONE};
    double sum = 0;
    for (uint64_t k = 0; k < ratings->n_ratings; k++)
        sum += mf_log(1 + fmax(0, (double)ratings->value[k]));
    return (mf_grading){.kind = MF_GRADING_LOG,
                        .scale = (float)(2 * sum / (double)ratings->n_ratings)};
}

mf_grading mf_grading_of(const mf_ratings *ratings)
{
    if (ratings->feedback == MF_FEEDBACK_IMPLICIT)
        return of_counts(ratings);
    const double mean = mean_of(ratings);
    double squares = 0;
    for (uint64_t k = 0; k < ratings->n_ratings; k++) {
        const double away = (double)ratings->value[k] - mean;
        squares += away * away;
    }
    /* Of equal values the sum may be off in its last bit, and they have no deviation. */
    const double deviation = all_equal(ratings) ? 0 : sqrt(squares / (double)ratings->n_ratings);
    return (mf_grading){
        .kind = MF_GRADING_LOGISTIC, .center = (float)mean, .scale = (float)deviation};
}

float mf_grading_relevant_rating(const mf_ratings *ratings)
{
    return ratings->feedback == MF_FEEDBACK_IMPLICIT ? -INFINITY : (float)mean_of(ratings);
}

static uint32_t place_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits * UINT32_C(0x9E3779B1) >> (32 - KNOWN_BITS);
}

void mf_grades_fill(const mf_grading *grading, const mf_ratings *ratings, float relevant_rating,
                    uint8_t *grades, uint8_t *relevant)
{
    known_code known[KNOWN] = {0};
    for (uint64_t k = 0; k < ratings->n_ratings; k++) {
        const float value = ratings->value[k];
        known_code *place = &known[place_of(value)];
        if (place->code == 0 || place->value != value)
            *place = (known_code){value, mf_grade_code(grading, value)};
        grades[k] = place->code;
        relevant[k] = value >= relevant_rating;
    }
}
