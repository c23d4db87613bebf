/* value.c: the careful reading of one value; what is met often is cached before (parse.c). */
#include "ratings/value.h"

#include "base/number.h"

#include <float.h>
#include <math.h>
#include <strings.h>

const char *mf_time_unit_name(mf_time_unit unit)
{
    static const char *const names[] = {"seconds",     "milliseconds", "microseconds",
                                        "nanoseconds", "dates",        "none"};
    return names[unit];
}

double mf_time_unit_rate(mf_time_unit unit)
{
    static const double rates[] = {1, 1e3, 1e6, 1e9, 1, 1};
    return rates[unit];
}

mf_time_unit mf_time_unit_of(double time)
{
    const double size = fabs(time);
    return size >= 1e17   ? MF_TIME_NANOSECONDS
           : size >= 1e14 ? MF_TIME_MICROSECONDS
           : size >= 1e11 ? MF_TIME_MILLISECONDS
                          : MF_TIME_SECONDS;
}

bool mf_value_rating(mf_cell cell, bool decimal_comma, float *rating)
{
    char text[MF_COPY_BYTES];
    double value;
    if (cell.n_bytes > MF_COPY_BYTES)
        return false;
    const char *comma = decimal_comma ? memchr(cell.bytes, ',', cell.n_bytes) : NULL;
    if (comma != NULL) {
        memcpy(text, cell.bytes, cell.n_bytes);
        text[comma - cell.bytes] = '.';
        cell.bytes = text;
    }
    if (!mf_parse_double(cell.bytes, cell.n_bytes, &value) || fabs(value) > (double)FLT_MAX)
        return false;
    *rating = (float)value;
    return true;
}

bool mf_value_weight(mf_cell cell, bool decimal_comma, float *weight)
{
    return mf_value_rating(cell, decimal_comma, weight) && !(*weight < 0);
}

/* A text that is read from its front. */
typedef struct reader {
    const char *at, *end;
} reader;

static bool take(reader *r, char c)
{
    if (r->at == r->end || *r->at != c)
        return false;
    r->at++;
    return true;
}

/* n digits within low … high. */
static bool take_number(reader *r, int n, int low, int high, int *value)
{
    if (r->end - r->at < n)
        return false;
    *value = 0;
    for (int i = 0; i < n; i++, r->at++) {
        if (*r->at < '0' || *r->at > '9')
            return false;
        *value = *value * 10 + (*r->at - '0');
    }
    return *value >= low && *value <= high;
}

/* Days since 1970-01-01 in the proleptic Gregorian calendar. */
static int64_t days_of(int year, int month, int day)
{
    /* Years begin in March, so that a leap day is a year's last. */
    const int64_t y = year - (month <= 2);
    const int64_t era = (y >= 0 ? y : y - 399) / 400;
    const int64_t year_of_era = y - era * 400;
    const int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
           719468;
}

static bool take_date(reader *r, int64_t *seconds)
{
    static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year;
    int month;
    int day;
    if (!take_number(r, 4, 0, 9999, &year) || r->at == r->end)
        return false;
    const char between = *r->at == '/' ? '/' : '-';
    if (!take(r, between) || !take_number(r, 2, 1, 12, &month) || !take(r, between) ||
        !take_number(r, 2, 1, days[month - 1], &day))
        return false;
    *seconds = days_of(year, month, day) * 86400;
    return true;
}

/* 23:53, 23:53:47, 23:53:47.25 */
static bool take_clock(reader *r, int64_t *seconds, double *fraction)
{
    int hour;
    int minute;
    int second = 0;
    double digit = 0.1;
    if (!take_number(r, 2, 0, 24, &hour) || !take(r, ':') || !take_number(r, 2, 0, 59, &minute))
        return false;
    if (take(r, ':') && !take_number(r, 2, 0, 60, &second))
        return false;
    if (take(r, '.') || take(r, ','))
        for (; r->at < r->end && *r->at >= '0' && *r->at <= '9'; r->at++) {
            *fraction += digit * (*r->at - '0');
            digit /= 10;
        }
    *seconds += hour * 3600 + minute * 60 + second;
    return true;
}

/* Z, UTC, +02:00, +0200, +02 or nothing. */
static bool take_offset(reader *r, int64_t *seconds)
{
    int hours;
    int minutes = 0;
    take(r, ' ');
    if (r->at == r->end || take(r, 'Z') || take(r, 'z'))
        return true;
    if (r->end - r->at == 3 && (memcmp(r->at, "UTC", 3) == 0 || memcmp(r->at, "GMT", 3) == 0)) {
        r->at = r->end;
        return true;
    }
    const bool is_minus = *r->at == '-';
    if ((!take(r, '+') && !take(r, '-')) || !take_number(r, 2, 0, 23, &hours))
        return false;
    if (r->at < r->end && !(take(r, ':'), take_number(r, 2, 0, 59, &minutes)))
        return false;
    *seconds -= (is_minus ? -1 : 1) * (hours * 3600 + minutes * 60);
    return true;
}

static bool read_date(mf_cell cell, int64_t *seconds, double *fraction)
{
    reader r = {cell.bytes, cell.bytes + cell.n_bytes};
    *fraction = 0;
    if (!take_date(&r, seconds))
        return false;
    if (r.at == r.end)
        return true;
    return (take(&r, 'T') || take(&r, 't') || take(&r, ' ')) && take_clock(&r, seconds, fraction) &&
           take_offset(&r, seconds) && r.at == r.end;
}

bool mf_value_time(mf_cell cell, bool *is_whole, int64_t *whole, double *seconds, bool *is_date)
{
    double fraction;
    if (cell.n_bytes > MF_COPY_BYTES)
        return false;
    *is_whole = mf_parse_int64(cell.bytes, cell.n_bytes, whole);
    *is_date = !*is_whole && read_date(cell, whole, &fraction);
    if (*is_whole || (*is_date && fraction == 0)) {
        *is_whole = true;
        *seconds = (double)*whole;
        return true;
    }
    if (*is_date) {
        *seconds = (double)*whole + fraction;
        return true;
    }
    if (!mf_parse_double(cell.bytes, cell.n_bytes, seconds))
        return false;
    /* "1260759144.0" is what pandas makes of a column of integers with gaps. */
    if (fabs(*seconds) < 0x1p53) {
        *whole = (int64_t)*seconds;
        *is_whole = (double)*whole == *seconds;
    }
    return true;
}

bool mf_value_time_unit(mf_cell cell, mf_time_unit *unit)
{
    bool is_whole;
    bool is_date;
    int64_t whole;
    double seconds;
    if (!mf_value_time(cell, &is_whole, &whole, &seconds, &is_date))
        return false;
    *unit = is_date ? MF_TIME_DATES : mf_time_unit_of(seconds);
    return true;
}

bool mf_value_is_clock(mf_cell cell)
{
    reader r = {cell.bytes, cell.bytes + cell.n_bytes};
    int64_t seconds = 0;
    double fraction = 0;
    return take_clock(&r, &seconds, &fraction) && r.at == r.end;
}

bool mf_value_is_missing(mf_cell cell)
{
    static const char *const words[] = {"null", "nan", "na", "n/a", "none", "nil", "\\N", "<na>"};
    if (cell.n_bytes == 0)
        return true;
    for (size_t w = 0; w < sizeof words / sizeof words[0]; w++)
        if (cell.n_bytes == strlen(words[w]) &&
            strncasecmp(cell.bytes, words[w], cell.n_bytes) == 0)
            return true;
    return false;
}
