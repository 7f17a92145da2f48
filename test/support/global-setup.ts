import 'reflect-metadata';
import { Client } from 'pg';
import { migrateLatchkey } from '../../src/database/migrator';
import { startTestDatabase } from '../../src/testing/test-database';
import { onDatabase } from './urls';

/**
 * Starts the PostgreSQL of the tests, unless one is given, and migrates the template of their databases: once a run,
 * however many projects ask for it.
 */
export default async function globalSetup(): Promise<void> {
  if (process.env.LATCHKEY_TEST_SERVER) return;
  let url = process.env.TEST_DATABASE_URL;
  if (!url) {
    const database = await startTestDatabase();
    url = database.url;
    Object.assign(globalThis, { latchkeyTestDatabase: database });
  }
  const admin = new Client({ connectionString: url });
  await admin.connect();
  await admin.query('DROP DATABASE IF EXISTS latchkey_template WITH (FORCE)');
  await admin.query('CREATE DATABASE latchkey_template');
  await admin.end();
  await migrateLatchkey({ url: onDatabase(url, 'latchkey_template') });
  process.env.LATCHKEY_TEST_SERVER = url;
}
