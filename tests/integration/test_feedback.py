"""The function `feedback`: events of a stream into Redis, what is no event, and everything that Redis
and the platform do in between."""

import base64
import gzip
import json
import random
import threading

from aws_peers import failure
from behind_streams import DEAD, aggregated
from feedback_case import ARRIVAL_MS, FeedbackCase, key_of, rated, replay
from kinesis_peer import instead, refuse
from redis_peers import eventually


class Events(FeedbackCase):
    def test_events_are_kept_newest_first_with_and_without_a_rating(self):
        f = self.function()
        self.assertFine(f.invoke(rated(7, 2959, 4.5, 1000), rated("7", "318", None, 3000),
                                 rated(8, "a b", -2, 2000)))
        self.assertEqual([("318", 3000000, None), ("2959", 1000000, 4.5)], self.events_of("7"))
        self.assertEqual([("a b", 2000000, -2.0)], self.events_of("8"))
        self.assertTrue(2591000 <= self.redis.command("TTL", key_of("7")) <= 2592000)
        line = f.log("feedback")[0]
        self.assertEqual((3, 3, 2, 2, 0, 0), tuple(line[name] for name in (
            "records", "events", "users", "stored", "dead_letters", "failed")))
        metrics = f.metrics()
        self.assertEqual(("feedback", 3, 2), (metrics["Function"], metrics["Events"],
                                              metrics["UsersStored"]))

    def test_the_names_of_training_files(self):
        f = self.function()
        records = [{"userId": "1", "movieId": "2", "rating": "4.5", "timestamp": "1000"},
                   {"reviewerID": "1", "asin": "B0", "overall": 5, "unixReviewTime": 1001},
                   {"USER_ID": 1, "ITEM_ID": 3, "EVENT_VALUE": None, "TIMESTAMP": 1002,
                    "EVENT_TYPE": "click"},
                   {"User-ID": "1", "ISBN": "x", "Book-Rating": 0, "date": "1970-01-01T00:16:43Z"},
                   {"user": 1.0, "item": 4e0, "stars": 3, "date": "lately", "count": 9}]
        self.assertFine(f.invoke(*records))
        self.assertEqual([("4", ARRIVAL_MS, 3.0), ("x", 1003000, 0.0), ("3", 1002000, None),
                          ("B0", 1001000, 5.0), ("2", 1000000, 4.5)], self.events_of("1"))

    def test_times_of_any_unit_and_those_of_the_future(self):
        f = self.function()
        times = {"s": 1500000000, "ms": 1500000000001, "us": 1500000000002000,
                 "ns": 1500000000003000000, "date": "2017-07-14 02:40:00.004", "none": None,
                 "soon": ARRIVAL_MS + 30000, "future": ARRIVAL_MS + 90000, "far": 1e300}
        self.assertFine(f.invoke(*(rated(7, item, 1, time) for item, time in times.items())))
        self.assertEqual({"s": 1500000000000, "ms": 1500000000001, "us": 1500000000002,
                          "ns": 1500000000003, "date": 1500000000004, "none": ARRIVAL_MS,
                          "soon": ARRIVAL_MS, "future": ARRIVAL_MS, "far": ARRIVAL_MS},
                         {item: time for item, time, _ in self.events_of("7")})
        self.assertEqual(2, f.log("feedback")[0]["future_times"])

    def test_a_record_that_comes_again_changes_nothing(self):
        f = self.function()
        sent = f.event(rated(7, 1, 3), rated(7, 2, 4, 1000), {"user_id": 8, "event": "forget"})
        self.assertFine(f.send(sent))
        before = self.redis.command("GET", key_of("7"))
        self.redis.command("EXPIRE", key_of("7"), 100)
        self.assertFine(f.send(sent))
        self.assertEqual(before, self.redis.command("GET", key_of("7")))
        self.assertTrue(self.redis.command("TTL", key_of("7")) <= 100)
        self.assertEqual((0, 2), tuple(f.log("feedback")[1][name] for name in ("stored", "unchanged")))

    def test_packed_wrapped_and_zipped_records(self):
        f = self.function()
        event = json.dumps(rated(7, "zipped", 1, 4)).encode()
        self.assertFine(f.invoke(
            aggregated(rated(7, "first", 1, 5), rated(7, "second", 2, 5), rated(8, "x", 1, 1)),
            base64.b64encode(json.dumps(rated(7, "wrapped", 1, 3)).encode()), gzip.compress(event)))
        self.assertEqual(["second", "first", "zipped", "wrapped"],
                         [item for item, _, _ in self.events_of("7")])
        self.assertEqual([("x", 1000, 1.0)], self.events_of("8"))

    def test_the_newest_events_stay_however_many_come(self):
        f = self.function(PROFILE_EVENTS="50", PROFILE_TTL="60")
        order = list(range(10000))
        random.Random(1).shuffle(order)
        self.assertFine(f.invoke(*(aggregated(*(rated(7, t % 700, t % 5, t) for t in order[i:i + 500]))
                                   for i in range(0, 10000, 500))))
        self.assertEqual(replay([("7", str(t % 700), t * 1000, float(t % 5)) for t in order], 50)["7"],
                         self.events_of("7"))
        self.assertTrue(self.redis.command("TTL", key_of("7")) <= 60)

    def test_more_users_than_one_part(self):
        f = self.function()
        self.assertFine(f.invoke(aggregated(*(rated(u, u % 9, 1, 5) for u in range(1000)))))
        self.assertEqual(1000, len(self.redis.keys()))
        self.assertEqual([(str(999 % 9), 5000, 1.0)], self.events_of("999"))

    def test_to_forget_takes_what_arrived_before(self):
        f = self.function()
        self.assertFine(f.invoke(rated(7, "early", 1, 1000), rated(7, "late", 1)))
        f.arrival += 10
        self.assertFine(f.invoke({"user_id": 7, "event": "forget", "timestamp": 5}))
        self.assertEqual((ARRIVAL_MS + 10000, []), self.value_of("7"))
        self.assertNotIn(b"early", self.redis.command("GET", key_of("7")))
        f.arrival -= 10
        self.assertFine(f.invoke(rated(7, "late", 1)))  # comes again
        self.assertEqual([], self.events_of("7"))
        f.arrival += 20
        self.assertFine(f.invoke(rated(7, "new", 1)))
        self.assertEqual(["new"], [item for item, _, _ in self.events_of("7")])
        self.assertEqual(1, f.log("feedback")[1]["forgotten"])


class Bad(FeedbackCase):
    def test_what_is_no_event_is_a_dead_letter(self):
        f = self.function(DEAD_LETTER_STREAM_NAME=DEAD)
        bad = {b"hello": "byte", b"[1]": "byte",
               b'{"item_id":1}': "no user", b'{"user_id":1}': "no item",
               b'{"user_id":"","item_id":1}': "the user: expected",
               b'{"user_id":1.5,"item_id":1}': "the user: expected",
               b'{"user_id":123456789012345678901,"item_id":1}': "the user: expected",
               b'{"user_id":1,"item_id":["x"]}': "the item: expected",
               b'{"user_id":"%s","item_id":1}' % (b"u" * 256): "the user: expected",
               b'{"user_id":1,"item_id":1,"rating":"good"}': "the rating: expected",
               b'{"user_id":1,"item_id":1,"rating":true}': "the rating: expected",
               b'{"user_id":1,"item_id":1,"rating":1e99}': "the rating: expected",
               b'{"user_id":1,"item_id":1,"timestamp":"today"}': "the time: expected",
               b'{"user_id":1,"item_id":1,"timestamp":-1e300}': "the time: expected",
               b'{"user_id":1,"user_id":1,"item_id":1}': "twice"}
        packed = gzip.compress(b'{"user_id":1,"item_id":1}')
        self.assertFine(f.invoke(*bad, rated("u" * 255, "i" * 255, 1, 1),
                                 aggregated(b"no", packed, rated(9, 9, 9, 9))))
        *letters, inside = self.dead_letters()
        self.assertEqual((1, packed), (inside["sub_sequence_number"], base64.b64decode(inside["data"])))
        self.assertEqual(f"gzip inside of gzip or of an aggregated record, which is not unpacked, at byte 0 of {len(packed)}",
                         inside["reason"])
        self.assertEqual(len(bad) + 1, len(letters))
        for letter, (data, reason) in zip(letters, bad.items()):
            self.assertIn(reason, letter["reason"], data)
            self.assertEqual(data, base64.b64decode(letter["data"]))
        self.assertEqual((0, b"no"), (letters[-1]["sub_sequence_number"],
                                      base64.b64decode(letters[-1]["data"])))
        self.assertEqual([("i" * 255, 1000, 1.0)], self.events_of("u" * 255))
        self.assertEqual([("9", 9000, 9.0)], self.events_of("9"))
        self.assertEqual(len(bad) + 2, len(f.log("dead_letter")))
        self.assertEqual(len(bad) + 2, f.metrics()["DeadLetters"])

    def test_dead_letters_that_can_never_be_put_do_not_block_the_shard(self):
        f = self.function(DEAD_LETTER_STREAM_NAME=DEAD)
        self.stream.faults = [instead(failure(400, "ResourceNotFoundException", message="x"))]
        self.assertFine(f.invoke(b"hello", rated(7, 1, 1, 1)))
        [line] = f.log("dead_letters_lost")
        self.assertEqual(("ERROR", 1), (line["level"], line["records"]))
        self.assertEqual(1, len(self.events_of("7")))

    def test_dead_letters_that_cannot_be_put_for_now_come_again(self):
        f = self.function(DEAD_LETTER_STREAM_NAME=DEAD)
        sent = f.event(rated(7, 1, 1, 1), b"hello")
        self.stream.faults = [refuse()] * 100
        self.assertFrom(f.send(sent, deadline_in=2.0), sent, 1)
        self.assertEqual(1, len(self.events_of("7")))
        self.stream.faults = []
        self.assertFine(f.send(sent))
        self.assertEqual(1, len(self.dead_letters()))

    def test_settings_that_are_wrong(self):
        self.refused("REDIS_ENABLED is not true", REDIS_ENABLED="false")
        self.refused("PROFILE_EVENTS", "1 to 1000", PROFILE_EVENTS="1001")
        self.refused("PROFILE_TTL", "60 to 31536000", PROFILE_TTL="1")
        self.refused("REDIS_ENDPOINT", REDIS_ENDPOINT="")

    def test_an_event_of_another_source_is_refused(self):
        f = self.function()
        event = f.send({"records": []})
        self.assertEqual("error", event.kind)
        self.assertEqual("Function.InvalidEvent", event.json["errorType"])


class Faults(FeedbackCase):
    redis_settings = ("--appendonly", "yes", "--appendfsync", "always")

    def test_without_redis_records_come_again(self):
        f = self.function()
        self.assertFine(f.invoke(rated(7, 1, 1, 1)))
        self.redis.kill()
        sent = f.event(rated(7, 2, 2, 2))
        event = f.send(sent)
        self.assertEqual(("error", "Function.DownstreamError"), (event.kind, event.json["errorType"]))
        self.assertIn("Redis: ", event.json["errorMessage"])
        self.assertEqual(1, f.log("come_again")[0]["records"])
        self.redis.start()
        eventually(lambda: f.send(sent).kind == "response", "a batch that Redis takes")
        self.assertEqual([("2", 2000, 2.0), ("1", 1000, 1.0)], self.events_of("7"))

    def test_a_full_redis(self):
        f = self.function()
        self.assertFine(f.invoke(rated(7, 1, 1, 1)))
        self.redis.command("CONFIG", "SET", "maxmemory", "1")
        sent = f.event(rated(8, 2, 2, 2), rated(7, 1, 1, 1), rated(9, 2, 2, 2))
        self.assertFrom(f.send(sent), sent, 0)  # that of user 7 is there already
        self.assertIn("OOM", f.log("come_again")[0]["message"])
        self.assertEqual(2, f.metrics()["Failed"])
        self.redis.command("CONFIG", "SET", "maxmemory", "0")
        eventually(lambda: f.send(sent).json == {"batchItemFailures": []}, "a batch that Redis takes")
        self.assertEqual(3, len(self.redis.keys()))

    def test_foreign_values(self):
        f = self.function()
        self.redis.command("SET", key_of("7"), "somebody else's")
        self.redis.command("RPUSH", key_of("8"), "x")
        self.assertFine(f.invoke(rated(7, 1, 1, 1), rated(8, 1, 1, 1)))
        self.assertEqual([("1", 1000, 1.0)], self.events_of("7"))
        self.assertEqual([("1", 1000, 1.0)], self.events_of("8"))
        self.assertEqual(2, f.log("feedback")[0]["foreign_values"])

    def test_two_functions_write_the_same_users(self):
        events = [(str(n % 3), str(n % 40), 1000 * (n + 1), float(n % 5)) for n in range(600)]
        functions = [self.function(), self.function()]

        def send(i):
            for at in range(i * 10, 600, 20):
                sent = functions[i].event(
                    *(rated(u, item, rating, ms // 1000) for u, item, ms, rating in events[at:at + 10]))
                eventually(lambda: functions[i].send(sent).kind == "response", "a batch that is stored")

        threads = [threading.Thread(target=send, args=(i,)) for i in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(replay(events), {u: self.events_of(u) for u in "012"})

    def test_kills_duplicates_and_other_orders_end_in_the_same_profiles(self):
        """Redis is killed again and again, functions are killed in the middle, batches come twice,
        cut and in any order: the profiles are those of a replay."""
        rng = random.Random(5)
        events = [(str(rng.randrange(20)), str(rng.randrange(60)), 1000 * (n + 1), float(n % 5))
                  for n in range(1500)]
        batches = [events[at:at + 50] for at in range(0, len(events), 50)]
        f = self.function(PROFILE_EVENTS="30")
        for n, batch in enumerate(batches):
            sent = [rated(u, item, rating, ms // 1000) for u, item, ms, rating in batch]
            if n % 5 == 1:
                self.redis.kill()
                f.invoke(*sent)
                self.redis.start()
            if n % 7 == 2:
                f.invoke(*sent)
            if n % 10 == 3:
                f.part.api.invoke(f.event(*sent))
                f.run.end()  # wherever it is
                f = self.function(PROFILE_EVENTS="30")
            if n % 4 == 1:
                rng.shuffle(sent)
            for half in (sent[:20], sent[20:]) if n % 3 == 0 else (sent,):
                def done(half=half):
                    event = f.invoke(*half)
                    return event.kind == "response" and event.json == {"batchItemFailures": []}
                eventually(done, "a batch that Redis takes")
        expected = replay(events, 30)
        self.assertEqual(expected, {user: self.events_of(user) for user in expected})
