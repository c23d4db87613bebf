"""job.py: the folders of one training job."""

import hashlib
import json
import shutil
from pathlib import Path


class Job:
    """One /opt/ml. Change hyperparameters, channels and config as you like; run()
    writes the JSON files first. config[name] = bytes replaces a file, None leaves
    it out."""

    def __init__(self, prefix, hyperparameters):
        self.prefix = Path(prefix)
        for folder in ("input/config", "input/data", "model", "output"):
            (self.prefix / folder).mkdir(parents=True)
        self.hyperparameters = hyperparameters
        self.channels = {}
        self.resource = {"current_host": "algo-1", "hosts": ["algo-1"],
                         "network_interface_name": "eth0"}
        self.config = {}

    data = property(lambda self: self.prefix / "input" / "data")
    model = property(lambda self: self.prefix / "model")
    model_bin = property(lambda self: self.prefix / "model" / "model.bin")
    output = property(lambda self: self.prefix / "output")
    failure = property(lambda self: self.prefix / "output" / "failure")
    checkpoints = property(lambda self: self.prefix / "checkpoints")

    def set(self, **hyperparameters):
        self.hyperparameters.update({k: str(v) for k, v in hyperparameters.items()})
        return self

    def channel(self, name, files, mode="File", properties=None):
        """Declares the channel and writes its files; files=None writes nothing (a
        FIFO comes, or a folder is missing)."""
        if properties is None:
            properties = {"TrainingInputMode": mode, "S3DistributionType": "FullyReplicated",
                          "RecordWrapperType": "None"}
        self.channels[name] = properties
        if files is not None:
            folder = self.data / name
            folder.mkdir(exist_ok=True)
            write_files(folder, files)
        return self

    def hosts(self, current, names):
        self.resource["current_host"], self.resource["hosts"] = current, list(names)
        return self

    def keep_checkpoints(self):
        self.checkpoints.mkdir(exist_ok=True)
        return self

    def write_config(self):
        for name, content in {
            "hyperparameters.json": self.hyperparameters,
            "inputdataconfig.json": self.channels,
            "resourceconfig.json": self.resource,
        }.items():
            self.config_file(name, self.config.get(name, content))
        for name, content in self.config.items():
            self.config_file(name, content)

    def config_file(self, name, content):
        path = self.prefix / "input" / "config" / name
        if content is None:
            path.unlink(missing_ok=True)
        elif isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(json.dumps(content), encoding="utf-8")

    def metrics(self, name="metrics.json"):
        return json.loads((self.output / "data" / name).read_text(encoding="utf-8"))

    def bytes(self):
        return self.model_bin.read_bytes()

    def forget_results(self):
        """What a new start on the platform finds: only checkpoints remain."""
        for folder in (self.model, self.output):
            shutil.rmtree(folder)
            folder.mkdir()

    def checkpoint_names(self):
        return sorted(p.name for p in self.checkpoints.iterdir())

    def tree(self, *below):
        """{path below the prefix: (mode, size, mtime, digest)} of everything there."""
        found = {}
        for top in below or (".",):
            for path in sorted((self.prefix / top).rglob("*")):
                status = path.lstat()
                digest = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
                found[str(path.relative_to(self.prefix))] = (
                    status.st_mode, status.st_size if digest else 0,
                    status.st_mtime_ns if digest else 0, digest)
        return found


def write_files(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
