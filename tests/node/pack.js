// pack.js: packs user records as producers do, with AWS's aws-kinesis-agg.
//
// Standard input is a list of {"partitionKey","explicitHashKey"?,"data"}; standard output a line
// for each aggregated record: {"partitionKey","data"}, the data in base64.
'use strict';

const aggregator = require('aws-kinesis-agg');

let input = '';
process.stdin.on('data', (part) => { input += part; });
process.stdin.on('end', () => {
  const records = JSON.parse(input).map((record) => ({ ...record, data: Buffer.from(record.data) }));
  aggregator.aggregate(records, (encoded, done) => {
    console.log(JSON.stringify({
      partitionKey: encoded.partitionKey, data: Buffer.from(encoded.data).toString('base64'),
    }));
    done();
  }, () => {}, (error) => { throw error; });
});
