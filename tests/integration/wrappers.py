"""wrappers.py: words before a command that change its environment: its own mounts, a
limit on the size of files, a measurement of its memory.

    self.run_train(job, wrapper=inside(AS_OPT_ML + 'exec "$@"', job.prefix), prefix=False)
"""

import functools
import subprocess


@functools.lru_cache(maxsize=None)
def namespace():
    """Words that run a command in a private mount namespace in which it may mount, or
    None: as root directly, else by a user namespace where the kernel allows one."""
    for words in (["unshare", "--mount", "--propagation", "private"],
                  ["unshare", "--user", "--map-root-user", "--mount", "--propagation", "private"]):
        try:
            done = subprocess.run([*words, "sh", "-c", "mount -t tmpfs none /mnt"], timeout=20,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        except (OSError, subprocess.TimeoutExpired):
            continue
        if done.returncode == 0:
            return tuple(words)
    return None


def inside(script, *words, net=False, pid=False):
    """A wrapper for TrainCase.start: runs the shell `script` in a private mount
    namespace with words as $1, $2 …; the script ends in exec "$@" after its shifts."""
    unshare = list(namespace())
    if net:
        unshare.append("--net")
    if pid:
        unshare += ["--pid", "--fork", "--kill-child", "--mount-proc"]
    return (*unshare, "sh", "-e", "-c", script, "sh", *map(str, words))


# $1 the prefix: it becomes /opt/ml, nothing else is below /opt.
AS_OPT_ML = """
mount -t tmpfs -o mode=755 none /opt
mkdir /opt/ml
mount --bind "$1" /opt/ml
shift
"""

LIMITED = 'trap "" XFSZ; ulimit -f "$1"; shift; exec "$@"'


def file_size_limit(n_bytes):
    """A wrapper after which no file can grow beyond n_bytes: write() fails as on a
    full disk (EFBIG; SIGXFSZ is ignored), without root."""
    return ("sh", "-c", LIMITED, "sh", str(n_bytes // 512))


# argv: the file for ru_maxrss, then a command. Ends as the command ended.
MEASURE = """
import os, sys
pid = os.fork()
if pid == 0:
    os.execv(sys.argv[2], sys.argv[2:])
_, status, usage = os.wait4(pid, 0)
with open(sys.argv[1], "w") as peak:
    peak.write(str(usage.ru_maxrss))
code = os.waitstatus_to_exitcode(status)
if code < 0:
    os.kill(os.getpid(), -code)
sys.exit(code)
"""


def measured(peak):
    """A wrapper that writes the peak resident KiB of the command's process into the file `peak`."""
    return ("/usr/bin/python3", "-I", "-S", "-c", MEASURE, peak)
