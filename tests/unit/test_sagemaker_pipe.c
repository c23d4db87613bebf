/* test_sagemaker_pipe.c: FIFOs that come late, or never. Numbers in brackets are
 * lines of the checklist in docs/sagemaker.md. */
#include "testing.h"

#include "base/clock.h"
#include "base/stop.h"
#include "sagemaker/channel_data.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/stat.h>

static char *folder;
static mf_channel channel;

static int set_up(void **state)
{
    (void)state;
    folder = testing_folder();
    channel = (mf_channel){.name = "train", .mode = MF_CHANNEL_PIPE};
    snprintf(channel.path, sizeof channel.path, "%s/train", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mf_stop_request(false);
    testing_folder_remove(folder);
    return 0;
}

/* The clock and the waits of the code under test, when it is on: time passes in poll() only,
 * and in the stops_in-th one SIGTERM comes. */
typedef struct fake {
    bool is_on;
    double now_ms;
    unsigned n_polls, stops_in;
} fake;

static fake faked;

double __real_mf_clock_seconds(void);
double __wrap_mf_clock_seconds(void);
double __wrap_mf_clock_seconds(void)
{
    return faked.is_on ? 1000 + faked.now_ms * 1e-3 : __real_mf_clock_seconds();
}

int __real_poll(struct pollfd *fds, nfds_t n, int wait_ms);
int __wrap_poll(struct pollfd *fds, nfds_t n, int wait_ms);
int __wrap_poll(struct pollfd *fds, nfds_t n, int wait_ms)
{
    if (!faked.is_on)
        return __real_poll(fds, n, wait_ms);
    faked.n_polls++;
    faked.now_ms += wait_ms;
    if (faked.n_polls == faked.stops_in)
        mf_stop_request(true);
    return __real_poll(fds, n, 0);
}

static void pause_ms(int ms)
{
    poll(NULL, 0, ms);
}

typedef struct feeder {
    unsigned epoch;
    const char *text;
} feeder;

/* The platform: creates the FIFO late, opens it later still, writes in pieces. */
static void *feed(void *argument)
{
    const feeder *f = argument;
    char path[MF_PATH_BYTES + 16];
    snprintf(path, sizeof path, "%s_%u", channel.path, f->epoch);
    pause_ms(250);
    if (mkfifo(path, 0600) != 0)
        return NULL;
    pause_ms(150);
    const int fd = open(path, O_WRONLY);
    pause_ms(50);
    for (const char *c = f->text; *c != '\0' && write(fd, c, 1) == 1; c++)
        pause_ms(1);
    close(fd);
    return NULL;
}

static size_t read_all(int fd, char *out, size_t size)
{
    size_t used = 0;
    for (;;) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        poll(&wait, 1, 1000);
        const ssize_t got = read(fd, out + used, size - used);
        if (got < 0)
            continue;
        if (got == 0)
            break;
        used += (size_t)got;
    }
    close(fd);
    return used;
}

/* [32] */
static void late_pipes_are_waited_for_epoch_by_epoch(void **state)
{
    (void)state;
    static const char *const texts[] = {"userId,movieId,rating\n1,2,3\n", ""};
    for (unsigned epoch = 0; epoch < 2; epoch++) {
        feeder f = {epoch, texts[epoch]};
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, feed, &f), 0);
        mf_error err = {0};
        int fd = -1;
        assert_ok(mf_pipe_open(&channel, epoch, 20, &fd, &err), err);
        char bytes[64];
        assert_int_equal(read_all(fd, bytes, sizeof bytes), strlen(texts[epoch]));
        assert_memory_equal(bytes, texts[epoch], strlen(texts[epoch]));
        pthread_join(thread, NULL);
    }
}

/* [32] never hangs; the reason names File and FastFile */
static void a_pipe_that_never_comes_fails_at_the_deadline(void **state)
{
    (void)state;
    mf_error err = {0};
    int fd = -1;
    faked = (fake){.is_on = true};
    assert_false(mf_pipe_open(&channel, 0, 0.3, &fd, &err));
    assert_true(faked.now_ms >= 300 && faked.now_ms < 400);
    assert_error(&err, MF_ERR_IO, "train_0: the pipe of channel train did not appear within 0.3 s");
    assert_error(&err, MF_ERR_IO, "input mode File or FastFile");
    assert_int_equal(fd, -1);

    char *path = testing_path(folder, "train_0");
    assert_int_equal(mkfifo(path, 0600), 0);
    mf_error_clear(&err);
    faked = (fake){.is_on = true};
    assert_false(mf_pipe_open(&channel, 0, 0.3, &fd, &err));
    assert_true(faked.now_ms >= 300 && faked.now_ms < 400);
    faked = (fake){0};
    assert_error(&err, MF_ERR_IO, "nothing was written into the pipe of channel train");
    free(path);
}

/* [51] SIGTERM while blocked on a FIFO */
static void a_stop_is_noticed_in_both_waits(void **state)
{
    (void)state;
    for (int has_fifo = 0; has_fifo < 2; has_fifo++) {
        char *path = testing_path(folder, "train_0");
        if (has_fifo)
            assert_int_equal(mkfifo(path, 0600), 0);
        free(path);
        mf_stop_request(false);
        mf_error err = {0};
        int fd = -1;
        faked = (fake){.is_on = true, .stops_in = 3};
        assert_false(mf_pipe_open(&channel, 0, 60, &fd, &err));
        assert_error(&err, MF_ERR_STOPPED, "SIGTERM");
        assert_int_equal(faked.n_polls, 3); /* by the wait in which it came, and no other */
        faked = (fake){0};
    }
}

static void a_file_in_the_pipes_place_is_read(void **state)
{
    (void)state;
    char *path = testing_path(folder, "train_3");
    testing_write(path, "abc", 3);
    mf_error err = {0};
    int fd = -1;
    assert_ok(mf_pipe_open(&channel, 3, 1, &fd, &err), err);
    char bytes[8];
    assert_int_equal(read_all(fd, bytes, sizeof bytes), 3);
    free(path);
}

static void what_is_no_pipe_is_refused(void **state)
{
    (void)state;
    char *path = testing_path(folder, "train_0");
    assert_int_equal(mkdir(path, 0755), 0);
    mf_error err = {0};
    int fd = -1;
    assert_false(mf_pipe_open(&channel, 0, 1, &fd, &err));
    assert_error(&err, MF_ERR_CONFIG, "this is neither a pipe nor a file");
    channel.mode = MF_CHANNEL_FILE;
    mf_error_clear(&err);
    assert_false(mf_pipe_open(&channel, 0, 1, &fd, &err));
    assert_error(&err, MF_ERR_CONFIG, "channel train is in File mode, not Pipe");
    free(path);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(late_pipes_are_waited_for_epoch_by_epoch),
        TEST(a_pipe_that_never_comes_fails_at_the_deadline),
        TEST(a_stop_is_noticed_in_both_waits),
        TEST(a_file_in_the_pipes_place_is_read),
        TEST(what_is_no_pipe_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
