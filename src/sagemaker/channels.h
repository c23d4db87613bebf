/* channels.h: the job's input channels, from inputdataconfig.json.
 *
 * (1) Channels come from the JSON, never from the folder's listing, so that a
 *     <channel>-manifest beside the folder does no harm (docs/sagemaker.md, 2.2). Only
 *     without the JSON (a laptop) a rule's channel exists when its folder does.
 * (2) Every channel of the JSON has a rule; one without is an error that names it.
 * (3) Every required rule has its channel.
 * (4) The order is that of the rules, whatever the file's.
 *
 * Errors are MF_ERR_CONFIG and name the channel. */
#ifndef MF_SAGEMAKER_CHANNELS_H
#define MF_SAGEMAKER_CHANNELS_H

#include "base/error.h"
#include "sagemaker/environment.h"

#include <stdbool.h>
#include <stddef.h>

/* Limits of the platform (2.4.1). */
enum {
    MF_CHANNELS_MAX = 20,
    MF_CHANNEL_NAME_BYTES = 65,
    MF_CONTENT_TYPE_BYTES = 257,
};

typedef enum mf_channel_mode {
    MF_CHANNEL_FILE,      /* a folder of files                             */
    MF_CHANNEL_FAST_FILE, /* the same, mounted lazily: read in order, once */
    MF_CHANNEL_PIPE,      /* FIFOs path_0, path_1, … : see channel_data.h          */
} mf_channel_mode;

/* What a channel is for, and so what it may look like. */
typedef enum mf_channel_use {
    MF_CHANNEL_RATINGS, /* any mode                   */
    MF_CHANNEL_ITEMS,   /* files of items, no Pipe    */
    MF_CHANNEL_MODEL,   /* a base model, no Pipe      */
} mf_channel_use;

/* One channel that the caller understands. `alias` (or NULL) is a second name:
 * the SDK's fit("s3://…") calls the training channel "training" (2.4.2). */
typedef struct mf_channel_rule {
    const char *name;
    const char *alias;
    bool required;
    mf_channel_use use;
} mf_channel_rule;

typedef struct mf_channel {
    const mf_channel_rule *rule;
    char name[MF_CHANNEL_NAME_BYTES]; /* as the job calls it: rule->name or its alias */
    mf_channel_mode mode;
    bool gzip;                                /* CompressionType Gzip; Pipe only      */
    bool sharded;                             /* this host has a share of the objects */
    char content_type[MF_CONTENT_TYPE_BYTES]; /* as given; "" when absent             */
    char path[MF_PATH_BYTES];                 /* the folder; with Pipe, before "_0"   */
} mf_channel;

typedef struct mf_channels {
    size_t n;
    mf_channel channel[MF_CHANNELS_MAX];
} mf_channels;

/* Reads the channels of the tree. `rules` outlive *channels. */
MF_MUST_CHECK bool mf_channels_read(const mf_tree *tree, const mf_channel_rule *rules,
                                    size_t n_rules, mf_channels *channels, mf_error *err);

/* The channel of the rule called rule_name, or NULL. */
const mf_channel *mf_channels_find(const mf_channels *channels, const char *rule_name);

/* "File", "FastFile", "Pipe". */
const char *mf_channel_mode_name(mf_channel_mode mode);

/* Which content types a channel may declare. Compared without regard to case, parameters after
 * ';' ignored (docs/sagemaker.md, 2.5.6): "Text/CSV; charset=utf-8" is text/csv. Absent and empty
 * are fine, because the SDK leaves the field out (2.4). What a file really is, its bytes tell.
 *
 * Ratings and items: text of columns, gzip of it, or unspecific bytes. NULL counts as absent. */
bool mf_content_type_is_ratings(const char *content_type);

/* Models: a packed model, application/x-sagemaker-model, tar, gzip, unspecific bytes. */
bool mf_content_type_is_model(const char *content_type);

#endif
