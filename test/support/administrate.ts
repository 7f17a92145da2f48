import { Client } from 'pg';

/** Runs statements on the server of the tests, outside the database of a test file: for databases and roles. */
export async function administrate(...statements: string[]): Promise<void> {
  const client = new Client({ connectionString: process.env.LATCHKEY_TEST_SERVER });
  await client.connect();
  for (const statement of statements) await client.query(statement);
  await client.end();
}
