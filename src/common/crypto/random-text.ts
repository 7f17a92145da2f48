import { randomInt } from 'node:crypto';

/** So many characters of an alphabet, each as likely as any other. */
export function randomText(length: number, alphabet: string): string {
  return Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('');
}
