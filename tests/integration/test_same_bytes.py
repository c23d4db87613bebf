"""Checklist 52 (docs/sagemaker.md) across machines: a program of another CPU, in its
emulator, trains the same model.bin byte for byte as this machine's own program, and has
the same responses with it.

MF_BIN has the emulated programs, MF_NATIVE_BIN this machine's."""

import os
import unittest
from pathlib import Path

from epochs import figures
from http_words import JSON_LINES
from programs import SERVE, TRAIN
from samples import planted, real_ratings
from serve_case import ServeCase

NATIVE = Path(os.environ.get("MF_NATIVE_BIN") or "native")

# One, all and some of 16 SIMD elements; strides with specialized loops, and others.
SETTINGS = (
    {"n_factors": 1, "learning_rate": 0.05},
    {"n_factors": 16},
    {"n_factors": 20, "validation_fraction": 0.1},
    {"n_factors": 64, "n_threads": 3},
    {"n_factors": 100, "seed": 8},
)


class SameBytes(ServeCase):
    def setUp(self):
        super().setUp()
        for program in (NATIVE / "train", NATIVE / "serve"):
            if not program.exists():
                self.fail(f"{program} is not there: script/build release, or set MF_NATIVE_BIN")
        emulated = TRAIN.read_bytes()
        self.assertTrue(emulated.startswith(b"#!") and b"qemu-aarch64" in emulated,
                        f"{TRAIN} is not the one that tests/emulated makes")

    def both(self, text, **hyperparameters):
        """(job here, job in the emulator), with the same output."""
        here = self.job_on(text, n_epochs=3, **hyperparameters)
        there = self.job_on(text, n_epochs=3, **hyperparameters)
        expected = self.train(here, program=NATIVE / "train")
        result = self.train(there)
        self.assertRegex(result.stderr, r'"cpu":"neon"')
        self.assertNotRegex(expected.stderr, r'"cpu":"neon"')
        self.assertEqual(figures(expected), figures(result))
        return here, there

    def test_of_the_model(self):
        """Also with a split, early stopping's figures, and any number of threads."""
        for settings in SETTINGS:
            with self.subTest(**settings):
                here, there = self.both(real_ratings(), **settings)
                self.assertSameModel(here, there)

    def test_another_seed_gives_other_bytes(self):
        """Shows that the equalities above are not trivial."""
        here, _ = self.both(real_ratings(), n_factors=8, seed=1)
        _, there = self.both(real_ratings(), n_factors=8, seed=2)
        self.assertNotEqual(here.bytes(), there.bytes())

    def test_of_responses(self):
        """Ratings, the best items (the scan of the index), similar items, a visitor's
        factors: every digit."""
        rows = planted(400, 900, 30000)
        here, there = self.both(rows, n_factors=50)
        self.assertSameModel(here, there)
        users, items = sorted({r[0] for r in rows})[:40], sorted({r[1] for r in rows})[:40]
        lines = [f'{{"userId":"{u}","movieId":"{i}"}}' for u, i in zip(users, items)]
        lines += [f'{{"userId":"{u}","top_n":{n + 1}}}' for n, u in enumerate(users)]
        lines += [f'{{"movieId":"{i}","similar":7}}' for i in items]
        rated = ",".join(f'{{"movieId":"{i}","rating":{1 + n % 5}}}' for n, i in enumerate(items[:9]))
        lines += [f'{{"ratings":[{rated}],"top_n":20}}']
        responses = []
        for program in (NATIVE / "serve", SERVE):
            server = self.serve(model=here.bytes(), program=program)
            response = server.post("\n".join(lines) + "\n", JSON_LINES)
            self.assertEqual(200, response.status, response)
            responses.append(response.text)
        self.assertEqual(len(lines), len(responses[0].splitlines()))
        self.assertEqual(*responses)


if __name__ == "__main__":
    unittest.main()
