import type { Observation } from './observation';

/** The organization that an observation belongs to, or the auth method by which the database finds it. */
export type ObservationOwner = { readonly organizationId: string } | { readonly authMethodId: string };

/** Observations that wait, each with its owner. Undefined for those that belong to no organization. */
export type Owned = readonly [owner: ObservationOwner | undefined, observation: Observation];

export function ownerOf(observation: Observation): ObservationOwner | undefined {
  if (observation.type !== 'request')
    return observation.authMethodId === undefined ? undefined : { authMethodId: observation.authMethodId };
  const { actor, event } = observation;
  if (event === undefined) return undefined;
  return { organizationId: 'caller' in actor ? actor.caller.organization.id : actor.organizationId };
}

/**
 * A bounded number of observations. While there is room, an owner may have any number. Beyond that, the owner with the most loses
 * one, so that a flood of one organization pushes out nothing of another.
 */
export class ObservationShares {
  private readonly waiting = new Map<string, Owned[]>();
  private count = 0;

  constructor(private readonly most: number) {}

  get size(): number {
    return this.count;
  }

  /** @returns the one that had to go, if one had to. */
  add(observation: Observation): Owned | undefined {
    const owned: Owned = [ownerOf(observation), observation];
    const key = keyOf(owned[0]);
    const own = this.waiting.get(key) ?? [];
    const isFull = this.count >= this.most;
    // Most who add to a full queue have more than their share already: no other is looked at.
    if (isFull && own.length * this.waiting.size >= this.most) return owned;
    const lost = isFull ? this.takeFromLargest() : undefined;
    own.push(owned);
    this.waiting.set(key, own);
    this.count += 1;
    return lost;
  }

  /** Takes some, each owner's in their order, and of every owner about as many. */
  take(most: number): Owned[] {
    const taken: Owned[] = [];
    while (taken.length < most && this.waiting.size > 0) {
      const each = Math.max(1, Math.floor((most - taken.length) / this.waiting.size));
      for (const [key, own] of this.waiting) {
        taken.push(...own.splice(0, Math.min(each, most - taken.length)));
        if (own.length === 0) this.waiting.delete(key);
      }
    }
    this.count -= taken.length;
    return taken;
  }

  private takeFromLargest(): Owned | undefined {
    let largest: Owned[] = [];
    for (const own of this.waiting.values()) if (own.length > largest.length) largest = own;
    this.count -= 1;
    return largest.pop();
  }
}

function keyOf(owner: ObservationOwner | undefined): string {
  if (owner === undefined) return '';
  return 'organizationId' in owner ? owner.organizationId : `of method ${owner.authMethodId}`;
}
