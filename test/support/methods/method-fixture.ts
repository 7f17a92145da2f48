import type { AuthMethodDefinition, LatchkeyOptions } from '../../../src';
import type { Given } from '../given';
import type { Conformance } from './conformance';

/** Ids that a request can name, by what they are called in paths. */
export interface Ids {
  readonly organizationId: string;
  readonly identityId: string;
  readonly tokenId: string;
  readonly [name: string]: string;
}

/** A route for managers, as the suites of rights and routes know it. */
export interface ManagedRoute {
  readonly operation: string;
  readonly permission: string;
  readonly body?: (target: Ids) => object;
  readonly query?: (target: Ids) => string;
  /** What it tries, in the words of the boundary's refusal: only on routes that change an identity or its credentials. */
  readonly attempt?: string;
  /** The message of its 404. */
  readonly notFound?: (target: Ids) => string;
}

/** What the suites of all routes must know about a method to log in with: the rest they learn from its definition. */
export interface MethodFixture {
  readonly definition: AuthMethodDefinition;
  /** A body to attach it with, and one to update it with. */
  readonly attach: object;
  readonly update: object;
  /** Routes that only this method has. */
  readonly routes: readonly ManagedRoute[];
  /** The ids that only these routes take. */
  readonly ids: readonly string[];
  /** Makes what has these ids, for an identity that has the method. */
  makeIds(given: Given, identityId: string): Promise<Record<string, string>>;
  /** Those of its routes that answer whole lists, and those that take nothing but ids. */
  readonly lists: readonly string[];
  readonly bodyless: readonly string[];
  /** The summaries of its routes, in the order in which a newcomer tries them before logging in. */
  readonly walk: readonly string[];
  /** For a newcomer, what the document can show in no example, by summary: what is signed, and by which key. */
  readonly bodies?: Readonly<Record<string, (identityId: string) => object | Promise<object>>>;
  /** The options with which it reaches the services of its examples. */
  readonly options?: () => Promise<Partial<LatchkeyOptions>>;
  /** Fields of answers in which these differ from the examples. */
  readonly varies?: readonly string[];
  /** The codes under which a login is 503 beyond those of every route. */
  readonly outages?: readonly string[];
  /** What the suite of all logins must know. */
  readonly conformance: Conformance;
}

export const noIdentity = ({ identityId }: Ids) => `Failed to find identity with ID ${identityId}`;

export const identityPathOf = ({ slug }: AuthMethodDefinition) => `/api/v1/auth/${slug}/identities/{identityId}`;
export const loginOf = ({ slug }: AuthMethodDefinition) => `POST /api/v1/auth/${slug}/login`;
export const attachingOf = ({ phrase }: AuthMethodDefinition) => `add ${phrase} to identity`;

/** Every route of a method that managers call: those of all methods, and its own between them. */
export function managedRoutesOf({ definition, attach, update, routes }: MethodFixture): ManagedRoute[] {
  const { phrase, hasLockouts } = definition;
  const path = identityPathOf(definition);
  const clearing: ManagedRoute = {
    operation: `POST ${path}/clear-lockouts`,
    permission: 'identity:edit',
    attempt: 'clear lockouts of identity',
    notFound: noIdentity,
  };
  return [
    { operation: `GET ${path}`, permission: 'identity:read', notFound: noIdentity },
    {
      operation: `PATCH ${path}`,
      permission: 'identity:edit-auth',
      body: () => update,
      attempt: `update ${phrase} of identity`,
      notFound: noIdentity,
    },
    ...(hasLockouts ? [clearing] : []),
    ...routes,
    {
      operation: `DELETE ${path}`,
      permission: 'identity:revoke-auth',
      attempt: `revoke ${phrase} of identity`,
      notFound: noIdentity,
    },
    {
      operation: `POST ${path}`,
      permission: 'identity:edit-auth',
      body: () => attach,
      attempt: attachingOf(definition),
      notFound: noIdentity,
    },
  ];
}

/** The summaries of a method's routes, in an order in which each finds what it needs. */
export function walkOf({ definition: { title, hasLockouts }, walk }: MethodFixture): string[] {
  return [
    'Create an identity',
    `Attach ${title} to an identity`,
    `Get ${title} of an identity`,
    `Update ${title} of an identity`,
    ...walk,
    `Log in with ${title}`,
    ...(hasLockouts ? [`Clear the lockouts of ${title}`] : []),
    `Remove ${title} from an identity`,
  ];
}
