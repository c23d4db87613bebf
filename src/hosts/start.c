/* start.c: the environment of MPI, loading it, and the first messages. */
#include "hosts/start.h"

#include "base/clock.h"
#include "base/grow.h"
#include "base/log.h"
#include "base/memory.h"
#include "hosts/mpi.h"
#include "hosts/state.h"
#include "hosts/watch.h"

#include <dlfcn.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    LIBRARY_BYTES = PATH_MAX + 32,
    TAG_RING = 0,
    TAG_PAIR = 1,
    FIRST_SECONDS = 10, /* at least, for first messages: hosts do not leave MPI's start at once */
    LINKS = 4,          /* TCP connections between two hosts */
    ADDRESSES_MAX = 16,
    ABORT_SECONDS = 15, /* in which the watch knows better why MPI gives up */
};

static const char INTERFACE[] = "OMPI_MCA_btl_tcp_if_include";

typedef struct mpi_library {
    char path[LIBRARY_BYTES];
    mf_mpi_start_function *start;
    mf_mpi_separate_function *separate;
} mpi_library;

/* --- the library ------------------------------------------------------------------ */

/* libmfmpi.so is in lib beside the program's bin. */
static bool load_mpi(mpi_library *mpi, mf_error *err)
{
    char self[PATH_MAX];
    const ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n <= 0) {
        mf_fail(err, MF_ERR_IO, MF_NOWHERE, "/proc is not mounted");
        return false;
    }
    self[n] = '\0';
    for (int part = 0; part < 2; part++) {
        char *slash = strrchr(self, '/');
        if (slash != NULL)
            *slash = '\0';
    }
    snprintf(mpi->path, sizeof mpi->path, "%s/lib/libmfmpi.so", self);
    /* Its plugins look for MPI's functions among those of the whole process, and must not find ours
     * there: PMI_Init is the name of one of Slurm's as well. */
    void *library = dlopen("libmpi.so.40", RTLD_NOW | RTLD_GLOBAL) != NULL
                        ? dlopen(mpi->path, RTLD_NOW | RTLD_LOCAL)
                        : NULL;
    if (library == NULL) {
        mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                "several hosts need Open MPI 4, which is not here: %s", dlerror());
        return false;
    }
    mpi->start = (mf_mpi_start_function *)dlsym(library, "mf_mpi_start");
    mpi->separate = (mf_mpi_separate_function *)dlsym(library, "mf_mpi_separate");
    if (mpi->start == NULL || mpi->separate == NULL) {
        mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE, "%s is of another version", mpi->path);
        return false;
    }
    return true;
}

/* --- the environment -------------------------------------------------------------- */

static bool is_of_mpi(const char *variable)
{
    return strncmp(variable, "OMPI_", 5) == 0 || strncmp(variable, "PMI_", 4) == 0 ||
           strncmp(variable, "PMIX_", 5) == 0 || strncmp(variable, "FLUX_", 5) == 0;
}

/* Takes away the user's variables, which could start MPI in another way. */
static void clean_environment(void)
{
    for (char **at = environ; *at != NULL;) {
        const char *equals = strchr(*at, '=');
        char name[256];
        if (!is_of_mpi(*at) || equals == NULL || (size_t)(equals - *at) >= sizeof name) {
            at++;
            continue;
        }
        memcpy(name, *at, (size_t)(equals - *at));
        name[equals - *at] = '\0';
        mf_log_message(MF_LOG_WARNING, "ignored", "the variable %s is not used", name);
        unsetenv(name); /* the rest moves up */
        at = environ;
    }
}

/* How Open MPI is to start. Before there is a second thread, which may read the environment; the
 * interface has its place already and gets its value later. */
static bool set_environment(const mpi_library *mpi, mf_error *err)
{
    const char *const values[][2] = {
        {"FLUX_JOB_ID", "1"},
        {"FLUX_PMI_LIBRARY_PATH", mpi->path},
        {"OMPI_MCA_pmix", "flux"},
        {"OMPI_MCA_schizo", "flux"},
        {"OMPI_MCA_ess", "pmi"},
        {"OMPI_MCA_pml", "ob1"},
        {"OMPI_MCA_btl", "tcp,self"},               /* no shared memory: /dev/shm may be tiny */
        {"OMPI_MCA_orte_create_session_dirs", "0"}, /* everything but the job may be read-only */
        {"OMPI_MCA_btl_tcp_links", "4"},            /* LINKS: EC2 limits a connection to 5 Gbit/s */
        {INTERFACE, ""},
    };
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        if (setenv(values[i][0], values[i][1], 1) != 0)
            return mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for the environment");
    return true;
}

/* By name: 127.0.0.1/32 would start and then exchange nothing. */
static bool choose_interface(const mf_hosts_options *options, mf_hosts_watch *watch, char *name,
                             mf_error *err)
{
    if (mf_hosts_interface_exists(options->interface))
        snprintf(name, MF_HOSTS_INTERFACE_BYTES, "%s", options->interface);
    else if (!mf_hosts_watch_interface(watch, name))
        return mf_fail(err, MF_ERR_IO, MF_NOWHERE,
                       "no interface has the address by which the hosts reach each other");
    return setenv(INTERFACE, name, 1) == 0 ||
           mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for the environment");
}

static uint32_t number_in(const char *variable)
{
    const char *text = getenv(variable);
    char *end;
    const long value = text != NULL ? strtol(text, &end, 10) : 0;
    return text != NULL && *end == '\0' && value > 0 && value < 1 << 20 ? (uint32_t)value : 0;
}

uint32_t mf_hosts_launched(void)
{
    const uint32_t mpirun = number_in("OMPI_COMM_WORLD_SIZE");
    const uint32_t srun = number_in("SLURM_STEP_NUM_TASKS");
    const bool has_pmi = getenv("PMIX_RANK") != NULL || getenv("PMI_RANK") != NULL;
    if (mpirun > 0)
        return mpirun;
    return srun > 0 && has_pmi ? srun : 1;
}

/* --- what PMI needs -------------------------------------------------------------- */

static bool pmi_put(void *state, const char *key, const char *value)
{
    mf_error err = {0};
    mf_hosts_group *group = state;
    const bool ok = mf_hosts_watch_put(group->teller, key, value, &err);
    if (!ok)
        mf_hosts_fail(group, &err);
    return ok;
}

static bool pmi_fence(void *state)
{
    mf_error ignored = {0}; /* it is the failure of the group */
    mf_hosts_group *group = state;
    return mf_hosts_watch_fence(group->teller, &ignored);
}

static bool pmi_get(void *state, const char *key, char *value, size_t n_value)
{
    mf_hosts_group *group = state;
    return mf_hosts_watch_get(group->teller, key, value, n_value);
}

/* MPI gives up: at the start because of the interface, later when a neighbour is lost. Then the watch
 * knows who, if it is given the time. */
static void pmi_abort(void *state, const char *text)
{
    mf_hosts_group *group = state;
    mf_error err = {0};
    if (!group->exchanges) {
        mf_fail(&err, MF_ERR_IO, MF_NOWHERE,
                "no other host can be reached over interface %s (network_interface_name of "
                "resourceconfig.json)",
                getenv(INTERFACE));
    } else {
        mf_clock_sleep_ms(ABORT_SECONDS * 1000);
        mf_fail(&err, MF_ERR_IO, MF_NOWHERE, "MPI has ended this process: %.300s", text);
    }
    mf_hosts_fail(group, &err);
    mf_error_clear(&err);
    if (mf_hosts_failed(group, &err))
        group->on_failure(group->on_failure_argument, &err);
}

/* --- first messages --------------------------------------------------------------- */

static bool no_message(const mf_hosts_group *group, uint32_t from, const char *interface,
                       double seconds, mf_error *err)
{
    return mf_fail(err, MF_ERR_IO, MF_NOWHERE,
                   "no message came from %s within %g s over interface %s (network_interface_name "
                   "of resourceconfig.json): all TCP ports must be open between the hosts",
                   group->name[from], seconds, interface);
}

/* One message to the next host and one from the previous, over MPI alone. Not by exchange.h's waits:
 * the deadline is shorter, and the error names the interface. */
static bool go_round_the_ring(mf_hosts_group *group, const char *interface, double seconds,
                              mf_error *err)
{
    const uint32_t next = (group->rank + 1) % group->size;
    const uint32_t previous = (group->rank + group->size - 1) % group->size;
    const double until = mf_clock_seconds() + seconds;
    mf_hosts_message message;
    uint32_t from;
    bool found = false;
    if (!mf_hosts_send(group, next, TAG_RING, &group->rank, sizeof group->rank, err))
        return false;
    while (!found && mf_clock_seconds() < until) {
        if (!mf_hosts_probe(group, previous, TAG_RING, &message, &found, err))
            return false;
        if (!found)
            usleep(1000);
    }
    if (!found)
        return no_message(group, previous, interface, seconds, err);
    return mf_hosts_receive(group, previous, TAG_RING, &from, sizeof from, err);
}

/* Opens the connections between each two hosts from the one of lower rank: it sends enough messages
 * for all links, and the other one sends nothing before it has them. Two hosts that open the same
 * link at the same time are a case that need not arise. */
static bool open_links(mf_hosts_group *group, const char *interface, double seconds, mf_error *err)
{
    const double until = mf_clock_seconds() + seconds;
    for (uint32_t to = group->rank + 1; to < group->size; to++)
        for (int n = 0; n < 2 * LINKS; n++)
            if (!mf_hosts_send(group, to, TAG_PAIR, &group->rank, sizeof group->rank, err))
                return false;
    for (uint32_t from = 0; from < group->rank; from++)
        for (int n = 0; n < 2 * LINKS;) {
            mf_hosts_message message;
            uint32_t rank;
            bool found;
            if (!mf_hosts_probe(group, from, TAG_PAIR, &message, &found, err))
                return false;
            if (found && !mf_hosts_receive(group, from, TAG_PAIR, &rank, sizeof rank, err))
                return false;
            if (!found && mf_clock_seconds() > until)
                return no_message(group, from, interface, seconds, err);
            if (found)
                n++;
            else
                usleep(1000);
        }
    return true;
}

static bool separate_channels(mf_hosts_group *group, const mpi_library *mpi, double seconds,
                              mf_error *err)
{
    const double until = mf_clock_seconds() + seconds;
    for (bool done = false;;) {
        if (!mpi->separate(&done, err) || mf_hosts_failed(group, err))
            return false;
        if (done)
            return true;
        if (mf_clock_seconds() > until)
            return mf_fail(err, MF_ERR_IO, MF_NOWHERE,
                           "the hosts exchange no messages for %g s: all TCP ports must be open "
                           "between them",
                           seconds);
        usleep(200);
    }
}

static bool prepare_exchange(mf_hosts_group *group, const mpi_library *mpi, const char *interface,
                             double seconds, mf_error *err)
{
    if (seconds < FIRST_SECONDS)
        seconds = FIRST_SECONDS;
    group->exchanges = open_links(group, interface, seconds, err) &&
                       go_round_the_ring(group, interface, seconds, err) &&
                       separate_channels(group, mpi, seconds, err);
    return group->exchanges;
}

/* --- the two ways to start -------------------------------------------------------- */

static void log_started(const mf_hosts_group *group, const char *interface, double seconds)
{
    mf_log_line line;
    mf_log_begin(&line, MF_LOG_INFO, "hosts");
    mf_log_text(&line, "name", group->name[group->rank]);
    mf_log_count(&line, "rank", group->rank);
    mf_log_count(&line, "hosts", group->size);
    mf_log_text(&line, "interface", interface);
    mf_log_number(&line, "mpi_seconds", seconds, 3);
    mf_log_end(&line);
}

static mf_hosts_watch_options watch_options(const mf_hosts_options *options)
{
    return (mf_hosts_watch_options){
        .job = options->job,
        .settings = options->settings,
        .listener = -1,
        .port = options->port,
        .wait_seconds = options->wait_seconds,
        .silence_seconds = options->silence_seconds,
        .on_failure = options->on_failure,
        .argument = options->argument,
    };
}

/* SageMaker: names are known, MPI is started here. */
static bool start_by_names(const mf_hosts_options *options, const mpi_library *mpi,
                           mf_hosts_group **started, mf_error *err)
{
    mf_hosts_watch_options watching = watch_options(options);
    char interface[MF_HOSTS_INTERFACE_BYTES];
    mf_mpi_started result;
    clean_environment();
    if (!set_environment(mpi, err))
        return false;
    watching.first = options->names;
    watching.n_first = 1;
    if (options->rank == 0 && (watching.listener = mf_hosts_listen(&watching.port, err)) < 0)
        return false;
    mf_hosts_group *group = mf_hosts_group_create(options->rank, options->size, options->names,
                                                  options->timeout_seconds, err);
    if (group == NULL)
        return false;
    *started = group;
    group->on_failure = options->on_failure;
    group->on_failure_argument = options->argument;
    mf_hosts_watch *watch = mf_hosts_watch_start(group, &watching, err);
    if (watch == NULL || !choose_interface(options, watch, interface, err))
        return false;
    const double start = mf_clock_seconds();
    const mf_mpi_pmi pmi = {
        .state = group,
        .rank = group->rank,
        .size = group->size,
        .put = pmi_put,
        .fence = pmi_fence,
        .get = pmi_get,
        .abort = pmi_abort,
    };
    if (!mpi->start(&pmi, &result, err))
        return false;
    /* Its end would wait for all hosts, and the messages are received by then. */
    result.transport.close = NULL;
    group->transport = result.transport;
    if (!prepare_exchange(group, mpi, interface, options->silence_seconds, err))
        return false;
    log_started(group, interface, mf_clock_seconds() - start);
    return true;
}

/* Names of processes: those of their machines, and their rank where a machine has several. */
static bool name_processes(mf_hosts_group *group, const char *processor, mf_error *err)
{
    mf_hosts_pieces pieces;
    if (!mf_hosts_gather(group, processor, strlen(processor) + 1, &pieces, err))
        return false;
    for (uint32_t r = 0; r < group->size; r++) {
        const char *name = (const char *)pieces.bytes + pieces.start[r];
        bool alone = true;
        for (uint32_t other = 0; other < group->size && alone; other++)
            alone =
                other == r || strcmp(name, (const char *)pieces.bytes + pieces.start[other]) != 0;
        if (alone)
            snprintf(group->name[r], sizeof group->name[r], "%.64s", name);
        else
            snprintf(group->name[r], sizeof group->name[r], "%.64s-%" PRIu32, name, r);
    }
    mf_hosts_pieces_free(&pieces);
    return true;
}

/* Where rank 0 listens, for all. */
typedef struct meeting_point {
    uint16_t port;
    uint16_t n;
    char address[ADDRESSES_MAX][MF_HOSTS_ADDRESS_BYTES];
} meeting_point;

static bool meet(mf_hosts_group *group, mf_hosts_watch_options *watching, mf_error *err)
{
    meeting_point point = {0};
    const char *first[ADDRESSES_MAX];
    if (group->rank == 0) {
        watching->listener = mf_hosts_listen(&point.port, err);
        if (watching->listener < 0)
            return false;
        point.n = (uint16_t)mf_hosts_addresses(point.address, ADDRESSES_MAX);
    }
    if (!mf_hosts_broadcast(group, 0, &point, sizeof point, err))
        return false;
    for (uint16_t i = 0; i < point.n; i++)
        first[i] = point.address[i];
    watching->first = first;
    watching->n_first = point.n;
    watching->port = point.port;
    return mf_hosts_watch_start(group, watching, err) != NULL;
}

/* mpirun, srun: MPI is started by its environment, and the watch after it. */
static bool start_by_launcher(const mf_hosts_options *options, const mpi_library *mpi,
                              mf_hosts_group **started, mf_error *err)
{
    mf_hosts_watch_options watching = watch_options(options);
    mf_mpi_started result;
    const double start = mf_clock_seconds();
    if (!mpi->start(NULL, &result, err))
        return false;
    if (result.size != mf_hosts_launched())
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                       "%" PRIu32 " processes were started, but MPI has %" PRIu32
                       ": mpirun or srun must be of this Open MPI (srun --mpi=pmix)",
                       mf_hosts_launched(), result.size);
    const char **names = mf_allocate(result.size, sizeof *names, "names of hosts", err);
    if (names == NULL)
        return false;
    for (uint32_t r = 0; r < result.size; r++)
        names[r] = "a host";
    mf_hosts_group *group =
        mf_hosts_group_create(result.rank, result.size, names, options->timeout_seconds, err);
    mf_free(names);
    if (group == NULL)
        return false;
    *started = group;
    group->on_failure = options->on_failure;
    group->on_failure_argument = options->argument;
    group->transport = result.transport;
    if (!prepare_exchange(group, mpi, "that MPI has chosen", options->silence_seconds, err) ||
        !name_processes(group, result.processor, err) || !meet(group, &watching, err))
        return false;
    log_started(group, "", mf_clock_seconds() - start);
    return true;
}

bool mf_hosts_start(const mf_hosts_options *options, mf_hosts_group **group, mf_error *err)
{
    mpi_library mpi = {.start = NULL};
    *group = NULL;
    if (options->size == 1 && mf_hosts_launched() == 1)
        return true;
    if (!load_mpi(&mpi, err))
        return false;
    return options->size > 1 ? start_by_names(options, &mpi, group, err)
                             : start_by_launcher(options, &mpi, group, err);
}

bool mf_hosts_finish(mf_hosts_group *group, mf_error *err)
{
    if (group == NULL)
        return true;
    if (!mf_hosts_watch_done(group->teller, err))
        return false;
    if (group->transport.close != NULL)
        group->transport.close(group->transport.state);
    mf_hosts_watch_leave(group->teller);
    return true;
}
