/* grade.c: the formulas of grade.h, with base/portable_math.h alone. */
#include "model/grade.h"

#include "base/portable_math.h"

static const double AGE_MOST = 0.45, AGE_SCALE = 10;

static double grade_of(const mf_grading *grading, float value)
{
    if (grading->kind == MF_GRADING_ONE || !(grading->scale > 0))
        return 1;
    if (grading->kind == MF_GRADING_LOG) {
        const double y = mf_log(1 + (value > 0 ? (double)value : 0)) / (double)grading->scale;
        return y < 1 ? y : 1;
    }
    return 1 /
           (1 + mf_exp(-2 * ((double)value - (double)grading->center) / (double)grading->scale));
}

const char *mf_grading_name(const mf_grading *grading)
{
    static const char *const names[MF_GRADING_KINDS] = {
        [MF_GRADING_LOGISTIC] = "logistic", [MF_GRADING_LOG] = "log", [MF_GRADING_ONE] = "one"};
    return names[grading->kind];
}

uint8_t mf_grade_code(const mf_grading *grading, float value)
{
    const uint8_t code = (uint8_t)(grade_of(grading, value) * MF_GRADE_MAX + 0.5);
    return code > 0 ? code : 1;
}

float mf_age_weight(float recency, uint32_t time_rank, uint32_t n)
{
    const uint64_t newer = 2 * ((uint64_t)n - 1) - time_rank;
    /* exp(-20) is below half of a weight's last bit. */
    const double old = newer < MF_AGE_OLDEST ? 1 - mf_exp((double)newer / (-2 * AGE_SCALE)) : 1;
    return (float)(1 - AGE_MOST * (double)recency * old);
}
