/* shortest.c: promises in shortest.h. */
#include "lambda/streams/shortest.h"

#include <stdio.h>
#include <stdlib.h>

void mf_shortest_write(mf_text *text, double value)
{
    enum { ALWAYS_KEPT = 15, ALWAYS_ENOUGH = 17 };
    char digits[64];
    int n = ALWAYS_KEPT;
    do {
        snprintf(digits, sizeof digits, "%.*g", n, value);
    } while (n++ < ALWAYS_ENOUGH && strtod(digits, NULL) != value);
    /* The locale's point may be another character, of several bytes even. */
    bool has_point = false;
    for (const char *c = digits; *c != '\0'; c++) {
        if (strchr("+-0123456789e", *c) != NULL) {
            mf_text_append(text, c, 1);
        } else if (!has_point) {
            mf_text_literal(text, ".");
            has_point = true;
        }
    }
}
