/* shortest.h: a double as the shortest decimal number that reads back as the same double:
 * 0.1, 4.5, 1e+22. What had at most 15 digits when it was read is written as it was.
 *
 * Threads: any. Under every locale the same. */
#ifndef MF_LAMBDA_STREAMS_SHORTEST_H
#define MF_LAMBDA_STREAMS_SHORTEST_H

#include "base/text.h"

/* value is finite. */
void mf_shortest_write(mf_text *text, double value);

#endif
