import { createHash, createHmac } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { derivedKey } from '../../common/crypto/derived-key';
import { LatchkeySettings } from '../../latchkey.options';
import { KeyChecksumError, KeyPrefixError } from './access-tokens.errors';
import { hasMark, isForeignKey, isKeyBody, newShortKey, partsOf, visibleStartOf } from './short-key';

const HASHING = 'latchkey short keys';
const SEEDING = 'latchkey short keys that are made again';
const MARKING = 'latchkey marks of short keys';
/** JWTs begin so: a JSON object in base64url. */
const JWT_START = 'eyJ';
const IMPORTED = /^[\x21-\x7e]{16,255}$/;

/** How the row of a token knows a short key. */
export interface StoredKey {
  readonly hash: Buffer;
  /** The prefix and the first characters after it, for lists; null for an imported key of which nothing may be shown. */
  readonly visibleStart: string | null;
}

/** A short key that was just made. */
export interface MadeKey extends StoredKey {
  readonly text: string;
}

/** The hashes by which a presented key is found. */
export interface PresentedKey {
  /** Under the present secret, then under the earlier ones. */
  readonly hashes: readonly [Buffer, ...Buffer[]];
  /** Whether this installation made it. Not known of imported keys, and of keys from before a secret that was removed. */
  readonly isMarked: boolean;
}

interface Pepper {
  readonly hashing: Buffer;
  readonly marking: Buffer;
  readonly seeding: Buffer;
}

/**
 * Makes short keys and tells what a presented one is found by. A key is stored as a hash under a secret that is not in the
 * database: with a stolen dump, keys can neither be tried nor forged. They have 160 random bits, so that a fast hash is enough.
 */
@Injectable()
export class ShortKeyring {
  private readonly peppers: readonly Pepper[];
  private readonly prefixes: ReadonlySet<string>;
  private readonly imported: readonly string[];

  constructor(private readonly settings: LatchkeySettings) {
    const { authSecrets, keys } = settings;
    this.peppers = authSecrets.map((secret) => ({
      hashing: derivedKey(secret, HASHING),
      marking: derivedKey(secret, MARKING),
      seeding: derivedKey(secret, SEEDING),
    }));
    this.prefixes = new Set(keys && [keys.prefix, ...keys.previousPrefixes]);
    this.imported = keys?.imported ?? [];
  }

  /** The format of tokens that a host issues without naming one. */
  get defaultFormat(): 'key' | 'jwt' {
    return this.settings.keys === undefined ? 'jwt' : 'key';
  }

  /** The prefix of new keys. @throws TypeError where none is configured. */
  requirePrefix(): string {
    const { keys } = this.settings;
    if (keys === undefined) throw new TypeError("format 'key' needs the option keys of LatchkeyModule, with a prefix");
    return keys.prefix;
  }

  /** How imported keys begin. @throws TypeError where none are configured: no imported key would be looked up. */
  requireImported(): readonly string[] {
    if (this.imported.length > 0) return this.imported;
    throw new TypeError('import needs the option keys.imported of LatchkeyModule: how the imported keys begin');
  }

  /**
   * A new key: a random one, or one that the same seed makes again.
   *
   * @throws TypeError where no prefix is configured.
   */
  make(seed?: string): MadeKey {
    const prefix = this.requirePrefix();
    return this.made(keyUnder(this.peppers[0]!, prefix, seed));
  }

  /** The key that a seed has made, under any secret. Undefined if no key made of it has the hash. */
  makeAgain(seed: string, hash: Buffer): MadeKey | undefined {
    const prefix = this.requirePrefix();
    return this.peppers
      .map((pepper) => keyUnder(pepper, prefix, seed))
      .filter((text) => this.ofDigest(digestOf(text)).some((other) => other.equals(hash)))
      .map((text) => this.made(text))[0];
  }

  private made(text: string): MadeKey {
    return { text, hash: this.ofDigest(digestOf(text))[0], visibleStart: visibleStartOf(text) };
  }

  /**
   * Whether a presented text is a short key and no JWT.
   *
   * @throws KeyChecksumError, KeyPrefixError for a text that only looks like one.
   */
  isKey(text: string): boolean {
    if (this.settings.keys === undefined || text.startsWith(JWT_START)) return false;
    const { prefix, body } = partsOf(text);
    const isOwn = this.prefixes.has(prefix);
    if ((isOwn && isKeyBody(body)) || this.isImported(text)) return true;
    if (isOwn) throw new KeyChecksumError();
    if (isForeignKey(text)) throw new KeyPrefixError();
    return false;
  }

  /** The hashes by which a short key is found. */
  presented(text: string): PresentedKey {
    const parts = partsOf(text);
    const isMarked = this.peppers.some(({ marking }) => hasMark(parts, (unmarked) => markUnder(marking, unmarked)));
    return { hashes: this.ofDigest(digestOf(text)), isMarked };
  }

  /** The hashes of a key of which only the SHA-256 is known: an imported one. */
  ofDigest(digest: Buffer): [Buffer, ...Buffer[]] {
    return this.peppers.map(({ hashing }) => createHmac('sha256', hashing).update(digest).digest()) as [
      Buffer,
      ...Buffer[],
    ];
  }

  private isImported(text: string): boolean {
    return this.imported.some((start) => text.startsWith(start)) && IMPORTED.test(text);
  }
}

function keyUnder({ marking, seeding }: Pepper, prefix: string, seed: string | undefined): string {
  const bytes = seed === undefined ? undefined : createHmac('sha512', seeding).update(seed).digest();
  return newShortKey(prefix, (unmarked) => markUnder(marking, unmarked), bytes);
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function markUnder(key: Buffer, unmarked: string): number {
  return createHmac('sha256', key).update(unmarked).digest().readUInt32BE();
}
