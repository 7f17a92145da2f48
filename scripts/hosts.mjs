// Puts the packed package into small real applications of every kind, and prints what was the same with it as without.
import { randomBytes } from 'node:crypto';
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { compile, root, unpack } from './packed.mjs';

const EXIT_LIMIT_MS = 20_000;

/** Every combination of the values of some keys. */
function combinations(axes) {
  return Object.entries(axes).reduce(
    (all, [name, values]) => all.flatMap((one) => values.map((value) => ({ ...one, [name]: value }))),
    [{}],
  );
}

const ROWS = combinations({ prefix: [false, true], versioning: ['none', 'uri', 'header'], strict: [false, true] });
const COLUMNS = {
  'own database': { database: 'url', schema: 'latchkey', twins: false },
  "host's database": { database: 'dataSource', schema: 'keys', twins: false },
  'two applications': { database: 'url', schema: 'latchkey', twins: true },
};
const VARIANTS = ROWS.flatMap((row) => Object.values(COLUMNS).map((column) => ({ ...row, ...column })));

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

/** A host of every kind, and a script that never closes its application. */
async function visit(dir, database, adapter, secret) {
  const variants = VARIANTS.map((variant) => ({ adapter, ...variant }));
  const host = await run(path.join(dir, 'main.js'), [database, JSON.stringify(variants)], variants.length, secret);
  const script = await run(path.join(dir, 'script.js'), [database], 1, secret);
  return { results: host.results, faults: [...host.faults, ...script.faults.map((fault) => `script: ${fault}`)] };
}

const nameOf = ({ format, adapter }) => `host_${format}_${adapter}`;

function print(rows) {
  const widths = rows[0].map((_, index) => Math.max(...rows.map((row) => row[index].length)));
  for (const row of rows) console.log(row.map((cell, index) => cell.padEnd(widths[index])).join('  '));
}

const require = createRequire(import.meta.url);
const dir = unpack('@nestjs/platform-express', '@nestjs/platform-fastify', '@types/node');
const { startTestDatabase } = createRequire(path.join(dir, 'x.js'))('latchkey/testing');
const server = await startTestDatabase();
try {
  const { Client } = require('pg');
  const client = new Client({ connectionString: server.url });
  await client.connect();
  const secret = randomBytes(48).toString('base64');
  const kinds = combinations({ format: ['commonjs', 'module'], adapter: ['express', 'fastify'] });
  for (const format of ['commonjs', 'module']) compile(dir, format, path.join(root, 'test/hosts'), format);
  for (const kind of kinds) await client.query(`CREATE DATABASE ${nameOf(kind)}`);
  // All at once: they mostly wait for their databases.
  const outcomes = await Promise.all(
    kinds.map(async (kind) => {
      const url = new URL(server.url);
      url.pathname = `/${nameOf(kind)}`;
      return { kind, ...(await visit(path.join(dir, kind.format), url.href, kind.adapter, secret)) };
    }),
  );
  await client.end();

  const rows = [['host', 'adapter', 'prefix', 'versioning', 'strict', ...Object.keys(COLUMNS), 'ends by itself']];
  const faults = [];
  for (const { kind, results, faults: own } of outcomes) {
    faults.push(...own.map((fault) => `${kind.format} ${kind.adapter}: ${fault}`));
    for (const row of ROWS) {
      const cells = Object.entries(COLUMNS).map(([name, column]) => {
        const wanted = Object.entries({ ...row, ...column });
        const result = results.find(({ variant }) => wanted.every(([key, value]) => variant[key] === value));
        const found = result?.faults ?? ['was not reached'];
        faults.push(...found.map((fault) => `${JSON.stringify({ ...kind, ...row })} ${name}: ${fault}`));
        return found.length === 0 ? 'same' : 'FAULT';
      });
      const settings = [row.prefix ? 'yes' : '-', row.versioning, row.strict ? 'yes' : '-'];
      const ends = own.length === 0 ? 'yes' : 'NO';
      rows.push([kind.format === 'module' ? 'esm' : 'cjs', kind.adapter, ...settings, ...cells, ends]);
    }
  }
  print(rows);
  for (const fault of [...new Set(faults)].slice(0, 40)) console.log(fault);
  process.exitCode = faults.length === 0 ? 0 : 1;
} finally {
  await server.stop();
  rmSync(dir, { recursive: true, force: true });
}
