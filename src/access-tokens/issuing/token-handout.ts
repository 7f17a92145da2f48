import { Injectable } from '@nestjs/common';
import type { SqlRunner } from '../../database/sql-runner';
import { AccessTokenIssuer, secondsBetween, type Signable } from './access-token.issuer';
import { AccessTokenStore } from './access-token.store';
import { FOREVER_SECONDS } from './lifetime';
import { type MadeKey, ShortKeyring } from './short-key.keyring';

/** The form of a token: a JWT, or a short key. */
export type TokenFormat = 'jwt' | 'key';

/** The form of a new token. */
export interface Handout {
  readonly format: TokenFormat;
  /** A text by which a short key can be made again, with the token's id; left out for a random one. */
  readonly seed?: string | undefined;
}

/** A token that was just inserted. */
export type InsertedToken = Signable & { readonly expiresAt: Date | null };

/** A token as its holder presents it. */
export interface HandedOutToken {
  readonly accessToken: string;
  /** The prefix and the first characters of a short key; null for a JWT. */
  readonly visibleStart: string | null;
  /** Seconds until it expires; `FOREVER_SECONDS` if it never does. */
  readonly expiresIn: number;
}

/** Makes what the holder of a new token presents: a JWT, or a short key, whose hash goes into the row. */
@Injectable()
export class TokenHandout {
  constructor(
    private readonly issuer: AccessTokenIssuer,
    private readonly keys: ShortKeyring,
    private readonly store: AccessTokenStore,
  ) {}

  /** @param run runs SQL in the transaction that inserted the row. */
  async give(run: SqlRunner, token: InsertedToken, { format, seed }: Handout): Promise<HandedOutToken> {
    const { id, createdAt, expiresAt } = token;
    if (format === 'jwt') return { ...this.issuer.sign(token, createdAt, expiresAt), visibleStart: null };
    const made = this.keys.make(seed && `${id} ${seed}`);
    await this.store.giveKey(run, id, made);
    return handedOut(made, token);
  }

  /** The same again, for a lost answer. Undefined for a short key that cannot be made again. */
  giveAgain(token: InsertedToken, keyHash: Buffer | null, seed: string): HandedOutToken | undefined {
    const { id, createdAt, expiresAt } = token;
    if (keyHash === null) return { ...this.issuer.sign(token, createdAt, expiresAt), visibleStart: null };
    const made = this.keys.makeAgain(`${id} ${seed}`, keyHash);
    return made && handedOut(made, token);
  }
}

function handedOut({ text, visibleStart }: MadeKey, { createdAt, expiresAt }: InsertedToken): HandedOutToken {
  const expiresIn = expiresAt === null ? FOREVER_SECONDS : secondsBetween(createdAt, expiresAt);
  return { accessToken: text, visibleStart, expiresIn };
}
