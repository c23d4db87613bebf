"""Several hosts share the reading: the model is that of one host that has all files."""

import gzip
import json

from hosts_case import THREE, TWO, HostsCase
from samples import HEADER, csv, planted
from zstd import compress

PLANTED = planted(120, 60, 2400)
PARTS = [PLANTED[at::6] for at in range(6)]
MOVIES = "movieId,title,genres\n" + "".join(
    f'{item},"Film {item}, the",Drama|War\n' for item in sorted({row[1] for row in PLANTED}))
FILES = {
    "1/ratings.csv": csv(PARTS[0]),
    "2/ratings.csv": csv(PARTS[1], newline="\r\n"),
    "3.csv.gz": gzip.compress(csv(PARTS[2]).encode()),
    "4.tsv": csv(PARTS[3], separator="\t"),
    "5.csv.zst": compress(csv(PARTS[4]).encode()),
    "0/movies.csv": MOVIES,
    "part-6.jsonl": "".join(json.dumps(dict(zip(HEADER, row))) + "\n" for row in PARTS[5]),
}
SHARDED = {"TrainingInputMode": "File", "S3DistributionType": "ShardedByS3Key"}
FEW = {"n_epochs": 2, "n_factors": 4}


def shares(names, files, skip=()):
    """{host: its files}, as S3 keys are dealt out; none for those of skip."""
    with_some = [name for name in names if name not in skip]
    deal = {name: {} for name in names}
    for k, (file, content) in enumerate(sorted(files.items())):
        deal[with_some[k % len(with_some)]][file] = content
    return deal


class Reading(HostsCase):
    def run_hosts(self, names, channels, **hyperparameters):
        """(jobs, results) of hosts with channels {channel: {host: files}} or {channel: files}."""
        jobs = {}
        for name in names:
            job = self.host(name, names, **FEW, **hyperparameters)
            job.channels.clear()
            (job.data / "train" / "ratings.csv").unlink()
            for channel, files in channels.items():
                is_share = name in files
                job.channel(channel, files[name] if is_share else files,
                            properties=dict(SHARDED) if is_share else None)
            jobs[name] = job
        return jobs, self.together(jobs)

    def alone(self, channels, **hyperparameters):
        job = self.job(**FEW, **hyperparameters)
        for channel, files in channels.items():
            job.channel(channel, files)
        self.train(job)
        return job

    def assertShared(self, alone, jobs, results, message):
        for name, result in results.items():
            self.assertEqual(0, result.status, f"{name}: {result}")
        self.assertSameModel(alone, next(iter(jobs.values())), message)

    def events(self, result, event):
        lines = (json.loads(line) for line in result.stderr.splitlines() if line.startswith("{"))
        return [line for line in lines if line["event"] == event]

    def test_shards_on_several_hosts_are_the_whole_data(self):
        """Checklist 71: also when a host has none of it."""
        alone = self.alone({"train": FILES}, validation_fraction=0.1)
        for names, skip in ((TWO, ()), (THREE, ()), (THREE, THREE[:1])):
            jobs, results = self.run_hosts(names, {"train": shares(names, FILES, skip)},
                                           validation_fraction=0.1)
            self.assertShared(alone, jobs, results, f"{len(names)} hosts without {skip}")
            own = [self.events(result, "channel_share")[0] for result in results.values()]
            self.assertEqual(own[0]["of_bytes"], sum(share["bytes"] for share in own))
            self.assertEqual([0] * len(skip), [share["pieces"] for share in own[:len(skip)]])
            names_of = [[line["files"] for line in self.events(result, "columns")]
                        for result in results.values()]
            self.assertIn("2/ratings.csv", names_of[0][0])
            self.assertEqual([names_of[0]] * len(names), names_of)

    def test_replicated_files_are_read_once_by_all_hosts_together(self):
        large = csv(planted(2000, 400, 24000))  # cut for hosts: 500 kB
        for name, files in (("a large file", {"ratings.csv": large}),
                            ("packed and other files", {**FILES, "0.csv": large}),
                            ("quotes", {"ratings.csv": large + '"1","2","3","4"\n'})):
            alone = self.alone({"train": files}, n_threads=2)
            for names in (TWO, THREE):
                jobs, results = self.run_hosts(names, {"train": files}, n_threads=2)
                self.assertShared(alone, jobs, results, f"{name}, {len(names)} hosts")
                own = [self.events(result, "channel_share")[0] for result in results.values()]
                self.assertEqual(own[0]["of_bytes"], sum(share["bytes"] for share in own))
                if name == "a large file":
                    for share in own:
                        self.assertAlmostEqual(len(large) / len(names), share["bytes"], delta=200)

    def test_the_validation_data_may_be_sharded_too(self):
        channels = {"train": FILES, "validation": {"a.csv": csv(PARTS[0][:50]),
                                                   "b.csv": csv(PARTS[1][:50])}}
        alone = self.alone(channels)
        jobs, results = self.run_hosts(TWO, {channel: shares(TWO, files)
                                             for channel, files in channels.items()})
        self.assertShared(alone, jobs, results, "validation")

    def test_a_bad_row_is_told_by_all_hosts_with_the_host_that_has_it(self):
        files = {TWO[0]: {"a.csv": csv(PARTS[0])},
                 TWO[1]: {"b.csv": csv([*PARTS[1], ("1", "2", "good", "4")])}}
        where = f"b.csv:{len(PARTS[1]) + 2}:5"
        jobs, results = self.run_hosts(TWO, {"train": files})
        self.assertAllFailed(jobs, results, f"{TWO[1]}: ", where, "max_bad_rows",
                             error="ClientError")
        jobs, results = self.run_hosts(TWO, {"train": files}, max_bad_rows=1)
        for result in results.values():
            self.assertEqual(0, result.status, result)
            [bad] = self.events(result, "bad_row")
            self.assertIn(f"{TWO[1]}: ", bad["message"])
            self.assertIn(where, bad["message"])

    def test_two_hosts_with_a_file_of_one_name_are_told(self):
        files = {name: {"ratings.csv": csv(PARTS[k])} for k, name in enumerate(TWO)}
        jobs, results = self.run_hosts(TWO, {"train": files})
        self.assertAllFailed(jobs, results, *TWO, "both have ratings.csv",
                             "S3DataDistributionType", error="ClientError")

    def test_channels_of_which_every_host_needs_all_are_not_sharded(self):
        for channel, files, mode in (("items", {"movies.csv": MOVIES}, "File"),
                                     ("train", None, "Pipe")):
            job = self.host(TWO[0], TWO)
            job.channel(channel, files, properties={**SHARDED, "TrainingInputMode": mode})
            self.assertFailed(job, self.run_train(job), channel, "ShardedByS3Key",
                              "FullyReplicated")
