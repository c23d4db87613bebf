/* commands.h: a program that a test drives: commands come in on standard input, one JSON object
 * a line, and each is answered with one on standard output.
 *
 *     {"do":"shift_clock","ms":60000}    ─▶    {"ok":true,"elapsed_s":0.000002}
 *
 * shift_clock moves the wall clock, not the steady one: a process that was frozen finds it so.
 * For that the program is linked with --wrap=mf_clock_wall_ms. */
#ifndef MF_TESTS_COMMANDS_H
#define MF_TESTS_COMMANDS_H

#include <jansson.h>
#include <stdbool.h>

/* A member of a command; NULL or 0 when it is not there. */
const char *text_of(const json_t *command, const char *key);
json_int_t count_of(const json_t *command, const char *key);

/* Until the input ends: gives each command but shift_clock to obey, whose result is the reply's
 * "ok" and which may add more to it. */
void obey_commands(bool (*obey)(const json_t *command, json_t *reply));

#endif
