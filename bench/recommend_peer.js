'use strict';
/* recommend_peer.js: the work of `recommend` when all of a batch is in Redis, as a function on Node
 * with aws-lambda-ric, AWS's client of the Runtime API, and AWS's SDK.
 *
 * It does less: it checks nothing, retries nothing, keeps no order and cannot compute a list that is
 * not in Redis. It avoids libraries where they would be slower: a few lines over net read Redis, and
 * a list is copied as text from Redis to the result.
 *
 * serving.py (recommend) starts it; MODEL_VERSION is serve's. */
const net = require('net');
const { KinesisClient, PutRecordsCommand } = require('@aws-sdk/client-kinesis');
const { NodeHttpHandler } = require('@smithy/node-http-handler');

const { REDIS_ENDPOINT, REDIS_PORT, MODEL_VERSION, PREDICTIONS_STREAM_NAME: StreamName } = process.env;
const CALL_RECORDS = 500;

/* The default handler uses HTTP/2, which stand-ins of Kinesis do not support. */
const kinesis = new KinesisClient({ requestHandler: new NodeHttpHandler() });

const redis = net.connect({ host: REDIS_ENDPOINT, port: REDIS_PORT, noDelay: true });
let received = Buffer.alloc(0);
let waiting = null; // resolves when more bytes arrive

redis.on('data', (bytes) => {
  received = received.length > 0 ? Buffer.concat([received, bytes]) : bytes;
  if (waiting) waiting();
});

/* The values of a reply to MGET, undefined while bytes are missing. */
function readReply() {
  const values = [];
  let at = received.indexOf('\r\n');
  if (at < 0) return undefined;
  if (received[0] !== 0x2a) throw new Error(`Redis: ${received.toString('latin1', 0, at)}`);
  const n = Number(received.toString('latin1', 1, at));
  at += 2;
  while (values.length < n) {
    const end = received.indexOf('\r\n', at);
    if (end < 0) return undefined;
    const length = Number(received.toString('latin1', at + 1, end));
    if (length < 0) throw new Error('a list is not in Redis');
    at = end + 2 + length + 2;
    if (at > received.length) return undefined;
    values.push(received.toString('utf8', end + 2, end + 2 + length));
  }
  received = received.subarray(at);
  return values;
}

async function getAll(keys) {
  let command = `*${keys.length + 1}\r\n$4\r\nMGET\r\n`;
  for (const key of keys) command += `$${Buffer.byteLength(key)}\r\n${key}\r\n`;
  redis.write(command);
  for (;;) {
    const values = readReply();
    if (values !== undefined) return values;
    await new Promise((resolve) => { waiting = resolve; });
    waiting = null;
  }
}

/* "<version> k <count> <generation> <checksum>\n[318,…]" */
function resultOf(request, value, start) {
  const line = value.indexOf('\n');
  const count = value.slice(0, line).split(' ')[2];
  return `{"request_id":${JSON.stringify(request.request_id)},"user_id":${JSON.stringify(request.user_id)},` +
    `"recommendations":${value.slice(line + 1)},"count":${count},"model_version":"${MODEL_VERSION}",` +
    `"from_cache":true,"latency_ms":${performance.now() - start},"timestamp":${JSON.stringify(request.timestamp)}}`;
}

async function put(records) {
  const response = await kinesis.send(new PutRecordsCommand({ StreamName, Records: records }));
  if (response.FailedRecordCount !== 0) throw new Error('a record was rejected');
}

exports.handler = async (event) => {
  const start = performance.now();
  const requests = event.Records.map(({ kinesis: { data } }) => JSON.parse(Buffer.from(data, 'base64')));
  const values = await getAll(requests.map(
    ({ user_id, top_n }) => `rec:user:${user_id}:top${top_n}:v3:${MODEL_VERSION}`));
  const records = requests.map((request, i) => (
    { Data: Buffer.from(resultOf(request, values[i], start)), PartitionKey: request.user_id }));
  const calls = [];
  for (let i = 0; i < records.length; i += CALL_RECORDS) calls.push(put(records.slice(i, i + CALL_RECORDS)));
  await Promise.all(calls);
  return { batchItemFailures: [] };
};
