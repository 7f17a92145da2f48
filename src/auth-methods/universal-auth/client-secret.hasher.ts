import { createHmac, hkdfSync } from 'node:crypto';
import { Injectable } from '@nestjs/common';
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
    // One key, one purpose: what signs tokens does not hash secrets as well (RFC 5869 section 3.2).
    this.peppers = authSecrets.map((secret) => Buffer.from(hkdfSync('sha256', secret, '', PURPOSE, 32)));
  }

  /** The hash of a secret under the present pepper, then under those before it, which still verify. */
  hashesOf(secret: string): [Buffer, ...Buffer[]] {
    return this.peppers.map((pepper) => createHmac('sha256', pepper).update(secret).digest()) as [Buffer, ...Buffer[]];
  }

  /** An id to count guesses at a client against that does not exist: always the same, and nobody else can tell which. */
  standInFor(clientId: string): string {
    const digest = createHmac('sha256', this.peppers[0]!)
      .update(`no such client ${clientId.toLowerCase()}`)
      .digest('hex');
    return digest.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5');
  }
}
