'use strict';
/* feedback_peer.js: the work of `feedback` as a function on Node with aws-lambda-ric, AWS's client of the Runtime API.
 *
 * It does less: it knows one form of events, no packed records, dead letters or retries, does not compare events of
 * equal times, and its hash of a value is SHA-1 from OpenSSL. It avoids libraries where they would be slower: a few lines
 * over net speak with Redis, and a value is a hash and JSON, which Node parses fastest.
 *
 * feedback.py starts it; SCRIPT is that of src/cache/client.c. */
const net = require('net');
const { createHash } = require('crypto');

const { REDIS_ENDPOINT, REDIS_PORT, PROFILE_EVENTS, PROFILE_TTL = '2592000', SCRIPT } = process.env;
const MOST = Number(PROFILE_EVENTS);

const redis = net.connect({ host: REDIS_ENDPOINT, port: REDIS_PORT, noDelay: true });
let received = Buffer.alloc(0);
let waiting = null; // resolves when more bytes arrive

redis.on('data', (bytes) => {
  received = received.length > 0 ? Buffer.concat([received, bytes]) : bytes;
  if (waiting) waiting();
});

const word = (text) => `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
const command = (...words) => `*${words.length}\r\n${words.map(word).join('')}`;

/* [the value at `at`, where it ends], undefined while bytes are missing. */
function parse(at) {
  const end = received.indexOf('\r\n', at);
  if (end < 0) return undefined;
  const line = received.toString('latin1', at + 1, end);
  const next = end + 2;
  switch (received[at]) {
    case 0x2b: return [line, next]; // +
    case 0x24: { // $
      const last = next + Number(line);
      if (last < next) return [null, next];
      return last + 2 > received.length ? undefined : [received.toString('utf8', next, last), last + 2];
    }
    case 0x2a: { // *
      const values = [];
      let from = next;
      while (values.length < Number(line)) {
        const found = parse(from);
        if (found === undefined) return undefined;
        values.push(found[0]);
        from = found[1];
      }
      return [values, from];
    }
    default: throw new Error(`Redis: ${received.toString('latin1', at, end)}`);
  }
}

async function read(n) {
  const replies = [];
  while (replies.length < n) {
    const found = received.length > 0 ? parse(0) : undefined;
    if (found === undefined) {
      await new Promise((resolve) => { waiting = resolve; });
      waiting = null;
      continue;
    }
    replies.push(found[0]);
    received = received.subarray(found[1]);
  }
  return replies;
}

let sha = null;

/* The newest of old and new events, [item, time, rating], each item once. */
function merge(old, events) {
  const all = old.concat(events).sort((a, b) => b[1] - a[1]);
  const items = new Set();
  const kept = [];
  for (const event of all) {
    if (kept.length === MOST) break;
    if (items.has(event[0])) continue;
    items.add(event[0]);
    kept.push(event);
  }
  return kept;
}

exports.handler = async (event) => {
  if (sha === null) {
    redis.write(command('SCRIPT', 'LOAD', SCRIPT));
    [sha] = await read(1);
  }
  const users = new Map();
  for (const { kinesis: { data } } of event.Records) {
    const { userId, movieId, rating, timestamp } = JSON.parse(Buffer.from(data, 'base64'));
    const own = users.get(userId);
    if (own) own.push([movieId, timestamp, rating]);
    else users.set(userId, [[movieId, timestamp, rating]]);
  }
  const keys = [...users.keys()].map((user) => `fb:user:${user}`);
  redis.write(command('MGET', ...keys));
  const [values] = await read(1);
  const updates = [];
  [...users.values()].forEach((events, i) => {
    const head = values[i] === null ? '' : values[i].slice(0, 16);
    const text = JSON.stringify(merge(values[i] === null ? [] : JSON.parse(values[i].slice(16)), events));
    const generation = createHash('sha1').update(text).digest('hex').slice(0, 16);
    if (generation !== head) updates.push(command('EVALSHA', sha, '1', keys[i], head, generation + text, PROFILE_TTL));
  });
  redis.write(updates.join(''));
  for (const reply of await read(updates.length)) if (reply !== 'OK') throw new Error(`Redis: ${reply}`);
  return { batchItemFailures: [] };
};
