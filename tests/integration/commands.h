/* commands.h: a program that a test drives: it reads commands from standard input, one JSON
 * object a line, and writes a result for each to standard output, also one JSON object a line.
 *
 *     {"do":"shift_clock","ms":60000}    ─▶    {"ok":true,"elapsed_s":0.000002}
 *
 * shift_clock moves the wall clock, but not the steady one, as after a freeze of the process.
 * For that the program is linked with --wrap=mf_clock_wall_ms. */
#ifndef MF_TESTS_COMMANDS_H
#define MF_TESTS_COMMANDS_H

#include <jansson.h>
#include <stdbool.h>

/* A member of a command; NULL or 0 when it is not there. */
const char *text_of(const json_t *command, const char *key);
json_int_t count_of(const json_t *command, const char *key);

/* Until the input ends: calls obey with each command except shift_clock. Its return value becomes
 * the result's "ok"; it may add other members. */
void obey_commands(bool (*obey)(const json_t *command, json_t *result));

#endif
