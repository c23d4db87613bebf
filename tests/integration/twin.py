"""A slow twin of the server: reads a model and answers by itself, in Python."""

import struct


class Twin:
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

    def clip(self, score):
        return min(self.high, max(self.low, score))

    def score(self, taste, item):
        bias, factors = taste
        return self.mean + bias + self.item_bias[item] + dot(factors, self.q[item])

    def taste(self, user):
        index = self.user_index[user]
        return self.user_bias[index], self.p[index]

    def predict(self, user, item):
        """None, or an id nobody knows, for nobody and nothing in particular."""
        score = self.mean
        if user in self.user_index:
            score += self.user_bias[self.user_index[user]]
        if item in self.item_index:
            score += self.item_bias[self.item_index[item]]
            if user in self.user_index:
                score += dot(self.taste(user)[1], self.q[self.item_index[item]])
        return self.clip(score)

    def best(self, taste, n, leave_out=()):
        """[(id, score)] of the n best, best first."""
        scored = [(-self.score(taste, i), i) for i in range(len(self.items)) if i not in leave_out]
        return [(self.items[i], -s) for s, i in sorted(scored)[:n]]

    def popular(self, n):
        scored = [(-self.item_bias[i] * c, i) for i, c in enumerate(self.counts)]
        return [self.items[i] for _, i in sorted(scored)[:n]]

    def similar(self, item, n):
        """The cosine, less of it for items that few rated."""
        a = self.q[self.item_index[item]]
        damped = lambda b, c: dot(a, b) / (dot(a, a) * dot(b, b)) ** 0.5 * c / (c + 5)
        scored = [(-damped(q, c), i) for i, (q, c) in enumerate(zip(self.q, self.counts))
                  if self.items[i] != item and any(q) and c > 0]
        return [(self.items[i], -s) for s, i in sorted(scored)[:n]]

    def fold_in(self, ratings):
        """The taste of a visitor: min Σ (r − μ − b − b_j − p·q_j)² + (n + 40)λ|p|² +
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
