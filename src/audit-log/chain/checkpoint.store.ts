import type { SqlRunner } from '../../database/sql-runner';
import type { Checkpoint } from './checkpoint';

/** The head of a chain, and what retention has left of it. */
export interface ChainHead {
  readonly organizationId: string;
  readonly number: number;
  readonly hash: Buffer;
  readonly sealedAt: Date;
  readonly firstKept: number;
  readonly removedBefore: Date | null;
}

/** Chains that have grown, or of which retention has removed something, since they were signed. */
export async function unsignedHeads(run: SqlRunner, most: number): Promise<ChainHead[]> {
  return headsOf(await run<HeadRow>(UNSIGNED, [most]));
}

/** The head of the chain of an organization; undefined if it has no batch. */
export async function headOf(run: SqlRunner, organizationId: string): Promise<ChainHead | undefined> {
  const [head] = headsOf(await run<HeadRow>(HEAD, [organizationId]));
  return head;
}

/** Keeps checkpoints of different chains. A later one of the same batch takes the place of an earlier one. */
export async function keepCheckpoints(run: SqlRunner, checkpoints: readonly Checkpoint[]): Promise<void> {
  const rows = checkpoints.map(({ hash, signature, ...others }) => ({
    ...others,
    hash,
    signature: Buffer.from(signature, 'base64').toString('hex'),
  }));
  await run(KEEP, [JSON.stringify(rows)]);
}

/** The checkpoints of an organization, newest first. */
export async function readCheckpoints(
  run: SqlRunner,
  organizationId: string,
  { below, limit }: { below: number; limit: number },
): Promise<Checkpoint[]> {
  const rows = await run<CheckpointRow>(READ, [organizationId, below, limit]);
  return rows.map(({ number, made_at, hash, key_id, signature, sealed_at, ...retention }) => ({
    organizationId,
    number: Number(number),
    hash: hash.toString('hex'),
    madeAt: made_at.toISOString(),
    ...(sealed_at && { sealedAt: sealed_at.toISOString(), ...removalOf(retention) }),
    keyId: key_id,
    signature: signature.toString('base64'),
  }));
}

interface Retention {
  readonly first_kept: string;
  readonly removed_before: Date | null;
}

interface HeadRow extends Retention {
  readonly organization_id: string;
  readonly number: string;
  readonly hash: Buffer;
  readonly sealed_at: Date;
}

interface CheckpointRow extends Retention {
  readonly number: string;
  readonly made_at: Date;
  readonly hash: Buffer;
  readonly key_id: string;
  readonly signature: Buffer;
  /** Null for the first version of checkpoints, with the two of retention. */
  readonly sealed_at: Date | null;
}

function removalOf({ first_kept, removed_before }: Retention): { firstKept: number; removedBefore: string | null } {
  return { firstKept: Number(first_kept), removedBefore: removed_before?.toISOString() ?? null };
}

function headsOf(rows: readonly HeadRow[]): ChainHead[] {
  return rows.map(({ organization_id, number, hash, sealed_at, first_kept, removed_before }) => ({
    organizationId: organization_id,
    number: Number(number),
    hash,
    sealedAt: sealed_at,
    firstKept: Number(first_kept),
    removedBefore: removed_before,
  }));
}

const HEADS = `
  SELECT organization_id, number, hash, sealed_at, first_kept, removed_before FROM latchkey.audit_chains`;
const UNSIGNED = `${HEADS} WHERE NOT is_signed LIMIT $1`;
const HEAD = `${HEADS} WHERE organization_id = $1`;

// A chain that has grown meanwhile stays unsigned.
const KEEP = `
  WITH given AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset($1::jsonb) AS g (
      "organizationId" uuid, number bigint, "madeAt" timestamptz(3), hash text, "keyId" text, signature text,
      "sealedAt" timestamptz(3), "firstKept" bigint, "removedBefore" timestamptz(3))
  ), noted AS (
    UPDATE latchkey.audit_chains c SET is_signed = true FROM given g
     WHERE c.organization_id = g."organizationId" AND c.number = g.number AND c.first_kept = g."firstKept"
       AND c.removed_before IS NOT DISTINCT FROM g."removedBefore" AND NOT c.is_signed
  )
  INSERT INTO latchkey.audit_checkpoints AS c (
    organization_id, number, made_at, hash, key_id, signature, sealed_at, first_kept, removed_before)
  SELECT "organizationId", number, "madeAt", decode(hash, 'hex'), "keyId", decode(signature, 'hex'), "sealedAt", "firstKept",
         "removedBefore"
    FROM given
  ON CONFLICT (organization_id, number) DO UPDATE
    SET made_at = excluded.made_at, hash = excluded.hash, key_id = excluded.key_id, signature = excluded.signature,
        sealed_at = excluded.sealed_at, first_kept = excluded.first_kept, removed_before = excluded.removed_before
  WHERE c.made_at <= excluded.made_at`;

const READ = `
  SELECT number, made_at, hash, key_id, signature, sealed_at, first_kept, removed_before FROM latchkey.audit_checkpoints
   WHERE organization_id = $1 AND number < $2 ORDER BY number DESC LIMIT $3`;
