import { hkdfSync } from 'node:crypto';

/**
 * A key of 256 bits for one purpose (HKDF, RFC 5869 section 3.2): what signs tokens neither hashes nor encrypts. The same secret and
 * purpose give the same key.
 */
export function derivedKey(secret: string, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', purpose, 32));
}
