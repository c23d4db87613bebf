// streams.js: the records that `script/run --streams` puts and reads, with AWS's own clients (tests/node).
//
//     node streams.js prepare       creates the streams and tables
//     node streams.js requests      puts requests for recommendations, prints the results
//     node streams.js ratings       puts ratings, prints the totals of their windows
//     node streams.js rate          puts one rating, prints the user's list before and after
//     node streams.js archive       writes the stream of ratings to a folder, as Data Firehose does
//
// AWS_ENDPOINT_URL_KINESIS and AWS_ENDPOINT_URL_DYNAMODB are the services. N_RATINGS is the number
// of ratings that are put (5000), of the 100 most rated movies in data/ratings.csv. API_URL is that
// of the function predict, ARCHIVE the folder.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const zlib = require('node:zlib');
const { createRequire } = require('node:module');
const { setTimeout: sleep } = require('node:timers/promises');

const root = path.join(__dirname, '..');
const load = createRequire(path.join(root, 'tests/node/package.json'));
const kinesis_api = load('@aws-sdk/client-kinesis');
const dynamodb_api = load('@aws-sdk/client-dynamodb');
const { NodeHttpHandler } = load('@smithy/node-http-handler');

const PATIENCE_MS = 180000;
const settings = (endpoint) => ({
  endpoint, region: 'us-east-1', requestHandler: new NodeHttpHandler(),
  credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
});
const kinesis = new kinesis_api.KinesisClient(settings(process.env.AWS_ENDPOINT_URL_KINESIS));
const dynamodb = new dynamodb_api.DynamoDBClient(settings(process.env.AWS_ENDPOINT_URL_DYNAMODB));
const call = (name, members) => kinesis.send(new kinesis_api[`${name}Command`](members));
const table = (name, members) => dynamodb.send(new dynamodb_api[`${name}Command`](members));

async function until(what, ready) {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const value = await ready();
    if (value) return value;
    if (Date.now() > end) throw new Error(`waited ${PATIENCE_MS / 1000} s in vain for ${what}`);
    await sleep(50);
  }
}

// Rows of a CSV file as objects; a field may be in quotes.
function rows(name) {
  const [head, ...lines] = fs.readFileSync(path.join(root, 'data', name), 'utf8').trim().split(/\r?\n/);
  const fields = (line) => [...line.matchAll(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g)]
    .map(([, field]) => field.startsWith('"') ? field.slice(1, -1).replaceAll('""', '"') : field);
  const names = fields(head);
  return lines.map((line) => Object.fromEntries(fields(line).map((field, i) => [names[i], field])));
}

const titles = new Map(rows('movies.csv').map(({ movieId, title }) => [movieId, title]));
const title = (id) => titles.get(String(id)) || `movie ${id}`;

async function prepare() {
  for (const [StreamName, ShardCount] of [['requests', 2], ['recommendations', 1], ['ratings', 2]]) {
    await call('CreateStream', { StreamName, ShardCount });
    await until(`stream ${StreamName}`, async () => (await call('DescribeStreamSummary', { StreamName }))
      .StreamDescriptionSummary.StreamStatus === 'ACTIVE');
  }
  for (const [TableName, hash, range] of [['movieRatings', 'movieId', 'windowStart'],
    ['trendingMovies', 'windowStart', 'place']]) {
    await table('CreateTable', {
      TableName, BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [hash, range].map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
      KeySchema: [{ AttributeName: hash, KeyType: 'HASH' }, { AttributeName: range, KeyType: 'RANGE' }],
    });
    await until(`table ${TableName}`, async () => (await table('DescribeTable', { TableName }))
      .Table.TableStatus === 'ACTIVE');
  }
}

async function put(StreamName, events) {
  for (let i = 0; i < events.length; i += 500) {
    let rest = events.slice(i, i + 500)
      .map(([PartitionKey, event]) => ({ PartitionKey, Data: Buffer.from(JSON.stringify(event)) }));
    while (rest.length > 0) {
      const response = await call('PutRecords', { StreamName, Records: rest });
      rest = rest.filter((_, k) => response.Records[k].ErrorCode);
    }
  }
}

// The records of a stream with one shard, from its end on.
async function reader(StreamName) {
  const { Shards: [{ ShardId }] } = await call('ListShards', { StreamName });
  let { ShardIterator } = await call('GetShardIterator', { StreamName, ShardId, ShardIteratorType: 'LATEST' });
  return async () => {
    const response = await call('GetRecords', { ShardIterator });
    ShardIterator = response.NextShardIterator;
    return response.Records.map(({ Data }) => JSON.parse(Buffer.from(Data).toString()));
  };
}

async function requests() {
  const users = [2, 15, 73, 311, 564];
  const read = await reader('recommendations');
  for (const round of [1, 2]) {
    console.log(`\n${round === 1 ? 'Requests of five users' : 'The same users again'}, on the stream requests:`);
    const wanted = new Map(users.map((user_id) => [`demo-${process.pid}-${round}-${user_id}`, user_id]));
    await put('requests', [...wanted].map(([request_id, user_id]) =>
      [String(user_id), { user_id, top_n: 3, request_id, timestamp: new Date().toISOString() }]));
    await until('results on the stream recommendations', async () => {
      for (const result of await read()) {
        if (!wanted.delete(result.request_id)) continue;
        const how = result.from_cache ? 'from Redis' : 'computed';
        console.log(`  user ${String(result.user_id).padEnd(3)} ${how}: `
          + result.recommendations.map((item) => title(item.item_id ?? item.movieId ?? item)).join(', '));
      }
      return wanted.size === 0;
    });
  }
}

async function scan(TableName) {
  const items = [];
  let ExclusiveStartKey;
  do {
    const response = await table('Scan', { TableName, ExclusiveStartKey, ConsistentRead: true });
    items.push(...response.Items);
    ExclusiveStartKey = response.LastEvaluatedKey;
  } while (ExclusiveStartKey);
  return items;
}

async function ratings() {
  const n = Number(process.env.N_RATINGS || 5000);
  const before = (await scan('movieRatings')).reduce((sum, item) => sum + Number(item.ratingCount.N), 0);
  const all = rows('ratings.csv');
  const counts = new Map();
  for (const { movieId } of all) counts.set(movieId, (counts.get(movieId) || 0) + 1);
  const popular = new Set([...counts].sort((a, b) => b[1] - a[1]).slice(0, 100).map(([id]) => id));
  const events = all.filter(({ movieId }) => popular.has(movieId)).slice(0, n)
    .map(({ userId, movieId, rating }) => [userId, { userId, movieId, rating: Number(rating) }]);
  console.log(`\n${events.length} ratings of data/ratings.csv, on the stream ratings; their windows end …`);
  await put('ratings', events);
  const items = await until('the totals in the table movieRatings', async () => {
    const found = await scan('movieRatings');
    const counted = found.reduce((sum, item) => sum + Number(item.ratingCount.N), 0);
    if (counted - before > events.length) throw new Error(`${counted - before} ratings counted`);
    return counted - before === events.length && found;
  });
  const windows = new Map();
  for (const { windowStart, ratingCount } of items) {
    const [movies, count] = windows.get(windowStart.S) || [0, 0];
    windows.set(windowStart.S, [movies + 1, count + Number(ratingCount.N)]);
  }
  for (const [start, [movies, count]] of [...windows].sort().slice(-4))
    console.log(`  window of ${start}: ${count} ratings of ${movies} movies`);
  const latest = [...windows.keys()].sort().at(-1);
  console.log('\nMost rated in the last window (table movieRatings):');
  items.filter(({ windowStart }) => windowStart.S === latest)
    .sort((a, b) => b.ratingCount.N - a.ratingCount.N || a.movieId.S - b.movieId.S).slice(0, 5)
    .forEach((item) => console.log(`  ${item.ratingCount.N.padStart(3)} ratings, mean `
      + `${Number(item.ratingMean.N).toFixed(2)}: ${title(item.movieId.S)}`));
}

async function list(userId) {
  const response = await fetch(process.env.API_URL, { method: 'POST', body: JSON.stringify({ userId, top_n: 3 }) });
  if (!response.ok) throw new Error(`${process.env.API_URL}: ${response.status} ${await response.text()}`);
  return (await response.json()).recommendations;
}

// A user without ratings among those that were put.
async function rate() {
  const userId = '311';
  const show = (entries) => entries.map((entry) => entry.title).join(', ');
  const before = await list(userId);
  const { movieId } = before[0];
  console.log(`\nThe list of user ${userId}: ${show(before)}`);
  console.log(`User ${userId} gives ${title(movieId)} 5 stars, on the stream ratings.`);
  const start = performance.now();
  await put('ratings', [[userId, { userId, movieId, rating: 5, timestamp: Math.floor(Date.now() / 1000) }]]);
  const after = await until('a list that knows the rating', async () => {
    const now = await list(userId);
    return now.every((entry) => entry.movieId !== movieId) && now;
  });
  console.log(`The list ${Math.round(performance.now() - start)} ms later: ${show(after)}`);
}

// A file for each shard.
async function archive() {
  const day = new Date().toISOString().slice(0, 10);
  const folder = path.join(process.env.ARCHIVE, ...day.split('-'));
  let n = 0;
  fs.mkdirSync(folder, { recursive: true });
  for (const { ShardId } of (await call('ListShards', { StreamName: 'ratings' })).Shards) {
    const lines = [];
    let { ShardIterator } = await call('GetShardIterator',
      { StreamName: 'ratings', ShardId, ShardIteratorType: 'TRIM_HORIZON' });
    for (let late = 1; late > 0;) {
      const response = await call('GetRecords', { ShardIterator });
      lines.push(...response.Records.map(({ Data }) => `${Buffer.from(Data)}\n`));
      ShardIterator = response.NextShardIterator;
      late = response.Records.length || response.MillisBehindLatest;
    }
    n += lines.length;
    fs.writeFileSync(path.join(folder, `ratings-${day}-${ShardId}.gz`), zlib.gzipSync(lines.join('')));
  }
  console.log(`\n${n} events of the stream ratings, archived by date as Data Firehose does: ${folder}/*.gz`);
}

const command = { prepare, requests, ratings, rate, archive }[process.argv[2]];
if (!command) {
  console.error('usage: node streams.js prepare|requests|ratings|rate|archive');
  process.exit(2);
}
command().then(() => process.exit(0), (error) => {
  console.error(`streams: ${error.message}`);
  process.exit(1);
});
