import { hkdfSync } from 'node:crypto';

/**
 * Derives a key of 256 bits for one purpose from a secret (HKDF, RFC 5869 section 3.2). Tokens, hashes and encryption each have a
 * purpose of their own, so no key serves two of them. The same secret and purpose always give the same key.
 */
export function derivedKey(secret: string, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', purpose, 32));
}
