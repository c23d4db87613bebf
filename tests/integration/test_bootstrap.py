"""script/bootstrap and script/sysroot with stand-ins for apt-get and the like: what they install
on a user's machine, and what they report when a package is unavailable."""

import json
import shutil
import subprocess
import unittest

from programs import SOURCE
from push_case import PYTHON, STANDIN
from toolbox import toolbox

TOOLS = ("bash", "cat", "dirname", "env", "grep", "ls", "mkdir", "realpath", "rm", "sed",
         "tail")
# Prints what is installed of the packages after -W -f FORMAT.
DPKG_QUERY = """#!/bin/sh
shift 3
for name; do grep -qx "$name" "$STANDIN/missing" || echo "$name installed"; done
"""


class BootstrapCase(unittest.TestCase):
    def setUp(self):
        self.folder, self.tools = toolbox(self, TOOLS)
        for name in ("apt-get", "id", "sudo"):
            self.put(name, f"#!{PYTHON} -IS\n" + STANDIN.read_text().split("\n", 1)[1])
        self.put("dpkg-query", DPKG_QUERY)
        (self.folder / "missing").write_text("")
        (self.folder / "script").mkdir()
        (self.folder / "tests/node").mkdir(parents=True)
        for name in ("script/bootstrap", "script/progress.bash", "script/sysroot", "tests/node/install"):
            shutil.copy(SOURCE / name, self.folder / name)
        self.plan = {"id": [{"words": ["-u"], "out": "0\n"}],
                     "apt-get": [{"words": ["update"]}, {"words": ["install"]}]}

    def put(self, name, text):
        (self.tools / name).write_text(text)
        (self.tools / name).chmod(0o755)

    def lacks(self, *packages):
        (self.folder / "missing").write_text("".join(f"{name}\n" for name in packages))

    def run_it(self, *words, status=0, script="bootstrap", **environment):
        (self.folder / "calls").write_text("")
        (self.folder / "plan.json").write_text(json.dumps(self.plan))
        names = {"PATH": str(self.tools), "STANDIN": str(self.folder), **environment}
        done = subprocess.run([self.folder / "script" / script, *words], env=names, timeout=300,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        self.assertEqual(status, done.returncode, done.stdout + done.stderr)
        return done

    def calls(self, program):
        lines = (self.folder / "calls").read_text().splitlines()
        return [call["argv"] for call in map(json.loads, lines) if call["argv"][0] == program]


class Bootstrap(BootstrapCase):
    def test_when_nothing_is_missing_nothing_is_called(self):
        self.assertEqual("", self.run_it("--build").stdout)
        self.assertEqual([], self.calls("apt-get"))

    def test_running_on_one_host_needs_no_open_mpi_and_the_image_does(self):
        self.lacks("libopenmpi-dev")
        self.run_it("--build")
        self.assertEqual([], self.calls("apt-get"))
        self.run_it("--image")
        self.assertEqual("libopenmpi-dev", self.calls("apt-get")[1][-1])

    def test_what_is_missing_is_installed_and_nothing_is_removed_for_it(self):
        """gcc's cross compiler would push gcc-multilib out."""
        self.lacks("libcsv-dev", "curl")
        self.run_it("--build")
        update, install = self.calls("apt-get")
        self.assertIn("update", update)
        self.assertEqual(["libcsv-dev", "curl"], install[-2:])
        for word in ("-y", "--no-remove", "--no-install-recommends"):
            self.assertIn(word, install)

    def test_apt_is_noninteractive_also_under_sudo(self):
        """sudo keeps no variables, so the variable is set after the word sudo."""
        self.plan["id"] = [{"words": ["-u"], "out": "1000\n"}]
        self.plan["sudo"] = [{"words": ["apt-get"]}]
        self.lacks("curl")
        self.run_it("--build")
        self.assertEqual([], self.calls("apt-get"))
        self.assertEqual(["update", "install"], [next(word for word in call if word in ("update", "install"))
                                                 for call in self.calls("sudo")])
        for call in self.calls("sudo"):
            self.assertLess(call.index("DEBIAN_FRONTEND=noninteractive"), call.index("apt-get"))

    def test_a_source_that_is_out_of_order_does_not_end_it(self):
        self.plan["apt-get"][0] = {"words": ["update"], "err": "E: no signature\n", "status": 100}
        self.lacks("curl")
        self.assertIn("trying with the lists there are", self.run_it("--build").stderr)
        self.assertIn("install", self.calls("apt-get")[1])

    def test_an_unavailable_package_is_reported(self):
        self.plan["apt-get"][1] = {"words": ["install"], "err": "E: Unable to locate\n", "status": 100}
        self.lacks("curl", "libcsv-dev")
        stderr = self.run_it("--build", status=1).stderr
        self.assertIn("E: Unable to locate\nbootstrap: apt-get does not install libcsv-dev curl", stderr)
        self.plan["id"] = [{"words": ["-u"], "out": "1000\n"}]
        (self.tools / "sudo").unlink()
        self.assertIn("bootstrap: root is needed to install libcsv-dev curl",
                      self.run_it("--build", status=1).stderr)
        (self.tools / "apt-get").unlink()
        self.assertIn("bootstrap: this is not Debian", self.run_it("--build", status=1).stderr)
        self.assertIn("usage: script/bootstrap", self.run_it("--wrong", status=2).stderr)

    def node(self, candidate):
        """The output of apt-cache about a Node that is not installed."""
        self.put("apt-cache", f"#!/bin/sh\necho 'nodejs:'\necho '  Candidate: {candidate}'\n")

    def test_a_node_that_is_too_old_is_not_installed(self):
        """Peers of the tests do not run with it; those tests are skipped, the others run."""
        self.lacks("nodejs", "npm", "curl")
        self.node("18.20.4+dfsg-1~deb12u1")
        self.assertIn("node or npm is missing", self.run_it().stderr)
        self.assertEqual(["curl"], [word for word in self.calls("apt-get")[1] if word in ("curl", "nodejs", "npm")])
        for candidate in ("20.19.2+dfsg-1", "1:22.1.0", "(none)"):
            self.node(candidate)
            self.run_it()
            self.assertEqual(["nodejs", "npm"], self.calls("apt-get")[1][-2:], candidate)

    def test_a_node_that_is_too_old_is_not_used(self):
        self.put("node", "#!/bin/sh\necho v18.20.4\n")
        self.put("npm", "#!/bin/sh\necho called >&2\nexit 1\n")
        stderr = self.run_it().stderr
        self.assertIn("tests/node: node 18.20.4 is too old, 20 is needed", stderr)
        self.assertNotIn("called", stderr)
        self.put("node", "#!/bin/sh\necho v20.11.1\n")
        self.assertIn("called", self.run_it().stderr)



class Sysroot(BootstrapCase):
    def test_without_its_packages_it_prints_apts_reason(self):
        self.plan["apt-get"][1] = {"words": ["install"], "err": "E: Unable to fetch\n", "status": 100}
        stderr = self.run_it("arm64", str(self.folder / "root"), "zlib1g-dev", script="sysroot", status=1).stderr
        self.assertIn("E: Unable to fetch\nsysroot: apt does not get the arm64 packages", stderr)
        # A second run starts from the beginning.
        self.run_it("arm64", str(self.folder / "root"), "zlib1g-dev", script="sysroot", status=1)

    def test_apt_works_on_a_state_of_its_own(self):
        """The state of the machine's apt and dpkg is neither read nor written."""
        self.plan["apt-get"][1]["status"] = 100
        root = self.folder / "root"
        self.run_it("arm64", str(root), "zlib1g-dev", script="sysroot", status=1)
        configuration = (root / ".apt" / "apt.conf").read_text()
        for key, value in (("Architecture", "arm64"), ("::State", root / ".apt/state"),
                           ("::Cache", root / ".apt/cache"), ("::status", root / "var/lib/dpkg/status")):
            self.assertIn(f'{key} "{value}";\n', configuration)
        self.assertIn("--download-only", self.calls("apt-get")[1])

    def test_a_foreign_folder_is_left_alone(self):
        home = self.folder / "home"
        home.mkdir()
        (home / "letters").write_text("mine")
        stderr = self.run_it("arm64", str(home), "zlib1g-dev", script="sysroot", status=2).stderr
        self.assertIn("holds something else", stderr)
        self.assertEqual("mine", (home / "letters").read_text())
        self.assertEqual([], self.calls("apt-get"))


if __name__ == "__main__":
    unittest.main()
