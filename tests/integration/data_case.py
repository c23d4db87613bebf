"""One set of ratings in many files: what train --inspect says of them."""

import json

from data_lines import assert_no_line_lost
from samples import planted
from train_case import TrainCase

ROWS = planted(60, 40, 900)


class KindCase(TrainCase):
    def inspect(self, files, mode="File", channel="train", **hyperparameters):
        """(exit code, what train --inspect --json prints) for these files of the train channel."""
        job = self.job(**hyperparameters).channel(channel, files, mode=mode)
        result = self.run_train(job, "--inspect", "--json")
        self.assertIn(result.status, (0, 1), result)
        seen = json.loads(result.stdout)
        self.assertEqual(result.status == 0, seen["ok"])
        if seen["ok"]:
            assert_no_line_lost(self, job.data / channel, seen["train"])
        return seen

    def assertReads(self, files, n=len(ROWS), users=60, items=40, events=(), **hyperparameters):
        """Returns the train channel's part of the output of --inspect."""
        seen = self.inspect(files, **hyperparameters)
        self.assertTrue(seen["ok"], seen)
        train = seen["train"]
        self.assertEqual((n, users, items), (train["n_ratings"], train["n_users"], train["n_items"]), train)
        self.assertLessEqual(set(events), {w["event"] for w in train["warnings"]}, train)
        return train

    def assertRefuses(self, files, *words, **hyperparameters):
        seen = self.inspect(files, **hyperparameters)
        self.assertFalse(seen["ok"], seen)
        for word in words:
            self.assertIn(word, seen["error"])
        return seen

    def events(self, files, **hyperparameters):
        seen = self.inspect(files, **hyperparameters)
        self.assertTrue(seen["ok"], seen)
        return {w["event"] for w in seen["train"]["warnings"]}


def json_lines(rows, between="\n"):
    return between.join(json.dumps({"user_id": u, "item_id": i, "rating": float(r), "timestamp": int(t)})
                        for u, i, r, t in rows)
