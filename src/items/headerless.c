/* headerless.c: see headerless.h. */
#include "items/headerless.h"

#include <stdbool.h>

#define COUNT(array) (uint32_t)(sizeof(array) / sizeof(array)[0])

static const char *const dat[] = {"item_id", "title", "genres"};
static const char *const item[] = {"item_id", "title", "release_date", "video_release_date",
                                   "imdb_url"};
/* u.genre */
static const char *const genres[] = {
    "unknown",     "Action", "Adventure", "Animation", "Children's", "Comedy",  "Crime",
    "Documentary", "Drama",  "Fantasy",   "Film-Noir", "Horror",     "Musical", "Mystery",
    "Romance",     "Sci-Fi", "Thriller",  "War",       "Western"};

static const mf_headerless forms[] = {{COUNT(dat), dat, 0, NULL},
                                      {COUNT(item), item, COUNT(genres), genres}};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_number(const mf_cell_copy *cell)
{
    for (size_t i = 0; i < cell->n_bytes; i++)
        if (i >= MF_COPY_BYTES || !is_digit(cell->bytes[i]))
            return false;
    return cell->n_bytes > 0;
}

/* "Toy Story (1995)" */
static bool ends_in_year(const mf_cell_copy *cell)
{
    enum { YEAR_BYTES = 6 };
    size_t n = cell->n_bytes;
    while (n > 0 && n <= MF_COPY_BYTES && cell->bytes[n - 1] == ' ')
        n--;
    if (n <= YEAR_BYTES || n > MF_COPY_BYTES)
        return false;
    const char *year = cell->bytes + n - YEAR_BYTES;
    return year[0] == '(' && is_digit(year[1]) && is_digit(year[2]) && is_digit(year[3]) &&
           is_digit(year[4]) && year[5] == ')';
}

static bool are_flags(const mf_cell_copy *cells, uint32_t n, uint32_t step)
{
    for (uint32_t c = 0; c < n; c++) {
        const mf_cell_copy *cell = &cells[(size_t)c * step];
        if (cell->n_bytes != 1 || (cell->bytes[0] != '0' && cell->bytes[0] != '1'))
            return false;
    }
    return true;
}

const mf_headerless *mf_headerless_find(const mf_cell_copy *cells, uint32_t n, uint32_t step)
{
    for (size_t f = 0; f < sizeof forms / sizeof forms[0]; f++) {
        const mf_headerless *form = &forms[f];
        if (n == form->n_names + form->n_flags && is_number(&cells[0]) &&
            ends_in_year(&cells[step]) &&
            are_flags(cells + (size_t)form->n_names * step, form->n_flags, step))
            return form;
    }
    return NULL;
}
