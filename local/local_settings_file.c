/* local_settings_file.c: settings from a JSON file, by the same setters as the command line; the
 * form is in local_settings.h.
 *
 * An error is made where it is found (`why`). Its place in the file (`at`, as in
 * "functions.predict.timeout") is put in front of it once, at the end. */
#include "local/local_settings.h"

#include "sagemaker/config_file.h"

#include <jansson.h>
#include <string.h>

enum { TEXT_BYTES = 8192 };

typedef struct reader {
    mf_local_settings *settings;
    char at[1024];
    mf_error why;
} reader;

static bool fail(reader *r, const char *key, const char *what)
{
    const size_t n = strlen(r->at);
    snprintf(r->at + n, sizeof r->at - n, "%s%.512s", n > 0 ? "." : "", key);
    return mf_fail(&r->why, MF_ERR_CONFIG, MF_NOWHERE, "%s", what);
}

/* A text, number or boolean as a text; NULL with an error for anything else. */
static const char *text_of(reader *r, const char *key, const json_t *value, char text[TEXT_BYTES])
{
    if (json_is_string(value))
        return json_string_value(value);
    if (json_is_number(value) || json_is_boolean(value))
        return mf_config_write(value, text, TEXT_BYTES);
    fail(r, key, "expected a text or a number");
    return NULL;
}

/* A setting of the program or a function; its name may have _ in place of -. */
static bool set(reader *r, mf_settings *table, const char *key, const json_t *value)
{
    char text[TEXT_BYTES], name[64];
    const char *bytes = text_of(r, key, value, text);
    snprintf(name, sizeof name, "%s", key);
    for (char *c = name; *c != '\0'; c++)
        if (*c == '_')
            *c = '-';
    return bytes != NULL && mf_local_settings_set(table, name, bytes, &r->why);
}

static bool read_arguments(reader *r, mf_local_function_settings *function, const json_t *value)
{
    size_t i;
    json_t *word;
    if (!json_is_array(value))
        return fail(r, "arguments", "expected an array of texts");
    json_array_foreach(value, i, word)
    {
        if (!json_is_string(word))
            return fail(r, "arguments", "expected an array of texts");
        if (!mf_local_function_settings_add_word(function, json_string_value(word), &r->why))
            return false;
    }
    return true;
}

static bool read_environment(reader *r, mf_local_function_settings *function, json_t *value)
{
    const char *name;
    json_t *variable;
    if (!json_is_object(value))
        return fail(r, "environment", "expected an object of texts");
    json_object_foreach(value, name, variable)
    {
        char text[TEXT_BYTES];
        const char *bytes = text_of(r, "environment", variable, text);
        if (bytes == NULL ||
            !mf_local_function_settings_add_variable(function, name, bytes, &r->why))
            return false;
    }
    return true;
}

static bool read_function(reader *r, const char *name, json_t *value)
{
    const char *key;
    json_t *of;
    bool ok = true;
    snprintf(r->at, sizeof r->at, "functions.%.80s", name);
    if (!json_is_object(value))
        return fail(r, "program", "expected an object with a program");
    mf_local_function_settings *function =
        mf_local_settings_add_function(r->settings, name, &r->why);
    const char *program = json_string_value(json_object_get(value, "program"));
    if (function == NULL)
        return false;
    if (program == NULL)
        return fail(r, "program", "expected the path of a program");
    if (!mf_local_function_settings_add_word(function, program, &r->why))
        return false;
    json_object_foreach(value, key, of)
    {
        if (strcmp(key, "arguments") == 0)
            ok = read_arguments(r, function, of);
        else if (strcmp(key, "environment") == 0)
            ok = read_environment(r, function, of);
        else if (strcmp(key, "program") != 0)
            ok = set(r, &function->table, key, of);
        if (!ok)
            return false;
    }
    return true;
}

static bool read_route(reader *r, const char *what, json_t *value)
{
    const char *function = json_string_value(value);
    const char *payload = "1.0";
    const char *key;
    json_t *of;
    snprintf(r->at, sizeof r->at, "routes");
    json_object_foreach(value, key, of)
    {
        if (strcmp(key, "function") == 0)
            function = json_string_value(of);
        else if (strcmp(key, "payload") == 0)
            payload = json_string_value(of);
        else
            return fail(r, what, "a route has function and payload, nothing else");
    }
    if (function == NULL || payload == NULL)
        return fail(r, what,
                    "expected a function's name, or {\"function\": …, \"payload\": \"2.0\"}");
    return mf_local_settings_add_route(r->settings, what, function, payload, &r->why);
}

static bool read_endpoint(reader *r, const char *name, json_t *value)
{
    snprintf(r->at, sizeof r->at, "endpoints");
    if (!json_is_string(value))
        return fail(r, name, "expected the address of a container");
    return mf_local_settings_add_endpoint(r->settings, name, json_string_value(value), &r->why);
}

/* The text of {"OnFailure": {"Destination": "FILE"}}; NULL for anything else. */
static const char *destination_of(const json_t *value)
{
    const json_t *on_failure = json_object_get(value, "OnFailure");
    if (json_object_size(value) != 1 || json_object_size(on_failure) != 1)
        return NULL;
    return json_string_value(json_object_get(on_failure, "Destination"));
}

/* The text of ["ReportBatchItemFailures"], "none" of []; NULL for anything else. */
static const char *response_type_of(const json_t *value)
{
    if (!json_is_array(value) || json_array_size(value) > 1)
        return NULL;
    return json_array_size(value) == 0 ? "none" : json_string_value(json_array_get(value, 0));
}

static bool set_mapping(reader *r, mf_local_mapping_settings *mapping, const char *key,
                        const json_t *value)
{
    char text[TEXT_BYTES];
    const char *name = key, *bytes;
    if (strcmp(key, "DestinationConfig") == 0) {
        name = "OnFailure";
        bytes = destination_of(value);
        if (bytes == NULL)
            return fail(r, key, "expected {\"OnFailure\": {\"Destination\": \"FILE\"}}");
    } else if (strcmp(key, "FunctionResponseTypes") == 0) {
        bytes = response_type_of(value);
        if (bytes == NULL)
            return fail(r, key, "expected [\"ReportBatchItemFailures\"] or []");
    } else {
        bytes = text_of(r, key, value, text);
    }
    return bytes != NULL && mf_local_settings_set(&mapping->table, name, bytes, &r->why);
}

static bool read_mapping(reader *r, json_t *value)
{
    static const char STREAM[] = "EventSourceArn", FUNCTION[] = "FunctionName";
    const char *stream = json_string_value(json_object_get(value, STREAM));
    const char *function = json_string_value(json_object_get(value, FUNCTION));
    const char *key;
    json_t *of;
    if (!json_is_object(value))
        return fail(r, STREAM, "expected an object with EventSourceArn and FunctionName");
    if (stream == NULL || function == NULL)
        return fail(r, stream == NULL ? STREAM : FUNCTION, "expected a text");
    mf_local_mapping_settings *mapping =
        mf_local_settings_add_mapping(r->settings, stream, function, &r->why);
    if (mapping == NULL)
        return false;
    json_object_foreach(value, key, of)
    {
        if (strcmp(key, STREAM) != 0 && strcmp(key, FUNCTION) != 0 &&
            !set_mapping(r, mapping, key, of))
            return false;
    }
    return true;
}

static bool read_mappings(reader *r, const json_t *root)
{
    const json_t *list = json_object_get(root, "mappings");
    size_t i;
    json_t *mapping;
    r->at[0] = '\0';
    if (list != NULL && !json_is_null(list) && !json_is_array(list))
        return fail(r, "mappings", "expected an array");
    json_array_foreach(list, i, mapping)
    {
        snprintf(r->at, sizeof r->at, "mappings[%zu]", i);
        if (!read_mapping(r, mapping))
            return false;
    }
    return true;
}

/* Reads each member of the object called name, which may be missing. */
static bool read_members(reader *r, const json_t *root, const char *name,
                         bool (*read)(reader *r, const char *key, json_t *value))
{
    json_t *members = json_object_get(root, name);
    const char *key;
    json_t *value;
    r->at[0] = '\0';
    if (members != NULL && !json_is_null(members) && !json_is_object(members))
        return fail(r, name, "expected an object");
    json_object_foreach(members, key, value)
    {
        if (!read(r, key, value))
            return false;
    }
    return true;
}

static bool read_settings(reader *r, json_t *root)
{
    const char *key;
    json_t *value;
    json_object_foreach(root, key, value)
    {
        if (strcmp(key, "functions") != 0 && strcmp(key, "routes") != 0 &&
            strcmp(key, "endpoints") != 0 && strcmp(key, "mappings") != 0 &&
            !set(r, &r->settings->table, key, value))
            return false;
    }
    return true;
}

bool mf_local_settings_read(mf_local_settings *settings, const char *path, mf_error *err)
{
    json_t *root = mf_config_read(path, err);
    if (root == NULL)
        return false;
    reader r = {.settings = settings};
    /* Functions first, because routes name them; the order in the file is free. */
    const bool ok = read_settings(&r, root) && read_members(&r, root, "functions", read_function) &&
                    read_members(&r, root, "routes", read_route) &&
                    read_members(&r, root, "endpoints", read_endpoint) && read_mappings(&r, root);
    if (!ok)
        mf_fail(err, r.why.code, (mf_where){path, 0, 0}, "%s%s%s", r.at,
                r.at[0] != '\0' ? ": " : "", r.why.text);
    json_decref(root);
    return ok;
}
