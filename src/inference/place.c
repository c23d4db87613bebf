/* place.c: see place.h. */
#include "inference/place.h"

#include <stdarg.h>
#include <stdio.h>

bool mf_place_fail(mf_error *err, mf_error_code code, mf_place place, const char *field,
                   const char *format, ...)
{
    if (err == NULL || err->code != MF_OK)
        return false;
    char message[MF_ERROR_TEXT_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    const unsigned long long number = place.number;
    const char *name = field != NULL ? field : "";
    const char *colon = field != NULL ? ": " : "";
    if (place.kind == MF_PLACE_INSTANCE)
        return mf_fail(err, code, MF_NOWHERE, "instances[%llu]%s%s: %s", number,
                       field != NULL ? "." : "", name, message);
    if (place.kind == MF_PLACE_LINE)
        return mf_fail(err, code, MF_NOWHERE, "line %llu: %s%s%s", number, name, colon, message);
    return mf_fail(err, code, MF_NOWHERE, "%s%s%s", name, colon, message);
}
