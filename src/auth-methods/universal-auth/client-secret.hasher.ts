import { createHmac } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { derivedKey } from '../../common/crypto/derived-key';
import { uuidFromDigest } from '../../common/crypto/uuid-from-digest';
import { LatchkeySettings } from '../../latchkey.options';

const PURPOSE = 'latchkey client secrets';

/**
 * Hashes client secrets with a key that is not in the database: with a stolen dump, secrets can neither be tried nor forged.
 * Secrets have 256 random bits. A fast hash, which can be looked up, is therefore enough; it would not be for a password.
 */
@Injectable()
export class ClientSecretHasher {
  private readonly peppers: readonly Buffer[];

  constructor({ authSecrets }: LatchkeySettings) {
    this.peppers = authSecrets.map((secret) => derivedKey(secret, PURPOSE));
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
