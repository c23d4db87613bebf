"""script/run: the whole path on one machine, as README.md shows it."""

import gzip
import json
import os
import pathlib
import pty
import re
import shutil
import select
import signal
import socket
import subprocess
import tempfile
import time
import unittest

from ports import Port
from process import Run as Process
from programs import BIN, SOURCE
from skipping import LoudCase
from terminal import Terminal


def processes_of(folder):
    """Processes that have the folder in their command line or environment."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            text = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
        except OSError:
            continue
        if str(folder).encode() in text and int(entry.name) != os.getpid():
            found.append(entry.name)
    return found


class Run(LoudCase):
    def setUp(self):
        if BIN != SOURCE / "build/release/bin":
            self.not_here("script/run starts the programs of build/release")
        keep = tempfile.TemporaryDirectory()
        self.addCleanup(keep.cleanup)
        self.folder = pathlib.Path(keep.name)
        self.environment = {**os.environ, "FOLDER": keep.name, "PORT": "21800",
                            "ENDPOINT_PORT": "21900"}

    def test_the_next_free_ports_are_used(self):
        for name in ("PORT", "ENDPOINT_PORT"):
            port = Port()  # the next one is not used by clients either
            self.addCleanup(port.close)
            taken = socket.create_server(("127.0.0.1", port.number))
            self.addCleanup(taken.close)
            self.environment[name] = str(taken.getsockname()[1])
        done = subprocess.run([SOURCE / "script/run", "--once"], env=self.environment, timeout=300,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout[-2000:] + done.stderr[-2000:])
        ports = {int(p) for p in re.findall(r"localhost:(\d+)/predict", done.stdout)}
        self.assertEqual(1, len(ports))
        self.assertGreater(ports.pop(), int(self.environment["PORT"]))
        self.assertRegex(done.stdout, r'\n\{"predicted_rating": ')

    def test_once_trains_serves_responds_and_leaves_nothing_behind(self):
        done = subprocess.run([SOURCE / "script/run", "--once"], env=self.environment, timeout=300,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout[-2000:] + done.stderr[-2000:])
        self.assertRegex(done.stdout, r'\n\{"predicted_rating": \d\.\d, '
                                      r'"movie_title": "Fight Club \(1999\)"\}\n')
        self.assertEqual(len(re.findall(r'"genres": \[', done.stdout)), 3)
        self.assertTrue((self.folder / "model/model.bin").exists())
        self.assertEqual(processes_of(self.folder), [])

    def test_own_data_with_items_and_without(self):
        """Items have any columns; the first user and the most rated item are those of the data."""
        ratings, items = self.folder / "my ratings.csv", self.folder / "things.csv"
        rows = [(user, item, 1 + (user * item) % 5) for user in range(30) for item in range(20) if (user + item) % 3]
        ratings.write_text("customer,product,stars\n" + "".join(f"c{u},p'{i},{r}\n" for u, i, r in rows))
        items.write_text("product,title,price\n" + "".join(f"p'{i},Thing {i},{i}.5\n" for i in range(20)))
        done = subprocess.run([SOURCE / "script/run", "--once", "--data", ratings.name, "--items", items.name], cwd=self.folder,
                              env={**self.environment, "FOLDER": str(self.folder / "job")}, timeout=300, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True)
        self.assertEqual(0, done.returncode, done.stdout[-2000:] + done.stderr[-2000:])
        self.assertRegex(done.stdout, r"""What would user "c0" give item "p'\d+"\?\n\$ curl .*\n\{"predicted_rating": \d""")
        self.assertEqual(3, len(re.findall(r'"title": "Thing \d+"', done.stdout)), done.stdout[-2000:])
        clicks = self.folder / "clicks.csv"
        clicks.write_text("user,item\n" + "".join(f"{u},{i}\n" for u, i, _ in rows))
        done = subprocess.run([SOURCE / "script/run", "--once", "--data", clicks], timeout=300, text=True,
                              env={**self.environment, "FOLDER": str(self.folder / "job2")},
                              stdin=subprocess.DEVNULL, capture_output=True)
        self.assertEqual(0, done.returncode, done.stdout[-2000:] + done.stderr[-2000:])
        self.assertNotIn("What would user", done.stdout)
        self.assertRegex(done.stdout, r'\n\{"recommendations": \[\{"movieId": "\d+", ')

    def test_words_that_are_wrong_are_reported_before_anything_else(self):
        programs = self.folder / "programs"
        programs.mkdir()
        for name in ("bash", "dirname", "env"):
            (programs / name).symlink_to(shutil.which(name))
        (self.folder / "empty.csv").write_text("")
        (self.folder / "some.csv").write_text("a,b\n")
        (self.folder / "two").mkdir()
        (self.folder / "two/some.csv").write_text("a,b\n")
        for words, message in ((["--data"], "--data needs a file"), (["--data", "none.csv"], "--data none.csv: no such file"),
                               (["--data", "empty.csv"], "--data empty.csv is empty"), (["--items", "some.csv"], "--items needs --data"),
                               (["--data", "some.csv", "--streams"], "--streams shows the sample"),
                               (["--data", "some.csv", "--items", "two/some.csv"], "the same name"), (["--wrong"], "usage: script/run")):
            with self.subTest(words=words):
                done = subprocess.run([SOURCE / "script/run", *words], cwd=self.folder, capture_output=True, text=True,
                                      env={"PATH": str(programs)}, timeout=60)
                self.assertEqual((2, ""), (done.returncode, done.stdout), done.stderr)
                self.assertIn(message, done.stderr)

    def progress(self, script, terminal=False):
        """The output of show_progress for a bash script, and its status."""
        words = ["/bin/bash", "-euc", '. script/progress.bash; status=0; show_progress it bash -c "$1" || status=$?; exit "$status"',
                 "bash", script]
        if not terminal:
            done = subprocess.run(words, cwd=SOURCE, capture_output=True, text=True, timeout=60)
            return done.returncode, done.stdout, done.stderr
        run = Process(words, cwd=SOURCE, terminal=Terminal())
        result = run.wait()
        return result.status, result.stdout, ""

    def test_progress_shows_steps_packages_and_what_a_failure_printed(self):
        status, out, _ = self.progress('for i in {1..20}; do echo "[$i/20] cc x.c"; done', terminal=True)
        self.assertEqual(0, status)
        self.assertIn("it: 19 of 20 steps, about 1 s left", out)
        status, out, error = self.progress("echo '2 upgraded, 82 newly installed, 0 to remove.'; echo 'Need to get 85 MB of archives.'; "
                                           "echo chatter; echo 'dlstatus:1:20.5:Retrieving'")
        self.assertEqual((0, "  2 upgraded, 82 newly installed, 0 to remove.\n  Need to get 85 MB of archives.\n", ""), (status, out, error))
        status, out, error = self.progress("echo '[1/2] cc'; echo x.c:1: error; exit 3")
        self.assertEqual((3, "x.c:1: error\n"), (status, error))

    def test_streams_once_shows_both_functions_at_work_and_leaves_nothing_behind(self):
        self.needs_streams()
        done = subprocess.run([SOURCE / "script/run", "--streams", "--once"], timeout=500, text=True,
                              env={**self.environment, "N_RATINGS": "600"},
                              stdin=subprocess.DEVNULL, capture_output=True)
        output = done.stdout[-3000:] + done.stderr[-3000:]
        self.assertEqual(done.returncode, 0, output)
        self.assertRegex(done.stdout, r'\n\{"predicted_rating": ')
        once, again, counted = re.search(
            r"\nRequests of five users(.*)\nThe same users again(.*)\n600 ratings (.*)", done.stdout,
            re.DOTALL).groups()
        user = re.compile(r"^  user (\d+) +(computed|from Redis): (.+\(\d{4}\))$", re.MULTILINE)
        first, second = sorted(user.findall(once)), sorted(user.findall(again))
        self.assertEqual(5, len(first), output)
        self.assertEqual({"computed"}, {how for _, how, _ in first})
        # A list that Redis does not return in time is computed, which may happen on a busy machine.
        self.assertIn("from Redis", {how for _, how, _ in second})
        self.assertEqual([(u, l) for u, _, l in first], [(u, l) for u, _, l in second])
        windows = re.findall(r"^  window of \S+Z: (\d+) ratings of \d+ movies$", counted, re.MULTILINE)
        self.assertEqual(600, sum(map(int, windows)))
        self.assertRegex(counted, r"\n +\d+ ratings, mean \d\.\d\d: .+ \(\d{4}\)\n")
        # A rating changes the next list, is archived, and trains the next model.
        before, rated, milliseconds, after, reason = re.search(
            r"\nThe list of user 311: (.*)\nUser 311 gives (.*) 5 stars, on the stream ratings\.\n(?:cloud .*\n)*"
            r"The list (\d+) ms later: (.*)\n(?:.*\n)*601 events of the stream ratings, archived .*\n(?:.*\n)*"
            r"The gate (?:promotes the new model|keeps the model in service): (.*)\n", done.stdout).groups()
        self.assertTrue(before.startswith(rated), before)
        self.assertNotIn(rated, after)
        self.assertGreater(int(milliseconds), 0)
        self.assertRegex(reason, r" users: NDCG@10 \S+ against ")
        lines = [line for file in (self.folder / "next/input/data/train").glob("20??/??/??/*.gz")
                 for line in gzip.decompress(file.read_bytes()).splitlines()]
        self.assertEqual(601, len(lines))
        self.assertEqual([5], [json.loads(line)["rating"] for line in lines if b"timestamp" in line])
        self.assertTrue((self.folder / "next/model/model.bin").exists())
        for name in ("requests", "ratings", "feedback"):
            self.assertFalse((self.folder / f"{name}-given-up.jsonl").exists())
        self.assertEqual(processes_of(self.folder), [])

    def needs_streams(self):
        self.environment["REDIS_PORT"] = "21700"
        for what in ("/usr/bin/redis-server", SOURCE / "tests/node/node_modules/.installed"):
            if not os.path.exists(what):
                self.not_here(f"there is no {what}")

    def test_missing_programs_for_streams_are_reported(self):
        for name in ("redis-server", "node"):
            script = f"folder={self.folder}; . script/streams.bash; need {name} debian-{name}"
            done = subprocess.run(["/bin/bash", "-c", script], cwd=SOURCE, capture_output=True, text=True,
                                  env={"PATH": str(self.folder)}, timeout=60)
            self.assertEqual((1, f"run: --streams needs {name}, the Debian package debian-{name}\n"),
                             (done.returncode, done.stderr))

    def test_streams_without_node_20_says_so_before_anything_else(self):
        """With the version found; nothing is installed, built or created."""
        programs = self.folder / "programs"
        programs.mkdir(parents=True)
        for found, version, npm in (("none", None, False), ("v18.20.4", "v18.20.4", True),
                                    ("v20.1.0, no npm", "v20.1.0", False)):
            with self.subTest(found):
                for name, text in (("node", version), ("npm", "10" if npm else None),
                                   ("apt-cache", "  Candidate: 18.19.0+dfsg-6")):
                    (programs / name).unlink(missing_ok=True)
                    if text is not None:
                        (programs / name).write_text(f"#!/bin/sh\necho '{text}'\n")
                        (programs / name).chmod(0o755)
                for name in ("bash", "sed", "dirname", "env"):
                    if not (programs / name).exists():
                        (programs / name).symlink_to(shutil.which(name))
                before = sorted(path.name for path in self.folder.iterdir())
                done = subprocess.run(
                    [SOURCE / "script/run", "--streams", "--once"], capture_output=True, text=True,
                    env={"PATH": str(programs), "FOLDER": str(self.folder)}, timeout=60)
                self.assertEqual(1, done.returncode, done.stderr)
                self.assertIn(f"needs Node.js 20 or later, with npm. Found: {found}", done.stderr)
                self.assertIn("Debian's package here: 18", done.stderr)
                self.assertEqual("", done.stdout)
                self.assertEqual(before, sorted(path.name for path in self.folder.iterdir()))

    def test_ctrl_c_ends_everything(self):
        self.assertCtrlCEnds("script/run")

    def test_ctrl_c_ends_everything_with_streams(self):
        self.needs_streams()
        self.environment["N_RATINGS"] = "100"
        self.assertCtrlCEnds("script/run", "--streams")

    def assertCtrlCEnds(self, *words):
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(SOURCE)
            os.execve("script/run", words, self.environment)
        self.addCleanup(os.close, terminal)
        seen = b""
        end = time.monotonic() + 500
        sent = False
        while time.monotonic() < end:
            if select.select([terminal], [], [], 1)[0]:
                try:
                    piece = os.read(terminal, 65536)
                except OSError:
                    break
                seen += piece
            if not sent and b"Ctrl-C ends both" in seen:
                os.write(terminal, b"\x03")
                sent = True
        else:
            os.kill(pid, signal.SIGTERM)
        self.assertTrue(sent, seen[-2000:])
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 130)
        for program, colour in (("serve", 36), ("cloud", 35)):
            self.assertIn(f"\x1b[{colour}m{program} |\x1b[0m ".encode(), seen)
        self.assertEqual(processes_of(self.folder), [])


if __name__ == "__main__":
    unittest.main()
