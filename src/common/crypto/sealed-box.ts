import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

const CIPHER = 'aes-256-gcm';
const FORMAT = Buffer.from([1]);
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const HEAD_BYTES = FORMAT.length + NONCE_BYTES + TAG_BYTES;

/** Encrypts texts that must be read again. A ciphertext belongs to a name: under another name it does not open. */
export class SealedBox {
  /** @param keys the present key of 256 bits, then those before it, which still open. */
  constructor(private readonly keys: readonly [Buffer, ...Buffer[]]) {}

  seal(name: string, text: string): Buffer {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(CIPHER, this.keys[0], nonce).setAAD(Buffer.from(name));
    const sealed = Buffer.concat([cipher.update(text), cipher.final()]);
    return Buffer.concat([FORMAT, nonce, cipher.getAuthTag(), sealed]);
  }

  /** Undefined when no key opens it: it was sealed under another key or name, or has been touched. */
  open(name: string, sealed: Buffer): string | undefined {
    for (const key of this.keys) {
      const text = opened(sealed, key, Buffer.from(name));
      if (text !== undefined) return text;
    }
    return undefined;
  }
}

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
