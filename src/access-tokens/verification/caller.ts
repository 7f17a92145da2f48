import type { RuleSet } from '../../permissions/rules/rule-set';
import type { RateStanding } from '../issuing/rate-standing';
import type { UsableToken } from './token-rules';
import type { VerifiedAccessToken } from './verified-access-token';

/** A caller's properties. */
export type CallerFacts = Omit<VerifiedAccessToken, 'can'>;

/** Decides what a caller may do. The module of the permissions provides it, because only that module knows roles. */
export abstract class CallerRights {
  /** @throws TypeError for a permission that no caller can have, because it is not declared */
  abstract can(caller: CallerFacts, action: string, subject: string): boolean;
}

export type CallerClass = new (facts: UsableToken, rates?: readonly RateStanding[]) => VerifiedAccessToken;

class Facts implements CallerFacts {
  readonly tokenId: CallerFacts['tokenId'];
  readonly tokenName: CallerFacts['tokenName'];
  readonly identityId: CallerFacts['identityId'];
  readonly identityName: CallerFacts['identityName'];
  readonly organization: CallerFacts['organization'];
  readonly metadata: CallerFacts['metadata'];
  readonly role: CallerFacts['role'];
  readonly permissions: CallerFacts['permissions'];
  readonly externalId: CallerFacts['externalId'];
  readonly tokenMetadata: CallerFacts['tokenMetadata'];
  readonly isInstanceAdmin: CallerFacts['isInstanceAdmin'];
  readonly authMethod: CallerFacts['authMethod'];
  readonly expiresAt: CallerFacts['expiresAt'];

  constructor(facts: UsableToken) {
    this.tokenId = facts.tokenId;
    this.tokenName = facts.tokenName;
    this.identityId = facts.identityId;
    this.identityName = facts.identityName;
    this.organization = facts.organization;
    this.metadata = facts.metadata;
    this.role = facts.membership.role;
    this.permissions = facts.permissions;
    this.externalId = facts.externalId;
    this.tokenMetadata = facts.tokenMetadata;
    this.isInstanceAdmin = facts.isInstanceAdmin && facts.permissions === null;
    this.authMethod = facts.authMethod;
    this.expiresAt = endOf(facts);
  }
}

/** A new date: callers may change theirs. */
function endOf({ expiresAt, endsAt }: UsableToken): Date | null {
  if (expiresAt === null || endsAt === null) return (expiresAt ?? endsAt) && new Date((expiresAt ?? endsAt)!);
  return new Date(Math.min(expiresAt.getTime(), endsAt.getTime()));
}

/** How the key of a caller stands with its rate limits; undefined if it has none. */
export function ratesOf(caller: VerifiedAccessToken): readonly RateStanding[] | undefined {
  return (caller as { readonly rates?: readonly RateStanding[] }).rates;
}

/**
 * The class of the callers of one application. A caller is made for each request, so that a handler that changes it affects no
 * other; its parts are frozen. The method and the rules are on the prototype: they cost nothing, and no copy, comparison or JSON has them.
 */
export function callersWith(rights: CallerRights): CallerClass {
  return class Caller extends Facts implements VerifiedAccessToken {
    readonly #rules: RuleSet | null;
    readonly #rates: readonly RateStanding[] | undefined;

    constructor(facts: UsableToken, rates?: readonly RateStanding[]) {
      super(facts);
      this.#rates = rates;
      this.#rules = facts.membership.customRole?.rules ?? null;
    }

    /** The rules of a role that the organization has made. A copy of a caller has none, and holds what nothing gives it. */
    get rules(): RuleSet | null {
      return #rules in this ? this.#rules : null;
    }

    /** How the key stands with its rate limits; undefined if it has none. */
    get rates(): readonly RateStanding[] | undefined {
      return #rates in this ? this.#rates : undefined;
    }

    can(action: string, subject: string): boolean {
      return rights.can(this, action, subject);
    }
  };
}
