"""Archived events beside the original ratings: gzip JSON Lines by date, as Data Firehose writes them."""

import gzip
import json
import unittest

from samples import csv, planted
from train_case import TrainCase

ROWS = planted()
START = 1_764_547_200  # 2025-12-01


def event(user, item, rating, time, **more):
    rated = {} if rating is None else {"rating": rating}
    return {"user_id": user, "item_id": item, **rated, "timestamp": time, **more}


def forget(user, time):
    return {"event": "forget", "user_id": user, "timestamp": time}


def packed(events, between="\n"):
    """An object of the archive; Firehose adds no line ends unless it is told to."""
    return gzip.compress("".join(json.dumps(e) + between for e in events).encode())


def name(day, n=1):
    return (f"ratings/2026/11/{day:02}/23/movies-events-1-2026-11-{day:02}-23-{n:02}-07-"
            f"4f6d8c1e-8c0b-4b57-9a51-0a2b3c4d5e{n:02x}.gz")


def as_rows(events):
    return [(str(e["user_id"]), str(e["item_id"]), str(e["rating"]), str(e["timestamp"]))
            for e in events]


class Archive(TrainCase):
    def train_on(self, files, **settings):
        job = self.job(**settings).channel("train", files)
        self.result = self.train(job)
        self.assertTrained(job, self.result)
        return job

    def data(self, job):
        return job.metrics()["data"]

    NEW = [event(1, 1001, 0.5, START), event(500, 1002, 4.5, START + 1),
           event("500", 9999, 3, START + 2), event(1, 1001, 5.0, START + 3)]

    def test_folders_by_date_are_read_beside_the_csv_and_the_newest_of_a_pair_wins(self):
        events = [event(1, 1000, 4, START - n) for n in range(20)] + self.NEW
        pairs = {(str(e["user_id"]), str(e["item_id"])): e
                 for e in sorted(events, key=lambda e: e["timestamp"])}
        rows = [row for row in ROWS if row[:2] not in pairs] + as_rows(pairs.values())
        for between in ("\n", "", " \n\n"):
            with self.subTest(between=between):
                job = self.train_on({"ratings.csv": csv(ROWS), name(30): packed(events[:22], between),
                                     name(29, 2): packed(events[22:], between)})
                data = self.data(job)
                self.assertEqual(len(rows), data["n_ratings"])
                self.assertEqual((3, 0), (data["n_files"], data["n_bad_rows"]))
                self.assertEqual(len(ROWS) + len(events) - len(rows), data["n_repeated"])
                # The same ratings as one CSV: the order of ids differs, the errors hardly do.
                plain = self.train_on({"ratings.csv": csv(rows)})
                self.assertEqual(self.data(plain)["n_users"], data["n_users"])
                self.assertEqual(self.data(plain)["n_items"], data["n_items"])
                self.assertAlmostEqual(self.data(plain)["values"]["mean"] * len(rows),
                                       sum(float(r[2]) for r in rows), delta=1)

    def test_an_older_event_does_not_replace_a_rating(self):
        user, item, rating, time = ROWS[0]
        job = self.train_on({"ratings.csv": csv(ROWS), name(30): packed(
            [event(user, item, 0.5 if float(rating) > 2 else 5, int(time) - 1)])})
        self.assertSameModel(self.train_on({"ratings.csv": csv(ROWS)}).bytes(), job)

    def test_events_without_a_rating_are_counted_and_left_out(self):
        alone = self.train_on({"ratings.csv": csv(ROWS)}).bytes()
        clicks = [event(n, 1000 + n, None, START) for n in range(9)]
        for files in ({name(30): packed(clicks)},
                      {name(30): packed(clicks[:4]), name(30, 2): packed(clicks[4:])}):
            job = self.train_on({"ratings.csv": csv(ROWS), **files})
            self.assertEqual(9, self.data(job)["n_not_rated"])
            self.assertSameModel(alone, job)
        job = self.train_on({"ratings.csv": csv(ROWS), name(30): packed(clicks + self.NEW)})
        self.assertEqual(9, self.data(job)["n_not_rated"])
        self.assertIn('"not_rated":9', self.result.log_text())

    def test_without_any_rating_events_are_implicit_feedback(self):
        clicks = [event(u, i, None, t) for u, i, _, t in ROWS]
        job = self.train_on({name(29): packed(clicks[:2000]), name(30): packed(clicks[2000:])})
        self.assertEqual(len(ROWS), self.data(job)["n_ratings"])
        self.assertEqual(0, self.data(job)["n_not_rated"])

    # -- forgetting

    def test_a_tombstone_takes_a_users_earlier_ratings_from_the_model(self):
        """In whatever file: the model is that of the other ratings."""
        user = ROWS[-1][0]
        others = [row for row in ROWS if row[0] != user]
        late = event(user, 1003, 2, START + 10)
        tombstone = {name(30): packed([forget(user, START), late])}
        job = self.train_on({"ratings.csv": csv(ROWS), **tombstone})
        data = self.data(job)
        self.assertEqual((1, len(ROWS) - len(others)), (data["n_tombstones"], data["n_forgotten"]))
        self.assertEqual(len(others) + 1, data["n_ratings"])
        self.assertRegex(self.result.log_text(), r'"tombstones":1,"forgotten":%d\b' % data["n_forgotten"])

    def test_the_id_of_a_forgotten_user_is_not_in_the_model(self):
        rows = ROWS + [("somebody@example.org", "1001", "4", "5"),
                       ("somebody@example.org", "only-theirs", "4", "6")]
        with_user = self.train_on({"ratings.csv": csv(rows)}).bytes()
        self.assertIn(b"somebody@example.org", with_user)
        # Alone in its file, in an hour without another event.
        job = self.train_on({"ratings.csv": csv(rows),
                             name(30): packed([forget("somebody@example.org", START)])})
        self.assertNotIn(b"somebody@example.org", job.bytes())
        self.assertNotIn(b"only-theirs", job.bytes())
        self.assertEqual(2, self.data(job)["n_forgotten"])
        # The two rows were the last, so the model is that of the others.
        self.assertSameModel(self.train_on({"ratings.csv": csv(ROWS)}).bytes(), job)

    def test_a_tombstone_among_events_without_ratings_counts(self):
        user = ROWS[-1][0]
        clicks = [event(n, 1000 + n, None, START) for n in range(3000)]  # more than a first look
        job = self.train_on({"ratings.csv": csv(ROWS),
                             name(30): packed(clicks + [forget(user, START)])})
        self.assertEqual(sum(row[0] == user for row in ROWS), self.data(job)["n_forgotten"])

    def test_implicit_feedback_is_forgotten_as_well(self):
        user = ROWS[-1][0]
        clicks = [event(u, i, None, int(t)) for u, i, _, t in ROWS]
        job = self.train_on({name(29): packed(clicks), name(30): packed([forget(user, START)])})
        n = sum(row[0] == user for row in ROWS)
        self.assertEqual((n, len(ROWS) - n),
                         (self.data(job)["n_forgotten"], self.data(job)["n_ratings"]))

    def test_milliseconds_of_the_archive_and_seconds_of_the_csv(self):
        user = ROWS[-1][0]
        job = self.train_on({"ratings.csv": csv(ROWS), name(30): packed(
            [forget(user, START * 1000), event(user, 1003, 2, START * 1000 + 1)])})
        self.assertEqual(sum(row[0] == user for row in ROWS), self.data(job)["n_forgotten"])

    def test_a_warm_start_says_that_the_base_model_keeps_the_user(self):
        first = self.train_on({"ratings.csv": csv(ROWS)})
        job = self.job().channel("train", {"ratings.csv": csv(ROWS), name(30): packed(
            [forget(ROWS[-1][0], START)])}).channel("model", {"model.bin": first.bytes()})
        self.assertIn("train without the channel model", self.train(job).stderr)

    def test_inspect_tells_it(self):
        job = self.job().channel("train", {"ratings.csv": csv(ROWS), name(30): packed(
            [forget(ROWS[-1][0], START)])})
        result = self.run_train(job, "--inspect")
        self.assertRegex(result.stdout, r"forget +\d+ of users who are to be forgotten, by 1 events")


if __name__ == "__main__":
    unittest.main()
