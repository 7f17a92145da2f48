import { randomText } from '../common/crypto/random-text';

const SUFFIX_ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789';

/** The part of a name that fits into an address, and six random characters to tell equal names apart. */
export function slugOf(name: string): string {
  const words = name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .match(/[a-z0-9]+/g) ?? ['organization'];
  return `${words.join('-').slice(0, 57)}-${randomText(6, SUFFIX_ALPHABET)}`;
}
