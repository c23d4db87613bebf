/* channels.c: content types, then rules of the caller against inputdataconfig.json.
 * (1) slots[r] holds the channel of rule r; an empty name means none, so a second name of one
 *     rule is found. (2) Only filled slots move, downward and in order, into the result. */
#include "sagemaker/channels.h"

#include "base/file.h"
#include "base/settings.h"
#include "sagemaker/config_file.h"

#include <jansson.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* ---- content types ---- */

/* The type without blanks and parameters. */
static const char *essence(const char *content_type, size_t *n_bytes)
{
    const char *start = content_type + strspn(content_type, " \t");
    size_t n = strcspn(start, ";");
    while (n > 0 && (start[n - 1] == ' ' || start[n - 1] == '\t'))
        n--;
    *n_bytes = n;
    return start;
}

static bool is_any(const char *content_type, const char *const *list, size_t n_list)
{
    if (content_type == NULL)
        return true;
    size_t n;
    const char *type = essence(content_type, &n);
    if (n == 0)
        return true;
    for (size_t i = 0; i < n_list; i++)
        if (strlen(list[i]) == n && strncasecmp(type, list[i], n) == 0)
            return true;
    return false;
}

bool mf_content_type_is_ratings(const char *content_type)
{
    static const char *const list[] = {
        "text/csv",
        "csv",
        "application/csv",
        "application/x-csv",
        "text/plain",
        "text/tab-separated-values",
        "application/jsonlines",
        "application/x-jsonlines",
        "application/x-ndjson",
        "application/ndjson",
        "application/gzip",
        "application/x-gzip",
        "application/octet-stream",
        "binary/octet-stream", /* S3's default */
    };
    return is_any(content_type, list, sizeof list / sizeof list[0]);
}

bool mf_content_type_is_model(const char *content_type)
{
    static const char *const list[] = {
        "application/x-sagemaker-model",
        "application/x-tar",
        "application/gzip",
        "application/x-gzip",
        "application/x-gtar",
        "application/octet-stream",
        "binary/octet-stream",
    };
    return is_any(content_type, list, sizeof list / sizeof list[0]);
}

static bool mentions(const char *type, size_t n, const char *word)
{
    const size_t n_word = strlen(word);
    for (size_t i = 0; i + n_word <= n; i++)
        if (strncasecmp(type + i, word, n_word) == 0)
            return true;
    return false;
}

/* What to do in place of this content type, e.g. how to come from RecordIO-protobuf to CSV. */
static const char *content_type_advice(const char *content_type)
{
    size_t n;
    const char *type = essence(content_type, &n);
    if (mentions(type, n, "recordio"))
        return "RecordIO-protobuf is not read here: give the ratings as CSV with the columns "
               "user, item, rating and the content type text/csv";
    if (mentions(type, n, "sagemaker-model"))
        return "a packed model belongs in the channel model";
    if (mentions(type, n, "json"))
        return "use application/jsonlines for ratings as JSON objects, text/csv for CSV";
    if (mentions(type, n, "parquet"))
        return "convert the ratings to CSV with the columns user, item, rating and use text/csv";
    return "use text/csv, text/plain, text/tab-separated-values, application/gzip, "
           "application/octet-stream, or no content type at all";
}

/* ---- channels ---- */

const char *mf_channel_mode_name(mf_channel_mode mode)
{
    static const char *const names[] = {"File", "FastFile", "Pipe"};
    return names[mode];
}

static bool check_name(const char *name, const char *path, mf_error *err)
{
    const size_t n = strlen(name);
    const size_t n_good = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                       "0123456789.-_");
    if (n >= 1 && n < MF_CHANNEL_NAME_BYTES && n_good == n && strcmp(name, ".") != 0 &&
        strcmp(name, "..") != 0)
        return true;
    return mf_fail(err, MF_ERR_CONFIG, (mf_where){path, 0, 0},
                   "\"%.96s\" is not a channel name: expected 1 to 64 of A-Z a-z 0-9 . - _", name);
}

static bool is_called(const mf_channel_rule *rule, const char *name)
{
    return strcmp(rule->name, name) == 0 || (rule->alias != NULL && strcmp(rule->alias, name) == 0);
}

/* The names of the rules: "train (or training), validation, model". */
static void list_rules(const mf_channel_rule *rules, size_t n_rules, char *out, size_t out_size)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < n_rules && used + 1 < out_size; i++) {
        const int n =
            rules[i].alias != NULL
                ? snprintf(out + used, out_size - used, "%s%s (or %s)", i > 0 ? ", " : "",
                           rules[i].name, rules[i].alias)
                : snprintf(out + used, out_size - used, "%s%s", i > 0 ? ", " : "", rules[i].name);
        used += n > 0 ? (size_t)n : 0;
    }
}

static bool fail_unexpected(const mf_channel_rule *rules, size_t n_rules, const char *name,
                            const char *path, mf_error *err)
{
    const char *nearest = NULL;
    for (size_t i = 0; i < n_rules && nearest == NULL; i++) {
        const size_t n_name = strlen(name);
        const size_t distance =
            mf_edit_distance(name, n_name, rules[i].name, strlen(rules[i].name));
        if (mf_edit_is_near(distance, n_name))
            nearest = rules[i].name;
    }
    char known[256];
    list_rules(rules, n_rules, known, sizeof known);
    return mf_fail(err, MF_ERR_CONFIG, (mf_where){path, 0, 0},
                   "unexpected channel \"%s\"%s%s%s the channels this algorithm reads are %s", name,
                   nearest != NULL ? ": did you mean " : ":", nearest != NULL ? nearest : "",
                   nearest != NULL ? "?" : "", known);
}

static bool read_mode(const json_t *properties, const char *path, const char *owner,
                      mf_channel *channel, mf_error *err)
{
    const char *text;
    if (!mf_config_get_text(properties, "TrainingInputMode", path, owner, &text, err))
        return false;
    channel->mode = MF_CHANNEL_FILE;
    if (text == NULL || strcmp(text, "File") == 0)
        return true;
    if (strcmp(text, "FastFile") == 0)
        channel->mode = MF_CHANNEL_FAST_FILE;
    else if (strcmp(text, "Pipe") == 0)
        channel->mode = MF_CHANNEL_PIPE;
    else
        return mf_fail(err, MF_ERR_CONFIG, (mf_where){path, 0, 0},
                       "%s: TrainingInputMode \"%.64s\" is not known: expected File, FastFile or "
                       "Pipe",
                       owner, text);
    if (channel->mode == MF_CHANNEL_PIPE && channel->rule->use != MF_CHANNEL_RATINGS)
        return mf_fail(err, MF_ERR_CONFIG, (mf_where){path, 0, 0},
                       "%s: %s cannot be read in Pipe mode: use File or FastFile", owner,
                       channel->rule->use == MF_CHANNEL_MODEL ? "a model" : "a file of items");
    return true;
}

static bool read_packing(const json_t *properties, const char *path, const char *owner,
                         mf_channel *channel, mf_error *err)
{
    const mf_where where = {path, 0, 0};
    const char *wrapper;
    const char *compression;
    const char *distribution;
    if (!mf_config_get_text(properties, "RecordWrapperType", path, owner, &wrapper, err) ||
        !mf_config_get_text(properties, "CompressionType", path, owner, &compression, err) ||
        !mf_config_get_text(properties, "S3DistributionType", path, owner, &distribution, err))
        return false;
    if (wrapper != NULL && strcmp(wrapper, "None") != 0)
        return mf_fail(err, MF_ERR_CONFIG, where,
                       "%s: RecordWrapperType \"%.64s\" is not read here: plain files are needed, "
                       "so use None",
                       owner, wrapper);
    if (compression != NULL && strcmp(compression, "None") != 0 && strcmp(compression, "Gzip") != 0)
        return mf_fail(err, MF_ERR_CONFIG, where,
                       "%s: CompressionType \"%.64s\" is not known: expected None or Gzip", owner,
                       compression);
    channel->gzip = compression != NULL && strcmp(compression, "Gzip") == 0;
    channel->sharded = distribution != NULL && strcmp(distribution, "ShardedByS3Key") == 0;
    return true;
}

static bool read_content_type(const json_t *properties, const char *path, const char *owner,
                              mf_channel *channel, mf_error *err)
{
    const char *type;
    if (!mf_config_get_text(properties, "ContentType", path, owner, &type, err))
        return false;
    if (type == NULL)
        type = "";
    const bool fits = channel->rule->use == MF_CHANNEL_MODEL ? mf_content_type_is_model(type)
                                                             : mf_content_type_is_ratings(type);
    if (!fits)
        return mf_fail(err, MF_ERR_CONFIG, (mf_where){path, 0, 0}, "%s: content type \"%.96s\": %s",
                       owner, type,
                       channel->rule->use == MF_CHANNEL_MODEL
                           ? "a model comes as application/x-sagemaker-model"
                           : content_type_advice(type));
    snprintf(channel->content_type, sizeof channel->content_type, "%.*s", MF_CONTENT_TYPE_BYTES - 1,
             type);
    return true;
}

static void start_channel(const mf_tree *tree, const mf_channel_rule *rule, const char *name,
                          mf_channel *channel)
{
    *channel = (mf_channel){.rule = rule, .mode = MF_CHANNEL_FILE};
    snprintf(channel->name, sizeof channel->name, "%.*s", MF_CHANNEL_NAME_BYTES - 1, name);
    /* Fits: MF_TREE_PREFIX_MAX leaves space for our own names. */
    snprintf(channel->path, sizeof channel->path, "%.*s/%s", MF_TREE_PREFIX_MAX + 16,
             tree->input_data, channel->name);
}

static bool read_channel(const json_t *properties, const char *path, mf_channel *channel,
                         mf_error *err)
{
    char owner[MF_CHANNEL_NAME_BYTES + 16];
    snprintf(owner, sizeof owner, "channel %s", channel->name);
    if (!json_is_object(properties))
        return mf_fail(err, MF_ERR_CONFIG, (mf_where){path, 0, 0},
                       "%s is %s: expected an object with TrainingInputMode", owner,
                       mf_config_kind_name(properties));
    return read_mode(properties, path, owner, channel, err) &&
           read_packing(properties, path, owner, channel, err) &&
           read_content_type(properties, path, owner, channel, err);
}

/* Reads one channel into the slot of its rule. */
static bool read_member(const mf_tree *tree, const mf_channel_rule *rules, size_t n_rules,
                        const char *name, const json_t *properties, mf_channel *slots,
                        mf_error *err)
{
    const char *path = tree->input_data_config;
    size_t r = 0;
    if (!check_name(name, path, err))
        return false;
    while (r < n_rules && !is_called(&rules[r], name))
        r++;
    if (r == n_rules)
        return fail_unexpected(rules, n_rules, name, path, err);
    if (slots[r].name[0] != '\0')
        return mf_fail(err, MF_ERR_CONFIG, (mf_where){path, 0, 0},
                       "channels %s and %s are the same channel: keep one", slots[r].name, name);
    start_channel(tree, &rules[r], name, &slots[r]);
    return read_channel(properties, path, &slots[r], err);
}

static bool read_config(const mf_tree *tree, const mf_channel_rule *rules, size_t n_rules,
                        mf_channel *slots, mf_error *err)
{
    const char *path = tree->input_data_config;
    json_t *file = mf_config_read(path, err);
    if (file == NULL)
        return false;
    bool ok = true;
    const char *name;
    json_t *properties;
    json_object_foreach(file, name, properties)
    {
        ok = read_member(tree, rules, n_rules, name, properties, slots, err);
        if (!ok)
            break;
    }
    json_decref(file);
    return ok;
}

static bool find_folders(const mf_tree *tree, const mf_channel_rule *rules, size_t n_rules,
                         mf_channel *slots, mf_error *err)
{
    for (size_t r = 0; r < n_rules; r++) {
        const char *const names[] = {rules[r].name, rules[r].alias};
        for (size_t i = 0; i < 2 && names[i] != NULL; i++) {
            mf_channel channel;
            start_channel(tree, &rules[r], names[i], &channel);
            if (!mf_file_exists(channel.path))
                continue;
            if (slots[r].name[0] != '\0')
                return mf_fail(err, MF_ERR_CONFIG, (mf_where){tree->input_data, 0, 0},
                               "channels %s and %s are the same channel: keep one", slots[r].name,
                               names[i]);
            slots[r] = channel;
        }
    }
    return true;
}

bool mf_channels_read(const mf_tree *tree, const mf_channel_rule *rules, size_t n_rules,
                      mf_channels *channels, mf_error *err)
{
    channels->n = 0;
    if (n_rules > MF_CHANNELS_MAX)
        return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "%zu channel rules: at most %d", n_rules,
                       MF_CHANNELS_MAX);
    mf_channel *slots = channels->channel;
    for (size_t r = 0; r < n_rules; r++)
        slots[r].name[0] = '\0';
    const bool has_config = mf_file_exists(tree->input_data_config);
    if (!(has_config ? read_config(tree, rules, n_rules, slots, err)
                     : find_folders(tree, rules, n_rules, slots, err)))
        return false;

    for (size_t r = 0; r < n_rules; r++) {
        if (slots[r].name[0] != '\0') {
            if (channels->n != r)
                slots[channels->n] = slots[r];
            channels->n++;
        } else if (rules[r].required) {
            channels->n = 0;
            return mf_fail(
                err, MF_ERR_CONFIG, (mf_where){has_config ? tree->input_data_config : NULL, 0, 0},
                "channel %s is missing: the job needs an input channel named %s%s%s "
                "(folder %s/%s)",
                rules[r].name, rules[r].name, rules[r].alias != NULL ? " or " : "",
                rules[r].alias != NULL ? rules[r].alias : "", tree->input_data, rules[r].name);
        }
    }
    return true;
}

const mf_channel *mf_channels_find(const mf_channels *channels, const char *rule_name)
{
    for (size_t i = 0; i < channels->n; i++)
        if (strcmp(channels->channel[i].rule->name, rule_name) == 0)
            return &channels->channel[i];
    return NULL;
}
