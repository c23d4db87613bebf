/* settings_parts.h: what settings.c and settings_parts.c share. */
#ifndef MF_LOCAL_SETTINGS_PARTS_H
#define MF_LOCAL_SETTINGS_PARTS_H

#include "settings.h"

/* *field becomes a copy of text; what it was is freed. */
bool mf_local_copy(char **field, const char *text, mf_error *err);

/* Defaults of a function. */
bool mf_function_settings_start(mf_function_settings *function, mf_error *err);

#endif
