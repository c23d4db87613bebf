/* serve: the hosting half of the image.
 *
 *     serve                  a SageMaker endpoint or batch transform job: /opt/ml/model, port 8080
 *     serve --prefix DIR     the same with DIR in place of /opt/ml
 *
 * The main thread loads models and waits for signals; loops serve requests (service.h).
 *
 *   SIGTERM, SIGINT  finish the requests under way and exit 0; a second one changes nothing
 *   SIGHUP           load model.bin and the lists again beside those in service, check them, switch */
#include "base/log.h"
#include "sagemaker/environment.h"
#include "serve/loaded.h"
#include "serve/serve_settings.h"
#include "serve/service.h"

#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LOADED = SIGUSR1 };

static void print_usage(FILE *out)
{
    fputs("usage: serve [--prefix DIR]\n"
          "\n"
          "Serves DIR/model/model.bin on port 8080 as SageMaker expects: /ping,\n"
          "/invocations, /execution-parameters, and /health, /metrics,\n"
          "/internal/recommend/{user_id}, /recommend/cached/{user_id}. DIR is /opt/ml unless\n"
          "given. SIGHUP loads a new model.bin, SIGTERM finishes the requests under way.\n"
          "\n"
          "  --prefix DIR   use DIR in place of /opt/ml\n"
          "  --help, --version\n",
          out);
}

static int print_help(void)
{
    mf_settings settings;
    mf_settings cache_settings;
    mf_serve_settings values;
    mf_cache_settings cache;
    mf_error err = {0};
    if (!mf_serve_settings_start(&settings, &values, &err) ||
        !mf_cache_settings_start(&cache_settings, &cache, &err)) {
        fprintf(stderr, "serve: %s\n", err.text);
        return 1;
    }
    print_usage(stdout);
    puts("\nSettings, from the environment:\n");
    mf_settings_print_help(&settings, stdout);
    mf_settings_print_help(&cache_settings, stdout);
    puts("\nThe password of Redis is REDIS_PASSWORD or in the file REDIS_PASSWORD_FILE.");
    return 0;
}

/* Printed when the image is started without an argument. */
static int print_usage_of_image(void)
{
    fputs("This image has two programs, started as SageMaker starts them:\n"
          "\n"
          "  docker run -v DIR:/opt/ml IMAGE train                a training job\n"
          "  docker run -v DIR:/opt/ml -p 8080:8080 IMAGE serve   an endpoint\n"
          "\n"
          "DIR has input/data/train/ for the one and model/ from then on for the other.\n"
          "train --help and serve --help say more.\n",
          stderr);
    return 2;
}

static int fail_usage(const char *why, const char *what)
{
    fprintf(stderr, "serve: %s%s\n\n", why, what);
    print_usage(stderr);
    return 2;
}

/* A descriptor of 0 to 2 that is closed would become a socket, and the log would go there. */
static void fill_standard_streams(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

/* From here on signals are pending until run() waits for them. */
static void block_signals(sigset_t *heeded)
{
    sigemptyset(heeded);
    sigaddset(heeded, SIGTERM);
    sigaddset(heeded, SIGINT);
    sigaddset(heeded, SIGHUP);
    sigaddset(heeded, LOADED);
    sigprocmask(SIG_BLOCK, heeded, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static void log_started(const mf_service *service)
{
    mf_log_line line;
    mf_log_begin(&line, MF_LOG_INFO, "listening");
    mf_log_text(&line, "version", MF_VERSION);
    mf_log_text(&line, "address", service->settings.address);
    mf_log_count(&line, "port", mf_http_server_port(service->server));
    mf_log_count(&line, "threads", service->http.n_threads);
    mf_log_end(&line);
}

static void log_model(const mf_loaded *loaded)
{
    const mf_model_parts *model = mf_model_get(loaded->model);
    mf_log_line line;
    mf_log_begin(&line, MF_LOG_INFO, "model");
    mf_log_text(&line, "version", loaded->version);
    mf_log_count(&line, "users", model->n_users);
    mf_log_count(&line, "items", model->n_items);
    mf_log_count(&line, "ratings", model->n_rated);
    mf_log_count(&line, "factors", model->n_factors);
    mf_log_count(&line, "ranking_factors", model->ranking.n_factors);
    mf_log_count(&line, "index_bytes", mf_recommender_index_bytes(loaded->recommender));
    mf_log_count(&line, "lists", loaded->lists->n);
    mf_log_number(&line, "seconds", loaded->seconds, 3);
    mf_log_end(&line);
    mf_inference_log_models(loaded->recommender);
}

/* The models of the main thread: at most two, whatever is requested. */
typedef struct models {
    mf_loaded *current;
    mf_loaded *old; /* replaced, perhaps still in use by a slow request */
} models;

static void free_old(models *m)
{
    if (m->old != NULL && mf_loaded_free_if_unused(m->old))
        m->old = NULL;
}

static void reject_model(mf_service *service, const models *m, const mf_error *err)
{
    if (m->current != NULL) {
        atomic_fetch_add(&service->reloads_refused, 1);
        mf_log_message(MF_LOG_ERROR, "model_refused", "%s; the model in service stays", err->text);
        return;
    }
    mf_service_set_reason(service, err->text);
    mf_log_message(MF_LOG_ERROR, "model_refused", "%s", err->text);
}

static void take_model(mf_service *service, mf_loader *loader, models *m)
{
    mf_error err = {0};
    mf_loaded *loaded = mf_loader_take(loader, &err);
    if (loaded == NULL) {
        reject_model(service, m, &err);
        return;
    }
    if (m->current != NULL)
        atomic_fetch_add(&service->reloads, 1);
    mf_loaded *before = mf_service_switch(service, loaded);
    log_model(loaded); /* after this line responses are those of the new model */
    m->current = loaded;
    if (before != NULL)
        mf_loaded_release(before);
    m->old = before;
}

/* Until SIGTERM or SIGINT. */
static void run(mf_service *service, const char *folder, const sigset_t *heeded, models *m)
{
    static const struct timespec SOON = {.tv_nsec = 50 * 1000 * 1000};
    static mf_loader loader; /* its thread may still be reading at the end of this call */
    bool wanted = true;      /* a model is to be loaded */
    for (;;) {
        /* While a request still uses the model before, a third one has to wait. */
        if (wanted && !loader.running && m->old == NULL) {
            mf_error err = {0};
            wanted = false;
            if (!mf_loader_start(&loader, folder, &service->settings, LOADED, &err))
                reject_model(service, m, &err);
        }
        const int signal_number =
            m->old != NULL ? sigtimedwait(heeded, NULL, &SOON) : sigwaitinfo(heeded, NULL);
        if (signal_number == LOADED && mf_loader_is_done(&loader)) {
            take_model(service, &loader, m);
        } else if (signal_number == SIGHUP) {
            mf_log_message(MF_LOG_INFO, "reload", "SIGHUP: loading the model again");
            wanted = true;
        } else if (signal_number == SIGTERM || signal_number == SIGINT) {
            return;
        }
        free_old(m);
    }
}

/* Buffers of a MiB and more are mappings of their own, which free returns to the system at once: by
 * default glibc learns from large buffers to keep up to 32 MiB of each thread for later ones. */
static void return_memory(void)
{
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, 1 << 20);
#endif
}

static int serve(const char *prefix)
{
    mf_error err = {0};
    static mf_tree tree; /* as for the loader in run(), which has the folder's name */
    mf_settings settings;
    mf_settings cache_settings;
    static mf_service service;
    mf_serve_settings values;
    mf_cache_settings cache;
    sigset_t heeded;
    models m = {0};
    return_memory();
    block_signals(&heeded); /* one that comes while we start is kept for run() */
    mf_log_set_level(mf_environment_log_level(NULL));
    if (!mf_tree_set(&tree, prefix, &err) || !mf_serve_settings_read(&settings, &values, &err) ||
        !mf_cache_settings_read(&cache_settings, &cache, &err))
        goto failed;
    if (cache.enabled && cache.password_secret[0] != '\0') {
        mf_fail(&err, MF_ERR_CONFIG, MF_NOWHERE,
                "environment variable REDIS_PASSWORD_SECRET is for functions: expected "
                "REDIS_PASSWORD or REDIS_PASSWORD_FILE");
        goto failed;
    }
    mf_settings_log(&settings, MF_LOG_INFO, "settings");
    if (cache.enabled)
        mf_settings_log(&cache_settings, MF_LOG_INFO, "cache_settings");
    if (!mf_service_create(&service, &values, &cache, &err) || !mf_service_start(&service, &err))
        goto failed;
    log_started(&service);
    run(&service, tree.model, &heeded, &m);

    mf_log_message(MF_LOG_INFO, "stopping", "a signal to stop: finishing the requests under way");
    const uint32_t cut_off = mf_service_stop(&service);
    if (m.current != NULL)
        mf_loaded_release(m.current);
    free_old(&m);
    if (m.current != NULL)
        mf_loaded_free_if_unused(m.current);
    if (cut_off > 0)
        mf_log_message(MF_LOG_WARNING, "stopped", "%u requests were not finished in time", cut_off);
    else
        mf_log_message(MF_LOG_INFO, "stopped", "every request has its response");
    return 0;
failed:
    mf_log_message(MF_LOG_ERROR, "failed", "%s: %s", mf_error_class(err.code), err.text);
    return 1;
}

int main(int argc, char **argv)
{
    const char *prefix = NULL;
    fill_standard_streams();
    for (int a = 1; a < argc; a++) {
        if (strcmp(argv[a], "--help") == 0)
            return print_help();
        if (strcmp(argv[a], "--version") == 0) {
            puts("serve " MF_VERSION);
            return 0;
        }
        if (strcmp(argv[a], "--usage") == 0)
            return print_usage_of_image();
        if (strcmp(argv[a], "serve") == 0)
            return fail_usage(
                "the word is given twice: an image whose ENTRYPOINT is serve gets it from the "
                "platform again, and needs no ENTRYPOINT",
                "");
        if (strcmp(argv[a], "--prefix") != 0)
            return fail_usage("unknown argument ", argv[a]);
        if (a + 1 == argc)
            return fail_usage("a value is missing after ", argv[a]);
        prefix = argv[++a];
    }
    return serve(prefix);
}
