"""The function aggregate: totals per key and window. Numbers are those of the checklist in
docs/lambda.md; after a § those of its facts."""

import base64
import json
import random
import unittest

from aggregate_case import (END, FIRST, SHARD, START, AggregateCase, batch, pack, rating, record,
                            window)
from lambda_case import KEYS
from node_sdk import end_peer, start_peer

SEQUENCE = f"lastSequence:{SHARD}"


def numbered(values, first=0):
    return [record(first + i, value) for i, value in enumerate(values)]


class Windows(AggregateCase):
    def test_ratings_per_movie_with_count_mean_and_trend(self):
        """74, 76, §4.4.2: the state is passed from call to call, the final call writes the
        table."""
        self.start()
        state = self.keep(window(numbered([rating("1", 4.5), rating("2", 3), rating("1", 0.5)])))
        self.assertEqual({}, self.items())
        state = self.keep(window(numbered([rating("1", 1), rating(2, 5), rating("3", 2.5)], 3), state))
        self.assertEqual({}, self.keep(window([], state, final=True)))
        self.assertEqual({"1": ("3", "6", "2"), "2": ("2", "8", "4"), "3": ("1", "2.5", "2.5")},
                         self.totals())
        item = self.items()["1", START]
        self.assertEqual({"movieId", "windowStart", "windowEnd", "ratingCount", "ratingSum", "ratingMean",
                          SEQUENCE}, set(item))
        self.assertEqual(END, item["windowEnd"])
        self.assertEqual(f"056{FIRST + 5}", item[SEQUENCE])
        self.assertEqual([("1", "3", "2"), ("2", "2", "4"), ("3", "1", "2.5")], self.trend_of())

    def test_the_trend_begins_with_the_most_records_and_ends_at_its_length(self):
        """In any order of arrival; among equal counts the lower key, as bytes."""
        self.start(TREND_COUNT="3")
        movies = ["z"] + ["b"] * 2 + ["a"] * 2 + ["c"] * 5 + ["10"] * 2
        self.keep(window(numbered([rating(movie, 4) for movie in movies]), final=True))
        self.assertEqual([("c", "5", "4"), ("10", "2", "4"), ("a", "2", "4")], self.trend_of())
        self.assertEqual([f"{SHARD}#056{FIRST + len(movies) - 1}#00{n}" for n in (1, 2, 3)],
                         sorted(place for place, _ in self.items(self.trend)))
        self.assertEqual({"windowStart", "windowEnd", "place", "movieId", "ratingCount", "ratingMean"},
                         {name for item in self.items(self.trend).values() for name in item})

    def test_records_may_be_absent_and_the_final_call_may_have_some(self):
        """74, §4.4.4"""
        self.start()
        state = self.keep(window(None))
        state = self.keep(window(numbered([rating("1", 4)]), state))
        event = window(numbered([rating("1", 2)], 1), state, final=True)
        self.assertEqual({}, self.keep(event))
        self.assertEqual({"1": ("2", "6", "3")}, self.totals())
        self.assertEqual({}, self.keep(window(None, final=True, start="2026-01-31T09:35:00Z")))
        self.assertEqual(1, len(self.items()))

    def test_a_state_of_numbers_is_read_too(self):
        """75"""
        self.start(SUM_FIELDS="-", SUM_ATTRIBUTES="-", MEAN_ATTRIBUTES="-")
        state = self.keep(window(numbered([{"movieId": "1"}, {"movieId": "2"}])))
        self.assertEqual("1", state["=1"])
        state["=1"] = 41
        self.keep(window(numbered([{"movieId": "1"}], 2), state, final=True))
        self.assertEqual({"1": "42", "2": "1"},
                         {key: item["ratingCount"] for (key, _), item in self.items().items()})

    def test_a_repeated_final_call_changes_nothing(self):
        """76, §4.4.5"""
        run = self.start()
        state = self.keep(window(numbered([rating("1", 4.5), rating("2", 1)])))
        event = window(numbered([rating("1", 3.5)], 2), state, final=True)
        self.keep(event)
        before = self.items(), self.items(self.trend)
        for _ in range(3):
            self.keep(event)
        self.assertEqual(before, (self.items(), self.items(self.trend)))
        self.assertEqual([0, 0, 0], [line["ItemsWritten"] for line in self.metrics(run, 5)[2:]])
        self.assertEqual([2, 2, 2], [line["ItemsWrittenBefore"] for line in self.metrics(run, 5)[2:]])

    def test_a_window_that_is_ended_early_adds_up_with_its_rest(self):
        """77, §4.4.6"""
        self.start()
        state = self.keep(window(numbered([rating("1", 4.5), rating("2", 1)])))
        self.assertEqual({}, self.keep(window(numbered([rating("1", 2)], 2), state, early=True)))
        self.assertEqual({"1": ("2", "6.5", "3.25"), "2": ("1", "1", "1")}, self.totals())
        state = self.keep(window(numbered([rating("1", 1), rating("3", 5)], 3)))
        self.keep(window([], state, final=True))
        self.assertEqual({"1": ("3", "7.5", "2.5"), "2": ("1", "1", "1"), "3": ("1", "5", "5")},
                         self.totals())
        # The trend of the rest has the totals of the whole.
        self.assertIn(("1", "3", "2.5"), self.trend_of())

    def test_shards_add_up_and_the_mean_is_that_of_both(self):
        """§4.4.7"""
        self.start()
        for shard, stars in (("shardId-1", (5, 4)), ("shardId-2", (1, 1, 1)), ("shardId-3", (0.5,))):
            records = [record(i, rating("1", s), shard) for i, s in enumerate(stars)]
            for _ in range(2):
                self.keep(window(records, final=True, shard=shard))
        self.assertEqual({"1": ("6", "12.5", "2.083333")}, self.totals())
        item = self.items()["1", START]
        self.assertEqual(3, sum(name.startswith("lastSequence:") for name in item))

    def test_repeated_and_reordered_records_count_once(self):
        """§4.4.8: inside an event, and from one to the next."""
        run = self.start()
        records = numbered([rating(str(i % 7), i % 5) for i in range(60)])
        shuffled = records[:30] + records[5:20]
        random.Random(1).shuffle(shuffled)
        state = self.keep(window(shuffled))
        rest = records[20:] + records[40:]
        random.Random(2).shuffle(rest)
        self.keep(window(rest, state, final=True))
        expected = {}
        for i in range(60):
            count, total = expected.get(str(i % 7), (0, 0))
            expected[str(i % 7)] = (count + 1, total + i % 5)
        self.assertEqual({key: (str(count), str(total)) for key, (count, total) in expected.items()},
                         {key: figures[:2] for key, figures in self.totals().items()})
        self.assertEqual([15, 30], [line["RepeatedRecords"] for line in self.metrics(run, 2)])

    def test_windows_of_one_key_are_items_of_their_own(self):
        self.start()
        for minute in range(3):
            self.keep(window(numbered([rating("1", minute)], minute), final=True,
                             start=f"2026-01-31T09:0{minute}:00Z"))
        self.assertEqual(["0", "1", "2"], [item["ratingSum"] for _, item in sorted(self.items().items())])

    def test_a_state_stays_below_its_limit_and_no_key_is_lost(self):
        """78, §4.4.10; test_aggregate_window.c has a hundred thousand keys."""
        run = self.start(STATE_BYTES="30000", WRITERS="8", MEAN_ATTRIBUTES="-", TREND_TABLE_NAME="-")
        state, n_keys, n_calls = {}, 2000, 5
        for call in range(n_calls):
            keys = range(call * n_keys // n_calls, (call + 1) * n_keys // n_calls)
            lines = [("p", rating(f"movie-{key}", 1.5)) for key in keys] + [("p", rating("often", 1))] * 50
            packed = [record(call * 10 + i, None, base64_data=data) for i, data in enumerate(pack(lines))]
            response = self.take(window(packed, state, final=call == n_calls - 1), deadline_in=600)
            state = response["state"]
            self.assertLess(len(json.dumps(state, separators=(",", ":"))), 30001)
            self.assertEqual(call == n_calls - 1, "=often" not in state)
        items = self.items()
        self.assertEqual(n_keys + 1, len(items))
        self.assertEqual({"1"}, {item["ratingCount"] for (key, _), item in items.items() if key != "often"})
        self.assertEqual("250", items["often", START]["ratingCount"])
        self.assertGreater(sum(line["ItemsWrittenEarly"] for line in self.metrics(run, n_calls)), 500)

    def test_a_state_of_another_function_is_refused_with_a_sentence(self):
        self.start()
        for state, piece in (({"1": "282"}, 'member "1"'), ({"version": "2"}, 'member "version"'),
                             ({"version": "1", "last": "7"}, 'no member "fields"'),
                             ({"version": "1", "fields": "vendorId passengerCount -", "last": "7"},
                              "set KEY_FIELD, SUM_FIELDS and CARRIED_FIELDS back"),
                             ({"version": "1", "fields": "movieId rating -", "=1": "1 2"},
                              'no member "last"'),
                             ({"version": "1", "fields": "movieId rating -", "last": "7", "=1": "1"},
                              "the totals of a key")):
            event = self.invoke(window([], state))
            self.assertReport(event, "Function.InvalidData", "event: state", piece)
        self.assertEqual([], self.dynamodb.requests)


class WithoutWindows(AggregateCase):
    def test_each_batch_is_its_own_window(self):
        """§4.3: from the arrival of its first record to that of its last."""
        self.start()
        event = batch(numbered([rating("1", 4), rating("2", 1), rating("1", 5)]))
        for _ in range(2):
            self.take(event)
        self.take(batch(numbered([rating("1", 1)], 3)))
        first, second = "2026-01-31T09:30:00.000Z", "2026-01-31T09:30:00.003Z"
        items = self.items()
        self.assertEqual({("1", first), ("2", first), ("1", second)}, set(items))
        self.assertEqual(("2", "9", "4.5", "2026-01-31T09:30:00.002Z"),
                         tuple(items["1", first][name] for name in (
                             "ratingCount", "ratingSum", "ratingMean", "windowEnd")))
        self.assertEqual([("1", "2", "4.5"), ("2", "1", "1")], self.trend_of(first))

    def test_no_record_is_no_item(self):
        self.start()
        self.take({"Records": []})
        self.take(batch([record(0, "no JSON")]))
        self.assertEqual([], self.dynamodb.requests)


class Records(AggregateCase):
    def test_dirty_records_are_skipped_counted_and_logged(self):
        """65, §4.3.8"""
        run = self.start()
        secret = "must-not-be-logged"
        bad = ["", "no JSON", "[1]", "7", "null", {"movieId": "1"}, {"rating": 4}, rating(None, 4),
               rating("", 4), rating(["1"], 4), rating("1", None), rating("1", "many"), rating("1", True),
               rating("1", {"n": secret}), rating("x" * 1025, 1), '{"movieId":"1","rating":1e400}',
               '{"movieId":"1","rating":1,"rating":2}', '{"movieId":"\\u0000","rating":1}',
               b'{"movieId":"\xff","rating":1}', f'{{"movieId":"1","rating":"{secret}"}}',
               '{"movieId":"1","rating":' + "1" * 39 + "}"]
        records = numbered([*bad, rating("1", 2)])
        records.append(record(len(bad) + 1, None, base64_data="!" + base64.b64encode(b"x").decode()))
        self.keep(window(records, final=True))
        self.assertEqual({"1": ("1", "2", "2")}, self.totals())
        lines = self.events(run, "dirty_record")
        self.assertEqual(20, len(lines))  # the others are counted
        self.assertEqual([str(FIRST + i) for i in range(20)], [line["sequenceNumber"] for line in lines])
        self.assertIn(f"{len(bad) + 1} records", self.events(run, "dirty_records")[0]["message"])
        self.assertEqual(len(bad) + 1, self.metrics(run)[0]["DirtyRecords"])
        self.assertEqual("field rating is missing", lines[5]["message"])
        self.assertEqual("field movieId is missing", lines[6]["message"])
        self.assertNotIn(secret, run.text())

    def test_aggregates_of_awss_own_producer_mixed_with_plain_records(self):
        """66, 69, §4.5"""
        run = self.start()
        user_records = [(f"key{i % 3}", rating(str(i % 10), i % 5 + 0.5)) for i in range(1000)]
        packed = pack(user_records)
        records = [record(0, rating("0", 1)),
                   *[record(1 + i, None, base64_data=data) for i, data in enumerate(packed)],
                   record(50, rating("0", 2))]
        self.keep(window(records, final=True))
        self.assertEqual({str(m): "100" for m in range(1, 10)} | {"0": "102"},
                         {key: figures[0] for key, figures in self.totals().items()})
        self.assertEqual("53", self.totals()["0"][1])  # 100 times 0.5, and 1 and 2
        self.assertEqual(1002, self.metrics(run)[0]["Records"])

    def test_damaged_aggregates_are_counted(self):
        """67"""
        run = self.start()
        whole = base64.b64decode(pack([("k", rating("1", 1)), ("k", rating("1", 2))])[0])
        flipped = whole[:-1] + bytes([whole[-1] ^ 1])
        datas = [flipped, whole[:-1], b"\xf3\x89\x9a\xc2", whole]
        self.keep(window([record(i, data) for i, data in enumerate(datas)], final=True))
        self.assertEqual({"1": ("2", "3", "1.5")}, self.totals())
        self.assertEqual(3, self.metrics(run)[0]["DirtyRecords"])

    def test_data_encoded_twice_by_the_producer_are_recognised(self):
        self.start()
        twice = base64.b64encode(json.dumps(rating("1", 4)).encode())
        packed = base64.b64encode(base64.b64decode(pack([("k", rating("1", 1))])[0]))
        self.keep(window([record(0, twice), record(1, packed), record(2, twice + b"\n")], final=True))
        self.assertEqual({"1": ("3", "9", "3")}, self.totals())

    def test_keys_and_texts_of_all_kinds(self):
        """79"""
        self.start(CARRIED_FIELDS="title,year")
        keys = ['quo"te', "back\\slash", "é😀", "new\nline", "=", " ", "1.0e1", "-", "a" * 1024, "\x7f"]
        state = self.keep(window(numbered([
            {**rating(key, 1), "title": f"{key[:50]}: first", "year": 1999} for key in keys])))
        self.keep(window(numbered([
            {**rating(key, 2), "title": f"{key[:50]}: \"last\"", "year": None} for key in keys], 20),
            state, final=True))
        items = self.items()
        self.assertEqual({(key, START) for key in keys}, set(items))
        for key in keys:
            item = items[key, START]
            self.assertEqual(("2", "3", f'{key[:50]}: "last"', "1999"),
                             tuple(item[name] for name in ("ratingCount", "ratingSum", "title", "year")))

    def test_sums_are_exact(self):
        """79: where a double would lose something, in a locale with a comma too."""
        self.start(LC_ALL="de_DE.UTF-8", LANG="de_DE.UTF-8")
        ratings = {
            "tenths": [0.1] * 10, "big": [9007199254740993, 1, "9007199254740993"],
            "bigger": ["99999999999999999999999999999999999999"], "both": [10**15, 0.001],
            "negative": [-0.5, -1.25, 1], "cancel": [1e15, 0.3, -1e15],
            "texts": ["4.50", "1e2", "-0.050"], "zero": [0, -0.0, "0.00"]}
        records = [rating(key, value) for key, values in ratings.items() for value in values]
        state = self.keep(window(numbered(records[:9])))
        self.keep(window(numbered(records[9:], 9), state, final=True))
        self.assertEqual({
            "tenths": "1", "big": "18014398509481987", "bigger": "9" * 38,
            "both": "1000000000000000.001", "negative": "-0.75", "cancel": "0.3", "texts": "104.45",
            "zero": "0"}, {key: figures[1] for key, figures in self.totals().items()})

    def test_numbers_of_json_are_exact_also_where_a_double_is_not(self):
        """79: up to 38 digits, whole, decimal and with an exponent, as key and carried along too."""
        run = self.start(CARRIED_FIELDS="year")
        numbers = {"whole": ["18446744073709551616", "1", "-2"], "long": ["9" * 38],
                   "decimal": ["0.12345678901234567890123456789", "1e-29", "1"],
                   "exponent": ["1.5E+20", "25e-1"], "12345678901234567890": ["7"]}
        self.keep(window([record(i, f'{{"movieId":{key if key.isdigit() else json.dumps(key)},"rating":{number},'
                                    f'"year":1.00000000000000000001,"other":1e999}}'.encode())
                          for i, (key, number) in enumerate(
                              (key, number) for key in numbers for number in numbers[key])], final=True))
        self.assertEqual({
            "whole": "18446744073709551615", "long": "9" * 38, "decimal": "1.1234567890123456789012345679",
            "exponent": "150000000000000000002.5", "12345678901234567890": "7"},
            {key: figures[1] for key, figures in self.totals().items()})
        self.assertEqual({"1.00000000000000000001"}, {item["year"] for item in self.items().values()})
        self.assertEqual([], self.events(run, "dirty_record"))

    def test_numbers_that_do_not_fit_make_dirty_records(self):
        """79"""
        run = self.start(CARRIED_FIELDS="year")
        self.keep(window([record(i, f'{{"movieId":"1","rating":{number},"year":{year}}}'.encode())
                          for i, (number, year) in enumerate((
                              ("1" + "0" * 38, 1), ("1e400", 1), ("1.5", "0." + "0" * 600), ("01", 1), ("1.", 1),
                              ("+1", 1), (".5", 1), ("1e", 1), ("-", 1), ("NaN", 1), ("0x1", 1), (4.5, 1)))],
                         final=True))
        self.assertEqual(("1", "4.5"), self.totals()["1"][:2])
        messages = [line["message"] for line in self.events(run, "dirty_record")]
        self.assertEqual(["field rating is not a number of at most 38 digits"] * 2 + ["field year is not a text of "
                         "at most 512 bytes or a number of at most 38 digits"], messages[:3])
        self.assertEqual(11, len(messages))
        for message in messages[3:]:
            self.assertRegex(message, r"\Anot JSON, at byte 2[3-6] of 3[5-7]\Z")

    def test_a_sum_out_of_range_makes_a_dirty_record(self):
        run = self.start()
        self.keep(window(numbered([rating("1", "9" * 38), rating("1", 1), rating("1", -1)]), final=True))
        self.assertEqual("9" * 37 + "8", self.totals()["1"][1])
        self.assertEqual("2", self.totals()["1"][0])
        self.assertIn("38 digits", self.events(run, "dirty_record")[0]["message"])

    def test_an_invalid_event_is_an_error_with_its_place(self):
        self.start()
        self.assertReport(self.invoke(b'{"Records":'), "Function.InvalidEvent", "event:1:")
        self.assertReport(self.invoke({"Records": [{}]}), "Function.InvalidEvent",
                          "Records[0].kinesis.data is missing")
        self.assertReport(self.invoke({"Records": [{**record(0, ""), "eventSource": "aws:sqs"}]}),
                          "Function.InvalidEvent", "aws:sqs")


class Passengers(AggregateCase):
    settings = {"PRESET": "passengers", "TREND_TABLE_NAME": None}

    def create_tables(self):
        self.name = "kinesisAggs"
        names = self.table.call("ListTables")["TableNames"]
        if self.name not in names:
            self.table.create(self.name, "windowStart", "vendorId")

    def test_passengers_per_vendor_with_one_setting(self):
        """76: the items have these names, and a repetition changes nothing."""
        self.start(TABLE_NAME=None)
        rides = [{"vendorId": v, "passengerCount": n} for v, n in ((1, 2), (2, 1), (1, 5), ("1", "3"))]
        state = self.keep(window(numbered(rides)))
        self.keep(window(numbered([{"vendorId": 2, "passengerCount": 6}], 9), state, final=True))
        self.assertEqual(sorted([
            {"vendorId": {"S": "1"}, "passenger": {"N": "10"}, "windowStart": {"S": START},
             "windowEnd": {"S": END}, SEQUENCE: {"S": f"056{FIRST + 9}"}},
            {"vendorId": {"S": "2"}, "passenger": {"N": "7"}, "windowStart": {"S": START},
             "windowEnd": {"S": END}, SEQUENCE: {"S": f"056{FIRST + 9}"}}], key=str),
            sorted(({name: item[name] for name in sorted(item, key=list(
                ("vendorId", "passenger", "windowStart", "windowEnd", SEQUENCE)).index)}
                for item in self.table.scan("kinesisAggs")), key=str))


class Signed(AggregateCase):
    def test_its_requests_are_signed_as_by_awss_own_signer(self):
        """44, 83: reserved or unusual names go through placeholders."""
        process, url = start_peer("verify", VERIFY_KEYS=json.dumps({
            "accessKeyId": KEYS.key_id, "secretAccessKey": KEYS.secret, "sessionToken": KEYS.token}))
        self.addCleanup(end_peer, process)
        self.start(AWS_ENDPOINT_URL_DYNAMODB=url)
        self.keep(window(numbered([rating("é\n", 1), rating("2", 2)]), final=True))

    def test_reserved_words_are_names_like_others(self):
        """83"""
        self.start(COUNT_ATTRIBUTE="count", SUM_ATTRIBUTES="timestamp", MEAN_ATTRIBUTES="a.b c-d",
                   END_ATTRIBUTE="window", CARRIED_FIELDS="state,user")
        self.keep(window(numbered([{**rating("1", 3), "state": "x", "user": 7}]), final=True))
        item = self.items()["1", START]
        self.assertEqual(("1", "3", "3", END, "x", "7"), tuple(
            item[name] for name in ("count", "timestamp", "a.b c-d", "window", "state", "user")))
        for call in self.calls():
            for word in ("count", "timestamp", "window", "state", "user", "lastSequence", "a.b"):
                self.assertNotIn(word, call["UpdateExpression"] + call["ConditionExpression"])


class Settings(AggregateCase):
    def refused(self, *pieces, **environment):
        before = len(self.api.calls("init"))
        result = self.launch(**environment).wait(60)
        self.assertEqual(1, result.status, result)
        reports = self.api.calls("init")[before:]
        self.assertEqual(1, len(reports), result)
        for piece in pieces:
            self.assertIn(piece, reports[0].json["errorMessage"])
        self.api.forget()

    def test_wrong_settings_are_named_at_the_start(self):
        """19, 55"""
        self.refused("PRESET", "passengers", PRESET="movies")
        self.refused("SUM_FIELDS", "one comma", SUM_FIELDS="a,,b")
        self.refused("SUM_FIELDS", "more than 4", SUM_FIELDS="a,b,c,d,e")
        self.refused("SUM_ATTRIBUTES has 1 names and SUM_FIELDS has 2", SUM_FIELDS="a,b")
        self.refused("MEAN_ATTRIBUTES has 2", MEAN_ATTRIBUTES="a,b")
        self.refused("COUNT_ATTRIBUTE", "MEAN_ATTRIBUTES needs", COUNT_ATTRIBUTE="-")
        self.refused("COUNT_ATTRIBUTE", "TREND_TABLE_NAME needs", COUNT_ATTRIBUTE="-", MEAN_ATTRIBUTES="-")
        self.refused('"movieId" twice', CARRIED_FIELDS="movieId")
        self.refused('"place" twice', START_ATTRIBUTE="place")
        self.refused("TABLE_NAME", '"a b" is not the name of a table', TABLE_NAME="a b")
        self.refused("TABLE_NAME", "not the ARN of a table",
                     TABLE_NAME="arn:aws:dynamodb:eu-central-1:123456789012:stream/x")
        self.refused("TREND_TABLE_NAME", "3 to 255 letters", TREND_TABLE_NAME="ab")
        self.refused("TABLE_NAME and TREND_TABLE_NAME", "two tables", TABLE_NAME="same",
                     TREND_TABLE_NAME="same")
        self.refused("STATE_BYTES", STATE_BYTES="1000000")
        self.refused("AWS_REGION", AWS_REGION=None)
        self.refused("AWS_ACCESS_KEY_ID", AWS_ACCESS_KEY_ID=None)

    def test_a_key_that_is_a_number_in_the_table(self):
        self.table.create("numbers", "movieId", "windowStart", ("N", "S"))
        run = self.start(TABLE_NAME="numbers", KEY_TYPE="N")
        self.keep(window(numbered([rating("7", 1), rating(7.0, 2), rating("x", 3), rating("007", 4)]),
                         final=True))
        self.assertEqual({("7", START): "7"},
                         {key: item["ratingSum"] for key, item in self.items("numbers").items()})
        self.assertEqual(1, self.metrics(run)[0]["DirtyRecords"])


if __name__ == "__main__":
    unittest.main()
