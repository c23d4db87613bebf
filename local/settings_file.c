/* settings_file.c: settings from a JSON file; the form is in settings.h. */
#include "local/settings.h"
#include "sagemaker/config_file.h"

#include <string.h>

/* Where we are, for errors: the file, and the members on the way. */
typedef struct place {
    const char *path;
    const char *member; /* "functions.predict" */
    const char *key;
    mf_error *err;
} place;

enum { SPELLED_BYTES = 8192, MEMBER_BYTES = 160 };

static bool fail(const place *at, const char *what)
{
    return mf_fail(at->err, MF_ERR_CONFIG, (mf_where){at->path, 0, 0}, "%s%s%s: %s", at->member,
                   at->member[0] != '\0' ? "." : "", at->key, what);
}

/* A text, number or boolean as a text; NULL with an error for anything else. */
static const char *spell(const place *at, const mf_config *value, char text[SPELLED_BYTES])
{
    switch (mf_config_kind_of(value)) {
    case MF_CONFIG_TEXT:
        return mf_config_text(value);
    case MF_CONFIG_NUMBER:
    case MF_CONFIG_BOOLEAN:
        return mf_config_spell(value, text, SPELLED_BYTES);
    case MF_CONFIG_OBJECT:
    case MF_CONFIG_ARRAY:
    case MF_CONFIG_NULL:
        break;
    }
    fail(at, "expected a text or a number");
    return NULL;
}

static void setting_name(const char *key, char name[64])
{
    snprintf(name, 64, "%s", key);
    for (char *c = name; *c != '\0'; c++)
        if (*c == '_')
            *c = '-';
}

/* Says which member it was that a setter refused. */
static bool located(const place *at, bool ok, const mf_error *why)
{
    if (!ok)
        mf_fail(at->err, why->code, (mf_where){at->path, 0, 0}, "%s%s%s", at->member,
                at->member[0] != '\0' ? ": " : "", why->text);
    return ok;
}

static bool read_arguments(const place *at, mf_local_function_settings *function,
                           const mf_config *value)
{
    if (mf_config_kind_of(value) != MF_CONFIG_ARRAY)
        return fail(at, "expected an array of texts");
    for (size_t i = 0; i < mf_config_count(value); i++) {
        const char *word = mf_config_text(mf_config_at(value, i));
        mf_error why = {0};
        if (word == NULL)
            return fail(at, "expected an array of texts");
        if (!located(at, mf_local_function_settings_add_word(function, word, &why), &why))
            return false;
    }
    return true;
}

static bool read_environment(const place *at, mf_local_function_settings *function,
                             const mf_config *value)
{
    if (mf_config_kind_of(value) != MF_CONFIG_OBJECT)
        return fail(at, "expected an object of texts");
    void *position = NULL;
    const char *name;
    const mf_config *text;
    while (mf_config_next(value, &position, &name, &text)) {
        char spelled[SPELLED_BYTES];
        mf_error why = {0};
        const char *bytes = spell(at, text, spelled);
        if (bytes == NULL ||
            !located(at, mf_local_function_settings_add_variable(function, name, bytes, &why),
                     &why))
            return false;
    }
    return true;
}

static bool read_function(const place *outer, mf_local_settings *settings, const char *name,
                          const mf_config *value)
{
    char member[MEMBER_BYTES];
    snprintf(member, sizeof member, "functions.%.80s", name);
    place at = {outer->path, member, "program", outer->err};
    mf_error why = {0};
    if (mf_config_kind_of(value) != MF_CONFIG_OBJECT)
        return fail(&at, "expected an object with a program");
    mf_local_function_settings *function = mf_local_settings_add_function(settings, name, &why);
    const mf_config *program = mf_config_get(value, "program");
    if (function == NULL)
        return located(&at, false, &why);
    if (program == NULL || mf_config_text(program) == NULL)
        return fail(&at, "expected the path of a program");
    if (!located(&at, mf_local_function_settings_add_word(function, mf_config_text(program), &why),
                 &why))
        return false;
    void *position = NULL;
    const mf_config *of;
    while (mf_config_next(value, &position, &at.key, &of)) {
        char spelled[SPELLED_BYTES], setting[64];
        bool ok = true;
        if (strcmp(at.key, "program") == 0)
            continue;
        if (strcmp(at.key, "arguments") == 0) {
            ok = read_arguments(&at, function, of);
        } else if (strcmp(at.key, "environment") == 0) {
            ok = read_environment(&at, function, of);
        } else {
            const char *text = spell(&at, of, spelled);
            setting_name(at.key, setting);
            ok = text != NULL &&
                 located(&at, mf_local_settings_set(&function->table, setting, text, &why), &why);
        }
        if (!ok)
            return false;
    }
    return true;
}

static bool read_route(const place *outer, mf_local_settings *settings, const char *what,
                       const mf_config *value)
{
    const place at = {outer->path, "routes", what, outer->err};
    mf_error why = {0};
    const char *function = mf_config_text(value);
    const char *payload = "1.0";
    if (mf_config_kind_of(value) == MF_CONFIG_OBJECT) {
        void *position = NULL;
        const char *key;
        const mf_config *of;
        while (mf_config_next(value, &position, &key, &of)) {
            if (strcmp(key, "function") == 0)
                function = mf_config_text(of);
            else if (strcmp(key, "payload") == 0)
                payload = mf_config_text(of);
            else
                return fail(&at, "a route has function and payload, nothing else");
        }
    }
    if (function == NULL || payload == NULL)
        return fail(&at, "expected a function's name, or {\"function\": …, \"payload\": \"2.0\"}");
    return located(&at, mf_local_settings_add_route(settings, what, function, payload, &why), &why);
}

static bool read_endpoint(const place *outer, mf_local_settings *settings, const char *name,
                          const mf_config *value)
{
    const place at = {outer->path, "endpoints", name, outer->err};
    mf_error why = {0};
    const char *url = mf_config_text(value);
    if (url == NULL)
        return fail(&at, "expected the address of a container");
    return located(&at, mf_local_settings_add_endpoint(settings, name, url, &why), &why);
}

/* {"OnFailure": {"Destination": "FILE"}}; NULL for anything else. */
static const char *destination_of(const mf_config *value)
{
    static const char *const names[] = {"OnFailure", "Destination"};
    for (size_t i = 0; i < 2; i++) {
        if (value == NULL || mf_config_kind_of(value) != MF_CONFIG_OBJECT ||
            mf_config_count(value) != 1)
            return NULL;
        value = mf_config_get(value, names[i]);
    }
    return value != NULL ? mf_config_text(value) : NULL;
}

/* ["ReportBatchItemFailures"] and []; NULL for anything else. */
static const char *response_type_of(const mf_config *value)
{
    if (mf_config_kind_of(value) != MF_CONFIG_ARRAY || mf_config_count(value) > 1)
        return NULL;
    return mf_config_count(value) == 0 ? "none" : mf_config_text(mf_config_at(value, 0));
}

static bool set_mapping(place *at, mf_local_mapping_settings *mapping, const mf_config *value)
{
    char spelled[SPELLED_BYTES];
    mf_error why = {0};
    const char *name = at->key, *text;
    if (strcmp(name, "EventSourceArn") == 0 || strcmp(name, "FunctionName") == 0)
        return true;
    if (strcmp(name, "DestinationConfig") == 0) {
        name = "OnFailure";
        text = destination_of(value);
        if (text == NULL)
            return fail(at, "expected {\"OnFailure\": {\"Destination\": \"FILE\"}}");
    } else if (strcmp(name, "FunctionResponseTypes") == 0) {
        text = response_type_of(value);
        if (text == NULL)
            return fail(at, "expected [\"ReportBatchItemFailures\"] or []");
    } else {
        text = spell(at, value, spelled);
    }
    return text != NULL &&
           located(at, mf_local_settings_set(&mapping->table, name, text, &why), &why);
}

static bool read_mapping(place *at, mf_local_settings *settings, const mf_config *value)
{
    mf_error why = {0};
    const char *parts[2] = {NULL, NULL};
    static const char *const names[] = {"EventSourceArn", "FunctionName"};
    for (size_t i = 0; i < 2; i++) {
        at->key = names[i];
        if (mf_config_kind_of(value) != MF_CONFIG_OBJECT)
            return fail(at, "expected an object with EventSourceArn and FunctionName");
        const mf_config *part = mf_config_get(value, names[i]);
        parts[i] = part != NULL ? mf_config_text(part) : NULL;
        if (parts[i] == NULL)
            return fail(at, "expected a text");
    }
    mf_local_mapping_settings *mapping =
        mf_local_settings_add_mapping(settings, parts[0], parts[1], &why);
    if (mapping == NULL)
        return located(at, false, &why);
    void *position = NULL;
    const mf_config *of;
    while (mf_config_next(value, &position, &at->key, &of))
        if (!set_mapping(at, mapping, of))
            return false;
    return true;
}

static bool read_mappings(const char *path, mf_local_settings *settings, const mf_config *root,
                          mf_error *err)
{
    const mf_config *list = mf_config_get(root, "mappings");
    place at = {path, "", "mappings", err};
    if (list == NULL)
        return true;
    if (mf_config_kind_of(list) != MF_CONFIG_ARRAY)
        return fail(&at, "expected an array");
    for (size_t i = 0; i < mf_config_count(list); i++) {
        char member[MEMBER_BYTES];
        snprintf(member, sizeof member, "mappings[%zu]", i);
        at.member = member;
        if (!read_mapping(&at, settings, mf_config_at(list, i)))
            return false;
    }
    return true;
}

typedef bool member_reader(const place *outer, mf_local_settings *settings, const char *name,
                           const mf_config *value);

static bool read_members(const char *path, mf_local_settings *settings, const mf_config *root,
                         const char *name, member_reader *read, mf_error *err)
{
    const place at = {path, "", name, err};
    const mf_config *members = mf_config_get(root, name);
    void *position = NULL;
    const char *key;
    const mf_config *value;
    if (members == NULL)
        return true;
    if (mf_config_kind_of(members) != MF_CONFIG_OBJECT)
        return fail(&at, "expected an object");
    while (mf_config_next(members, &position, &key, &value))
        if (!read(&at, settings, key, value))
            return false;
    return true;
}

static bool read_settings(const char *path, mf_local_settings *settings, const mf_config *root,
                          mf_error *err)
{
    void *position = NULL;
    place at = {path, "", "", err};
    const mf_config *value;
    while (mf_config_next(root, &position, &at.key, &value)) {
        char spelled[SPELLED_BYTES], name[64];
        mf_error why = {0};
        if (strcmp(at.key, "functions") == 0 || strcmp(at.key, "routes") == 0 ||
            strcmp(at.key, "endpoints") == 0 || strcmp(at.key, "mappings") == 0)
            continue;
        const char *text = spell(&at, value, spelled);
        setting_name(at.key, name);
        if (text == NULL ||
            !located(&at, mf_local_settings_set(&settings->table, name, text, &why), &why))
            return false;
    }
    return true;
}

bool mf_local_settings_read(mf_local_settings *settings, const char *path, mf_error *err)
{
    mf_config *root = mf_config_read(path, err);
    if (root == NULL)
        return false;
    /* Functions first, because routes name them; the order in the file is free. */
    const bool ok = read_settings(path, settings, root, err) &&
                    read_members(path, settings, root, "functions", read_function, err) &&
                    read_members(path, settings, root, "routes", read_route, err) &&
                    read_members(path, settings, root, "endpoints", read_endpoint, err) &&
                    read_mappings(path, settings, root, err);
    mf_config_close(root);
    return ok;
}
