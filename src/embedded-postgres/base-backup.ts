import { Client, type ClientConfig, type Connection, type Submittable } from 'pg';

/** The server itself makes the copy: it waits for a checkpoint, and sends the log that was written meanwhile. So the copy is consistent. */
const BASE_BACKUP = `BASE_BACKUP (LABEL 'latchkey', CHECKPOINT 'fast', WAL true, MANIFEST 'no')`;
/** The messages of the copy begin with a letter. This one stands before a part of the archive. */
const ARCHIVE = 'd'.charCodeAt(0);

/**
 * Copies a running cluster as a tar archive, by PostgreSQL's own replication protocol. The embedded PostgreSQL brings no
 * `pg_basebackup`.
 *
 * @param take receives the archive, part by part.
 */
export async function takeBaseBackup(url: string, take: (part: Buffer) => void): Promise<void> {
  const config: ClientConfig & { replication: string } = { connectionString: url, replication: 'true' };
  const client = new Client(config);
  await client.connect();
  try {
    await new Promise<void>((resolve, reject) => {
      // The connection breaks: nothing else would say so.
      client.once('error', reject);
      client.query(new BaseBackup(take, (error) => (error === undefined ? resolve() : reject(error))));
    });
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** A statement as node-postgres runs it, with the messages of a copy. */
class BaseBackup implements Submittable {
  private fault: Error | undefined;

  constructor(
    private readonly take: (part: Buffer) => void,
    private readonly end: (error?: Error) => void,
  ) {}

  submit(connection: Connection): void {
    connection.query(BASE_BACKUP);
  }

  handleCopyData({ chunk }: { readonly chunk: Buffer }): void {
    if (chunk[0] !== ARCHIVE || this.fault !== undefined) return;
    try {
      this.take(chunk.subarray(1));
    } catch (error) {
      this.fault = error as Error;
    }
  }

  handleError(error: Error): void {
    this.end(error);
  }

  handleReadyForQuery(): void {
    this.end(this.fault);
  }

  // The positions in the log, before and after the copy: the archive itself says them.
  handleRowDescription(): void {}
  handleDataRow(): void {}
  handleCommandComplete(): void {}
  handleEmptyQuery(): void {}
}
