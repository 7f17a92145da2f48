import type { JWTPayload } from 'jose';
import type { KeyObject } from 'node:crypto';
import type { LatchkeyOptions } from '../../../src';
import type { Given } from '../given';
import type { Answer } from '../https-peer';

// What the conformance suite (test/login-conformance.e2e-spec.ts) must know about a method. It runs over METHODS and knows no
// method by name: a method that is added brings a fixture, and no case of its own here. The suite owns the upstream's server, and
// has it fail in every way: a fixture only says how it answers when all is well.

/** Where the upstream of a method is to be found. */
export interface Place {
  /** An origin: `https://127.0.0.1:4711`. */
  readonly url: string;
  /** The authority of its certificate, in PEM. Empty where the operator sets the place. */
  readonly ca: string;
}

/** A configuration, and a login that it lets in. */
export interface Workload {
  /** The body that attaches the method. */
  readonly attach: object;
  /** The body of a login of an identity that has the method. Two calls make two credentials where each is good for one login. */
  readonly login: (identityId: string, given: Given) => object | Promise<object>;
}

/** A login that a configuration does not let in, although all is well upstream. */
export interface RefusedWorkload extends Workload {
  readonly status: number;
  /** The code for administrators, in the security event and the log: `namespace_not_allowed`. */
  readonly reason: string;
}

/** The service that proves the credentials of a method. */
export interface Upstream {
  /** Answers as the service does, for every workload of the fixture. */
  readonly answer: Answer;
  /** The requests that the first login of a new workload takes. */
  readonly requests: number;
  /** True where later logins of the workload ask nothing, because what was answered is kept. */
  readonly isKept: boolean;
  /** The beginning of the reasons for not reaching it: `issuer_`, as in `issuer_timed_out`. */
  readonly outage: string;
  /** Only where the operator says where it is, and no tenant: the options of the server for a place, which is without TLS. */
  readonly options?: (url: string) => Partial<LatchkeyOptions>;
}

/** How a signed token differs from one that is let in. */
export interface Wanted {
  /** In place of the claims of the workload. An undefined claim is left out. */
  readonly claims?: JWTPayload;
  readonly header?: Readonly<Record<string, unknown>>;
  /** The key that signs, in place of that of the issuer; its algorithm goes with it. */
  readonly key?: KeyObject;
  /** A change of the finished token. */
  readonly change?: (token: string) => string;
}

/** For methods whose credential is a JWT in the field `jwt` that Latchkey verifies by itself: the suite makes the forgeries. */
export interface SignedTokens {
  /** A workload whose token differs as is wanted. */
  readonly workload: (place: Place, wanted: Wanted) => Workload;
  /** The key that tokens are verified with. */
  readonly publicKey: KeyObject;
  /** The reasons for tokens that are not to be believed. */
  readonly reasons: readonly string[];
}

export interface Conformance {
  /** Left out where a method asks no other service. */
  readonly upstream?: Upstream;
  /** A workload that is let in. At its upstream everything about it is new: nothing of it was asked for or kept before. */
  readonly workload: (place: Place) => Workload;
  /** By title: wrong credentials, and each rule of a configuration missed by as little as can be. */
  readonly refused: (place: Place) => Readonly<Record<string, RefusedWorkload>>;
  readonly signed?: SignedTokens;
}
