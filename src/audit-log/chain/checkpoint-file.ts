import { createPublicKey, type KeyObject } from 'node:crypto';
import { type Checkpoint, keyIdOf } from './checkpoint';
import type { PublicKeys } from './checkpoint-evidence';
import { isCount, isHash, isObject, isTime } from './export-line.parser';

/** Checkpoints and keys, as the route answers them. */
export interface SignedFile {
  readonly checkpoints: readonly Checkpoint[];
  readonly publicKeys: PublicKeys;
}

/** Reads such a file. @throws Error with a sentence that says what is wrong with it. */
export function checkpointsIn(text: string): SignedFile {
  const file: unknown = JSON.parse(text);
  if (!isObject(file)) throw new Error('expected an object with "checkpoints" and "publicKeys"');
  const { checkpoints = [], publicKeys = [] } = file;
  if (!Array.isArray(checkpoints) || !Array.isArray(publicKeys))
    throw new Error('"checkpoints" and "publicKeys" must be lists');
  return {
    checkpoints: checkpoints.map(checkpointOf),
    publicKeys: new Map(publicKeys.map(keyOf).map((key) => [keyIdOf(key), key])),
  };
}

type Test = (value: unknown) => boolean;
const isText: Test = (value) => typeof value === 'string';

/** A test of each field. The last three are those that the first version of checkpoints lacks. */
const FORM: Readonly<Record<keyof Checkpoint, Test>> = {
  organizationId: isText,
  number: isCount,
  hash: isHash,
  madeAt: isTime,
  keyId: isText,
  signature: isText,
  sealedAt: (value) => value === undefined || isTime(value),
  firstKept: (value) => value === undefined || isCount(value),
  removedBefore: (value) => value === undefined || value === null || isTime(value),
};

function checkpointOf(given: unknown, index: number): Checkpoint {
  if (!isObject(given)) throw new Error(`checkpoint ${index} is not an object`);
  const wrong = Object.entries(FORM).find(([name, holds]) => !holds(given[name]));
  const later = [given.sealedAt, given.firstKept, given.removedBefore].filter((value) => value !== undefined).length;
  if (wrong) throw new Error(`"${wrong[0]}" of checkpoint ${index} is missing or is no such value`);
  if (later % 3 !== 0) throw new Error(`checkpoint ${index} needs all of "sealedAt", "firstKept" and "removedBefore"`);
  return given as unknown as Checkpoint;
}

function keyOf(given: unknown, index: number): KeyObject {
  const wrong = `public key ${index} is not an Ed25519 key in PEM`;
  if (!isObject(given) || typeof given.publicKey !== 'string') throw new Error(wrong);
  const key = keyIn(given.publicKey, wrong);
  if (key.asymmetricKeyType !== 'ed25519') throw new Error(wrong);
  return key;
}

function keyIn(pem: string, wrong: string): KeyObject {
  try {
    return createPublicKey(pem);
  } catch {
    throw new Error(wrong);
  }
}
