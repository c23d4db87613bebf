/* progress.h: the live line at the bottom of a terminal.
 *
 *     epoch 7/20 [##############------] 71%  3.2 s left
 *
 * It is drawn only when standard output is a terminal and --prefix was given. In a container the
 * log stays plain even on a terminal (SageMaker's local mode has one). The line never wraps: in a
 * narrow terminal parts of it are left out.
 *
 * Threads: one. */
#ifndef MF_TRAIN_PROGRESS_H
#define MF_TRAIN_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/* Switches the bar on when `person` and standard output is a terminal. */
void mf_progress_open(bool person);

/* Shows work that is not counted: "reading" "ratings.csv"; no percentage. */
void mf_progress_phase(const char *doing, const char *what);

/* Draws `noun` ("epoch", "ranking step") number `number` of `n` with `fraction` (0 … 1) of it done.
 * The time left is extrapolated from the pace since the first call with this noun. At most 20
 * drawings a second. */
void mf_progress_count(const char *noun, uint32_t number, uint32_t n, double fraction);

/* Erases the bar, so that other output can be written; the next drawing restores it. */
void mf_progress_clear(void);

/* Erases it; nothing is drawn from then on. */
void mf_progress_close(void);

#endif
