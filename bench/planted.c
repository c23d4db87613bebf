/* planted.c: ratings of a known model, and the lowest RMSE that any model can reach on them.
 *
 *   truth(u,i)  = mu + b_u + b_i + p_u . q_i                      rank R
 *   rating(u,i) = the half star nearest to truth + N(0, noise), within 0.5..5
 *   floor       = RMSE of E[rating | truth], the best estimate given the truth
 *                 but not the noise
 *
 * (1) The same options give the same bytes with any number of threads: each user and
 *     each item has a random stream of its own, and sums have a fixed order.
 * (2) (user, item) pairs are distinct; rows are grouped by user, items ascending, as in
 *     MovieLens.
 * (3) There are exactly --ratings rows; train and test together are the same rows with
 *     and without a test set.
 * (4) The floor is exact up to sampling: no quadrature, no simulation.
 *
 * Without --choice users choose items by popularity alone, so that the choice of an item has
 * no information about its rating. With --choice B they choose what they like:
 *
 *   P(next item) = popularity . exp(B . truth), of the items not yet chosen
 *
 * This is drawn by an exponential race: item i finishes at E_i / weight_i with E_i ~ Exp(1), and
 * the first `count` to finish are such a sample (Efraimidis, Spirakis 2006). The race is a pass
 * over all items for each user, about 25 ns each.
 *
 * Popularity is a power law on both sides. At the size of MovieLens 25M the median user has 65
 * ratings and the busiest 29,000 (in MovieLens: 71 and 32,202); the median item has 55 and the
 * most popular was rated by one user in five (in MovieLens: 6, and one in two). Some unpopular
 * items may have no rating.
 *
 * One JSON line reports what was written: on stdout, or on stderr if stdout has the ratings.
 * Cost O(ratings x rank), memory O(items x rank + users): 25 M ratings of rank 16 in 6 s on two
 * cores.
 *
 * Needs libc, libm and OpenMP:
 *   cc -O2 -fopenmp -std=gnu11 planted.c -lm -o planted */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <omp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Deviations of the truth. With rank 16 and noise 0.8 they give a floor near 0.769: rounding to
 * half stars adds to the noise, clipping reduces it. */
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
    uint64_t users, items, ratings, rank, seed;
    double noise, test_fraction;
    double choice; /* B above; 0: by popularity alone, and without the race */
    const char *test, *output;
    enum format format;
};

struct planted { /* shared by all threads, read-only */
    const struct options *options;
    uint32_t *user_ratings; /* [users] number of ratings of each user */
    float *item_bias;       /* [items] */
    float *item_factors;    /* [items * rank] */
    uint32_t *alias;        /* [items] Walker's alias table: item i is */
    uint32_t *keep;         /* [items] kept when a 32-bit draw < keep  */
    double *popularity;     /* [items] weights, with --choice; else NULL */
};

struct text { /* one chunk of one file */
    char *bytes;
    size_t n_bytes;
};

struct scratch {         /* of one thread */
    uint64_t *chosen;    /* bit set of items, all zero between users */
    float *user_factors; /* [rank] */
    float *finish;       /* [items] of the race, with --choice */
    float *sorted;       /* [items] the same, partly sorted */
    struct text train, test;
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

static double draw_unit(uint64_t *state) /* in (0, 1), so that its log is finite */
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

/* order[rank]: the index with that rank of popularity */
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
static double factor_deviation(uint64_t rank)
{
    return sqrt(PRODUCT_DEVIATION / sqrt((double)rank));
}

static double draw_truth(uint64_t *state, double bias_deviation, uint64_t rank, float *factors)
{
    double pair[2];
    for (uint64_t f = 0; f < rank; f += 2) {
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

/* E[rating | truth] = 0.5 + the sum over the nine half-star steps of 0.5 times the probability of
 * passing that step. This includes the clipping, because there is no tenth step. */
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

/* ---- popularity and activity ---------------------------------------------- */

/* Walker's alias method (1977) in Vose's two-stack form: one draw per item. */
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

/* A power law with a minimum and a maximum whose sum is exactly `ratings`: finds the scale by
 * bisection from below, then distributes the few missing ratings. */
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

/* Adds an item to the bit set; returns 1 if it is new, else 0. */
static uint32_t choose(uint64_t *chosen, uint32_t item)
{
    const uint64_t bit = UINT64_C(1) << (item % 64);
    const bool is_new = (chosen[item / 64] & bit) == 0;
    chosen[item / 64] |= bit;
    return is_new;
}

/* Draws `count` distinct items by popularity into the bit set. For a user who rates nearly all
 * items the last unpopular ones would take forever, so the number of draws is limited: the
 * remaining items are the next ones after a random item. */
static void choose_popular(const struct planted *p, uint64_t *state, uint32_t count,
                           uint64_t *chosen)
{
    const uint32_t items = (uint32_t)p->options->items;
    uint32_t have = 0;
    for (uint64_t draws = 16 * (uint64_t)items; have < count && draws > 0; draws--) {
        const uint64_t random = draw(state);
        const uint32_t item = (uint32_t)(((random >> 32) * items) >> 32);
        have += choose(chosen, (uint32_t)random < p->keep[item] ? item : p->alias[item]);
    }
    for (uint32_t item = draw_below(state, items); have < count; item = (item + 1) % items)
        have += choose(chosen, item);
}

static double truth_of(const struct planted *p, uint64_t item, double bias, const float *user)
{
    const uint64_t rank = p->options->rank;
    const float *factors = p->item_factors + item * rank;
    double value = bias + (double)p->item_bias[item];
    for (uint64_t f = 0; f < rank; f++)
        value += (double)user[f] * (double)factors[f];
    return value;
}

/* The value at this place of the sorted order, 0 <= place < n: Hoare's FIND (1961). */
static float nth_smallest(float *values, size_t n, size_t place)
{
    ptrdiff_t low = 0, high = (ptrdiff_t)n - 1;
    while (low < high) {
        const float pivot = values[place];
        ptrdiff_t i = low, j = high;
        while (i <= j) {
            while (values[i] < pivot)
                i++;
            while (values[j] > pivot)
                j--;
            if (i <= j) {
                const float kept = values[i];
                values[i++] = values[j];
                values[j--] = kept;
            }
        }
        if (j < (ptrdiff_t)place)
            low = i;
        if ((ptrdiff_t)place < i)
            high = j;
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
    for (int equal = 0; equal < 2; equal++) /* first all items that finish before the last one */
        for (uint32_t i = 0; i < o->items && have < count; i++)
            if (equal ? s->finish[i] == last : s->finish[i] < last)
                have += choose(s->chosen, i);
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

static void put_line(struct text *text, enum format format, uint64_t user, uint64_t item,
                     double rating, uint64_t timestamp)
{
    const uint64_t halves = (uint64_t)(2.0 * rating);
    const bool csv = format == FORMAT_CSV;
    char *at = put_number(text->bytes + text->n_bytes, user + csv); /* MovieLens counts from 1 */
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
    text->n_bytes = (size_t)(at - text->bytes);
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
        choose_popular(p, &state, p->user_ratings[user], s->chosen);
    for (uint64_t word = 0; word <= (o->items - 1) / 64; word++) {
        for (uint64_t bits = s->chosen[word]; bits != 0; bits &= bits - 1) {
            const uint64_t item = word * 64 + (uint64_t)__builtin_ctzll(bits);
            const double value = truth_of(p, item, bias, s->user_factors);
            double noise[2];
            draw_normals(&state, noise);
            const double rating = half_star(value + o->noise * noise[0]);
            const uint64_t timestamp = joined + draw_below(&state, 30 * DAY);
            /* Drawn even without a test set: (3). */
            const bool coin = draw_unit(&state) < o->test_fraction;
            const bool is_test = o->test != NULL && coin;
            if (is_test || o->test == NULL) {
                const double error = rating - expected_rating(value, o->noise);
                tally->squared_error += error * error;
            }
            tally->train += !is_test;
            tally->test += is_test;
            put_line(is_test ? &s->test : &s->train, o->format, user, item, rating, timestamp);
        }
        s->chosen[word] = 0;
    }
}

static void write_text(FILE *file, const char *name, const struct text *text)
{
    if (text->n_bytes > 0 && fwrite(text->bytes, 1, text->n_bytes, file) != text->n_bytes)
        die("cannot write", name, strerror(errno));
}

/* Each thread formats one chunk; chunks are written, and their errors added, in the order of the
 * users. */
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
        s.train.bytes = allocate(largest, LINE_MAXIMUM);
        s.test.bytes = allocate(test != NULL ? largest : 0, LINE_MAXIMUM);
#pragma omp for ordered schedule(dynamic, 1)
        for (uint64_t chunk = 0; chunk < chunks; chunk++) {
            struct tally tally = {0};
            s.train.n_bytes = s.test.n_bytes = 0;
            for (uint64_t u = first_user[chunk]; u < first_user[chunk + 1]; u++)
                write_user(p, u, &s, &tally);
#pragma omp ordered
            {
                write_text(output, o->output ? o->output : "stdout", &s.train);
                if (test != NULL)
                    write_text(test, o->test, &s.test);
                total.train += tally.train;
                total.test += tally.test;
                total.squared_error += tally.squared_error;
            }
        }
        free(s.chosen);
        free(s.user_factors);
        free(s.finish);
        free(s.sorted);
        free(s.train.bytes);
        free(s.test.bytes);
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
          "  --output FILE       ratings for training (stdout)\n"
          "  --test FILE         ratings set aside for testing\n"
          "  --test-fraction F   fraction of them, 0 < F < 1 (0.1)\n"
          "  --format csv|libmf  csv: userId,movieId,rating,timestamp with a header,\n"
          "                      ids from 1; libmf: \"user item rating\", from 0 (csv)\n",
          file);
}

enum kind { COUNT, REAL, TEXT };

struct row { /* of the table of options */
    const char *name;
    enum kind kind;
    void *value; /* uint64_t, double, const char * */
    double low, high;
};

static void parse_value(const struct row *row, const char *text)
{
    char *end = NULL;
    errno = 0;
    double value = 0.0;
    if (row->kind == TEXT) {
        *(const char **)row->value = text;
        return;
    }
    if (row->kind == COUNT) {
        const uint64_t count = strtoull(text, &end, 10);
        if (text[0] < '0' || text[0] > '9' || *end != '\0')
            die(row->name, text, "is not a whole number");
        *(uint64_t *)row->value = count;
        value = (double)count;
    } else {
        value = strtod(text, &end);
        if (end == text || *end != '\0' || !isfinite(value))
            die(row->name, text, "is not a number");
        *(double *)row->value = value;
    }
    if (errno == ERANGE || value < row->low || value > row->high) {
        char range[80];
        snprintf(range, sizeof range, "must be in %.0f..%.0f", row->low, row->high);
        die(row->name, text, range);
    }
}

static struct options parse_options(int argc, char **argv)
{
    struct options o = {.seed = 1, .rank = 16, .noise = 0.8, .test_fraction = NAN};
    const char *format = "csv";
    const struct row rows[] = {
        {"--users", COUNT, &o.users, 1, INT32_MAX},
        {"--items", COUNT, &o.items, 1, INT32_MAX},
        {"--ratings", COUNT, &o.ratings, 1, 0x1p63},
        {"--rank", COUNT, &o.rank, 1, RANK_MAXIMUM},
        {"--seed", COUNT, &o.seed, 0, 0x1p64},
        {"--noise", REAL, &o.noise, 0, 1000},
        {"--choice", REAL, &o.choice, 0, 10},
        {"--test-fraction", REAL, &o.test_fraction, 0, 1},
        {"--output", TEXT, &o.output, 0, 0},
        {"--test", TEXT, &o.test, 0, 0},
        {"--format", TEXT, &format, 0, 0},
    };
    enum { N_ROWS = sizeof rows / sizeof rows[0] };
    struct option known[N_ROWS + 2] = {{"help", no_argument, NULL, N_ROWS}};
    for (int r = 0; r < N_ROWS; r++)
        known[r + 1] = (struct option){rows[r].name + 2, required_argument, NULL, r};
    /* "" as short options: getopt itself reports unknown options. */
    for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        if (option >= N_ROWS) { /* --help, or '?' of an unknown option */
            usage(option == N_ROWS ? stdout : stderr);
            exit(option == N_ROWS ? EXIT_SUCCESS : EXIT_FAILURE);
        }
        parse_value(&rows[option], optarg);
    }
    if (optind < argc)
        die("argument", argv[optind], "is not an option");
    if (o.users == 0 || o.items == 0 || o.ratings == 0)
        die("--users, --items and --ratings", "", "all three are needed");
    if (o.ratings < o.users)
        die("--ratings", "", "every user needs one, so not fewer than --users");
    if (o.ratings > o.users * o.items) /* both < 2^31: cannot wrap */
        die("--ratings", "", "pairs are distinct, so not more than users x items");
    if (!isnan(o.test_fraction) && o.test == NULL)
        die("--test-fraction", "", "needs --test FILE");
    if (isnan(o.test_fraction))
        o.test_fraction = 0.1;
    if (o.test_fraction <= 0.0 || o.test_fraction >= 1.0)
        die("--test-fraction", "", "must be between 0 and 1");
    if (strcmp(format, "csv") != 0 && strcmp(format, "libmf") != 0)
        die("--format", format, "must be csv or libmf");
    o.format = strcmp(format, "csv") == 0 ? FORMAT_CSV : FORMAT_LIBMF;
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

    const uint64_t n_counted = o.test ? tally.test : tally.train; /* in squared_error */
    FILE *report = o.output ? stdout : stderr;
    fprintf(report,
            "{\"users\":%llu,\"items\":%llu,\"ratings\":%llu,\"test_ratings\":%llu,"
            "\"rank\":%llu,\"noise\":%g,\"seed\":%llu,\"floor_rmse\":",
            (unsigned long long)o.users, (unsigned long long)o.items,
            (unsigned long long)tally.train, (unsigned long long)tally.test,
            (unsigned long long)o.rank, o.noise, (unsigned long long)o.seed);
    if (n_counted > 0)
        fprintf(report, "%.6f", sqrt(tally.squared_error / (double)n_counted));
    else
        fputs("null", report); /* the test set is empty */
    fprintf(report, ",\"elapsed_ms\":%.0f}\n", 1e3 * (omp_get_wtime() - started));

    free(p.user_ratings);
    free(p.item_bias);
    free(p.item_factors);
    free(p.alias);
    free(p.keep);
    free(p.popularity);
    return EXIT_SUCCESS;
}
