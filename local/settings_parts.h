/* settings_parts.h: what settings.c and settings_parts.c share. */
#ifndef MF_LOCAL_SETTINGS_PARTS_H
#define MF_LOCAL_SETTINGS_PARTS_H

#include "settings.h"

/* *field becomes a copy of text; what it was is freed. */
bool mf_local_copy(char **field, const char *text, mf_error *err);

/* url: http://host:port with an optional path. what names it in errors: "endpoint movies". */
bool mf_local_read_address(mf_address *at, const char *what, const char *url, mf_error *err);

/* The function of that name; n_functions when there is none. */
uint32_t mf_local_find_function(const mf_local_settings *settings, const char *name);

/* Defaults of a mapping. */
bool mf_mapping_settings_start(mf_mapping_settings *mapping, mf_error *err);

/* Of all mappings, and the address of Kinesis. */
bool mf_local_mappings_check(mf_local_settings *settings, mf_error *err);

void mf_mapping_settings_free(mf_mapping_settings *mapping);

/* Defaults of a function. */
bool mf_function_settings_start(mf_function_settings *function, mf_error *err);

#endif
