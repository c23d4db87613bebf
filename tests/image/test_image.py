"""Checklist 1-17 (docs/sagemaker.md): the image itself, and how its programs start."""

import os
import re
import shutil
import struct
import subprocess
import unittest
from pathlib import Path

from container import docker
from image_case import IMAGE, LOCKED, READ_ONLY, ROWS, ImageCase, config, files, own_files, unpack
from unprivileged import UNPRIVILEGED
from programs import SOURCE

MACHINES = {"amd64": 0x3E, "arm64": 0xB7}
LIMIT = 16400000


def elf(content):
    return content is not None and content[:4] == b"\x7fELF"


class WhatIsInIt(ImageCase):
    def test_train_and_serve_are_on_path_for_everyone_and_of_its_architecture(self):
        """Checklist 2: ELF programs that need no shell."""
        path = dict(v.split("=", 1) for v in config()["Config"]["Env"])["PATH"].split(":")
        for name in ("train", "serve", "evaluate"):
            at = [f"{folder}/{name}" for folder in path if f"{folder}/{name}" in files()]
            self.assertEqual(1, len(at), f"{name} on {path}")
            info, content = files()[at[0]]
            self.assertEqual(0o555, info.mode & 0o555, oct(info.mode))
            self.assertTrue(elf(content))
            self.assertEqual(MACHINES[config()["Architecture"]],
                             struct.unpack_from("<H", content, 18)[0])
            folder = Path(at[0])
            for parent in folder.parents:
                if str(parent) != "/":
                    self.assertEqual(0o555, files()[str(parent)][0].mode & 0o555, parent)

    def test_it_has_no_files_below_opt_ml(self):
        """Checklist 5."""
        self.assertEqual([], [path for path in files() if path.startswith("/opt")])

    def test_it_names_no_user_entrypoint_or_init(self):
        """Checklist 6."""
        here = config()["Config"]
        self.assertEqual("", here["User"] or "")
        self.assertFalse(here["Entrypoint"])
        self.assertFalse(here.get("OnBuild"))
        self.assertFalse(here.get("Volumes"))
        self.assertEqual(["8080/tcp"], list(here["ExposedPorts"]))
        self.assertFalse([path for path in own_files() if re.search("tini|init$", path)])

    def test_it_holds_the_programs_their_libraries_and_licences_and_nothing_else(self):
        """Checklist 6: no shell, no package manager, no compiler; nothing setuid."""
        for path, (info, content) in own_files().items():
            self.assertTrue(info.isfile() or info.islnk(), f"{path} is no plain file")
            self.assertEqual(0, info.mode & 0o7022, f"{path} {info.mode:o}")
            self.assertEqual((0, 0), (info.uid, info.gid), path)
            kind = r"/lib(64)?/([a-z0-9_-]+/)?[\w.+-]+\.so[.\d]*|/local/lib/libmfmpi\.so|" \
                r"/lib/[a-z0-9_-]+/openmpi/lib/openmpi3/mca_\w+\.so" if elf(content) else \
                r"/etc/(passwd|group|os-release|ssl/certs/ca-certificates\.crt)|/var/lib/dpkg/status\.d/[\w.+-]+|" \
                r"/usr/share/doc/[\w.+-]+/copyright|/usr/share/openmpi/help-[a-z-]+\.txt"
            if path not in ("/usr/local/bin/train", "/usr/local/bin/serve", "/usr/local/bin/evaluate"):
                self.assertRegex(path, rf"\A(/usr)?({kind})\Z")
        open_to_all = [path for path, (info, _) in files().items()
                       if info.mode & 0o002 and not info.issym() and not path.startswith(("/dev", "/proc", "/sys"))]
        self.assertEqual(["/tmp"], open_to_all)
        self.assertEqual(0o1777, files()["/tmp"][0].mode & 0o7777)

    def test_it_has_exactly_the_needed_libraries(self):
        """Checklist 2: by the files' own headers. The components of Open MPI are opened by it."""
        libraries = {Path(path).name for path, (_, content) in own_files().items()
                     if elf(content) and ".so" in path and "/openmpi3/" not in path}
        needed = {"libgcc_s.so.1", "libmfmpi.so"}  # both are opened by name
        for path, (_, content) in own_files().items():
            if elf(content):
                copy = self.folder / "elf"
                copy.write_bytes(content)
                output = subprocess.run(["readelf", "--wide", "--dynamic", "--program-headers", copy],
                                        check=True, timeout=60, stdout=subprocess.PIPE).stdout.decode()
                needed |= set(re.findall(r"\(NEEDED\).*\[(.+)\]", output))
                needed |= {Path(p).name for p in re.findall(r"interpreter: (.+)\]", output)}
        self.assertEqual(sorted(libraries), sorted(needed))

    def test_it_has_release_packages_and_licences(self):
        release = files()["/etc/os-release"][1].decode()
        self.assertIn("\nID=debian\n", "\n" + release)
        packages = [path for path in own_files() if path.startswith("/var/lib/dpkg/status.d/")]
        self.assertGreater(len(packages), 4)
        for path in packages:
            name = Path(path).name
            output = files()[path][1].decode()
            self.assertRegex(output, rf"(?m)\APackage: {re.escape(name)}$")
            self.assertRegex(output, r"(?m)^Version: \S+$")
            self.assertIn(f"/usr/share/doc/{name}/copyright", files())
        ours = files()["/usr/share/doc/movie-recommender/copyright"][1]
        self.assertEqual((SOURCE / "LICENSE").read_bytes(), ours)

    def test_it_has_trusted_certificates(self):
        """Debian's certificates, in OpenSSL's default folder."""
        found = files()["/etc/ssl/certs/ca-certificates.crt"][1]
        self.assertGreater(found.count(b"-----BEGIN CERTIFICATE-----"), 100)

    def test_it_carries_no_trace_of_where_it_was_built(self):
        """Checklist 16: no proxy, mirror, key or other variable in configuration or history."""
        self.assertEqual(["PATH=/usr/local/bin"], config()["Config"]["Env"])
        history = docker("history", "--no-trunc", "--format", "{{.CreatedBy}}", IMAGE)
        self.assertNotRegex(history, r"(?i)proxy|mirror|://(?!github\.com)|password|secret|token|key=")
        for path in ("/usr/local/bin/train", "/usr/local/bin/serve", "/usr/local/bin/evaluate"):
            for word in (b"/source/", b"/build/", b"GCC: ("):
                self.assertNotIn(word, files()[path][1], path)

    def test_it_is_small(self):
        """Checklist 15: far below the platform's 10 GB; our own limit is 16.4 MB unpacked."""
        size = sum(info.size for info, _ in own_files().values())
        layers = config()["RootFS"]["Layers"]
        print(f"\n{IMAGE}: {size / 1e6:.1f} MB unpacked in {len(layers)} layer(s), "
              f"{len(own_files())} files", flush=True)
        self.assertLess(size, LIMIT)
        self.assertLess(config()["Size"], LIMIT)

    def test_its_labels_are_true(self):
        """Checklist 16: version, licence and revision; of the abilities the port alone. That
        the port is honoured, and several models are refused, is tested with the server."""
        labels = config()["Config"]["Labels"]
        version = re.search(r"VERSION (\d+\.\d+\.\d+)", (SOURCE / "CMakeLists.txt").read_text())
        self.assertEqual(version.group(1), labels["org.opencontainers.image.version"])
        self.assertEqual("Apache-2.0", labels["org.opencontainers.image.licenses"])
        self.assertRegex(labels["org.opencontainers.image.revision"], r"\A([0-9a-f]{40})?\Z")
        self.assertIn("org.opencontainers.image.source", labels)
        abilities = {name: value for name, value in labels.items() if "capabilities" in name}
        self.assertEqual({"com.amazonaws.sagemaker.capabilities.accept-bind-to-port": "true"},
                         abilities)


class HowItStarts(ImageCase):
    def test_train_and_serve_start_by_name_alone(self):
        """Checklist 1: no other argument, variable or option but the folder."""
        job = self.job_on(ROWS)
        self.trained_in_it(job)
        run = self.contained("serve", ml=job.prefix)
        run.wait_for('"event":"model"', stream="stderr")
        self.assertIn('"port":8080', run.text("stderr"))
        run.signal(15)
        self.assertEqual(0, run.wait().status)

    def test_as_an_entrypoint_train_needs_no_argument(self):
        """Checklist 3: and accepts the argument `train`."""
        for words in ((), ("train",)):
            job = self.job_on(ROWS)
            job.write_config()
            result = self.contained(*words, ml=job.prefix, options=("--entrypoint", "train")).wait()
            self.assertTrained(job, result)

    def test_with_an_init_it_starts_stops_and_ends_the_same(self):
        """Checklist 4: as process 1 and as its child; status, model and signals."""
        models = []
        for options in ((), ("--init",)):
            with self.subTest(options):
                job = self.job_on(ROWS)
                self.trained_in_it(job, *options)
                models.append(job.bytes())
                failing = self.job_on(ROWS, n_factors="0")
                failing.write_config()
                result = self.contained("train", ml=failing.prefix, options=options).wait()
                self.assertFailed(failing, result, "n_factors")
                stopped = self.job_on(ROWS, n_epochs=100_000)
                stopped.write_config()
                run = self.contained("train", ml=stopped.prefix, options=options)
                run.wait_for("^epoch=2 ")
                self.assertEqual(0, self.stopped_by_the_engine(run, 120).status)
                self.assertUsableModel(stopped, ROWS)
                server = self.served(*options)
                self.assertServes(server)
                self.assertEqual(0, self.stopped_by_the_engine(server.run, 30).status)
                server.stopped = server.run.result
        self.assertEqual(models[0], models[1])

    def test_as_process_1_it_has_no_children_and_no_zombies(self):
        """Checklist 4, §1.14."""
        server = self.served()
        pid = server.pid
        self.assertRegex(server.run.status_file(), r"(?m)^NSpid:\s+\d+\s+1$")
        for task in Path(f"/proc/{pid}/task").iterdir():
            self.assertEqual("", (task / "children").read_text())

    def test_an_empty_mount_in_place_of_opt_ml_hides_nothing(self):
        """Checklist 5: both report what they lack, and serve keeps responding with that reason."""
        empty = self.folder / "empty"
        empty.mkdir()
        result = self.contained("train", ml=empty).wait()
        self.assertEqual(1, result.status, result)
        self.assertIn("channel train is missing", self.last_error(result))
        server = self.served(ml=empty, ready=False)
        server.wait_for(lambda: server.try_ping() == 503, "a ping of 503")

    def test_any_user_may_run_it(self):
        """Checklist 7: an unknown uid, an unprivileged one, and root; only /tmp and the results
        writable."""
        for user in (12345, UNPRIVILEGED, 0):
            with self.subTest(user):
                job = self.job_on(ROWS)
                self.own(user, job.model, job.output)
                self.trained_in_it(job, "--user", str(user), *READ_ONLY)
                server = self.served("--user", str(user), *READ_ONLY, ml=job.prefix)
                self.assertServes(server)

    def test_it_runs_without_network_and_credentials(self):
        """Checklist 8."""
        job = self.job_on(ROWS)
        result = self.trained_in_it(job, "--network", "none")
        self.assertNotIn("AWS_", result.log_text())
        run = self.contained("serve", ml=job.prefix, options=("--network", "none"))
        run.wait_for('"event":"model"', stream="stderr")
        run.signal(15)
        self.assertEqual(0, run.wait().status)

    def test_it_runs_without_capabilities_and_privileges(self):
        """Checklist 9."""
        job = self.job_on(ROWS)
        self.trained_in_it(job, *LOCKED)
        server = self.served(*LOCKED, ml=job.prefix)
        self.assertServes(server)
        self.assertRegex(server.run.status_file(), r"(?m)^CapEff:\s+0+$")
        self.assertRegex(server.run.status_file(), r"(?m)^NoNewPrivs:\s+1$")

    def test_it_serves_from_a_read_only_file_system(self):
        """Checklist 10: and without even a /tmp to write to."""
        for options in (READ_ONLY, ("--read-only",)):
            self.assertServes(self.served(*options))

    def test_dev_shm_stays_empty_and_may_be_tiny(self):
        """Checklist 11."""
        job = self.job_on(ROWS, n_epochs=100_000)
        job.write_config()
        run = self.contained("train", ml=job.prefix, options=("--shm-size", "64k"))
        run.wait_for("^epoch=2 ")
        self.assertEqual([], os.listdir(f"/proc/{run.pid}/root/dev/shm"))
        run.signal(15)
        self.assertEqual(0, run.wait().status)
        server = self.served("--shm-size", "64k")
        self.assertServes(server)
        self.assertEqual([], os.listdir(f"/proc/{server.pid}/root/dev/shm"))

    def test_it_runs_on_the_oldest_cpu_of_its_architecture(self):
        """Checklist 12: emulated, without AVX; the model is the same."""
        if config()["Architecture"] != "amd64" or not shutil.which("qemu-x86_64"):
            self.not_here("an old CPU needs qemu-x86_64")
        root = self.folder / "root"
        unpack(root)
        modern, old = self.job_on(ROWS), self.job_on(ROWS)
        self.trained_in_it(modern)
        old.write_config()
        output = subprocess.run(["qemu-x86_64", "-cpu", "Conroe", "-L", root,
                                 root / "usr/local/bin/train", "--prefix", old.prefix],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=600,
                                # A restarted process would run without the emulator.
                                env={"OMP_WAIT_POLICY": "passive"}, check=False)
        self.assertEqual(0, output.returncode, output.stderr.decode())
        self.assertIn(b'"cpu":"sse2"', output.stderr)
        self.assertSameModel(modern, old)

    def threads(self, *options, **hyperparameters):
        result = self.trained_in_it(self.job_on(ROWS, **hyperparameters), *options)
        return next(line["threads"] for line in result.log if line["event"] == "start")

    def test_threads_follow_the_affinity_mask_and_not_the_shares(self):
        """Checklist 13: and a setting may lower them."""
        cpus = sorted(os.sched_getaffinity(0))
        self.assertEqual(len(cpus), self.threads("--cpu-shares", "2"))
        self.assertEqual(1, self.threads("--cpuset-cpus", str(cpus[0])))
        self.assertEqual(1, self.threads(n_threads=1))
        server = self.served("--cpuset-cpus", str(cpus[0]))
        self.assertEqual(1, server.wait_for_log("listening")["threads"])
        server = self.served("--cpu-shares", "2")
        self.assertEqual(len(cpus), server.wait_for_log("listening")["threads"])

    def test_without_an_argument_or_with_a_wrong_one_it_prints_the_usage(self):
        """Checklist 17: on stderr, with a status that is not 0. The engine rejects a word that is
        no program, as there is no entrypoint."""
        result = self.contained().wait()
        self.assertEqual((2, ""), (result.status, result.stdout))
        for word in ("train", "serve", "/opt/ml", "8080"):
            self.assertIn(word, result.stderr)
        for words in (("train", "--wrong"), ("serve", "wrong")):
            result = self.contained(*words).wait()
            self.assertEqual((2, ""), (result.status, result.stdout))
            self.assertIn("usage: " + words[0], result.stderr)
        refused = subprocess.run(["docker", "run", "--rm", IMAGE, "trian"], timeout=300, check=False,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual((127, b""), (refused.returncode, refused.stdout))
        self.assertIn(b'"trian"', refused.stderr)


if __name__ == "__main__":
    unittest.main()
