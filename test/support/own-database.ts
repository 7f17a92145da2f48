import { Client } from 'pg';
import { onDatabase } from './urls';

// Runs before every test file: a fresh copy of the migrated template, one for each worker.
module.exports = async (): Promise<void> => {
  const name = `latchkey_test_${process.env.JEST_WORKER_ID}`;
  const url = process.env.LATCHKEY_TEST_SERVER!;
  const admin = new Client({ connectionString: url });
  await admin.connect();
  await admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  await admin.query(`CREATE DATABASE ${name} TEMPLATE latchkey_template STRATEGY FILE_COPY`);
  await admin.end();
  process.env.LATCHKEY_TEST_DATABASE = onDatabase(url, name);
};
