"""Checklist 2, contract 1.10: an image for arm64 hosts, compiled across on amd64."""

import os
import shutil
import struct
import subprocess
import unittest

from container import docker, inspect
from image_case import IMAGE, ROWS, ImageCase, build, config, own_files, unpack

AARCH64 = 0xB7


class Arm64(ImageCase):
    def test_compiled_across_it_holds_arm64_programs_that_make_the_same_model(self):
        """Checklist 2, 16, §1.10: every ELF file is of the image's architecture;
        in the emulator train makes the same bytes."""
        if config()["Architecture"] != "amd64":
            self.not_here("the image itself is not for amd64")
        other = f"{IMAGE.partition(':')[0]}:arm64-{os.getpid()}"
        try:
            build(other, "--platform", "linux/arm64", env={**os.environ, "DOCKER_BUILDKIT": "1"})
        except AssertionError as error:
            if "buildx" not in str(error):
                raise
            self.not_here("an image of another architecture needs BuildKit (docker buildx)")
        self.addCleanup(docker, "image", "rm", other)
        self.assertEqual("arm64", inspect(other, "image")["Architecture"])
        here, there = own_files(), own_files(other)
        name = lambda path: os.path.basename(path).replace("aarch64", "x86-64").replace(".so.1", ".so.2") \
            if "/ld-linux" in path else os.path.basename(path)
        self.assertEqual(sorted(map(name, here)), sorted(map(name, there)))
        for path, (_, content) in there.items():
            if content[:4] == b"\x7fELF":
                self.assertEqual(AARCH64, struct.unpack_from("<H", content, 18)[0], path)
        self.assertEqual(config()["Config"]["Labels"], inspect(other, "image")["Config"]["Labels"]
                         | {"org.opencontainers.image.revision":
                            config()["Config"]["Labels"]["org.opencontainers.image.revision"]})
        if not shutil.which("qemu-aarch64"):
            self.not_here("running arm64 programs needs qemu-aarch64")
        root = self.folder / "root"
        unpack(root, other)
        native, emulated = self.job_on(ROWS), self.job_on(ROWS)
        self.trained_in_it(native)
        emulated.write_config()
        done = subprocess.run(["qemu-aarch64", "-L", root, root / "usr/local/bin/train", "--prefix",
                               emulated.prefix], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=900, check=False,
                              # A restarted process would run without the emulator.
                              env={"OMP_WAIT_POLICY": "passive"})
        self.assertEqual(0, done.returncode, done.stderr.decode())
        self.assertSameModel(native, emulated)


if __name__ == "__main__":
    unittest.main()
