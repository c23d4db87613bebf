/* phases.h: how long the phases of a job take, and how much memory the job has had by their ends.
 *
 *     mf_phases_start(&phases);
 *     …
 *     mf_phases_end(&phases, "reading");
 *
 * Threads: one. */
#ifndef MF_TRAIN_PHASES_H
#define MF_TRAIN_PHASES_H

#include <stddef.h>
#include <stdint.h>

enum { MF_PHASES = 8 };

typedef struct mf_phase {
    const char *name;
    double seconds;
    uint64_t peak_memory_bytes; /* resident, the most since the start of the process */
} mf_phase;

typedef struct mf_phases {
    size_t n;
    mf_phase phase[MF_PHASES];
    double since; /* mf_clock_seconds at the end of the last phase */
} mf_phases;

void mf_phases_start(mf_phases *phases);

/* Ends a phase that began at the end of the one before; name is a literal. At most MF_PHASES. */
void mf_phases_end(mf_phases *phases, const char *name);

#endif
