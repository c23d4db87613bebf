"""reference.py: predictions and lists of a model in plain Python, to compare the server with."""

import math
import struct


class Reference:
    """model.bin read by Python, by the byte tables of src/model/section_file.h and format.h,
    and the equations of src/recommend/recommender.h in double precision. For small models."""

    def __init__(self, model):
        data = model.model_bin.read_bytes()
        table_at, n_sections = struct.unpack_from("<QI", data, 24)
        parts = {}
        for row in range(n_sections):
            name, at, n = struct.unpack_from("<32sQQ", data, table_at + 64 * row)
            parts[name.rstrip(b"\0").decode()] = data[at : at + n]
        n_users, n_items, k, _, _, self.mean, self.low, self.high, self.decay, self.bias_decay = \
            struct.unpack_from("<IIIIQfffff", parts["shape"])
        stride = (k + 15) // 16 * 16
        floats = lambda name, n: struct.unpack(f"<{n}f", parts[name])
        rows = lambda name, n: [floats(name, n * stride)[i * stride : i * stride + k] for i in range(n)]

        def ids(kind, n):
            start = struct.unpack(f"<{n + 1}Q", parts[f"{kind}_id_start"])
            return [parts[f"{kind}_id_bytes"][a:b].decode() for a, b in zip(start, start[1:])]

        self.k = k
        self.user_index = {name: i for i, name in enumerate(ids("user", n_users))}
        self.items = ids("item", n_items)
        self.item_index = {name: i for i, name in enumerate(self.items)}
        self.user_bias, self.item_bias = floats("user_bias", n_users), floats("item_bias", n_items)
        self.p, self.q = rows("user_factors", n_users), rows("item_factors", n_items)
        start = struct.unpack(f"<{n_users + 1}Q", parts["rated_start"])
        rated = struct.unpack(f"<{start[-1]}I", parts["rated_items"])
        self.rated = [set(rated[a:b]) for a, b in zip(start, start[1:])]
        self.counts = struct.unpack(f"<{n_items}I", parts["item_count"])
        self.has_ranking = "optional.ranking" in parts
        if not self.has_ranking:
            return
        k, _, self.center, self.scale, self.recency, self.prior = \
            struct.unpack_from("<IIffff", parts["optional.ranking"])
        stride = (k + 15) // 16 * 16
        self.vectors = [row[:k] for row in struct.iter_unpack(f"<{stride}f",
                                                              parts["optional.ranking_items"])]
        self.mean_profile = floats("optional.ranking_mean", stride)[:k]
        self.spectrum = floats("optional.ranking_spectrum", k)
        ranks = parts.get("optional.ranking_times")
        ranks = struct.unpack(f"<{start[-1]}I", ranks) if ranks else None
        self.knows_times = ranks is not None
        self.histories = [[(rated[j], parts["optional.ranking_grades"][j] / 255,
                            ranks[j] if ranks else None)
                           for j in range(a, b) if parts["optional.ranking_grades"][j] > 0]
                          for a, b in zip(start, start[1:])]

    def clip(self, score):
        return min(self.high, max(self.low, score))

    def score(self, vector, item):
        bias, factors = vector
        return self.mean + bias + self.item_bias[item] + dot(factors, self.q[item])

    def profile_vector(self, user):
        index = self.user_index[user]
        return self.user_bias[index], self.p[index]

    def predict(self, user, item):
        """user and item may be None or unknown ids: then their terms are missing."""
        score = self.mean
        if user in self.user_index:
            score += self.user_bias[self.user_index[user]]
        if item in self.item_index:
            score += self.item_bias[self.item_index[item]]
            if user in self.user_index:
                score += dot(self.profile_vector(user)[1], self.q[self.item_index[item]])
        return self.clip(score)

    def best(self, vector, n, leave_out=()):
        """[(id, score)] of the n best by predicted rating, best first."""
        scored = [(-self.score(vector, i), i) for i in range(len(self.items)) if i not in leave_out]
        return [(self.items[i], -s) for s, i in sorted(scored)[:n]]

    def profile(self, history):
        """The ranking model's vector: history is [(item, grade, time rank or None)]."""
        n = len(history)
        ordered = any(rank not in (None, n - 1) for _, _, rank in history)
        weight = lambda rank: 1 - 0.45 * self.recency * (
            1 - math.exp(-(2 * (n - 1) - rank) / 2 / 10)) if ordered else 1
        vector = [0] * len(self.mean_profile)
        for item, grade, rank in history:
            vector = [x + weight(rank) * grade * q for x, q in zip(vector, self.vectors[item])]
        if not any(vector):
            return self.mean_profile
        prior = self.prior * math.exp(-n / 15)
        return [x + prior * m for x, m in zip(vector, self.mean_profile)]

    def profile_of(self, user):
        """Of a user of the model; None: the mean profile."""
        return self.profile(self.histories[self.user_index[user]] if user is not None else [])

    def profile_of_visitor(self, ratings):
        """Of [(id, rating)] without times, each id once."""
        grade = lambda r: 1 / (1 + math.exp(-2 * (self.clip(r) - self.center) / self.scale)) \
            if self.scale > 0 else 1
        code = lambda r: max(1, int(grade(r) * 255 + 0.5))
        return self.profile([(self.item_index[i], code(r) / 255, None) for i, r in ratings])

    def best_ranked(self, profile, n, leave_out=(), candidates=False):
        """[(id, score)] of the n best by the ranking model; items without a vector come among
        candidates alone."""
        scored = [(-dot(profile, q), i) for i, q in enumerate(self.vectors)
                  if i not in leave_out and (candidates or any(q))]
        return [(self.items[i], -s) for s, i in sorted(scored)[:n]]

    def popular(self, n):
        scored = [(-self.item_bias[i] * c, i) for i, c in enumerate(self.counts)]
        return [self.items[i] for _, i in sorted(scored)[:n]]

    def similar(self, item, n):
        """The cosine, less of it for items with short vectors, or without a ranking model for
        those that few rated."""
        if self.has_ranking:
            weights = [s * (0.25 if f == 0 else 1) for f, s in enumerate(self.spectrum)]
            rows = [[x * w ** 0.5 for x, w in zip(q, weights)] for q in self.vectors]
            lengths = [dot(x, x) ** 0.5 for x in rows]
            a = rows[self.item_index[item]]
            scored = [(-dot(a, x) / (dot(a, a) ** 0.5 * length) * c / (c + 50), i)
                      for i, (x, length, c) in enumerate(zip(rows, lengths, self.counts))
                      if self.items[i] != item and length > 0 and c > 0]
            return [(self.items[i], -s) for s, i in sorted(scored)[:n]]
        a = self.q[self.item_index[item]]
        damped = lambda b, c: dot(a, b) / (dot(a, a) * dot(b, b)) ** 0.5 * c / (c + 5)
        scored = [(-damped(q, c), i) for i, (q, c) in enumerate(zip(self.q, self.counts))
                  if self.items[i] != item and any(q) and c > 0]
        return [(self.items[i], -s) for s, i in sorted(scored)[:n]]

    def fold_in(self, ratings):
        """The vector of a visitor: min Σ (r − μ − b − b_j − p·q_j)² + (n + 40)λ|p|² +
        (nλ_b + 4)b², by the normal equations of (p, b)."""
        last = dict(ratings)
        rows = [(*self.q[self.item_index[i]], 1.0) for i in last]
        right = [self.clip(r) - self.mean - self.item_bias[self.item_index[i]] for i, r in last.items()]
        m, n = self.k + 1, len(rows)
        a = [[sum(row[i] * row[j] for row in rows) for j in range(m)]
             + [sum(row[i] * r for row, r in zip(rows, right))] for i in range(m)]
        for i in range(m):
            a[i][i] += (n + 40) * self.decay if i < self.k else n * self.bias_decay + 4
        for i in range(m):
            pivot = max(range(i, m), key=lambda r: abs(a[r][i]))
            a[i], a[pivot] = a[pivot], a[i]
            for r in range(m):
                if r != i:
                    f = a[r][i] / a[i][i]
                    a[r] = [x - f * y for x, y in zip(a[r], a[i])]
        solution = [a[i][m] / a[i][i] for i in range(m)]
        return solution[-1], solution[:-1]


def dot(a, b):
    return sum(x * y for x, y in zip(a, b))
