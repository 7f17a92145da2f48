import { createHash, randomUUID } from 'node:crypto';

/** The longest time in which a replaced credential and the one in its place are both usable: 30 days. */
export const MAX_GRACE_SECONDS = 2_592_000;
/** For how long a repeated call gets the lost answer again. */
const REPEATABLE_MS = 86_400_000;

/** How a token, a key or a client secret is replaced. */
export interface RotationTerms {
  /** Seconds in which both are usable, 0 to 30 days. */
  readonly graceSeconds: number;
  /** Whether the old one ends as soon as the new one is used, if its time is not over by then. */
  readonly endsOldOnFirstUse: boolean;
  /** Tells a repeated call from another one. */
  readonly idempotencyKey: string | undefined;
}

/** A replacement that is about to be made. */
export interface Replacement {
  /** The id of the new credential. */
  readonly by: string;
  /** A digest by which a repeated call is told; null if it cannot be. */
  readonly key: Buffer | null;
  readonly at: Date;
  /** When the old credential ends at the latest. */
  readonly endsAt: Date;
}

/** The state of a credential that a call could not replace. */
export interface RotationState {
  readonly isReplaced: boolean;
  /** The digest with which it was replaced, in hexadecimal; null if there is none. */
  readonly rotationKey: string | null;
  readonly endsAt: Date;
  /** The credential in its place, while that can be used; null if it cannot. */
  readonly successor: { readonly createdAt: Date } | null;
}

/** One credential that can be rotated: what differs between tokens and client secrets. */
export interface Rotatable<Replaced, State extends RotationState, Made> {
  /** One guarded statement: of any number of calls, one gets the credential as it was. */
  replace(replacement: Replacement): Promise<Replaced | undefined>;
  succeed(replaced: Replaced, replacement: Replacement): Promise<Made>;
  /** Undefined where there is no such credential. */
  find(): Promise<State | undefined>;
  /** Makes the answer of the first call once more. Undefined if it cannot be made. */
  repeat(state: State): Made | undefined;
  notRotatable(): Error;
  rotatedBefore(): Error;
}

/**
 * Replaces a credential by a new one: the one way, for tokens, keys and client secrets, for a host's code and for the wire. One
 * guarded statement decides which of any number of calls makes the new one. No answer is stored: a repeated call makes it again.
 *
 * @returns undefined where there is no such credential.
 * @throws what `notRotatable` and `rotatedBefore` make.
 */
export async function rotateOnce<Replaced, State extends RotationState, Made>(
  credential: Rotatable<Replaced, State, Made>,
  terms: RotationTerms,
  at: Date,
): Promise<Made | undefined> {
  const endsAt = new Date(at.getTime() + terms.graceSeconds * 1_000);
  const replacement = { by: randomUUID(), key: digestOf(terms), at, endsAt };
  const replaced = await credential.replace(replacement);
  if (replaced !== undefined) return credential.succeed(replaced, replacement);
  const state = await credential.find();
  if (state === undefined) return undefined;
  if (!state.isReplaced) throw credential.notRotatable();
  const again = isRepeated(terms, state, at) ? credential.repeat(state) : undefined;
  if (again === undefined) throw credential.rotatedBefore();
  return again;
}

/** Whether the use of the new credential ends the old one before its time. */
export function isEndedByUse({ graceSeconds, endsOldOnFirstUse }: RotationTerms): boolean {
  return endsOldOnFirstUse && graceSeconds > 0;
}

function isRepeated(terms: RotationTerms, { rotationKey, successor }: RotationState, at: Date): boolean {
  const isSame = rotationKey !== null && rotationKey === digestOf(terms)?.toString('hex');
  const age = successor === null ? Infinity : at.getTime() - successor.createdAt.getTime();
  return isSame && age < REPEATABLE_MS;
}

/** The key is a text of the caller's, which need not be kept. */
function digestOf({ idempotencyKey }: RotationTerms): Buffer | null {
  return idempotencyKey === undefined ? null : createHash('sha256').update(idempotencyKey).digest();
}
