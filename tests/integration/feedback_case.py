"""feedback_case.py: the real `feedback` as a Lambda function behind a stream, with a real Redis.

    class Example(FeedbackCase):
        def test_a_sentence(self):
            f = self.function()                             # with self.redis
            self.assertFine(f.invoke(rated("7", "2959", 4.5, 1000)))
            self.assertEqual([("2959", 1000000, 4.5)], self.events_of("7"))

replay() is what profiles are by the rules of src/cache/feedback.h, in plain Python.
"""

import struct
import urllib.parse

from behind_streams import DEAD, BehindStreams
from programs import BIN
from redis_peers import RealRedis
from train_case import TrainCase

ARRIVAL = 1545084650.987
ARRIVAL_MS = 1545084650987


def rated(user, item, rating=None, time=None, **more):
    event = {"user_id": user, "item_id": item, **more}
    if rating is not None:
        event["rating"] = rating
    if time is not None:
        event["timestamp"] = time
    return event


def key_of(user):
    return "fb:user:" + urllib.parse.quote(user, safe="._~-")


def read_value(value):
    """(forgotten_ms or None, [(item, time_ms, rating or None)]), newest first."""
    assert value[16:20] == b"fb1\n", value[:20]
    forgotten, = struct.unpack_from("<q", value, 20)
    events, at = [], 28
    while at < len(value):
        time, _, rating, n = struct.unpack_from("<qQfB", value, at)
        item = value[at + 21:at + 21 + n].decode()
        events.append((item, time, None if rating != rating else rating))
        at += 21 + n
    assert at == len(value)
    return None if forgotten == -2**63 else forgotten, events


def replay(events, most=200):
    """events: (user, item, time_ms, rating) without equal times of one user → {user: events}."""
    users = {}
    for user, item, time, rating in sorted(events, key=lambda event: event[2]):
        users.setdefault(user, {})[item] = (item, time, rating)
    return {user: sorted(items.values(), key=lambda event: -event[1])[:most]
            for user, items in users.items()}


class FeedbackCase(BehindStreams, TrainCase):
    program = BIN / "feedback"
    redis_settings = ()

    def setUp(self):
        super().setUp()
        self.redis = RealRedis(self, *self.redis_settings)

    def variables(self, **more):
        return super().variables(**{"REDIS_ENABLED": "true", "REDIS_ENDPOINT": "127.0.0.1",
                                    "REDIS_PORT": str(self.redis.port), "REDIS_CONNECT_MS": "5000",
                                    "REDIS_COMMAND_MS": "5000", "REDIS_RETRY_MS": "50", **more})

    def dead_letters(self):
        return self.stream.events(DEAD)

    def value_of(self, user):
        value = self.redis.command("GET", key_of(user))
        return None if value is None else read_value(value)

    def events_of(self, user):
        value = self.value_of(user)
        return None if value is None else value[1]
