import { randomText } from '../common/crypto/random-text';

const SUFFIX_ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789';

/** What is left of a name in an address, and six random characters so that two of one name can be told apart. */
export function slugOf(name: string): string {
  const words = name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .match(/[a-z0-9]+/g) ?? ['organization'];
  return `${words.join('-').slice(0, 57)}-${randomText(6, SUFFIX_ALPHABET)}`;
}
