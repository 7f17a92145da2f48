import type { SqlRunner } from '../../database/sql-runner';
import type { Checkpoint } from './checkpoint';

/** The head of a chain. */
export interface ChainHead {
  readonly organizationId: string;
  readonly number: number;
  readonly hash: Buffer;
}

/** The heads, sealed in the last ten minutes, for which there is no checkpoint. */
export async function unsignedHeads(run: SqlRunner, most: number): Promise<ChainHead[]> {
  return headsOf(await run<HeadRow>(UNSIGNED, [most]));
}

/** The head of the chain of an organization; undefined if it has no batch. */
export async function headOf(run: SqlRunner, organizationId: string): Promise<ChainHead | undefined> {
  const [head] = headsOf(await run<HeadRow>(HEAD, [organizationId]));
  return head;
}

/** Keeps a checkpoint. If there is one for the same batch, that one stays. @returns the one that is kept. */
export async function insertCheckpoint(run: SqlRunner, checkpoint: Checkpoint): Promise<Checkpoint> {
  const { organizationId, number, madeAt, hash, keyId, signature } = checkpoint;
  const bytes = [Buffer.from(hash, 'hex'), keyId, Buffer.from(signature, 'base64')];
  await run(INSERT, [organizationId, number, madeAt, ...bytes]);
  const [kept] = await readCheckpoints(run, organizationId, { below: number + 1, limit: 1 });
  return kept!;
}

/** The checkpoints of an organization, newest first. */
export async function readCheckpoints(
  run: SqlRunner,
  organizationId: string,
  { below, limit }: { below: number; limit: number },
): Promise<Checkpoint[]> {
  const rows = await run<CheckpointRow>(READ, [organizationId, below, limit]);
  return rows.map(({ number, made_at, hash, key_id, signature }) => ({
    organizationId,
    number: Number(number),
    hash: hash.toString('hex'),
    madeAt: made_at.toISOString(),
    keyId: key_id,
    signature: signature.toString('base64'),
  }));
}

interface HeadRow {
  readonly organization_id: string;
  readonly number: string;
  readonly hash: Buffer;
}

interface CheckpointRow {
  readonly number: string;
  readonly made_at: Date;
  readonly hash: Buffer;
  readonly key_id: string;
  readonly signature: Buffer;
}

function headsOf(rows: readonly HeadRow[]): ChainHead[] {
  return rows.map(({ organization_id, number, hash }) => ({
    organizationId: organization_id,
    number: Number(number),
    hash,
  }));
}

const UNSIGNED = `
  SELECT organization_id, number, hash
    FROM (SELECT DISTINCT ON (organization_id) organization_id, number, hash
            FROM latchkey.audit_batches WHERE sealed_at > now() - interval '10 minutes'
           ORDER BY organization_id, number DESC) AS heads
   WHERE NOT EXISTS (SELECT FROM latchkey.audit_checkpoints c
                      WHERE c.organization_id = heads.organization_id AND c.number = heads.number)
   LIMIT $1`;

const HEAD = `
  SELECT organization_id, number, hash FROM latchkey.audit_batches WHERE organization_id = $1 ORDER BY number DESC LIMIT 1`;

const INSERT = `
  INSERT INTO latchkey.audit_checkpoints (organization_id, number, made_at, hash, key_id, signature)
  VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`;

const READ = `
  SELECT number, made_at, hash, key_id, signature FROM latchkey.audit_checkpoints
   WHERE organization_id = $1 AND number < $2 ORDER BY number DESC LIMIT $3`;
