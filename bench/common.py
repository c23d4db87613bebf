"""What all parts of the benchmark share: folders, CPUs, output, processes."""

import json
import os
import pathlib
import socket
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BIN = pathlib.Path(os.environ.get("MF_BIN", ROOT / "build/release/bin"))
NODE_MODULES = ROOT / "tests/node/node_modules"
REDIS = "/usr/bin/redis-server"
CPUS = sorted(os.sched_getaffinity(0))


def say(text=""):
    print(text, flush=True)


def run(*command, into=subprocess.PIPE, **how):
    """Standard output of a command; the benchmark ends if it fails."""
    done = subprocess.run([str(c) for c in command], stdout=into, text=True, **how)
    if done.returncode != 0:
        sys.exit(f"bench: {' '.join(map(str, command))} ended with {done.returncode}\n{done.stderr or ''}")
    return done.stdout


def train_job(prefix, hyperparameters, *channels):
    """The folders of a training job below prefix, as SageMaker lays them out; returns prefix."""
    (prefix / "input/config").mkdir(parents=True)
    for channel in channels:
        (prefix / "input/data" / channel).mkdir(parents=True)
    (prefix / "input/config/hyperparameters.json").write_text(
        json.dumps({name: str(value) for name, value in hyperparameters.items()}))
    return prefix


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def cpu_seconds(pid):
    """The CPU time that a process has used, user and system."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident(pid):
    """Bytes of resident memory, 0 if the process has ended."""
    for line in open(f"/proc/{pid}/status"):
        if line.startswith("VmRSS"):
            return int(line.split()[1]) * 1024
    return 0
