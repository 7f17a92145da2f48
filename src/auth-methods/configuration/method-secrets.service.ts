import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { LatchkeySettings } from '../../latchkey.options';
import type { IdentityAuthMethod } from '../../database/entities/identity-auth-method.entity';

const PURPOSE = 'latchkey auth method secrets';
const CIPHER = 'aes-256-gcm';
const FORMAT = Buffer.from([1]);
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const HEAD_BYTES = FORMAT.length + NONCE_BYTES + TAG_BYTES;

type Owner = Pick<IdentityAuthMethod, 'identityId' | 'method'>;

/**
 * Encrypts what a method must be able to read again, such as the password of a directory, under a key that is not in the
 * database. A ciphertext belongs to the method of one identity: moved to another row it does not open.
 */
@Injectable()
export class MethodSecretsService {
  /** The present key, then those before it, which still open. */
  private readonly keys: readonly Buffer[];

  constructor({ authSecrets }: LatchkeySettings) {
    this.keys = authSecrets.map((secret) => Buffer.from(hkdfSync('sha256', secret, '', PURPOSE, 32)));
  }

  /** Null for no secrets at all. */
  seal(owner: Owner, secrets: object = {}): Buffer | null {
    if (Object.keys(secrets).length === 0) return null;
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(CIPHER, this.keys[0]!, nonce).setAAD(nameOf(owner));
    const text = Buffer.concat([cipher.update(JSON.stringify(secrets)), cipher.final()]);
    return Buffer.concat([FORMAT, nonce, cipher.getAuthTag(), text]);
  }

  open({ sealedSecrets, ...owner }: Owner & Pick<IdentityAuthMethod, 'sealedSecrets'>): object {
    if (sealedSecrets === null) return {};
    for (const key of this.keys) {
      const text = opened(sealedSecrets, key, nameOf(owner));
      if (text !== undefined) return JSON.parse(text) as object;
    }
    throw new Error(`The secrets of ${owner.method} of identity ${owner.identityId} open under no auth secret`);
  }
}

function nameOf({ identityId, method }: Owner): Buffer {
  return Buffer.from(`${identityId} ${method}`);
}

/** Undefined when it was sealed under another key, or has been touched. */
function opened(sealed: Buffer, key: Buffer, name: Buffer): string | undefined {
  const nonce = sealed.subarray(FORMAT.length, FORMAT.length + NONCE_BYTES);
  const cipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES }).setAAD(name);
  cipher.setAuthTag(sealed.subarray(FORMAT.length + NONCE_BYTES, HEAD_BYTES));
  try {
    return Buffer.concat([cipher.update(sealed.subarray(HEAD_BYTES)), cipher.final()]).toString();
  } catch {
    return undefined;
  }
}
