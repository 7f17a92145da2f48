import 'reflect-metadata';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { Client } from 'pg';
import { migrate } from '../../src/database/migrator';
import { startEmbeddedPostgres } from '../../src/embedded-postgres/embedded-postgres';
import { onDatabase } from './urls';

/** Memory when there is plenty (a container's /dev/shm may be 64 MB), else the temporary directory. */
function scratch(): string {
  try {
    const { bavail, bsize } = fs.statfsSync('/dev/shm');
    if (bavail * bsize > 2 ** 30) return '/dev/shm';
  } catch (error) {
    // Not on every platform.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return os.tmpdir();
}

/** Starts the PostgreSQL of the tests, unless one is given, and migrates the template of their databases. */
export default async function globalSetup(): Promise<void> {
  let url = process.env.TEST_DATABASE_URL;
  if (!url) {
    const dir = fs.mkdtempSync(path.join(scratch(), 'latchkey-test-'));
    fs.chmodSync(dir, 0o711);
    const settings = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '200' };
    const postgres = await startEmbeddedPostgres({ dir: path.join(dir, 'postgres'), settings });
    url = postgres.url;
    Object.assign(globalThis, { latchkeyTestPostgres: { postgres, dir } });
  }
  const admin = new Client({ connectionString: url });
  await admin.connect();
  await admin.query('DROP DATABASE IF EXISTS latchkey_template WITH (FORCE)');
  await admin.query('CREATE DATABASE latchkey_template');
  await admin.end();
  await migrate(onDatabase(url, 'latchkey_template'));
  process.env.LATCHKEY_TEST_SERVER = url;
}
