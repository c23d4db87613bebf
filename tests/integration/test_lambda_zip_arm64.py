"""script/package-lambda --arch arm64: the zip of predict for functions on arm64, its
program in the emulator (docs/lambda.md, 1.10)."""

import os
import shlex
import struct
import subprocess
import tempfile
import unittest
import zipfile
from pathlib import Path

from programs import SOURCE

EM_AARCH64 = 183


class Arm64(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls._folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls._folder.cleanup)
        cls.root = Path(cls._folder.name)
        cls.zip = cls.root / "predict.zip"
        done = subprocess.run([SOURCE / "script/package-lambda", "predict", "--arch", "arm64",
                               "--output", cls.zip], capture_output=True, text=True, check=False)
        if done.returncode != 0 or done.stdout != f"{cls.zip}\n":
            raise AssertionError(f"status {done.returncode}\n{done.stdout}{done.stderr}")
        with zipfile.ZipFile(cls.zip) as packed:
            packed.extractall(cls.root / "var/task")
        for path in (cls.root / "var/task").rglob("*"):
            path.chmod(0o755)

    def test_all_of_it_is_of_that_architecture(self):
        """§1.10.1: bootstrap, glibc and its loader, at most 6 MB."""
        with zipfile.ZipFile(self.zip) as packed:
            names = packed.namelist()
            self.assertEqual(["bootstrap", "lib/ld-linux-aarch64.so.1", "lib/libc.so.6"], names[:3])
            self.assertLessEqual(set(names[3:]), {"lib/libm.so.6"})
            for name in names:
                head = packed.read(name)[:20]
                self.assertEqual(b"\x7fELF", head[:4], name)
                self.assertEqual(EM_AARCH64, struct.unpack_from("<H", head, 18)[0], name)
        self.assertLessEqual(self.zip.stat().st_size, 6_000_000)

    def test_it_starts_with_the_files_of_the_zip(self):
        """The loader and libc come from the zip: this root has no other arm64 file."""
        emulator = shlex.split(os.environ["MF_EMULATOR"])[0]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
        done = subprocess.run([emulator, "-L", self.root, self.root / "var/task/bootstrap"],
                              env=environment, timeout=300, capture_output=True, text=True,
                              check=False)
        self.assertEqual(1, done.returncode, done)
        self.assertIn("AWS_LAMBDA_RUNTIME_API", done.stderr + done.stdout)


if __name__ == "__main__":
    unittest.main()
