// page.js: the page of local-cloud. What is shown comes from the API, through requests that any client
// may send, and from the addresses of local/page/page.h. Texts of data become text nodes, never HTML.
'use strict';

const STARS = 5;
const PAGE = 10;
const SENT_MOST = 1000; // ratings of a request
const TRIES = 50, TRY_MS = 100; // until a rating on the stream is in the list
const OWN_NAMES = new Set(['movieId', 'item_id', 'score', 'predicted_rating', 'known_item', 'because', 'popular_share']);

const $ = (id) => document.getElementById(id);
let about;
let user = null; // id; null: a visitor
let ratings = new Map(); // movieId -> {title, rating, timestamp, mine}, newest first
let visitorId = null; // on a stream a visitor needs one
let wanted = PAGE;
let turn = 0; // of the newest request: older responses are dropped
const titles = new Map();
let shown = new Set();

// ---------------------------------------------------------------- elements

function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties))
    if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const nameOf = (id) => titles.get(id) || `Item ${id}`;
const short = (number) => String(Math.round(number * 10) / 10);
const stars = ({ min, max }, value) => min >= 0 ? value / max * STARS : 1 + (value - min) / (max - min) * (STARS - 1);
const ratingOf = ({ min, max }, star) => min >= 0
  ? Math.max(min, Math.round(max * star / STARS * 100) / 100)
  : Math.round((min + (max - min) * (star - 1) / (STARS - 1)) * 100) / 100;
const part = (count, star) => `${Math.round(Math.max(0, Math.min(1, count - star + 1)) * 100)}%`;

// Five stars that show a rating and take one. `take` is called at once by a click, Space and Enter; after
// an arrow key when no other follows, because the item may leave the list.
function rater(id, rating, place, take) {
  if (!about.scale) {
    const isRated = rating !== undefined;
    return make('button', {
      type: 'button', className: 'like', 'data-key': `${place}:${id}`, 'aria-pressed': String(isRated),
      textContent: isRated ? '♥ Liked' : '♡ Like', onclick: () => take(isRated ? undefined : 1),
    }, make('span', { className: 'skip', textContent: ` ${nameOf(id)}` }));
  }
  const set = make('fieldset', {
    className: 'stars', 'aria-label': `Your rating of ${nameOf(id)}${rating === undefined ? '' : `: ${short(rating)}`}`,
  });
  const count = rating === undefined ? 0 : stars(about.scale, rating);
  let key = false, timer = 0;
  set.onkeydown = (event) => {
    key = event.key.startsWith('Arrow');
    if (event.key !== 'Enter') return;
    const checked = set.querySelector(':checked');
    clearTimeout(timer);
    if (checked) take(Number(checked.value));
  };
  set.onpointerdown = () => { key = false; };
  set.onchange = (event) => {
    clearTimeout(timer);
    const value = Number(event.target.value);
    for (const [i, star] of set.querySelectorAll('.star').entries())
      star.style.setProperty('--lit', part(stars(about.scale, value), i + 1));
    if (key) timer = setTimeout(() => take(value), 900);
    else take(value);
  };
  for (let star = 1; star <= STARS; star++) {
    const input = make('input', {
      type: 'radio', name: `${place}:${id}`, value: ratingOf(about.scale, star), checked: count === star,
      'data-key': `${place}:${id}:${star}`, 'aria-label': `${star} ${star === 1 ? 'star' : 'stars'}`,
    });
    const label = make('label', { className: 'star' }, '★', input);
    label.style.setProperty('--lit', part(count, star));
    set.append(label);
  }
  return set;
}

function guess(entry) {
  const value = entry.predicted_rating;
  if (value === undefined || value === null) return make('div', { className: 'guess' });
  const row = make('span', { className: 'fixed', role: 'img', 'aria-label': `predicted rating ${short(value)}` });
  for (let star = 1; star <= STARS; star++) {
    const glyph = make('span', { textContent: '★' });
    glyph.style.setProperty('--lit', part(stars(about.scale, value), star));
    row.append(glyph);
  }
  return make('div', { className: 'guess' }, row, make('b', { textContent: short(value), 'aria-hidden': 'true' }),
    make('small', { textContent: ' predicted' }));
}

// A coloured tile in place of a poster: the first category is its colour, the title its letters.
function tile(entry, name) {
  let hue = 0;
  for (const c of String(categories(entry)[0] || name)) hue = (hue * 31 + c.codePointAt(0)) % 360;
  const letters = name.replace(/\(\d{4}\)|\b(The|A|An|of|and),?\b/g, ' ').match(/[\p{L}\p{N}]+/gu) || ['?'];
  const element = make('div', {
    className: 'tile', 'aria-hidden': 'true',
    textContent: letters.slice(0, 2).map((word) => [...word][0]).join('').toUpperCase(),
  });
  element.style.setProperty('--hue', hue);
  return element;
}

const attributesOf = (kind) => about.attributes.filter((one) => kind in one && !OWN_NAMES.has(one.name));
const categories = (entry) => attributesOf('values').flatMap(({ name }) => entry[name] || []);

// A refresh replaces elements: the focus goes to the same control, else to the next one at its place.
function replaceKeepingFocus(parent, children) {
  const active = document.activeElement;
  const key = parent.contains(active) ? active.getAttribute('data-key') : null;
  const item = key && active.closest('li');
  const place = item ? [...item.parentElement.children].indexOf(item) : -1;
  const fallback = item && item.parentElement.previousElementSibling;
  parent.replaceChildren(...children);
  if (!key) return;
  const same = [...parent.querySelectorAll('[data-key]')].find((one) => one.getAttribute('data-key') === key);
  const next = parent.children[Math.min(place, parent.children.length - 1)];
  const target = same || (next && next.querySelector('[data-key]')) || (fallback && fallback.querySelector('[tabindex]'));
  if (target) target.focus({ preventScroll: true });
}

function complain(message) {
  $('error').textContent = message || '';
  $('error').hidden = !message;
}

// ---------------------------------------------------------------- requests

async function fetchJson(path, options) {
  const begin = performance.now();
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Error('local-cloud does not respond. Is script/run still running?');
  }
  const text = await response.text();
  const elapsed = performance.now() - begin;
  let body;
  try { body = JSON.parse(text); } catch { body = {}; }
  if (!response.ok) {
    const error = new Error(body.error?.message || body.message || `status ${response.status}`);
    error.status = response.status;
    throw error;
  }
  return { body, elapsed };
}

const post = (path, body) => fetchJson(path, {
  method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body),
});

function conditions() {
  const where = {};
  for (const chip of document.querySelectorAll('.chip[aria-pressed=true]')) {
    const { attribute, value } = chip.dataset;
    where[attribute] = { any: [...(where[attribute]?.any || []), value] };
  }
  for (const input of document.querySelectorAll('#numbers input')) {
    const { attribute, end } = input.dataset;
    if (input.value !== '' && input.checkValidity())
      where[attribute] = { ...where[attribute], [end]: Number(input.value) };
  }
  return where;
}

// What every list is requested with, beside the user or the ratings.
function listFields() {
  const fields = { top_n: wanted };
  const where = conditions();
  const order = $('order').value;
  if (Object.keys(where).length > 0) fields.where = where;
  if (Number($('diversity').value) > 0) fields.diversity = Number($('diversity').value);
  if (about.ranking && order !== 'ranking') fields.order = order;
  if (about.ranking && order === 'ranking') fields.explain = 3;
  const names = [about.title, ...attributesOf('values').map((one) => one.name), ...attributesOf('from').map((one) => one.name)];
  const known = [...new Set(names.filter(Boolean))];
  if (known.length > 0) fields.with = known;
  return fields;
}

function whoFields() {
  const sent = [...ratings].slice(0, SENT_MOST);
  if (user !== null && !sent.some(([, { mine }]) => mine)) return { userId: user };
  if (sent.length === 0) return { userId: 'new visitor' };
  return {
    ratings: sent.map(([movieId, { rating, timestamp }]) => ({
      movieId, rating, ...(timestamp === null || timestamp === undefined ? {} : { timestamp }),
    })),
  };
}

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

// The request as {send, curl, text}.
function listRequest() {
  if (!about.stream) {
    const body = { ...whoFields(), ...listFields() };
    return {
      send: () => post(about.api, body), text: JSON.stringify(body, null, 2),
      curl: `curl -s ${location.origin}${about.api} -H 'Content-Type: application/json' \\\n  -d ${quoted(JSON.stringify(body))}`,
    };
  }
  const fields = listFields();
  delete fields.order;
  const query = new URLSearchParams({ userId: user ?? visitorId });
  for (const [name, value] of Object.entries(fields))
    query.set(name, name === 'where' ? JSON.stringify(value) : Array.isArray(value) ? value.join(',') : value);
  return {
    send: () => fetchJson(`/page/list?${query}`), text: `GET /recommend/cached/…\n${[...query].map(([n, v]) => `${n}=${v}`).join('\n')}`,
    curl: `curl -s ${quoted(`${location.origin}/page/list?${query}`)}`,
  };
}

// ---------------------------------------------------------------- the list

const reasons = (entry) => Array.isArray(entry.because)
  ? entry.because.map((one) => ({ id: String(one.movieId ?? one.item_id), share: one.share })).filter(({ share }) => share > 0)
  : [];

function why(entry) {
  const found = reasons(entry);
  const line = make('p', { className: 'why' });
  if (entry.because === 'popular') line.append('Liked by many');
  if (found.length > 0) line.append(user === null ? 'Because you rated ' : 'Because of ');
  for (const [i, { id, share }] of found.entries()) {
    if (i > 0) line.append(', ');
    line.append(make('b', { textContent: nameOf(id) }), ' ', make('i', { textContent: `${Math.round(share * 100)}\u00a0%` }));
  }
  return line;
}

async function toggleSimilar(button, id) {
  const item = button.closest('li');
  const open = button.getAttribute('aria-expanded') === 'true';
  button.setAttribute('aria-expanded', String(!open));
  if (open) return item.querySelector('.more-like').remove();
  const body = { movieId: id, similar: 6, ...(about.title ? { with: [about.title] } : {}) };
  try {
    const { body: { similar } } = await post(about.api, body);
    const list = make('ul', { className: 'more-like', 'aria-label': `Similar to ${nameOf(id)}` });
    for (const one of similar) {
      const name = one[about.title] || one.title || `Item ${one.movieId}`;
      titles.set(String(one.movieId), name);
      const meter = make('meter', { min: 0, max: 1, value: Math.max(0, one.similarity) });
      meter.setAttribute('aria-label', `similarity ${one.similarity.toFixed(2)}`);
      list.append(make('li', {}, make('span', { textContent: name }), meter));
    }
    if (similar.length === 0) list.append(make('li', { textContent: 'Nothing is similar enough.' }));
    if (item.isConnected && !item.querySelector('.more-like')) item.append(list);
  } catch (error) {
    button.setAttribute('aria-expanded', 'false');
    complain(error.message);
  }
}

function entryItem(entry) {
  const id = String(entry.movieId);
  const name = nameOf(id);
  const tags = make('p', { className: 'tags' });
  for (const text of [...categories(entry), ...attributesOf('from').map((one) => entry[one.name])
    .filter((value) => typeof value === 'number' && !name.includes(String(value)))])
    tags.append(make('span', { textContent: text }));
  const similar = make('button', {
    type: 'button', textContent: 'Similar', 'aria-expanded': 'false', 'data-key': `similar:${id}`,
    'aria-label': `Similar to ${name}`, onclick: () => toggleSimilar(similar, id),
  });
  return make('li', { className: shown.size > 0 && !shown.has(id) ? 'new' : '', 'data-id': id }, tile(entry, name),
    make('div', { className: 'what' }, make('h3', { textContent: name }), tags), guess(entry), why(entry),
    make('div', { className: 'acts' }, make('span', { className: 'label', textContent: 'Rate' }), rater(id, undefined, 'list', (value) => rate(id, value)), similar));
}

function showList(entries, body) {
  for (const entry of entries) {
    entry.movieId = String(entry.movieId ?? entry.item_id ?? entry);
    const name = (about.title && entry[about.title]) || entry.title;
    if (name) titles.set(entry.movieId, name);
  }
  const items = entries.map(entryItem);
  if (items.length === 0) items.push(make('li', { className: 'empty', textContent: 'Nothing meets these conditions.' }));
  replaceKeepingFocus($('list'), items);
  shown = new Set(entries.map((entry) => entry.movieId));
  $('more').hidden = entries.length < wanted || wanted >= 100;
  const who = user !== null ? `user ${user}` : 'a visitor';
  $('list-title').textContent = user !== null ? `For user ${user}` : body.known_user === false ? 'Liked by many' : 'For you';
  return `${entries.length} ${entries.length === 1 ? 'item' : 'items'} for ${who}`;
}

function showExchange(request, body, elapsed) {
  $('curl').textContent = request.curl;
  $('request').textContent = request.text;
  $('response').textContent = JSON.stringify(body, null, 2);
  $('latency').textContent = `${elapsed < 10 ? elapsed.toFixed(1) : Math.round(elapsed)} ms`;
}

// Requests the list and shows it. `again` is called with each response on the stream, until it is content.
async function refresh(again) {
  const mine = ++turn;
  $('list').setAttribute('aria-busy', 'true');
  $('clear').disabled = Object.keys(conditions()).length === 0 && $('diversity').value === '0' && $('order').value === 'ranking';
  const request = listRequest();
  try {
    for (let tries = 1; ; tries++) {
      const { body, elapsed } = await request.send();
      if (mine !== turn) return;
      if (again && again(body) && tries < TRIES) {
        await new Promise((resolve) => { setTimeout(resolve, TRY_MS); });
        if (mine !== turn) return;
        continue;
      }
      complain();
      showExchange(request, structuredClone(body), elapsed);
      let status = `${showList(body.recommendations, body)} · ${$('latency').textContent}`;
      if (again) status += again(body) ? ' · the rating has not arrived yet' : ` · changed ${Math.round(performance.now() - again.since)} ms after the rating`;
      else if (body.from_cache) status += ' · from Redis';
      $('status').textContent = status;
      break;
    }
  } catch (error) {
    if (mine !== turn) return;
    complain(error.message);
    $('status').textContent = 'No list';
  }
  $('list').removeAttribute('aria-busy');
}

// ---------------------------------------------------------------- ratings

let known = 0; // ratings of the user in the file
function showRatings() {
  const children = [...ratings].map(([id, { rating, mine }]) => make('li', { className: mine ? 'mine' : '', 'data-id': id },
    make('span', { className: 'name', textContent: nameOf(id) }),
    make('span', { className: 'row' }, rater(id, rating, 'rated', (value) => rate(id, value)),
      ...(mine && !about.stream && about.scale ? [make('button', {
        type: 'button', className: 'drop', textContent: '×', 'data-key': `drop:${id}`, 'aria-label': `Remove the rating of ${nameOf(id)}`,
        onclick: () => rate(id, undefined),
      })] : []))));
  replaceKeepingFocus($('ratings'), children);
  const mine = [...ratings.values()].filter((one) => one.mine).length;
  $('ratings-title').textContent = user === null ? 'Your ratings' : `Ratings of user ${user}`;
  let note = '';
  if (user === null) note = mine === 0 ? 'None yet. Rate something: the list becomes yours at once.' : `${mine} so far`;
  else if (!about.has_ratings) note = 'Not known to this page.';
  else if (ratings.size > 0) note = `${ratings.size}${known > ratings.size ? ` of ${known}` : ''}, newest first`;
  else note = 'None are known.';
  if (user !== null && mine > 0) note += about.stream ? `, ${mine} put on the stream ${about.stream}` : `. The list is computed from these, ${mine} of them new.`;
  $('ratings-note').textContent = note;
}

async function rate(id, value) {
  const old = ratings.get(id);
  const newest = Math.max(0, ...[...ratings.values()].map((one) => one.timestamp ?? 0));
  ratings.delete(id);
  if (value !== undefined)
    ratings = new Map([[id, { rating: value, timestamp: Math.max(newest + 1, Math.floor(Date.now() / 1000)), mine: true }], ...ratings]);
  else if (old && !old.mine) ratings.set(id, old);
  const before = [...shown].join();
  showRatings();
  showFound();
  if (!about.stream) return refresh();
  const since = performance.now();
  try {
    await post('/page/ratings', { userId: user ?? visitorId, movieId: id, ...(about.scale ? { rating: value } : {}) });
  } catch (error) {
    return complain(error.message);
  }
  const same = (body) => {
    const ids = body.recommendations.map((one) => String(one.movieId ?? one.item_id ?? one));
    return ids.includes(id) || ids.join() === before;
  };
  same.since = since;
  return refresh(same);
}

let found = [];
function showFound() {
  replaceKeepingFocus($('found'), found.filter(({ movieId }) => !ratings.has(movieId)).slice(0, 6)
    .map(({ movieId }) => make('li', { 'data-id': movieId }, make('span', { className: 'name', textContent: nameOf(movieId) }),
      rater(movieId, undefined, 'found', (value) => rate(movieId, value)))));
}

let finding = 0;
async function find() {
  const words = $('words').value.trim();
  const mine = ++finding;
  found = [];
  if (words !== '' || user === null) {
    const { body } = await fetchJson(`/page/items?${new URLSearchParams({ q: words })}`);
    if (mine !== finding) return;
    found = body.items;
    for (const { movieId, title } of found) if (title) titles.set(movieId, title);
  }
  showFound();
}

// ---------------------------------------------------------------- users

async function choose(id) {
  const before = ++turn;
  let total = 0;
  const next = new Map();
  if (id !== null && about.has_ratings) {
    try {
      const { body } = await fetchJson(`/page/ratings?${new URLSearchParams({ userId: id })}`);
      total = body.total;
      for (const { movieId, title, rating, timestamp } of body.ratings) {
        next.set(movieId, { rating, timestamp });
        if (title) titles.set(movieId, title);
      }
    } catch (error) {
      if (error.status !== 404) return complain(error.message);
    }
  }
  if (before !== turn) return undefined;
  user = id;
  ratings = next;
  visitorId = `visitor-${Math.random().toString(36).slice(2, 8)}`;
  wanted = PAGE;
  shown = new Set();
  $('user').value = id ?? '';
  $('words').value = '';
  history.replaceState(null, '', id === null ? '#new-visitor' : `#user=${encodeURIComponent(id)}`);
  known = total;
  showRatings();
  return Promise.all([refresh(), find()]);
}

async function suggest(prefix) {
  const { body } = await fetchJson(`/page/users?${new URLSearchParams({ q: prefix })}`);
  $('users').replaceChildren(...body.users.map(({ userId, ratings: n }) => make('option', { value: userId, label: `${userId}: ${n} ratings` })));
  return body.users;
}

// ---------------------------------------------------------------- start

function addFilters() {
  for (const { name, values } of attributesOf('values')) {
    if (values.length === 0) continue;
    const set = make('fieldset', { className: 'chips' }, make('legend', { className: 'label', textContent: name[0].toUpperCase() + name.slice(1) }));
    for (const value of [...values].sort((a, b) => /^\p{L}/u.test(b) - /^\p{L}/u.test(a))) {
      const chip = make('button', { type: 'button', className: 'chip', textContent: value, 'aria-pressed': 'false' });
      Object.assign(chip.dataset, { attribute: name, value });
      chip.onclick = () => {
        chip.setAttribute('aria-pressed', String(chip.getAttribute('aria-pressed') !== 'true'));
        filtered();
      };
      set.append(chip);
    }
    $('attributes').append(set);
  }
  for (const { name, from, to } of attributesOf('from'))
    for (const [end, label, value] of [['from', `${name[0].toUpperCase() + name.slice(1)} from`, from], ['to', 'to', to]]) {
      const input = make('input', {
        type: 'number', id: `${name}-${end}`, placeholder: value, step: 'any',
        'aria-label': `${name} ${end}`, oninput: later(filtered),
      });
      Object.assign(input.dataset, { attribute: name, end });
      $('numbers').append(make('div', { className: 'field' }, make('label', { htmlFor: input.id, textContent: label }), input));
    }
  if (!about.ranking || about.stream) $('order-field').hidden = true;
}

function later(work) {
  let timer = 0;
  return () => { clearTimeout(timer); timer = setTimeout(work, 200); };
}

function filtered() {
  wanted = PAGE;
  refresh();
}

function listen() {
  $('filters').open = matchMedia('(min-width: 861px)').matches;
  $('who').onsubmit = (event) => { event.preventDefault(); choose($('user').value.trim()); };
  $('find').onsubmit = (event) => event.preventDefault();
  $('user').oninput = later(() => suggest($('user').value.trim()).catch((error) => complain(error.message)));
  $('words').oninput = later(() => find().catch((error) => complain(error.message)));
  $('visitor').onclick = () => choose(null);
  $('another').onclick = async () => {
    const digits = String(Math.floor(Math.random() * 900) + 1);
    const users = (await suggest(digits)).concat(await suggest('')).filter(({ userId }) => userId !== user);
    if (users.length > 0) choose(users[0].userId);
  };
  $('diversity').oninput = () => { $('diversity-value').textContent = $('diversity').value; };
  $('diversity').onchange = filtered;
  $('order').onchange = filtered;
  $('more').onclick = () => { wanted += PAGE; refresh(); };
  $('clear').onclick = () => {
    for (const chip of document.querySelectorAll('.chip')) chip.setAttribute('aria-pressed', 'false');
    for (const input of document.querySelectorAll('#numbers input')) input.value = '';
    $('diversity').value = 0;
    $('diversity-value').textContent = '0';
    $('order').value = 'ranking';
    filtered();
    $('filters').querySelector('summary').focus({ preventScroll: true });
  };
  for (const button of document.querySelectorAll('[data-copy]'))
    button.onclick = async () => {
      const text = $(button.dataset.copy).textContent;
      try {
        await navigator.clipboard.writeText(text);
        button.textContent = 'Copied';
      } catch {
        getSelection().selectAllChildren($(button.dataset.copy));
        button.textContent = 'Selected';
      }
      setTimeout(() => { button.textContent = 'Copy'; }, 2000);
    };
}

async function start() {
  const [response, users] = await Promise.all([fetchJson('/page/about'), suggest('')]);
  about = response.body;
  const n = (count) => count.toLocaleString('en');
  $('model').textContent = `${n(about.users)} users · ${n(about.items)} items · ${n(about.ratings)} ratings`;
  addFilters();
  listen();
  const hash = location.hash;
  if (hash.startsWith('#user=')) return choose(decodeURIComponent(hash.slice(6)));
  if (hash === '#new-visitor') return choose(null);
  return choose((users.find(({ ratings: count }) => count >= 20) || users[0]).userId);
}

start().catch((error) => complain(error.message));
