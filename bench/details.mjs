// Requests per second of GET /api/v1/identities/details, which verifies a token and counts a use of it, beside a bare Fastify
// route with the same answer. Both servers and the load are processes of their own; the rounds take turns.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROUNDS = Number(process.argv[2] ?? 5);
const SECONDS = Number(process.argv[3] ?? 4);
const CONNECTIONS = 50;
const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const data = mkdtempSync(path.join(os.tmpdir(), 'latchkey-bench-'));

function start(file, env = {}) {
  const server = spawn(process.execPath, [path.join(root, file)], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const url = new Promise((resolve, reject) => {
    server.stdout.on('data', (chunk) => {
      const found = /http:\/\/[\d.:]+/.exec(String(chunk));
      if (found) resolve(found[0]);
    });
    server.once('exit', () => reject(new Error(`${file} ended`)));
  });
  const stop = () =>
    new Promise((resolve) => {
      server.once('exit', resolve);
      server.kill('SIGTERM');
    });
  return { url, stop };
}

function load(url, token, seconds) {
  const cli = path.join(root, 'node_modules/autocannon/autocannon.js');
  const args = ['--json', '-c', CONNECTIONS, '-d', seconds, '-H', `Authorization: Bearer ${token}`];
  const run = spawnSync(process.execPath, [cli, ...args.map(String), `${url}/api/v1/identities/details`]);
  const { requests, latency, non2xx, errors } = JSON.parse(String(run.stdout));
  if (non2xx > 0 || errors > 0) throw new Error(`${non2xx} refusals and ${errors} errors under load`);
  return { perSecond: requests.average, p50: latency.p50, p99: latency.p99 };
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];

const latchkey = start('dist/src/main.js', { PORT: '0', HOST: '127.0.0.1', DATABASE_URL: '', LATCHKEY_DATA_DIR: data });
const bare = start('bench/bare-fastify.mjs');
try {
  const servers = { 'bare Fastify': await bare.url, Latchkey: await latchkey.url };
  const { accessToken } = JSON.parse(readFileSync(path.join(data, 'bootstrap.json')));
  const rounds = Object.fromEntries(Object.keys(servers).map((name) => [name, []]));
  for (const url of Object.values(servers)) load(url, accessToken, 2);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [name, url] of Object.entries(servers)) rounds[name].push(load(url, accessToken, SECONDS));
  }
  const row = (name, results) => {
    const rates = results.map(({ perSecond }) => Math.round(perSecond));
    const [p50, p99] = ['p50', 'p99'].map((key) => median(results.map((result) => result[key])));
    return `| ${name} | ${median(rates)} | ${Math.min(...rates)}..${Math.max(...rates)} | ${p50} | ${p99} |`;
  };
  const ratios = rounds.Latchkey.map(({ perSecond }, round) => perSecond / rounds['bare Fastify'][round].perSecond);
  console.log(
    `${ROUNDS} rounds of ${SECONDS} s in turns, ${CONNECTIONS} connections kept alive, Node ${process.version}\n`,
  );
  console.log(
    '| GET /api/v1/identities/details | requests/s, median | min..max | p50 ms | p99 ms |\n|---|---|---|---|---|',
  );
  for (const [name, results] of Object.entries(rounds)) console.log(row(name, results));
  console.log(`\nLatchkey / bare Fastify, round by round: median ${median(ratios).toFixed(3)}`);
} finally {
  await Promise.allSettled([latchkey.stop(), bare.stop()]);
  rmSync(data, { recursive: true, force: true });
}
