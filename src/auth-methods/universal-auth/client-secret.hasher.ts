import { createHmac } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { derivedKey } from '../../common/crypto/derived-key';
import { uuidFromDigest } from '../../common/crypto/uuid-from-digest';
import { LatchkeySettings } from '../../latchkey.options';

const PURPOSE = 'latchkey client secrets';

/**
 * Hashes client secrets under a key that is not in the database: a stolen dump can neither be tried against nor forged. They
 * have 256 random bits, so that a fast hash is enough (which a password would not be content with) and can be looked up.
 */
@Injectable()
export class ClientSecretHasher {
  private readonly peppers: readonly Buffer[];

  constructor({ authSecrets }: LatchkeySettings) {
    this.peppers = authSecrets.map((secret) => derivedKey(secret, PURPOSE));
  }

  /** The hash of a secret under the present pepper, then under those before it, which still verify. */
  hashesOf(secret: string): [Buffer, ...Buffer[]] {
    return this.peppers.map((pepper) => createHmac('sha256', pepper).update(secret).digest()) as [Buffer, ...Buffer[]];
  }

  /** An id to count guesses against at a client that does not exist: always the same, and only this key tells which. */
  standInFor(clientId: string): string {
    const text = `no such client ${clientId.toLowerCase()}`;
    return uuidFromDigest(createHmac('sha256', this.peppers[0]!).update(text).digest());
  }
}
