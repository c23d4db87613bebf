/* data_file.c: a look at the file chooses how it is read, then all of it is. */
#include "data_file.h"

#include "base/memory.h"
#include "base/number.h"
#include "ratings/dialect.h"

#include <string.h>

mf_ratings *mf_data_file_read(const char *path, const mf_ratings_options *options, mf_error *err)
{
    mf_ratings *ratings = NULL;
    mf_ratings_options how = *options;
    mf_ratings_reader *reader = NULL;
    mf_look *look = mf_allocate(1, sizeof *look, "a file's look", err);
    bool ok = look != NULL && mf_ratings_look(path, options, look, err);
    if (ok && look->content != MF_RATINGS_READ)
        ok = mf_fail(err, MF_ERR_PARSE, (mf_where){.path = path}, "is not ratings: %s",
                     look->reason);
    if (ok) {
        how.feedback = look->dialect.feedback;
        reader = mf_ratings_reader_create(&how, err);
        ok = reader != NULL && mf_ratings_reader_add_as(reader, path, &look->dialect, err);
    }
    if (ok)
        ratings = mf_ratings_reader_finish(reader, err);
    mf_ratings_reader_destroy(reader);
    mf_free(look);
    return ratings;
}

bool mf_setting_argument(mf_settings *settings, const char *argument, mf_error *err)
{
    char name[64];
    const char *equals = strchr(argument, '=');
    if (equals == NULL || equals == argument || (size_t)(equals - argument) >= sizeof name)
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE, "unknown argument \"%s\"", argument);
    memcpy(name, argument, (size_t)(equals - argument));
    name[equals - argument] = '\0';
    return mf_settings_set(settings, name, equals + 1, strlen(equals + 1), err);
}

bool mf_count_argument(const char *text, uint32_t low, uint32_t high, uint32_t *count)
{
    uint64_t value;
    if (!mf_parse_uint64(text, strlen(text), &value) || value < low || value > high)
        return false;
    *count = (uint32_t)value;
    return true;
}
