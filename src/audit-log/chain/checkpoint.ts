import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { derivedKey } from '../../common/crypto/derived-key';
import { canonicalJson } from '../canonical-json';

/** The statement of a checkpoint: at a time, the chain of an organization had this head. */
export interface CheckpointStatement {
  readonly organizationId: string;
  /** The number of the last batch. */
  readonly number: number;
  /** The hash of that batch, in hexadecimal digits. */
  readonly hash: string;
  readonly madeAt: string;
  /** When that batch was sealed. The first version of checkpoints has neither this nor the two below. */
  readonly sealedAt?: string;
  /** The lowest batch that retention has left. */
  readonly firstKept?: number;
  /** Retention may have removed events that were sealed before this, and no others; null if it has removed nothing. */
  readonly removedBefore?: string | null;
}

/** A statement with an Ed25519 signature (RFC 8032) over its canonical form. */
export interface Checkpoint extends CheckpointStatement {
  readonly keyId: string;
  /** In base64. */
  readonly signature: string;
}

/** A public key by which checkpoints are checked. */
export interface CheckpointKey {
  readonly keyId: string;
  /** In PEM. */
  readonly publicKey: string;
}

/** The start of an Ed25519 private key in DER (RFC 8410 section 7): the 32 bytes of the key follow. */
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');

/** The key that a secret of the instance gives. Each node has the same, and no key is kept in the database. */
export function signingKey(authSecret: string): KeyObject {
  const seed = derivedKey(authSecret, 'latchkey audit checkpoint');
  return createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: 'der', type: 'pkcs8' });
}

export function publicKeyOf(key: KeyObject): CheckpointKey {
  const publicKey = createPublicKey(key);
  return { keyId: keyIdOf(publicKey), publicKey: publicKey.export({ type: 'spki', format: 'pem' }) as string };
}

/** The first 16 hexadecimal digits of the SHA-256 of the public key in DER. */
export function keyIdOf(publicKey: KeyObject): string {
  const der = publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(der).digest('hex').slice(0, 16);
}

export function signCheckpoint(key: KeyObject, statement: CheckpointStatement): Checkpoint {
  const signature = sign(null, bytesOf(statement), key).toString('base64');
  return { ...statement, keyId: publicKeyOf(key).keyId, signature };
}

export function isSignedBy(publicKey: KeyObject, checkpoint: Checkpoint): boolean {
  return verify(null, bytesOf(checkpoint), publicKey, Buffer.from(checkpoint.signature, 'base64'));
}

function bytesOf({ organizationId, number, hash, madeAt, ...later }: CheckpointStatement): Buffer {
  const first = { hash, madeAt, number, organizationId };
  if (later.sealedAt === undefined) return bytes({ ...first, purpose: 'latchkey audit checkpoint 1' });
  const { sealedAt, firstKept, removedBefore } = later;
  return bytes({ ...first, sealedAt, firstKept, removedBefore, purpose: 'latchkey audit checkpoint 2' });
}

function bytes(statement: object): Buffer {
  return Buffer.from(canonicalJson(statement));
}
