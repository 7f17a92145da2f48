import { createHmac, randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { derivedKey } from '../../common/crypto/derived-key';
import { uuidFromDigest } from '../../common/crypto/uuid-from-digest';
import { LatchkeySettings } from '../../latchkey.options';

const HASHING = 'latchkey client secrets';
const SEEDING = 'latchkey client secrets that are made again';

const PREFIX_LENGTH = 4;

/** A client secret that was just made. */
export interface MadeSecret {
  readonly text: string;
  readonly hash: Buffer;
  /** The first characters, by which people recognise it. */
  readonly prefix: string;
}

/**
 * Makes client secrets, and hashes them with a key that is not in the database: with a stolen dump, secrets can neither be tried nor forged.
 * Secrets have 256 random bits. A fast hash, which can be looked up, is therefore enough; it would not be for a password.
 */
@Injectable()
export class ClientSecretHasher {
  private readonly peppers: readonly Buffer[];
  private readonly seeding: readonly Buffer[];

  constructor({ authSecrets }: LatchkeySettings) {
    this.peppers = authSecrets.map((secret) => derivedKey(secret, HASHING));
    this.seeding = authSecrets.map((secret) => derivedKey(secret, SEEDING));
  }

  /** A new secret: a random one, or one that the same seed makes again. */
  make(seed?: string): MadeSecret {
    return this.made(seed === undefined ? randomBytes(32).toString('hex') : secretUnder(this.seeding[0]!, seed));
  }

  /** The secret that a seed has made, under any pepper. Undefined if no secret made of it has the hash. */
  makeAgain(seed: string, hash: Buffer): MadeSecret | undefined {
    return this.seeding
      .map((key) => secretUnder(key, seed))
      .filter((text) => this.hashesOf(text).some((other) => other.equals(hash)))
      .map((text) => this.made(text))[0];
  }

  private made(text: string): MadeSecret {
    return { text, hash: this.hashesOf(text)[0], prefix: text.slice(0, PREFIX_LENGTH) };
  }

  /** The hash of a secret under the present pepper, then under the earlier ones, which still verify. */
  hashesOf(secret: string): [Buffer, ...Buffer[]] {
    return this.peppers.map((pepper) => createHmac('sha256', pepper).update(secret).digest()) as [Buffer, ...Buffer[]];
  }

  /** An id to count guesses against at a client that does not exist: always the same, and only this key tells which. */
  standInFor(clientId: string): string {
    const text = `no such client ${clientId.toLowerCase()}`;
    return uuidFromDigest(createHmac('sha256', this.peppers[0]!).update(text).digest());
  }
}

function secretUnder(key: Buffer, seed: string): string {
  return createHmac('sha256', key).update(seed).digest('hex');
}
