import { randomUUID } from 'node:crypto';
import type { UntoldEvent } from './access-token-events';
import { SYSTEM } from './events-of-change';

/** The most tokens and reasons that are gathered. Further refusals are only counted. */
const MOST = 1_000;

/** A refused request with a genuine token. */
export interface RefusedUse {
  readonly tokenId: string;
  readonly identityId: string;
  readonly organizationId: string;
  readonly reason: string;
  readonly address: string | null;
}

/** Refused requests, summed by token and reason: any client can cause them by the thousand. */
export class RefusedUses {
  private waiting = new Map<string, RefusedUse & { count: number }>();
  /** Refusals that were not gathered. */
  missed = 0;

  /** @returns false where something waits already. */
  note(use: RefusedUse): boolean {
    const key = `${use.tokenId} ${use.reason}`;
    const sum = this.waiting.get(key);
    if (sum !== undefined) sum.count += 1;
    else if (this.waiting.size >= MOST) this.missed += 1;
    else this.waiting.set(key, { ...use, count: 1 });
    return this.waiting.size === 1 && sum === undefined;
  }

  take(at: Date): UntoldEvent[] {
    const uses = [...this.waiting.values()];
    this.waiting = new Map();
    this.missed = 0;
    const common = { type: 'refused', at: at.getTime(), actor: SYSTEM, requestId: null } as const;
    return uses.map((use) => ({ id: randomUUID(), ...use, ...common }));
  }
}
