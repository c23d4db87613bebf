/* format.h: files that are data, but not in a form that is read here.
 *
 * Known by their content, not by their names. */
#ifndef MF_RATINGS_FORMAT_H
#define MF_RATINGS_FORMAT_H

#include <stddef.h>

/* What a text that begins like this is and how to convert it, in one sentence; NULL when it is
 * nothing of the kind. */
const char *mf_format_refused(const char *head, size_t n_head);

#endif
