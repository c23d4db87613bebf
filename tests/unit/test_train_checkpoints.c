/* test_train_checkpoints.c: the files of a checkpoint folder. */
#include "sgd_testing.h"

#include "base/file.h"
#include "base/log.h"
#include "train/checkpoints.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

/* A trainer as something to save; lives until the end of the block. */
#define THIS(trainer) (&(mf_checkpointed[1]){mf_checkpointed_trainer(trainer)}[0])

typedef struct world {
    char *root;
    mf_checkpoint_folder folder;
    mf_hyperparameters h;
    mf_ratings *ratings;
    mf_trainer *trainer;
    mf_checkpoints checkpoints;
    char prefix[64]; /* "checkpoint-1f2e3d4c-" */
} world;

static int open_world(void **state)
{
    mf_error err = {0};
    world *w = calloc(1, sizeof *w);
    *state = w;
    w->root = testing_folder();
    w->folder.used = true;
    snprintf(w->folder.path, sizeof w->folder.path, "%s/below/checkpoints", w->root);
    w->h = small_run();
    w->h.n_epochs = 30;
    w->ratings = make_ratings(6, 5, rank_two);
    w->trainer = new_trainer(&w->h, w->ratings, NULL, NULL);
    snprintf(w->prefix, sizeof w->prefix, "checkpoint-%08x-",
             (unsigned)(mf_trainer_fingerprint(w->trainer) >> 32));
    mf_log_set_level(MF_LOG_ERROR);
    return mf_checkpoints_open(&w->checkpoints, &w->folder, NULL, 3, THIS(w->trainer), &err) ? 0
                                                                                             : -1;
}

static int close_world(void **state)
{
    world *w = *state;
    mf_trainer_destroy(w->trainer);
    mf_ratings_destroy(w->ratings);
    testing_folder_remove(w->root);
    free(w);
    return 0;
}

/* Trains until `epochs` are done, and saves. */
static void save_at(world *w, uint32_t epochs)
{
    mf_error err = {0};
    run_epochs(w->trainer, epochs);
    assert_ok(mf_checkpoints_save(&w->checkpoints, THIS(w->trainer), &err), err);
}

static char *path_in(const world *w, const char *name)
{
    return testing_path(w->folder.path, name);
}

/* prefix + digits + ".mfck" in the folder. */
static bool has(const world *w, const char *digits)
{
    char name[128];
    snprintf(name, sizeof name, "%s%s.mfck", w->prefix, digits);
    char *path = path_in(w, name);
    const bool exists = mf_file_exists(path);
    free(path);
    return exists;
}

static void put(const world *w, const char *name, const char *text)
{
    char *path = path_in(w, name);
    testing_write(path, text, strlen(text));
    free(path);
}

static void put_own(const world *w, const char *digits, const char *suffix, const char *text)
{
    char name[160];
    snprintf(name, sizeof name, "%s%s.mfck%s", w->prefix, digits, suffix);
    put(w, name, text);
}

static size_t count_files(const world *w)
{
    size_t n = 0;
    DIR *folder = opendir(w->folder.path);
    assert_non_null(folder);
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;)
        n += entry->d_name[0] != '.';
    closedir(folder);
    return n;
}

/* Resumes a new trainer; the epochs it stands at, or UINT32_MAX when it did not. */
static uint32_t resumed_at(const world *w)
{
    mf_error err = {0};
    bool resumed = true;
    uint32_t n;
    mf_trainer *trainer = new_trainer(&w->h, w->ratings, NULL, NULL);
    assert_ok(mf_checkpoints_resume(&w->checkpoints, THIS(trainer), &resumed, &err), err);
    mf_trainer_epochs(trainer, &n);
    mf_trainer_destroy(trainer);
    assert_true(resumed || n == 0);
    return resumed ? n : UINT32_MAX;
}

/* What `call` writes to standard error. */
#define CAPTURE(text, call)                                                                        \
    do {                                                                                           \
        fflush(stderr);                                                                            \
        FILE *file = tmpfile();                                                                    \
        const int kept = dup(STDERR_FILENO);                                                       \
        dup2(fileno(file), STDERR_FILENO);                                                         \
        call;                                                                                      \
        fflush(stderr);                                                                            \
        dup2(kept, STDERR_FILENO);                                                                 \
        close(kept);                                                                               \
        rewind(file);                                                                              \
        (text)[fread(text, 1, sizeof(text) - 1, file)] = '\0';                                     \
        fclose(file);                                                                              \
    } while (0)

static void names_hold_the_fingerprint_and_the_epochs(void **state)
{
    world *w = *state;
    save_at(w, 0);
    save_at(w, 12);
    assert_true(has(w, "000000"));
    assert_true(has(w, "000012"));
    assert_int_equal(count_files(w), 2);
    assert_int_equal(resumed_at(w), 12);
}

static void only_the_newest_stay(void **state)
{
    world *w = *state;
    for (uint32_t epoch = 1; epoch <= 10; epoch++)
        save_at(w, epoch);
    assert_int_equal(count_files(w), 3);
    assert_true(has(w, "000008") && has(w, "000009") && has(w, "000010"));
    w->checkpoints.keep = 1;
    save_at(w, 11);
    assert_int_equal(count_files(w), 1);
    assert_true(has(w, "000011"));
    /* The same epoch again is the same file. */
    save_at(w, 11);
    assert_int_equal(count_files(w), 1);
}

static void files_of_others_are_neither_read_nor_deleted(void **state)
{
    world *w = *state;
    static const char *const others[] = {
        "checkpoint-00000000-000001.mfck",
        "checkpoint-algo-1-00000000-000002.mfck",
        "model.pt",
        "checkpoint-",
        ".hidden",
        "000001.mfck",
    };
    static const char *const digits[] = {"00001", "000001x", "00000000000001",
                                         "",      "-00001",  "0000001"};
    for (size_t i = 0; i < 6; i++) {
        put(w, others[i], "not ours");
        put_own(w, digits[i], "", "not ours");
    }
    put_own(w, "000001", ".sagemaker-ignore", "not ours");
    put_own(w, "000001", ".sagemaker-uploaded", "not ours");
    w->checkpoints.keep = 1;
    assert_int_equal(resumed_at(w), UINT32_MAX);
    save_at(w, 2);
    save_at(w, 3);
    assert_int_equal(resumed_at(w), 3);
    for (size_t i = 0; i < 6; i++) {
        char *path = path_in(w, others[i]);
        assert_true(mf_file_exists(path));
        free(path);
        assert_true(has(w, digits[i]));
    }
    assert_int_equal(count_files(w), 5 + 6 + 2 + 1);
}

static void a_file_that_is_being_uploaded_is_not_deleted(void **state)
{
    world *w = *state;
    w->checkpoints.keep = 1;
    save_at(w, 1);
    put_own(w, "000001", ".sagemaker-uploading", "");
    save_at(w, 2);
    assert_true(has(w, "000001"));
    put_own(w, "000001", ".sagemaker-uploaded", "");
    save_at(w, 3);
    assert_false(has(w, "000001"));
    assert_false(has(w, "000002"));
    assert_true(has(w, "000003"));
}

static void a_damaged_file_is_passed_over_with_a_line_in_the_log(void **state)
{
    world *w = *state;
    save_at(w, 4);
    save_at(w, 5);
    put_own(w, "000007", "", "");
    put_own(w, "000006", "", "damaged");
    char text[8192];
    mf_log_set_level(MF_LOG_INFO);
    CAPTURE(text, assert_int_equal(resumed_at(w), 5));
    mf_log_set_level(MF_LOG_ERROR);
    const char *seventh = strstr(text, "000007.mfck"), *sixth = strstr(text, "000006.mfck");
    assert_non_null(seventh);
    assert_non_null(sixth);
    assert_non_null(strstr(sixth, "\"resumed\""));
    assert_non_null(strstr(text, "\"checkpoint_refused\""));
}

static void a_checkpoint_of_another_run_is_named_in_the_log_and_not_resumed(void **state)
{
    world *w = *state;
    mf_error err = {0};
    bool resumed;
    save_at(w, 4);
    const mf_trainer_input input = {.ratings = w->ratings, .settings_fingerprint = 1};
    mf_trainer *other = mf_trainer_create(&w->h, &input, &err);
    assert_ok(other != NULL, err);
    mf_checkpoints checkpoints;
    char text[8192];
    assert_ok(mf_checkpoints_open(&checkpoints, &w->folder, NULL, 1, THIS(other), &err), err);
    mf_log_set_level(MF_LOG_INFO);
    CAPTURE(text, assert_ok(mf_checkpoints_resume(&checkpoints, THIS(other), &resumed, &err), err));
    mf_log_set_level(MF_LOG_ERROR);
    assert_false(resumed);
    char *words = NULL;
    assert_true(asprintf(&words, "%s000004.mfck is a checkpoint of other data", w->prefix) > 0);
    assert_non_null(strstr(text, words));
    free(words);
    assert_ok(mf_checkpoints_save(&checkpoints, THIS(other), &err), err);
    assert_true(has(w, "000004"));
    assert_int_equal(count_files(w), 2);
    mf_trainer_destroy(other);
}

/* A newer file that could not be resumed is no reason to delete the one that has
 * just been written. */
static void a_damaged_newer_file_does_not_push_out_what_is_written_now(void **state)
{
    world *w = *state;
    w->checkpoints.keep = 1;
    put_own(w, "000020", "", "damaged");
    save_at(w, 1);
    assert_int_equal(resumed_at(w), 1);
    save_at(w, 2);
    assert_int_equal(resumed_at(w), 2);
    assert_false(has(w, "000001"));
}

static void without_checkpoints_nothing_is_created(void **state)
{
    world *w = *state;
    mf_error err = {0};
    w->folder.used = false;
    snprintf(w->folder.path, sizeof w->folder.path, "%s/never", w->root);
    assert_ok(mf_checkpoints_open(&w->checkpoints, &w->folder, NULL, 3, THIS(w->trainer), &err),
              err);
    assert_false(w->checkpoints.used);
    assert_int_equal(resumed_at(w), UINT32_MAX);
    assert_false(mf_file_exists(w->folder.path));
}

static void a_folder_that_cannot_be_made_or_read_or_written_is_an_error(void **state)
{
    world *w = *state;
    mf_error err = {0};
    bool resumed;
    mf_checkpoints checkpoints = w->checkpoints;
    mf_checkpoint_folder folder = {.used = true, .path = "/proc/self/none"};
    assert_false(mf_checkpoints_open(&checkpoints, &folder, NULL, 3, THIS(w->trainer), &err));
    assert_error(&err, MF_ERR_IO, "/proc/self/none");
    testing_folder_remove(strdup(w->folder.path));
    mf_error_clear(&err);
    assert_false(mf_checkpoints_resume(&w->checkpoints, THIS(w->trainer), &resumed, &err));
    assert_error(&err, MF_ERR_IO, "cannot read the checkpoint folder");
    mf_error_clear(&err);
    assert_false(mf_checkpoints_save(&w->checkpoints, THIS(w->trainer), &err));
    assert_error(&err, MF_ERR_IO, "below/checkpoints");
}

static void the_longest_folder_fits(void **state)
{
    world *w = *state;
    mf_error err = {0};
    /* Names of 200 bytes, down to nearly what the settings let through. */
    size_t used = strlen(w->root);
    memcpy(w->folder.path, w->root, used);
    while (used + 202 < sizeof w->folder.path && used < 1700) {
        w->folder.path[used++] = '/';
        memset(w->folder.path + used, 'd', 200);
        used += 200;
    }
    w->folder.path[used] = '\0';
    assert_ok(mf_checkpoints_open(&w->checkpoints, &w->folder, NULL, 1, THIS(w->trainer), &err),
              err);
    save_at(w, 1);
    put_own(w, "000001", ".sagemaker-uploading", "");
    save_at(w, 2);
    assert_true(has(w, "000001") && has(w, "000002"));
    assert_int_equal(resumed_at(w), 2);
}

static void saving_is_clean_when_any_allocation_fails(void **state)
{
    world *w = *state;
    mf_error err = {0};
    save_at(w, 1);
    run_epochs(w->trainer, 2);
    bool done = false;
    for (size_t n = 1; !done; n++) {
        mf_error_clear(&err);
        mf_memory_fail_nth(n);
        done = mf_checkpoints_save(&w->checkpoints, THIS(w->trainer), &err);
        mf_memory_fail_nth(0);
        if (!done)
            assert_error(&err, MF_ERR_MEMORY, "no memory");
        assert_true(resumed_at(w) >= 1);
        assert_true(n < 100);
    }
    assert_int_equal(resumed_at(w), 2);
}

static void whether_a_folder_holds_one_is_known_without_the_run(void **state)
{
    world *w = *state;
    const mf_checkpoint_folder unused = {0};
    assert_false(mf_checkpoints_found(&unused));
    assert_false(mf_checkpoints_found(&w->folder));
    char *marker = path_in(w, "checkpoint-1f2e3d4c-000001.mfck.sagemaker-uploaded");
    testing_write(marker, "", 0);
    free(marker);
    assert_false(mf_checkpoints_found(&w->folder));
    save_at(w, 1);
    assert_true(mf_checkpoints_found(&w->folder));
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, open_world, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(names_hold_the_fingerprint_and_the_epochs),
        IN_WORLD(only_the_newest_stay),
        IN_WORLD(files_of_others_are_neither_read_nor_deleted),
        IN_WORLD(a_file_that_is_being_uploaded_is_not_deleted),
        IN_WORLD(a_damaged_file_is_passed_over_with_a_line_in_the_log),
        IN_WORLD(a_checkpoint_of_another_run_is_named_in_the_log_and_not_resumed),
        IN_WORLD(a_damaged_newer_file_does_not_push_out_what_is_written_now),
        IN_WORLD(without_checkpoints_nothing_is_created),
        IN_WORLD(a_folder_that_cannot_be_made_or_read_or_written_is_an_error),
        IN_WORLD(the_longest_folder_fits),
        IN_WORLD(whether_a_folder_holds_one_is_known_without_the_run),
        IN_WORLD(saving_is_clean_when_any_allocation_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
