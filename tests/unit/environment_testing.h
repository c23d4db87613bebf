/* environment_testing.h: the environment as a test wants it. */
#ifndef MF_TESTS_ENVIRONMENT_TESTING_H
#define MF_TESTS_ENVIRONMENT_TESTING_H

#include <stdlib.h>
#include <unistd.h>

/* Names and values in turn, for testing_environment. */
#define PAIRS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* Sets pairs of name and value, up to NULL, and nothing else. (clearenv would leave environ at
 * NULL, which no program finds at its start.) */
static inline void testing_environment(const char *const *pairs)
{
    static char *nothing[] = {NULL};
    environ = nothing;
    for (; pairs[0] != NULL; pairs += 2)
        setenv(pairs[0], pairs[1], 1);
}

#endif
