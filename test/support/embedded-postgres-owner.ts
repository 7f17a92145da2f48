import { startEmbeddedPostgres } from '../../src/embedded-postgres/embedded-postgres';

/** One more process with a use for the server of a directory: reports on stdout, and stops when stdin ends. */
async function own(dir: string): Promise<void> {
  const server = await startEmbeddedPostgres({ dir });
  process.stdout.write(`${JSON.stringify({ url: server.url, started: server.started })}\n`);
  process.stdin.resume().once('end', () => void server.stop().then(() => process.exit(0)));
}

void own(process.argv[2] ?? '');
