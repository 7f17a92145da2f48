import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { derivedKey } from '../../common/crypto/derived-key';
import { SealedBox } from '../../common/crypto/sealed-box';
import { LatchkeySettings } from '../../latchkey.options';

const PURPOSE = 'latchkey audit stream secrets';
const SECRET_BYTES = 32;

/** The start of a signing secret in its text form (Standard Webhooks). */
const PREFIX = 'whsec_';

/** Encrypts the signing secrets of streams, with a key that is not in the database. A ciphertext belongs to one stream. */
@Injectable()
export class StreamSecrets {
  private readonly box: SealedBox;

  constructor({ authSecrets: [current, ...previous] }: LatchkeySettings) {
    this.box = new SealedBox([derivedKey(current, PURPOSE), ...previous.map((secret) => derivedKey(secret, PURPOSE))]);
  }

  /** A new secret, as its receiver takes it, and encrypted. */
  make(streamId: string): { readonly secret: string; readonly sealed: Buffer } {
    const secret = `${PREFIX}${randomBytes(SECRET_BYTES).toString('base64')}`;
    return { secret, sealed: this.box.seal(streamId, secret) };
  }

  /** The key of the signatures; undefined if no secret of the instance opens it. */
  open(streamId: string, sealed: Buffer): Buffer | undefined {
    const secret = this.box.open(streamId, sealed);
    return secret === undefined ? undefined : Buffer.from(secret.slice(PREFIX.length), 'base64');
  }
}
