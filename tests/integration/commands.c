/* commands.c: a line is a command, a JSON object; so is its result. The clock can be shifted. */
#include "commands.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Linked in place of mf_clock_wall_ms. */
static int64_t shift_ms;
int64_t __real_mf_clock_wall_ms(void);
int64_t __wrap_mf_clock_wall_ms(void);
int64_t __wrap_mf_clock_wall_ms(void)
{
    return __real_mf_clock_wall_ms() + shift_ms;
}

const char *text_of(const json_t *command, const char *key)
{
    return json_string_value(json_object_get(command, key));
}

json_int_t count_of(const json_t *command, const char *key)
{
    return json_integer_value(json_object_get(command, key));
}

void obey_commands(bool (*obey)(const json_t *command, json_t *result))
{
    char *line = NULL;
    size_t capacity = 0;
    while (getline(&line, &capacity, stdin) > 0) {
        json_t *command = json_loads(line, JSON_ALLOW_NUL, NULL);
        json_t *result = json_object();
        const double start = mf_clock_seconds();
        bool ok = true;
        if (strcmp(text_of(command, "do"), "shift_clock") == 0)
            shift_ms += count_of(command, "ms");
        else
            ok = obey(command, result);
        json_object_set_new(result, "ok", json_boolean(ok));
        json_object_set_new(result, "elapsed_s", json_real(mf_clock_seconds() - start));
        json_dumpf(result, stdout, JSON_COMPACT);
        putchar('\n');
        fflush(stdout);
        json_decref(result);
        json_decref(command);
    }
    free(line);
}
