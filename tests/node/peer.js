// peer.js: one peer for tests on 127.0.0.1, until standard input ends.
//
//     node peer.js verify                   AWS's own signer recomputes each signature
//     node peer.js s3 FOLDER                s3rver, with a bucket "movies"
//     node peer.js dynamodb                 dynalite
//     node peer.js kinesis [PORT [FOLDER]]  kinesalite; what it has is kept in FOLDER
//
// The first line of standard output is {"port":N}.
'use strict';

const http = require('node:http');

// 200 if the signature is what AWS's signer makes of the same request, 403 if not. Region,
// service and signed headers are what the request claims; the keys are those of VERIFY_KEYS,
// {"accessKeyId","secretAccessKey","sessionToken"}.
function verifier() {
  const { SignatureV4 } = require('@smithy/signature-v4');
  const { Sha256 } = require('@aws-crypto/sha256-js');
  const credentials = JSON.parse(process.env.VERIFY_KEYS);

  async function verify(request, body) {
    const claim = /Credential=[^/]+\/\d{8}\/([^/]+)\/([^/]+)\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=/
      .exec(request.headers.authorization || '');
    if (!claim) return 'no Authorization of the right form';
    const [, region, service, names] = claim;
    const names_sent = request.rawHeaders.filter((_, i) => i % 2 === 0).map((n) => n.toLowerCase());
    if (new Set(names_sent).size !== names_sent.length) return 'a header twice';
    if (service === 's3' && !request.headers['x-amz-content-sha256']) return 'no x-amz-content-sha256';
    const headers = {};
    for (const name of names.split(';')) {
      if (!names_sent.includes(name)) return `${name} is signed but not sent`;
      if (name !== 'x-amz-date' && name !== 'x-amz-security-token') headers[name] = request.headers[name];
    }
    const [, year, month, day, hour, minute, second] =
      /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(request.headers['x-amz-date']);
    const signer = new SignatureV4({
      credentials, region, service, sha256: Sha256, uriEscapePath: service !== 's3', applyChecksum: false,
    });
    const again = await signer.sign({
      method: request.method, protocol: 'http:', hostname: '127.0.0.1', path: request.url, query: {}, headers, body,
    }, {
      signingDate: new Date(Date.UTC(year, month - 1, day, hour, minute, second)),
      signableHeaders: new Set(names.split(';')),
    });
    const plain = (text) => text.replace(/, ?/g, ',');
    return plain(again.headers.authorization) === plain(request.headers.authorization) ? '' : 'signature does not match';
  }

  return http.createServer((request, response) => {
    const parts = [];
    request.on('data', (part) => parts.push(part));
    request.on('end', async () => {
      let wrong;
      try {
        wrong = await verify(request, Buffer.concat(parts));
      } catch (error) {
        wrong = String(error);
      }
      const body = JSON.stringify(wrong ? { message: wrong } : { url: request.url });
      response.writeHead(wrong ? 403 : 200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) });
      response.end(body);
    });
  });
}

function listen(server, port = 0) {
  server.listen(port, '127.0.0.1', () => console.log(JSON.stringify({ port: server.address().port })));
}

const [kind, folder, path] = process.argv.slice(2);
if (kind === 'verify') {
  listen(verifier());
} else if (kind === 's3') {
  const S3rver = require('s3rver');
  new S3rver({
    address: '127.0.0.1', port: 0, directory: folder, silent: true, configureBuckets: [{ name: 'movies' }],
  }).run().then(({ port }) => console.log(JSON.stringify({ port })));
} else if (kind === 'dynamodb') {
  import('dynalite').then((module) => listen((module.default || module)({ createTableMs: 20 })));
} else if (kind === 'kinesis') {
  const port = Number(folder || 0);
  listen(require('kinesalite')({ createStreamMs: 20, updateStreamMs: 20, deleteStreamMs: 20, shardLimit: 100, path }), port);
} else {
  throw new Error(`unknown peer ${kind}`);
}
process.stdin.resume().on('end', () => process.exit(0));
