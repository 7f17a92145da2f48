// Starts the built server on a database of its own, lints its API documentation, and compiles a client generated from it.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.join(here, '../..');
if (!existsSync(path.join(here, 'node_modules'))) {
  console.error('test/openapi has packages of its own: install them with `npm ci --prefix test/openapi`.');
  process.exit(1);
}
const { createConfig, lintFromString } = await import('@redocly/openapi-core');
const { default: openapiTS, astToString } = await import('openapi-typescript');
const { consoleTypes } = await import('./console-types.mjs');
const scratch = mkdtempSync(path.join(os.tmpdir(), 'latchkey-openapi-'));

async function fetchDocument() {
  const env = {
    ...process.env,
    PORT: '0',
    HOST: '127.0.0.1',
    DATABASE_URL: '',
    LATCHKEY_DATA_DIR: path.join(scratch, 'data'),
  };
  const server = spawn(process.execPath, [path.join(root, 'dist/src/main.js')], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise((resolve) => server.once('exit', resolve));
  try {
    const url = await new Promise((resolve, reject) => {
      let printed = '';
      server.stdout.on('data', (chunk) => {
        printed += chunk;
        const found = /(http:\S+)\/api\/docs/.exec(printed);
        if (found) resolve(found[1]);
      });
      server.once('exit', (code) => reject(new Error(`The server ended with ${code}`)));
    });
    return await (await fetch(`${url}/api/docs/json`)).text();
  } finally {
    server.kill('SIGTERM');
    await ended;
  }
}

async function lint(source) {
  // Latchkey has no licence file to link, and answers to its own 4xx for every operation are checked by tests.
  const config = await createConfig({ extends: ['recommended-strict'], rules: { 'info-license': 'off' } });
  const found = await lintFromString({ source, config });
  // The wire has these families of paths. Only an organization, a project, a membership or a role with the id `roles`, `slug` or
  // `identity-memberships` could be meant by two of them, and there is none.
  const FAMILIES =
    /two ambiguous paths: `\/api\/(v1\/organization\/roles\/\{roleId\}|v1\/projects\/|v[12]\/workspace\/)/;
  const isOfTheWire = ({ ruleId, message }) => ruleId === 'no-ambiguous-paths' && FAMILIES.test(message);
  const problems = found.filter((one) => !isOfTheWire(one));
  for (const { ruleId, severity, message, location } of problems) {
    console.error(`${severity} ${ruleId} ${location.map(({ pointer }) => pointer).join(' ')}: ${message}`);
  }
  return problems.length;
}

// What a program written against the generated types looks like; compiled, not run.
const CLIENT = `
import createClient from 'openapi-fetch';
import type { paths } from './latchkey';

const client = createClient<paths>({ baseUrl: 'http://127.0.0.1:8080', headers: { authorization: 'Bearer token' } });

export async function rename(tokenId: string): Promise<number> {
  const { data, error } = await client.PATCH('/api/v1/auth/token-auth/tokens/{tokenId}', {
    params: { path: { tokenId } },
    body: { name: 'ci-runner-2' },
  });
  if (!data) throw new Error(JSON.stringify(error));
  const { id, accessTokenTTL, accessTokenLastUsedAt, isAccessTokenRevoked, name } = data.token;
  const facts: [string, number, string | null, boolean, string | null] = [
    id, accessTokenTTL, accessTokenLastUsedAt, isAccessTokenRevoked, name,
  ];
  return facts.length;
}
`;

async function compileClient(source) {
  const dir = path.join(here, 'node_modules', '.latchkey-client');
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir);
  writeFileSync(path.join(dir, 'latchkey.ts'), astToString(await openapiTS(JSON.parse(source))));
  writeFileSync(path.join(dir, 'client.ts'), CLIENT);
  const flags = [
    '--strict',
    '--noEmit',
    '--module',
    'nodenext',
    '--target',
    'es2023',
    '--skipLibCheck',
    '--types',
    'node',
    '--ignoreConfig',
  ];
  const tsc = spawnSync(
    process.execPath,
    [path.join(root, 'node_modules/typescript/bin/tsc'), ...flags, path.join(dir, 'client.ts')],
    { stdio: 'inherit', cwd: root },
  );
  rmSync(dir, { recursive: true, force: true });
  return tsc.status;
}

/** The console is compiled against the operations as they are now. With `--write`, its types are made of the document. */
async function compareConsole(source) {
  const file = path.join(root, 'console/src/api.d.ts');
  const types = await consoleTypes(JSON.parse(source), path.join(root, 'console/src'));
  if (process.argv.includes('--write')) writeFileSync(file, types);
  const isCurrent = existsSync(file) && readFileSync(file, 'utf8') === types;
  if (!isCurrent) console.error('console/src/api.d.ts is out of date: run `node test/openapi/check.mjs --write`.');
  return isCurrent;
}

try {
  const source = await fetchDocument();
  const problems = await lint(source);
  const compiled = await compileClient(source);
  console.log(
    `OpenAPI: ${Object.keys(JSON.parse(source).paths).length} paths, ${problems} problems; client compiles: ${compiled === 0}`,
  );
  const isConsoleCurrent = await compareConsole(source);
  process.exitCode = problems === 0 && compiled === 0 && isConsoleCurrent ? 0 : 1;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
