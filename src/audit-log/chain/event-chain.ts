import { createHash } from 'node:crypto';
import { canonicalJson } from '../canonical-json';

/** The hash before the first batch of an organization. */
export const START = Buffer.alloc(32);

/** SHA-256 of an event in its canonical form (RFC 8785). */
export function hashOfEvent(event: object): Buffer {
  return createHash('sha256').update(canonicalJson(event)).digest();
}

/** A batch of the chain of one organization, as its hash covers it. */
export interface ChainedBatch {
  readonly organizationId: string;
  /** 1 for the first. */
  readonly number: number;
  /** Milliseconds since the epoch. */
  readonly sealedAt: number;
  readonly previousHash: Buffer;
  /** Those of the events, in their order. */
  readonly eventHashes: readonly Buffer[];
}

/**
 * SHA-256 over the batch: its organization, number and time, the hash of the batch before it, and the hashes of its events. So
 * the hash of a batch covers every event up to it. Each part has a fixed length, or is last.
 */
export function hashOfBatch({ organizationId, number, sealedAt, previousHash, eventHashes }: ChainedBatch): Buffer {
  const head = Buffer.alloc(16);
  head.writeBigUInt64BE(BigInt(number), 0);
  head.writeBigUInt64BE(BigInt(sealedAt), 8);
  const hash = createHash('sha256')
    .update('latchkey audit batch 1\n')
    .update(organizationId)
    .update(head)
    .update(previousHash);
  for (const one of eventHashes) hash.update(one);
  return hash.digest();
}
