import type { KeyObject } from 'node:crypto';
import { type Checkpoint, isSignedBy } from './checkpoint';

/** Public keys, by their ids. */
export type PublicKeys = ReadonlyMap<string, KeyObject>;

/** The checkpoints of one organization that are signed as they should be, and what they say. */
export class CheckpointEvidence {
  /** Each says what is wrong with a checkpoint. */
  readonly faults: string[] = [];
  readonly sound: readonly Checkpoint[];
  /** How many were of another organization. */
  readonly foreign: number;

  constructor(checkpoints: readonly Checkpoint[], keys: PublicKeys, organizationId: string | undefined) {
    const own = checkpoints.filter((one) => one.organizationId === organizationId);
    this.foreign = checkpoints.length - own.length;
    this.sound = own.filter((checkpoint) => this.isSound(checkpoint, keys.get(checkpoint.keyId)));
  }

  /** Whether one of them says that retention may have removed an event that was sealed at a time. */
  allowsRemoval(sealedAt: string): boolean {
    return this.sound.some(({ removedBefore }) => removedBefore && Date.parse(sealedAt) < Date.parse(removedBefore));
  }

  /** Whether one of them says that retention has removed all batches below a number, and no more. */
  allowsStart(number: number): boolean {
    return this.sound.some(({ firstKept }) => firstKept === number);
  }

  /** Whether a batch was the head of the chain at a time, or later. */
  wasHeadAt(time: string, batch: { readonly number: number; readonly hash: string }): boolean {
    return this.sound.some(
      ({ number, hash, madeAt }) =>
        number === batch.number && hash === batch.hash && Date.parse(madeAt) >= Date.parse(time),
    );
  }

  /** The one that says most about what retention has removed. */
  get latestRemoval(): Checkpoint | undefined {
    const removed = this.sound.filter(({ removedBefore }) => typeof removedBefore === 'string');
    return removed.sort((a, b) => Date.parse(b.removedBefore!) - Date.parse(a.removedBefore!))[0];
  }

  get keyIds(): string[] {
    return [...new Set(this.sound.map(({ keyId }) => keyId))];
  }

  private isSound(checkpoint: Checkpoint, key: KeyObject | undefined): boolean {
    const isSound = key !== undefined && isSignedBy(key, checkpoint);
    if (!isSound)
      this.faults.push(`The checkpoint of batch ${checkpoint.number} is not signed by a key that was given`);
    return isSound;
  }
}

/** The latest time at which the batch of a checkpoint may have been sealed. */
export function sealedBy({ sealedAt, madeAt }: Checkpoint): number {
  return Date.parse(sealedAt ?? madeAt);
}
