// Requests to the function `predict` behind an API or a function URL; Node 18 or later, or a browser.
//
//     node examples/lambda_client.js http://localhost:8000/predict 2
//
// The address is what script/deploy prints, or that of script/run.
'use strict';

class Recommender {
  constructor(url) {
    this.url = url;
  }

  async request(body) {
    const response = await fetch(this.url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
    const result = await response.json();
    if (!response.ok) {
      throw new Error(`${response.status} ${result.error.code}: ${result.error.message}`);
    }
    return result;
  }

  async topN(userId, n = 10, more = {}) {
    return (await this.request({ userId, top_n: n, ...more })).recommendations;
  }

  async rating(userId, movieId) {
    return (await this.request({ userId, movieId })).predicted_rating;
  }

  async similar(movieId, n = 10) {
    return (await this.request({ movieId, similar: n })).similar;
  }
}

async function main([url, userId]) {
  if (!url || !userId) {
    throw new Error('usage: node lambda_client.js URL USER');
  }
  const recommender = new Recommender(url);
  const list = await recommender.topN(userId, 3);
  for (const { movieId, title, score } of list) {
    console.log(`${movieId}\t${score}\t${title}`);
  }
  console.log('rating:', await recommender.rating(userId, list[0].movieId));
  console.log('similar:', (await recommender.similar(list[0].movieId, 3)).map((item) => item.movieId).join(' '));
}

if (require.main === module) {
  main(process.argv.slice(2)).catch((error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
}

module.exports = { Recommender };
