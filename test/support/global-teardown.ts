import * as fs from 'node:fs';
import type { EmbeddedPostgres } from '../../src/embedded-postgres/embedded-postgres';

export default async function globalTeardown(): Promise<void> {
  const { latchkeyTestPostgres: own } = globalThis as {
    latchkeyTestPostgres?: { postgres: EmbeddedPostgres; dir: string };
  };
  if (!own) return;
  await own.postgres.stop();
  fs.rmSync(own.dir, { recursive: true, force: true });
}
