// sdk.js: AWS's own SDK as a client of local-cloud, one call for each line of standard input:
//
//     {"client":"lambda"|"sagemaker-runtime","endpoint":"http://…","command":"Invoke",
//      "input":{…},"attempts":1}
//
// Bytes of input (Payload, Body, ClientContext) are base64. Each call gets a line of response:
//
//     {"output":{…}}                     the output of the SDK; bytes are base64 again
//     {"error":{"name",…,"status","attempts","throttling","retryable"}}
//
// Calls run concurrently; responses carry the "id" of their call. Clients are kept.
'use strict';

const http = require('node:http');
const readline = require('node:readline');
const packages = {
  lambda: require('@aws-sdk/client-lambda'),
  'sagemaker-runtime': require('@aws-sdk/client-sagemaker-runtime'),
};
const retries = require('@smithy/core/retry');
const BYTES = new Set(['Payload', 'Body']);
const clients = new Map();

function client({ client: kind, endpoint, attempts = 1 }) {
  const key = `${kind} ${endpoint} ${attempts}`;
  if (!clients.has(key)) {
    const Client = packages[kind][kind === 'lambda' ? 'LambdaClient' : 'SageMakerRuntimeClient'];
    clients.set(key, new Client({
      endpoint, region: 'us-east-1', maxAttempts: attempts,
      requestHandler: { httpAgent: new http.Agent({ keepAlive: true, maxSockets: 1000 }) },
      credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' },
    }));
  }
  return clients.get(key);
}

const plain = (value) => Object.fromEntries(Object.entries(value)
  .filter(([name]) => name !== '$metadata' && name !== '$response')
  .map(([name, member]) => [name, member instanceof Uint8Array ? Buffer.from(member).toString('base64') : member]));

async function call(words) {
  const input = Object.fromEntries(Object.entries(words.input)
    .map(([name, value]) => [name, BYTES.has(name) ? Buffer.from(value, 'base64') : value]));
  const Command = packages[words.client][`${words.command}Command`];
  try {
    const output = await client(words).send(new Command(input));
    return { output: plain(output), attempts: output.$metadata.attempts, requestId: output.$metadata.requestId };
  } catch (error) {
    return {
      error: {
        ...plain(error), name: error.name, message: error.message, fault: error.$fault,
        known: error.constructor.name, status: error.$metadata?.httpStatusCode,
        requestId: error.$metadata?.requestId, attempts: error.$metadata?.attempts,
        throttling: error.$metadata ? retries.isThrottlingError(error) : false,
        transient: error.$metadata ? retries.isTransientError(error) || retries.isServerError(error) : false,
      },
    };
  }
}

readline.createInterface({ input: process.stdin }).on('line', async (line) => {
  const words = JSON.parse(line);
  console.log(JSON.stringify({ id: words.id, ...await call(words) }));
});
