/* process.c: fork and exec. The child reports why exec failed through a pipe that a successful exec
 * closes, so the parent knows before it returns. Between fork and exec there are system calls only.
 *
 * The leader of the group is reaped after the group was killed: until then no other group can have
 * its number. */
#include "local/runtime/process.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FILES = 1024 };

/* After fork: nothing but system calls. The number of what went wrong goes into `report`,
 * which exec closes. */
_Noreturn static void become(char *const *words, char *const *variables, const char *folder,
                             pid_t parent, int output, int report)
{
    sigset_t none;
    sigemptyset(&none);
    /* SIGPIPE is the one that we ignore, and that exec would keep ignored. */
    signal(SIGPIPE, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setpgid(0, 0);
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur > FILES) {
        files.rlim_cur = FILES;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int empty = open("/dev/null", O_RDONLY);
    if (getppid() == parent && empty >= 0 && dup2(empty, STDIN_FILENO) >= 0 &&
        dup2(output, STDOUT_FILENO) >= 0 && dup2(output, STDERR_FILENO) >= 0 &&
        (folder == NULL || chdir(folder) == 0)) {
        if (empty > STDERR_FILENO)
            close(empty);
        execve(words[0], words, variables);
    }
    const int reason = errno;
    const ssize_t n = write(report, &reason, sizeof reason);
    _exit(n > 0 ? 127 : 126);
}

bool mf_local_process_start(mf_local_process *process, char *const *words, char *const *variables,
                            const char *folder, mf_error *err)
{
    int output[2] = {-1, -1}, report[2] = {-1, -1};
    bool ok = false;
    *process = MF_LOCAL_PROCESS_NONE;
    if (pipe2(output, O_CLOEXEC) != 0 || pipe2(report, O_CLOEXEC) != 0) {
        mf_fail_errno(err, errno, MF_NOWHERE, "cannot make a pipe for %s", words[0]);
        goto done;
    }
    /* Only our end: the child's must block, as its standard output always did. */
    if (fcntl(output[0], F_SETFL, O_NONBLOCK) != 0) {
        mf_fail_errno(err, errno, MF_NOWHERE, "cannot set up a pipe for %s", words[0]);
        goto done;
    }
    const pid_t parent = getpid();
    const pid_t pid = fork();
    if (pid == 0)
        become(words, variables, folder, parent, output[1], report[1]);
    if (pid < 0) {
        mf_fail_errno(err, errno, MF_NOWHERE, "cannot start %s", words[0]);
        goto done;
    }
    setpgid(pid, pid);
    close(report[1]);
    report[1] = -1;
    int reason = 0;
    ssize_t n;
    do
        n = read(report[0], &reason, sizeof reason);
    while (n < 0 && errno == EINTR);
    if (n > 0) {
        waitpid(pid, NULL, 0);
        mf_fail_errno(err, reason, MF_NOWHERE, "fork/exec %s", words[0]);
        goto done;
    }
    process->pid = pid;
    process->output = output[0];
    output[0] = -1;
    ok = true;
done:
    for (int i = 0; i < 2; i++) {
        if (output[i] >= 0)
            close(output[i]);
        if (report[i] >= 0)
            close(report[i]);
    }
    return ok;
}

void mf_local_process_kill(const mf_local_process *process, int signal_number)
{
    if (process->pid > 0)
        kill(-process->pid, signal_number);
}

bool mf_local_process_reap(mf_local_process *process, int *status)
{
    if (process->pid <= 0)
        return false;
    siginfo_t end;
    memset(&end, 0, sizeof end);
    if (waitid(P_PID, (id_t)process->pid, &end, WEXITED | WNOHANG | WNOWAIT) != 0 ||
        end.si_pid == 0)
        return false;
    /* Until the leader is waited for, no other group can have this number. */
    mf_local_process_kill(process, SIGKILL);
    if (waitpid(process->pid, status, 0) != process->pid)
        return false;
    process->pid = 0;
    return true;
}

void mf_local_process_close_output(mf_local_process *process)
{
    if (process->output >= 0)
        close(process->output);
    process->output = -1;
}

char *mf_local_process_describe_end(int status, char text[MF_LOCAL_PROCESS_END_BYTES])
{
    if (!WIFSIGNALED(status)) {
        snprintf(text, MF_LOCAL_PROCESS_END_BYTES, "exit status %d", WEXITSTATUS(status));
        return text;
    }
    snprintf(text, MF_LOCAL_PROCESS_END_BYTES, "signal: %s", strsignal(WTERMSIG(status)));
    for (char *c = text; *c != '\0'; c++)
        *c = (char)tolower((unsigned char)*c);
    return text;
}

size_t mf_local_process_peak_bytes(const mf_local_process *process)
{
    char path[64], status[4096];
    snprintf(path, sizeof path, "/proc/%d/status", (int)process->pid);
    const int fd = process->pid > 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return 0;
    const ssize_t n = read(fd, status, sizeof status - 1);
    close(fd);
    status[n > 0 ? n : 0] = '\0';
    const char *line = strstr(status, "VmHWM:");
    return line != NULL ? strtoull(line + strlen("VmHWM:"), NULL, 10) * 1024 : 0;
}
