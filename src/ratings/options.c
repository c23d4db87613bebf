/* options.c: what options mean where they leave something open. */
#include "ratings/dialect.h"
#include "ratings/header.h"

enum {
    ROW_BYTES_DEFAULT = 1024 * 1024,
    ROW_BYTES_MOST = 1024 * 1024 * 1024, /* offsets in a row have 32 bits */
};

size_t mf_ratings_row_bytes(const mf_ratings_options *options)
{
    return options->max_row_bytes == 0               ? ROW_BYTES_DEFAULT
           : options->max_row_bytes < ROW_BYTES_MOST ? options->max_row_bytes
                                                     : ROW_BYTES_MOST;
}

mf_feedback mf_dialect_feedback(const mf_ratings_options *options)
{
    const bool has_rating = options->rating_column != NULL;
    const bool has_weight =
        options->weight_column != NULL && !mf_header_is_off(options->weight_column);
    if (options->feedback != MF_FEEDBACK_AUTO || has_rating == has_weight)
        return options->feedback;
    return has_rating ? MF_FEEDBACK_EXPLICIT : MF_FEEDBACK_IMPLICIT;
}

mf_csv_form mf_options_form(const mf_ratings_options *options)
{
    return (mf_csv_form){.delimiter = options->delimiter == MF_DELIMITER_DOUBLE_COLON ? ':'
                                      : options->delimiter == MF_DELIMITER_BLANKS
                                          ? ' '
                                          : options->delimiter,
                         .is_double = options->delimiter == MF_DELIMITER_DOUBLE_COLON,
                         .is_run = options->delimiter == MF_DELIMITER_BLANKS,
                         .quoting = options->quoting,
                         .max_row_bytes = mf_ratings_row_bytes(options)};
}
