/* progress.h: the live line at the bottom of a terminal.
 *
 *     epoch 7/20 [##############------] 71%  3.2 s left
 *
 * It is drawn only for a person: standard output is a terminal and --prefix was
 * given. In a container the log stays plain even on a terminal (SageMaker's
 * local mode gives it one). It never wraps: what a narrow terminal has no room for
 * is left out.
 *
 * Threads: one. */
#ifndef MF_TRAIN_PROGRESS_H
#define MF_TRAIN_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/* Switches the bar on when `person` and standard output is a terminal. */
void mf_progress_open(bool person);

/* What is going on outside counted work: "reading" "ratings.csv"; no percentage. */
void mf_progress_phase(const char *doing, const char *what);

/* Draws `noun` ("epoch", "ranking step") number `number` of `n` with `fraction` (0 … 1) of it
 * done. The time left is the pace since the first call with this noun, applied to what remains;
 * it may end sooner. At most 20 drawings a second. */
void mf_progress_count(const char *noun, uint32_t number, uint32_t n, double fraction);

/* Takes the bar off the screen; the next drawing puts it back. Lines of other
 * output go between. */
void mf_progress_clear(void);

/* Clears it for good. */
void mf_progress_close(void);

#endif
