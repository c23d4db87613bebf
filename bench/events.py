"""What events of the stream are worth beside the same ratings in training; used by bench.py.

    events    NDCG@10 on MF_RATINGS (data/ratings.csv). The lists come from `feedback`, Redis and `serve`,
              the models from `train`; a fifth of the users at a time sends events.

    new users            kept out of training. A random fifth of each one's ratings is held out; of the
                         others the first 1, 3, 10, 30 in random order come as events, with their times.
                         Beside them: the same ratings in training, and all of them but the held-out ones.
    users of the model   the newest fifth of each one's ratings is held out, the 30 before it are not in
                         training and come as events, the oldest first. Beside them: the 30 in training.

All ratings of a user that are not held out are removed from every list, popularity's included.
Figures are means over users and over the seeds 1, 2, 3 of folds, splits and models.
"""

import base64
import contextlib
import http.client
import json
import os
import random
import socket
import subprocess
import sys
import time

import serving
from common import BIN, REDIS, ROOT, free_port, run, say, train_job
from ranking import DATA, K, LENGTHS, RELEVANT, ndcg, others

sys.path.append(str(ROOT / "tests/integration"))  # after this folder: both have a gate.py

SEEDS, FOLDS, BATCH, PENDING = (1, 2, 3), 5, 200, LENGTHS[-1]
LIMITS = {10: 0.60, 30: 0.78}  # of the lists of users who are trained with all of their ratings


def read_ratings():
    """user → [(movie, rating, time)], in the order of the file; all as text."""
    users = {}
    with open(DATA) as file:
        next(file)
        for line in file:
            user, *rating = line.rstrip().split(",")
            users.setdefault(user, []).append(tuple(rating[:3]))
    return users


def random_fifth(seed, user, ratings):
    ratings = ratings[:]
    random.Random(f"{seed} {user}").shuffle(ratings)
    n = int(len(ratings) * 0.2 + 0.5)
    return ratings[n:], ratings[:n]


def newest_fifth(_, __, ratings):
    ratings = sorted(ratings, key=lambda rating: int(rating[2]))
    n = len(ratings) - int(len(ratings) * 0.2 + 0.5)
    return ratings[:n], ratings[n:]


class Split:
    """known: user → the ratings that are not held out, in their order; wanted: user → the relevant items of the
    held-out ones; folds: the users who have both, and at least `least` known ratings."""

    def __init__(self, seed, cut, least=1):
        self.seed = seed
        self.known, self.wanted = {}, {}
        for user, ratings in read_ratings().items():
            self.known[user], held_out = cut(seed, user, ratings)
            self.wanted[user] = {movie for movie, rating, _ in held_out if float(rating) >= RELEVANT}
        order = [user for user in sorted(self.known) if self.wanted[user] and len(self.known[user]) >= least]
        random.Random(seed).shuffle(order)
        self.folds = [order[n::FOLDS] for n in range(FOLDS)]

    def ndcg(self, lists):
        return [ndcg(others(items, [rating[:2] for rating in self.known[user]]), self.wanted[user])
                for user, items in lists.items()]

    def some(self, fold, n_of):
        """The known ratings, but of the fold's users only the first n_of(all of them)."""
        return {user: ratings[:n_of(len(ratings))] if user in fold else ratings
                for user, ratings in self.known.items()}


def by_popularity(ratings):
    count = {}
    for some in ratings.values():
        for movie, _, _ in some:
            count[movie] = count.get(movie, 0) + 1
    return sorted(count, key=lambda movie: (-count[movie], movie))


def train(folder, seed, ratings):
    """A model of these ratings, with the defaults."""
    job = train_job(folder, {"seed": seed}, "train")
    with open(job / "input/data/train/ratings.csv", "w") as out:
        out.write("userId,movieId,rating,timestamp\n")
        for user, some in ratings.items():
            out.writelines(f"{user},{','.join(rating)}\n" for rating in some)
    run(BIN / "train", "--prefix", job, stderr=subprocess.DEVNULL)
    return job


def record(data, number):
    return {"kinesis": {"kinesisSchemaVersion": "1.0", "partitionKey": "k", "sequenceNumber": str(10 ** 55 + number),
                        "data": base64.b64encode(json.dumps(data).encode()).decode(),
                        "approximateArrivalTimestamp": 1800000000.0},
            "eventSource": "aws:kinesis", "eventVersion": "1.0", "eventID": f"shardId-000000000000:{number}",
            "eventName": "aws:kinesis:record", "awsRegion": "eu-central-1",
            "eventSourceARN": "arn:aws:kinesis:eu-central-1:123456789012:stream/ratings"}


class Loop:
    """feedback, Redis, and serve with this model and one thread, until the stack's end."""

    def __init__(self, stack, prefix, cpu=serving.EVERY_CPU):
        from redis_peers import Wire
        from runtime_api import RuntimeApi
        redis_port, self.port = free_port(), free_port()
        stack.enter_context(serving.redis(redis_port))
        self.wire = Wire(socket.create_connection(("127.0.0.1", redis_port)))
        stack.callback(self.wire.close)
        redis = dict(REDIS_ENABLED="true", REDIS_ENDPOINT="127.0.0.1", REDIS_PORT=str(redis_port),
                     REDIS_CONNECT_MS="10000", REDIS_COMMAND_MS="10000")
        self.server = stack.enter_context(serving.running([BIN / "serve", "--prefix", prefix], self.port, dict(
            redis, SAGEMAKER_BIND_TO_PORT=str(self.port), SERVE_ADDRESS="127.0.0.1", SERVE_ACCESS_LOG="off",
            SAGEMAKER_MODEL_SERVER_WORKERS="1"), cpu))
        while serving.counters(self.port)["recommender_cache_connections"] != 1:
            time.sleep(0.01)
        self.api = RuntimeApi()
        stack.callback(self.api.close)
        feedback = subprocess.Popen([BIN / "feedback"], stdout=subprocess.DEVNULL, env=dict(
            os.environ, **redis, AWS_LAMBDA_RUNTIME_API=self.api.address, AWS_REGION="eu-central-1",
            AWS_ACCESS_KEY_ID="k", AWS_SECRET_ACCESS_KEY="s"))
        stack.callback(feedback.wait)
        stack.callback(feedback.terminate)

    def redis(self, *words):
        self.wire.send(*words)
        return self.wire.read()

    def put(self, events):
        """[(user, (movie, rating, time))]"""
        for at in range(0, len(events), BATCH):
            records = [record({"user_id": user, "item_id": movie, "rating": float(rating), "timestamp": int(time)}, n)
                       for n, (user, (movie, rating, time)) in enumerate(events[at:at + BATCH])]
            outcome = self.api.invoke({"Records": records}).wait()
            if outcome.kind != "response" or outcome.json["batchItemFailures"]:
                sys.exit(f"bench: feedback failed: {outcome.body}")

    def lists(self, users, known):
        """user → the best items, K without the known ones."""
        connection, found = http.client.HTTPConnection("127.0.0.1", self.port), {}
        before = serving.counters(self.port)["cache_skipped_total"]
        for user in users:
            connection.request("GET", f"/recommend/cached/{user}?top_n={min(1000, K + len(known[user]))}")
            found[user] = [str(movie) for movie in json.loads(connection.getresponse().read())["recommendations"]]
        if serving.counters(self.port)["cache_skipped_total"] != before:
            sys.exit("bench: Redis was too slow for the events")
        return found


def with_events(folder, split, fold, ratings, n_before):
    """{n: [NDCG]} of the fold's users with a model of these ratings, and n of the known ratings after the first
    n_before(all of them) as events."""
    found, done = {}, 0
    with contextlib.ExitStack() as stack:
        loop = Loop(stack, train(folder, split.seed, ratings))
        for n in (0, *LENGTHS):
            loop.put([(user, rating) for user in fold
                      for start in [n_before(len(split.known[user]))]
                      for rating in split.known[user][start + done:start + n]])
            done = n
            found[n] = split.ndcg(loop.lists(fold, split.known))
    return found


def in_training(folder, split, fold, ratings):
    with contextlib.ExitStack() as stack:
        return split.ndcg(Loop(stack, train(folder, split.seed, ratings)).lists(fold, split.known))


def compare(folder, split, n_before, beside):
    """NDCG by column, (column, n) where it depends on n: "events" with n of them, "trained" with the same n ratings
    in training (n of beside), "everything" with all known ratings in training, "popularity"; and the users."""
    events, trained, popular = {}, {n: [] for n in beside}, []
    for number, fold in enumerate(split.folds):
        place = folder / f"fold{number}"
        before = split.some(set(fold), n_before)
        for n, figures in with_events(place / "before", split, fold, before, n_before).items():
            events.setdefault(n, []).extend(figures)
        popular += split.ndcg(dict.fromkeys(fold, by_popularity(before)))
        for n in beside:
            trained[n] += in_training(place / f"with{n}", split, fold,
                                      split.some(set(fold), lambda total, n=n: n_before(total) + n))
    every = [user for fold in split.folds for user in fold]
    everything = in_training(folder / "everything", split, every, split.known)
    figures = {"everything": everything, "popularity": popular, **{("events", n): f for n, f in events.items()},
               **{("trained", n): f for n, f in trained.items()}}
    return {column: sum(f) / len(f) for column, f in figures.items()}, len(every)


def compare_by_seeds(folder, cut, least, n_before, beside):
    runs = [compare(folder / f"seed{seed}", Split(seed, cut, least), n_before, beside) for seed in SEEDS]
    return ({column: sum(run[column] for run, _ in runs) / len(runs) for column in runs[0][0]},
            "/".join(str(n) for _, n in runs))


def events(folder):
    say(f"\n## events: NDCG@{K} on {DATA.name}, seeds {SEEDS}: ratings as events, and in training")
    if not os.path.exists(REDIS):
        say("no redis-server")
        return
    found, n_users = compare_by_seeds(folder / "new", random_fifth, 1, lambda _: 0, LENGTHS)
    say(f"\n{n_users} new users; with all of their ratings in training {found['everything']:.4f}, popularity "
        f"{found['popularity']:.4f}\n")
    say("| ratings | as events | in training | events / training | of all in training |")
    say("| --- | --- | --- | --- | --- |")
    for n in LENGTHS:
        figure, share = found["events", n], found["events", n] / found["everything"]
        limit = f" (limit {LIMITS[n]:.0%})" if n in LIMITS else ""
        say(f"| {n} | {figure:.4f} | {found['trained', n]:.4f} | {figure / found['trained', n]:.2f} | {share:.0%}{limit} |")
        if share < LIMITS.get(n, 0) or figure < found["popularity"]:
            sys.exit("bench: the lists of new users are worse than they may be")
    found, n_users = compare_by_seeds(folder / "known", newest_fifth, 2 * PENDING, lambda total: total - PENDING, ())
    say(f"\n{n_users} users of the model; the {PENDING} ratings in training {found['everything']:.4f}, popularity "
        f"{found['popularity']:.4f}\n")
    say("| events | NDCG | of training |")
    say("| --- | --- | --- |")
    for n in (0, *LENGTHS):
        say(f"| {n} | {found['events', n]:.4f} | {found['events', n] / found['everything']:.0%} |")


PARTS = dict(events=events)
