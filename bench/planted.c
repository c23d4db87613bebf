/* planted.c: ratings with a known truth, and the RMSE no model can beat.
 *
 *   truth(u,i)  = mu + b_u + b_i + p_u . q_i                      rank R
 *   rating(u,i) = the half star nearest to truth + N(0, noise), within 0.5..5
 *   floor       = RMSE of E[rating | truth], the best guess of someone who
 *                 was told the truth but not the noise
 *
 * (1) The same options give the same bytes, whatever the number of threads:
 *     each user and each item draws from a stream of its own, and sums are
 *     taken in a fixed order.
 * (2) (user, item) pairs are distinct; rows are grouped by user, items
 *     ascending, as in MovieLens.
 * (3) Exactly --ratings rows in all; train and test together are the same rows
 *     whether or not a test set is asked for.
 * (4) The floor is exact up to sampling: no quadrature, no simulation.
 *
 * Without --choice users choose items by popularity alone, so that who rated what says
 * nothing about what they like. With --choice B they choose by it:
 *
 *   P(next item) = popularity . exp(B . truth), of the items not yet chosen
 *
 * drawn by an exponential race: item i finishes at E_i / weight_i with E_i ~ Exp(1), and the
 * first `count` to finish are a sample of that kind (Efraimidis, Spirakis 2006). That is a pass
 * over all items for each user, about 25 ns each.
 *
 * Popularity is a power law on both sides.  At the size of MovieLens 25M the
 * median user has 65 ratings and the busiest 29,000 (there: 71 and 32,202); the
 * median item has 55 and the most popular was rated by one user in five (there
 * 6, and one in two).  Some unpopular items may stay without a rating.
 *
 * One JSON line reports what was written: on stdout, or on stderr where stdout
 * carries the ratings.  Cost O(ratings x rank), memory O(items x rank + users):
 * 25 M ratings of rank 16 in 6 s on two cores.
 *
 * Needs libc, libm and OpenMP:
 *   cc -O2 -fopenmp -std=gnu11 planted.c -lm -o planted */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <omp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the truth is made of.  Chosen so that rank 16 and noise 0.8 give a floor
 * near 0.769: rounding to half stars adds to the noise, clipping takes away. */
static const double GLOBAL_MEAN = 3.35;
static const double USER_BIAS_DEVIATION = 0.35;
static const double ITEM_BIAS_DEVIATION = 0.35;
static const double PRODUCT_DEVIATION = 0.60; /* of p.q, whatever the rank */

/* weight of the item of popularity rank r: (r / items + offset)^-exponent */
static const double ITEM_EXPONENT = 1.6;
static const double ITEM_OFFSET = 0.005;
static const double USER_EXPONENT = 0.625;
static const uint64_t USER_MINIMUM = 20;

enum { RATINGS_PER_CHUNK = 32768, LINE_MAXIMUM = 40, RANK_MAXIMUM = 1024 };

enum format { FORMAT_CSV, FORMAT_LIBMF };

struct options {
    uint64_t users, items, ratings, seed;
    uint32_t rank;
    double noise, test_fraction;
    double choice; /* B above; 0: by popularity alone, and without its pass */
    const char *test, *output;
    enum format format;
};

struct planted { /* what every thread reads and none writes */
    const struct options *options;
    uint32_t *user_ratings; /* [users] how many this user gives */
    float *item_bias;       /* [items] */
    float *item_factors;    /* [items * rank] */
    uint32_t *alias;        /* [items] Walker's alias table: item i is */
    uint32_t *keep;         /* [items] kept when a 32-bit draw < keep  */
    double *popularity;     /* [items] weights, with --choice; else NULL */
};

struct scratch {         /* one thread's */
    uint64_t *chosen;    /* bit set of items, all zero between users */
    float *user_factors; /* [rank] */
    float *finish;       /* [items] of the race, with --choice */
    float *sorted;       /* [items] the same, partly sorted */
    char *train, *test;  /* text of one chunk */
    size_t train_bytes, test_bytes;
};

struct tally {
    uint64_t train, test;
    double squared_error;
};

static _Noreturn void die(const char *what, const char *which, const char *why)
{
    fprintf(stderr, "planted: %s%s%s: %s\n", what, which != NULL && *which ? " " : "",
            which != NULL ? which : "", why);
    exit(EXIT_FAILURE);
}

static void *allocate(size_t count, size_t size)
{
    void *block = calloc(count ? count : 1, size);
    if (block == NULL)
        die("memory", "", strerror(ENOMEM));
    return block;
}

/* ---- random numbers: SplitMix64 (Steele, Lea, Flood 2014) ---------------- */

enum stream { STREAM_USER = 1, STREAM_ITEM, STREAM_USER_ORDER, STREAM_ITEM_ORDER, STREAM_TRUTH };

static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static uint64_t stream_open(uint64_t seed, enum stream stream, uint64_t index)
{
    return mix(mix(seed + 0x9e3779b97f4a7c15u * (uint64_t)stream) ^ mix(index + 1));
}

static uint64_t draw(uint64_t *state)
{
    return mix(*state += 0x9e3779b97f4a7c15u);
}

static uint32_t draw_below(uint64_t *state, uint32_t limit)
{
    return (uint32_t)(((draw(state) >> 32) * limit) >> 32);
}

static double draw_unit(uint64_t *state) /* in (0, 1): its log is finite */
{
    return ((double)(draw(state) >> 12) + 0.5) * 0x1p-52;
}

static void draw_normals(uint64_t *state, double pair[2]) /* Box-Muller */
{
    const double radius = sqrt(-2.0 * log(draw_unit(state)));
    const double angle = 6.283185307179586 * draw_unit(state);
    pair[0] = radius * cos(angle);
    pair[1] = radius * sin(angle);
}

/* order[rank] = which index has that rank of popularity */
static uint32_t *shuffled(uint64_t n, uint64_t state)
{
    uint32_t *order = allocate(n, sizeof *order);
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t j = draw_below(&state, i + 1);
        order[i] = order[j];
        order[j] = i;
    }
    return order;
}

/* ---- the truth ----------------------------------------------------------- */

/* p and q get equal variance, and p.q the deviation above, whatever the rank. */
static double factor_deviation(uint32_t rank)
{
    return sqrt(PRODUCT_DEVIATION / sqrt((double)rank));
}

static double draw_truth(uint64_t *state, double bias_deviation, uint32_t rank, float *factors)
{
    double pair[2];
    for (uint32_t f = 0; f < rank; f += 2) {
        draw_normals(state, pair);
        factors[f] = (float)(factor_deviation(rank) * pair[0]);
        if (f + 1 < rank)
            factors[f + 1] = (float)(factor_deviation(rank) * pair[1]);
    }
    draw_normals(state, pair);
    return bias_deviation * pair[0];
}

static double half_star(double value)
{
    return fmin(fmax(round(2.0 * value) / 2.0, 0.5), 5.0);
}

/* E[rating | truth] = 0.5 + sum over the nine steps of half a star of 0.5 times
 * the chance to get over that step.  Clipping is in it: there is no tenth. */
static double expected_rating(double truth, double noise)
{
    if (noise <= 0.0)
        return half_star(truth);
    double sum = 0.5;
    for (int step = 0; step < 9; step++)
        sum += 0.25 * erfc((0.75 + 0.5 * step - truth) / (noise * 1.4142135623730951));
    return sum;
}

static void plant_items(struct planted *p)
{
    const struct options *o = p->options;
    p->item_bias = allocate(o->items, sizeof *p->item_bias);
    p->item_factors = allocate(o->items * o->rank, sizeof *p->item_factors);
#pragma omp parallel for schedule(static)
    for (uint64_t i = 0; i < o->items; i++) {
        uint64_t state = stream_open(o->seed, STREAM_ITEM, i);
        p->item_bias[i] =
            (float)draw_truth(&state, ITEM_BIAS_DEVIATION, o->rank, p->item_factors + i * o->rank);
    }
}

/* ---- who rates how much, and what ----------------------------------------- */

/* Walker 1977, in Vose's two-stack form: an item in one draw. */
static void plant_popularity(struct planted *p)
{
    const struct options *o = p->options;
    const uint64_t n = o->items;
    double *share = allocate(n, sizeof *share);
    uint32_t *stack = allocate(n, sizeof *stack);
    uint32_t *order = shuffled(n, stream_open(o->seed, STREAM_ITEM_ORDER, 0));
    p->alias = allocate(n, sizeof *p->alias);
    p->keep = allocate(n, sizeof *p->keep);

    double total = 0.0;
    for (uint64_t rank = 0; rank < n; rank++) {
        const double place = ((double)rank + 0.5) / (double)n;
        total += share[order[rank]] = pow(place + ITEM_OFFSET, -ITEM_EXPONENT);
    }
    if (o->choice > 0.0) {
        p->popularity = allocate(n, sizeof *p->popularity);
        memcpy(p->popularity, share, n * sizeof *share);
    }
    size_t small = 0, large = n; /* two stacks grow towards each other */
    for (uint32_t i = 0; i < n; i++) {
        share[i] *= (double)n / total;
        stack[share[i] < 1.0 ? small++ : --large] = i;
    }
    while (small > 0 && large < n) {
        const uint32_t poor = stack[--small], rich = stack[large];
        p->keep[poor] = (uint32_t)(share[poor] * 4294967295.0);
        p->alias[poor] = rich;
        share[rich] -= 1.0 - share[poor];
        if (share[rich] < 1.0) {
            large++;
            stack[small++] = rich;
        }
    }
    while (large < n)
        stack[small++] = stack[large++];
    while (small > 0) {
        const uint32_t even = stack[--small];
        p->keep[even] = UINT32_MAX;
        p->alias[even] = even;
    }
    free(order);
    free(stack);
    free(share);
}

static uint64_t ratings_at_scale(double scale, uint64_t users, uint64_t minimum, uint64_t maximum,
                                 uint32_t *by_rank)
{
    uint64_t total = 0;
    for (uint64_t rank = 0; rank < users; rank++) {
        const double place = ((double)rank + 0.5) / (double)users;
        const double extra = scale * (pow(place, -USER_EXPONENT) - 1.0);
        const uint64_t count =
            extra < (double)(maximum - minimum) ? minimum + (uint64_t)extra : maximum;
        by_rank[rank] = (uint32_t)count;
        total += count;
    }
    return total;
}

/* A power law with a floor and a ceiling whose sum is exactly `ratings`: find
 * the scale by bisection from below, then hand out the few that are missing. */
static void plant_activity(struct planted *p)
{
    const struct options *o = p->options;
    const uint64_t mean = o->ratings / o->users;
    const uint64_t maximum = mean < o->items / 8 ? o->items / 2 : o->items;
    const uint64_t quarter = mean / 4 > 0 ? mean / 4 : 1;
    const uint64_t minimum = quarter < USER_MINIMUM ? quarter : USER_MINIMUM;
    uint32_t *by_rank = allocate(o->users, sizeof *by_rank);
    uint32_t *order = shuffled(o->users, stream_open(o->seed, STREAM_USER_ORDER, 0));

    double low = 0.0, high = (double)o->items;
    for (int halving = 0; halving < 60; halving++) {
        const double middle = (low + high) / 2.0;
        if (ratings_at_scale(middle, o->users, minimum, maximum, by_rank) <= o->ratings)
            low = middle;
        else
            high = middle;
    }
    uint64_t missing = o->ratings - ratings_at_scale(low, o->users, minimum, maximum, by_rank);
    while (missing > 0) /* ends: ratings <= users * maximum */
        for (uint64_t rank = 0; rank < o->users && missing > 0; rank++)
            if (by_rank[rank] < maximum) {
                by_rank[rank]++;
                missing--;
            }
    p->user_ratings = allocate(o->users, sizeof *p->user_ratings);
    for (uint64_t rank = 0; rank < o->users; rank++)
        p->user_ratings[order[rank]] = by_rank[rank];
    free(order);
    free(by_rank);
}

/* Draws `count` distinct items by popularity into the bit set: it refuses the
 * second of two, and hands them back sorted.  A user who has seen nearly all
 * would wait for the last obscure ones forever, so past a bound of draws the
 * rest is the next items after a random one. */
static void choose_items(const struct planted *p, uint64_t *state, uint32_t count, uint64_t *chosen)
{
    const uint32_t items = (uint32_t)p->options->items;
    uint32_t have = 0;
    for (uint64_t draws = 16 * (uint64_t)items; have < count && draws > 0; draws--) {
        const uint64_t random = draw(state);
        uint32_t item = (uint32_t)(((random >> 32) * items) >> 32);
        if ((uint32_t)random >= p->keep[item])
            item = p->alias[item];
        const uint64_t bit = UINT64_C(1) << (item % 64);
        have += (chosen[item / 64] & bit) == 0;
        chosen[item / 64] |= bit;
    }
    for (uint32_t item = draw_below(state, items); have < count;
         item = item + 1 < items ? item + 1 : 0) {
        const uint64_t bit = UINT64_C(1) << (item % 64);
        have += (chosen[item / 64] & bit) == 0;
        chosen[item / 64] |= bit;
    }
}

static double truth_of(const struct planted *p, uint64_t item, double bias, const float *user)
{
    const uint32_t rank = p->options->rank;
    const float *factors = p->item_factors + item * rank;
    double value = bias + (double)p->item_bias[item];
    for (uint32_t f = 0; f < rank; f++)
        value += (double)user[f] * (double)factors[f];
    return value;
}

static void swap(float *a, float *b)
{
    const float kept = *a;
    *a = *b;
    *b = kept;
}

/* The value with `place` others before it, 0 <= place < n: Hoare's quickselect. */
static float nth_smallest(float *values, size_t n, size_t place)
{
    size_t low = 0, high = n - 1;
    while (low < high) {
        const float pivot = values[low + (high - low) / 2];
        size_t i = low, j = high;
        for (;;) {
            while (values[i] < pivot)
                i++;
            while (values[j] > pivot)
                j--;
            if (i >= j)
                break;
            swap(&values[i++], &values[j--]);
        }
        /* i > j, or i == j and values[i] == pivot: everything before i is <= pivot, from i on >= */
        if (place < i)
            high = i - 1;
        else if (i > low)
            low = i;
        else
            low++; /* the pivot is the smallest and stands first */
    }
    return values[place];
}

/* The race of --choice, into the bit set; of equal times the lower item first. */
static void choose_liked(const struct planted *p, uint64_t *state, double bias, uint32_t count,
                         struct scratch *s)
{
    const struct options *o = p->options;
    for (uint64_t i = 0; i < o->items; i++) {
        const double weight =
            p->popularity[i] * exp(o->choice * truth_of(p, i, bias, s->user_factors));
        s->finish[i] = (float)(-log(draw_unit(state)) / weight);
    }
    memcpy(s->sorted, s->finish, o->items * sizeof *s->sorted);
    const float last = nth_smallest(s->sorted, o->items, count - 1);
    uint32_t have = 0;
    for (int equal = 0; equal < 2; equal++) /* first all that are faster than the last one */
        for (uint64_t i = 0; i < o->items && have < count; i++)
            if (equal ? s->finish[i] == last : s->finish[i] < last) {
                s->chosen[i / 64] |= UINT64_C(1) << (i % 64);
                have++;
            }
}

/* ---- text ----------------------------------------------------------------- */

static char *put_number(char *at, uint64_t value)
{
    char digits[20];
    size_t n = 0;
    do
        digits[n++] = (char)('0' + value % 10);
    while ((value /= 10) > 0);
    while (n > 0)
        *at++ = digits[--n];
    return at;
}

static size_t put_line(char *start, enum format format, uint64_t user, uint64_t item, double rating,
                       uint64_t timestamp)
{
    const uint64_t halves = (uint64_t)(2.0 * rating);
    const bool csv = format == FORMAT_CSV;
    char *at = put_number(start, user + csv); /* MovieLens counts from 1 */
    *at++ = csv ? ',' : ' ';
    at = put_number(at, item + csv);
    *at++ = csv ? ',' : ' ';
    at = put_number(at, halves / 2);
    *at++ = '.';
    *at++ = halves % 2 ? '5' : '0';
    if (csv) {
        *at++ = ',';
        at = put_number(at, timestamp);
    }
    *at++ = '\n';
    return (size_t)(at - start);
}

/* ---- one user, one chunk of users, all of them ---------------------------- */

static void write_user(const struct planted *p, uint64_t user, struct scratch *s,
                       struct tally *tally)
{
    enum { DAY = 86400, YEAR_1996 = 820454400, YEARS = 24 };
    const struct options *o = p->options;
    uint64_t truth = stream_open(o->seed, STREAM_TRUTH, user);
    uint64_t state = stream_open(o->seed, STREAM_USER, user);
    const double bias =
        GLOBAL_MEAN + draw_truth(&truth, USER_BIAS_DEVIATION, o->rank, s->user_factors);
    const uint64_t joined = YEAR_1996 + draw_below(&state, YEARS * 365u * DAY);

    if (p->popularity != NULL)
        choose_liked(p, &state, bias, p->user_ratings[user], s);
    else
        choose_items(p, &state, p->user_ratings[user], s->chosen);
    for (uint64_t word = 0; word <= (o->items - 1) / 64; word++) {
        for (uint64_t bits = s->chosen[word]; bits != 0; bits &= bits - 1) {
            const uint64_t item = word * 64 + (uint64_t)__builtin_ctzll(bits);
            const double value = truth_of(p, item, bias, s->user_factors);
            double noise[2];
            draw_normals(&state, noise);
            const double rating = half_star(value + o->noise * noise[0]);
            const uint64_t timestamp = joined + draw_below(&state, 30 * DAY);
            /* The coin is tossed even with no test set: promise (3). */
            const bool coin = draw_unit(&state) < o->test_fraction;
            const bool is_test = o->test != NULL && coin;
            if (is_test || o->test == NULL) {
                const double error = rating - expected_rating(value, o->noise);
                tally->squared_error += error * error;
            }
            if (is_test) {
                tally->test++;
                s->test_bytes +=
                    put_line(s->test + s->test_bytes, o->format, user, item, rating, timestamp);
            } else {
                tally->train++;
                s->train_bytes +=
                    put_line(s->train + s->train_bytes, o->format, user, item, rating, timestamp);
            }
        }
        s->chosen[word] = 0;
    }
}

static void write_text(FILE *file, const char *name, const char *text, size_t bytes)
{
    if (bytes > 0 && fwrite(text, 1, bytes, file) != bytes)
        die("cannot write", name, strerror(errno));
}

/* Threads make the text of a chunk each; it is written, and its errors are
 * added, in the order of the users. */
static struct tally write_ratings(const struct planted *p, FILE *output, FILE *test)
{
    const struct options *o = p->options;
    uint64_t *first_user = allocate(o->users + 1, sizeof *first_user);
    uint64_t chunks = 0, largest = 0, in_chunk = 0;
    for (uint64_t u = 0; u < o->users; u++) {
        in_chunk += p->user_ratings[u];
        if (in_chunk > largest)
            largest = in_chunk;
        if (in_chunk >= RATINGS_PER_CHUNK || u + 1 == o->users) {
            first_user[++chunks] = u + 1;
            in_chunk = 0;
        }
    }

    struct tally total = {0};
#pragma omp parallel
    {
        struct scratch s = {0};
        s.chosen = allocate((o->items + 63) / 64, sizeof *s.chosen);
        s.user_factors = allocate(o->rank, sizeof *s.user_factors);
        s.finish = allocate(p->popularity != NULL ? o->items : 0, sizeof *s.finish);
        s.sorted = allocate(p->popularity != NULL ? o->items : 0, sizeof *s.sorted);
        s.train = allocate(largest, LINE_MAXIMUM);
        s.test = allocate(test != NULL ? largest : 0, LINE_MAXIMUM);
#pragma omp for ordered schedule(dynamic, 1)
        for (uint64_t chunk = 0; chunk < chunks; chunk++) {
            struct tally tally = {0};
            s.train_bytes = s.test_bytes = 0;
            for (uint64_t u = first_user[chunk]; u < first_user[chunk + 1]; u++)
                write_user(p, u, &s, &tally);
#pragma omp ordered
            {
                write_text(output, o->output ? o->output : "stdout", s.train, s.train_bytes);
                if (test != NULL)
                    write_text(test, o->test, s.test, s.test_bytes);
                total.train += tally.train;
                total.test += tally.test;
                total.squared_error += tally.squared_error;
            }
        }
        free(s.chosen);
        free(s.user_factors);
        free(s.finish);
        free(s.sorted);
        free(s.train);
        free(s.test);
    }
    free(first_user);
    return total;
}

/* ---- options and files ----------------------------------------------------- */

static void usage(FILE *file)
{
    fputs("usage: planted --users N --items N --ratings N [options]\n"
          "  --rank R            rank of the truth, 1..1024 (16)\n"
          "  --noise S           standard deviation of the noise (0.8)\n"
          "  --seed X            (1)\n"
          "  --choice B          users choose what they like: popularity . exp(B . truth) (0)\n"
          "  --output FILE       ratings to train on (stdout)\n"
          "  --test FILE         set ratings aside for testing\n"
          "  --test-fraction F   how many of them, 0 < F < 1 (0.1)\n"
          "  --format csv|libmf  csv: userId,movieId,rating,timestamp with a header,\n"
          "                      ids from 1; libmf: \"user item rating\", from 0 (csv)\n",
          file);
}

static uint64_t parse_count(const char *option, const char *text, uint64_t low, uint64_t high)
{
    char *end = NULL;
    errno = 0;
    const unsigned long long value = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0')
        die(option, text, "is not a whole number");
    if (errno == ERANGE || value < low || value > high) {
        char range[80];
        snprintf(range, sizeof range, "must lie in %llu..%llu", (unsigned long long)low,
                 (unsigned long long)high);
        die(option, text, range);
    }
    return value;
}

static double parse_real(const char *option, const char *text)
{
    char *end = NULL;
    const double value = strtod(text, &end);
    if (end == text || *end != '\0' || !isfinite(value))
        die(option, text, "is not a number");
    return value;
}

static struct options parse_options(int argc, char **argv)
{
    enum {
        USERS = 1,
        ITEMS,
        RATINGS,
        RANK,
        NOISE,
        CHOICE,
        SEED,
        OUTPUT,
        TEST,
        FRACTION,
        FORMAT,
        HELP
    };
    static const struct option known[] = {
        {"users", required_argument, NULL, USERS},
        {"items", required_argument, NULL, ITEMS},
        {"ratings", required_argument, NULL, RATINGS},
        {"rank", required_argument, NULL, RANK},
        {"noise", required_argument, NULL, NOISE},
        {"choice", required_argument, NULL, CHOICE},
        {"seed", required_argument, NULL, SEED},
        {"output", required_argument, NULL, OUTPUT},
        {"test", required_argument, NULL, TEST},
        {"test-fraction", required_argument, NULL, FRACTION},
        {"format", required_argument, NULL, FORMAT},
        {"help", no_argument, NULL, HELP},
        {NULL, 0, NULL, 0},
    };
    struct options o = {.seed = 1, .rank = 16, .noise = 0.8, .test_fraction = 0.1};
    bool fraction_given = false;
    /* "" as short options: getopt itself reports what it does not know. */
    for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        switch (option) {
        case USERS:
            o.users = parse_count("--users", optarg, 1, INT32_MAX);
            break;
        case ITEMS:
            o.items = parse_count("--items", optarg, 1, INT32_MAX);
            break;
        case RATINGS:
            o.ratings = parse_count("--ratings", optarg, 1, INT64_MAX);
            break;
        case RANK:
            o.rank = (uint32_t)parse_count("--rank", optarg, 1, RANK_MAXIMUM);
            break;
        case SEED:
            o.seed = parse_count("--seed", optarg, 0, UINT64_MAX);
            break;
        case NOISE:
            o.noise = parse_real("--noise", optarg);
            if (o.noise < 0.0)
                die("--noise", optarg, "must not be negative");
            break;
        case CHOICE:
            o.choice = parse_real("--choice", optarg);
            if (!(o.choice >= 0.0 && o.choice <= 10.0))
                die("--choice", optarg, "must lie in 0..10");
            break;
        case FRACTION:
            o.test_fraction = parse_real("--test-fraction", optarg);
            fraction_given = true;
            if (!(o.test_fraction > 0.0 && o.test_fraction < 1.0))
                die("--test-fraction", optarg, "must lie between 0 and 1");
            break;
        case OUTPUT:
            o.output = optarg;
            break;
        case TEST:
            o.test = optarg;
            break;
        case FORMAT:
            if (strcmp(optarg, "csv") == 0)
                o.format = FORMAT_CSV;
            else if (strcmp(optarg, "libmf") == 0)
                o.format = FORMAT_LIBMF;
            else
                die("--format", optarg, "must be csv or libmf");
            break;
        case HELP:
            usage(stdout);
            exit(EXIT_SUCCESS);
        default:
            usage(stderr);
            exit(EXIT_FAILURE);
        }
    }
    if (optind < argc)
        die("argument", argv[optind], "is not an option");
    if (o.users == 0 || o.items == 0 || o.ratings == 0)
        die("--users, --items and --ratings", "", "all three are needed");
    if (o.ratings < o.users)
        die("--ratings", "", "every user needs one, so not fewer than --users");
    if (o.ratings > o.users * o.items) /* both < 2^31: cannot wrap */
        die("--ratings", "", "pairs are distinct, so not more than users x items");
    if (fraction_given && o.test == NULL)
        die("--test-fraction", "", "needs --test FILE");
    return o;
}

static FILE *open_ratings(const char *name, enum format format)
{
    FILE *file = name == NULL ? stdout : fopen(name, "w");
    if (file == NULL)
        die("cannot create", name, strerror(errno));
    if (format == FORMAT_CSV)
        fputs("userId,movieId,rating,timestamp\n", file);
    return file;
}

static void close_ratings(FILE *file, const char *name)
{
    if (fflush(file) != 0 || ferror(file) || (file != stdout && fclose(file) != 0))
        die("cannot write", name ? name : "stdout", strerror(errno));
}

int main(int argc, char **argv)
{
    const struct options o = parse_options(argc, argv);
    const double started = omp_get_wtime();
    FILE *output = open_ratings(o.output, o.format);
    FILE *test = o.test ? open_ratings(o.test, o.format) : NULL;

    struct planted p = {.options = &o};
    plant_items(&p);
    plant_popularity(&p);
    plant_activity(&p);
    const struct tally tally = write_ratings(&p, output, test);
    close_ratings(output, o.output);
    if (test != NULL)
        close_ratings(test, o.test);

    const uint64_t judged = o.test ? tally.test : tally.train;
    FILE *report = o.output ? stdout : stderr;
    fprintf(report,
            "{\"users\":%llu,\"items\":%llu,\"ratings\":%llu,\"test_ratings\":%llu,"
            "\"rank\":%u,\"noise\":%g,\"seed\":%llu,\"floor_rmse\":",
            (unsigned long long)o.users, (unsigned long long)o.items,
            (unsigned long long)tally.train, (unsigned long long)tally.test, o.rank, o.noise,
            (unsigned long long)o.seed);
    if (judged > 0)
        fprintf(report, "%.6f", sqrt(tally.squared_error / (double)judged));
    else
        fputs("null", report); /* so small a test set came out empty */
    fprintf(report, ",\"elapsed_ms\":%.0f}\n", 1e3 * (omp_get_wtime() - started));

    free(p.user_ratings);
    free(p.item_bias);
    free(p.item_factors);
    free(p.alias);
    free(p.keep);
    free(p.popularity);
    return EXIT_SUCCESS;
}
