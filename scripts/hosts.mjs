// Puts the packed package into small real applications of every kind, and prints what was the same with it as without. Of all
// combinations of what a host can be, so many are visited that any three properties occur together in one of them.
import { randomBytes } from 'node:crypto';
import { spawn } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { covering } from './covering.mjs';
import { compile, root, unpack, unpackBeside } from './packed.mjs';

const EXIT_LIMIT_MS = 20_000;

const COLUMNS = {
  'own database': { database: 'url', schema: 'latchkey', twins: false },
  "host's database": { database: 'dataSource', schema: 'keys', twins: false },
  'two applications': { database: 'url', schema: 'latchkey', twins: true },
};
const AXES = {
  nest: [12, 11],
  format: ['commonjs', 'module'],
  adapter: ['express', 'fastify'],
  prefix: [false, true],
  versioning: ['none', 'uri', 'header'],
  strict: [false, true],
  place: Object.keys(COLUMNS),
};
const SAMPLE = covering(AXES, 3);

/** Runs a program that prints a number of results, each on a line, and must then end by itself. */
async function run(program, args, count, secret) {
  const child = spawn(process.execPath, [program, ...args], {
    env: { PATH: process.env.PATH, HOSTS_SECRET: secret },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const results = [];
  let stderr = '';
  let isKilled = false;
  let timer;
  child.stderr.on('data', (chunk) => (stderr += chunk));
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (!line.startsWith('{')) return;
    results.push(JSON.parse(line));
    if (results.length === count) timer = setTimeout(() => (isKilled = child.kill('SIGKILL')), EXIT_LIMIT_MS);
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  clearTimeout(timer);
  const faults = [];
  if (isKilled) faults.push('the process does not end by itself');
  else if (code !== 0 || results.length !== count) faults.push(`ended with ${code} after ${results.length}: ${stderr}`);
  return { results, faults };
}

/** The hosts of a kind, and a script that never closes its application. */
async function visit(dir, database, variants, secret) {
  const asked = variants.map((variant) => ({ ...variant, ...COLUMNS[variant.place] }));
  const host = await run(path.join(dir, 'main.js'), [database, JSON.stringify(asked)], asked.length, secret);
  const script = await run(path.join(dir, 'script.js'), [database], 1, secret);
  return { results: host.results, faults: [...host.faults, ...script.faults.map((fault) => `script: ${fault}`)] };
}

/** Rows that run in one process, by its name, which is that of its database too. */
function kindsOf(nest) {
  const kinds = {};
  for (const row of SAMPLE.filter((one) => one.nest === nest))
    (kinds[`host_${nest}_${row.format}_${row.adapter}`] ??= []).push(row);
  return kinds;
}

function print(rows) {
  const widths = rows[0].map((_, index) => Math.max(...rows.map((row) => row[index].length)));
  for (const row of rows) console.log(row.map((cell, index) => cell.padEnd(widths[index])).join('  '));
}

const require = createRequire(import.meta.url);
const packages = ['@nestjs/platform-express', '@nestjs/platform-fastify', '@types/node'];
const beside = 'test/hosts';
if (!existsSync(path.join(root, beside, 'node_modules'))) {
  console.error(`${beside} has packages of its own: install them with \`npm ci --prefix ${beside}\`.`);
  process.exit(1);
}
const dirs = { 12: unpack(...packages), 11: unpackBeside(beside, ...packages) };
const { startTestDatabase } = createRequire(path.join(dirs[12], 'x.js'))('latchkey/testing');
const server = await startTestDatabase();

/** All hosts of a major version at once: they mostly wait for their databases. */
function visitAll(nest, secret) {
  for (const format of AXES.format) compile(dirs[nest], format, path.join(root, beside), format);
  return Promise.all(
    Object.entries(kindsOf(nest)).map(async ([name, variants]) => {
      const url = new URL(server.url);
      url.pathname = `/${name}`;
      return {
        name,
        variants,
        ...(await visit(path.join(dirs[nest], variants[0].format), url.href, variants, secret)),
      };
    }),
  );
}

try {
  const { Client } = require('pg');
  const client = new Client({ connectionString: server.url });
  await client.connect();
  const secret = randomBytes(48).toString('base64');
  for (const nest of AXES.nest)
    for (const name of Object.keys(kindsOf(nest))) await client.query(`CREATE DATABASE ${name}`);
  await client.end();
  const outcomes = [];
  for (const nest of AXES.nest) outcomes.push(...(await visitAll(nest, secret)));

  const rows = [['nest', 'host', 'adapter', 'prefix', 'versioning', 'strict', 'database', 'answers', 'ends by itself']];
  const faults = [];
  for (const { name, variants, results, faults: own } of outcomes) {
    faults.push(...own.map((fault) => `${name}: ${fault}`));
    for (const wanted of variants) {
      const isSame = ({ variant }) => Object.entries(wanted).every(([key, value]) => variant[key] === value);
      const found = results.find(isSame)?.faults ?? ['was not reached'];
      faults.push(...found.map((fault) => `${JSON.stringify(wanted)}: ${fault}`));
      const { nest, format, adapter, prefix, versioning, strict, place } = wanted;
      const host = [String(nest), format === 'module' ? 'esm' : 'cjs', adapter];
      const settings = [prefix ? 'yes' : '-', versioning, strict ? 'yes' : '-', place];
      rows.push([...host, ...settings, found.length === 0 ? 'same' : 'FAULT', own.length === 0 ? 'yes' : 'NO']);
    }
  }
  print(rows);
  for (const fault of [...new Set(faults)].slice(0, 40)) console.log(fault);
  process.exitCode = faults.length === 0 ? 0 : 1;
} finally {
  await server.stop();
  for (const dir of Object.values(dirs)) rmSync(dir, { recursive: true, force: true });
}
