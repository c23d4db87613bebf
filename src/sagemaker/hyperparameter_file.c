/* hyperparameter_file.c: one flat object of texts. */
#include "sagemaker/hyperparameter_file.h"

#include "base/file.h"
#include "sagemaker/config_file.h"

#include <string.h>

static void take_platform_key(const char *key, const char *text,
                              mf_platform_hyperparameters *platform)
{
    if (platform == NULL || text == NULL)
        return;
    if (strcmp(key, "_tuning_objective_metric") == 0)
        snprintf(platform->tuning_objective, sizeof platform->tuning_objective, "%.*s",
                 MF_OBJECTIVE_BYTES - 1, text);
    else if (strcmp(key, "sagemaker_container_log_level") == 0)
        snprintf(platform->log_level, sizeof platform->log_level, "%.15s", text);
}

static bool is_platform_key(const char *key)
{
    return strncmp(key, "sagemaker_", strlen("sagemaker_")) == 0 ||
           strcmp(key, "_tuning_objective_metric") == 0;
}

static bool fail_not_text(const char *name, const char *key, const mf_config *value, mf_error *err)
{
    const mf_where where = {name, 0, 0};
    const mf_config_kind kind = mf_config_kind_of(value);
    char quoted[96];
    mf_printable(quoted, sizeof quoted, key, strlen(key));
    if (kind == MF_CONFIG_NUMBER || kind == MF_CONFIG_BOOLEAN) {
        char spelled[64];
        mf_config_spell(value, spelled, sizeof spelled);
        return mf_fail(err, MF_ERR_CONFIG, where,
                       "hyperparameter %s is %s, not a text: SageMaker passes every value as a "
                       "text, so write \"%s\": \"%s\"",
                       quoted, mf_config_kind_name(kind), quoted, spelled);
    }
    return mf_fail(err, MF_ERR_CONFIG, where,
                   "hyperparameter %s is %s: SageMaker passes every value as a text", quoted,
                   mf_config_kind_name(kind));
}

static bool set_all(const mf_config *file, const char *name, mf_settings *settings,
                    mf_platform_hyperparameters *platform, mf_error *err)
{
    void *position = NULL;
    const char *key;
    const mf_config *value;
    while (mf_config_next(file, &position, &key, &value)) {
        const char *text = mf_config_text(value);
        mf_config *inner = text != NULL ? mf_config_unquote(text) : NULL;
        if (inner != NULL)
            text = mf_config_text(inner);
        bool ok = true;
        if (is_platform_key(key))
            take_platform_key(key, text, platform);
        else if (text == NULL)
            ok = fail_not_text(name, key, value, err);
        else
            ok = mf_settings_set(settings, key, text, strlen(text), err);
        mf_config_close(inner);
        if (!ok)
            return false;
    }
    return true;
}

bool mf_hyperparameter_file_parse(const char *bytes, size_t n_bytes, const char *name,
                                  mf_settings *settings, mf_platform_hyperparameters *platform,
                                  mf_error *err)
{
    if (platform != NULL)
        *platform = (mf_platform_hyperparameters){0};
    mf_config *file = mf_config_parse(bytes, n_bytes, name, err);
    if (file == NULL)
        return false;
    const bool ok = set_all(file, name, settings, platform, err);
    mf_config_close(file);
    return ok;
}

bool mf_hyperparameter_file_read(const char *path, mf_settings *settings,
                                 mf_platform_hyperparameters *platform, mf_error *err)
{
    if (platform != NULL)
        *platform = (mf_platform_hyperparameters){0};
    if (!mf_file_exists(path))
        return true;
    mf_config *file = mf_config_read(path, err);
    if (file == NULL)
        return false;
    const bool ok = set_all(file, path, settings, platform, err);
    mf_config_close(file);
    return ok;
}
