// The load: a process of its own that runs one job after another. A job sends requests on kept-alive connections, one at a
// time on each, for so many seconds or so many requests.
import { createHistogram, performance } from 'node:perf_hooks';
import { Connection, requestText, bearer } from './connection.mjs';
import { tokenSeries } from './tokens.mjs';

/** What to send next: a list over and over, or a series in which nothing comes twice. */
function requestsOf({ list, series }) {
  if (list) {
    const texts = list.map(requestText);
    let next = 0;
    return () => texts[next++ % texts.length];
  }
  const make = tokenSeries(series.sample, series.secret)[series.kind];
  let n = series.from;
  return series.inBody
    ? () => requestText({ ...series.request, body: { accessToken: make(n++) } })
    : () => requestText({ ...series.request, headers: bearer(make(n++)) });
}

async function run({ url, requests, connections = 50, seconds = Infinity, total = Infinity, perSecond, expect = 200 }) {
  const next = requestsOf(requests);
  const latency = createHistogram({ lowest: 1, highest: 60_000_000, figures: 3 });
  const startedAt = performance.now();
  const endsAt = startedAt + seconds * 1000;
  let sent = 0;
  let answered = 0;
  const others = {};
  const drive = (connection) =>
    new Promise((resolve, reject) => {
      const step = () => {
        const now = performance.now();
        if (sent >= total || now >= endsAt) return resolve();
        const wait = perSecond === undefined ? 0 : startedAt + (sent * 1000) / perSecond - now;
        sent += 1;
        if (wait > 1) setTimeout(ask, wait);
        else ask();
      };
      const ask = () => {
        const text = next();
        const sentAt = performance.now();
        connection.send(text, (error, status, body) => {
          if (error) return reject(error);
          latency.record(Math.max(1, Math.round((performance.now() - sentAt) * 1000)));
          answered += 1;
          if (status !== expect) {
            others[status] = (others[status] ?? 0) + 1;
            others.sample ??= body.toString().slice(0, 300);
          }
          step();
        });
      };
      step();
    });
  const all = Array.from({ length: connections }, () => new Connection(url));
  try {
    await Promise.all(all.map(drive));
  } finally {
    for (const connection of all) connection.close();
  }
  const took = (performance.now() - startedAt) / 1000;
  const [p50, p99, max] = [50, 99, 100].map((percent) => latency.percentile(percent) / 1000);
  return { answered, perSecond: answered / took, p50, p99, max, others, sent };
}

process.on('message', ({ id, job }) => {
  run(job).then(
    (result) => process.send({ id, result }),
    (error) => process.send({ id, error: String(error) }),
  );
});
process.on('disconnect', () => process.exit());
