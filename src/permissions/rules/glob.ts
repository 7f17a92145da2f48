/** One character; `?`: any but a slash; `*`: any number of these; `**`: any number of any characters. */
type Token = string | typeof ONE | typeof MANY | typeof ANY;

const ONE = 1;
const MANY = 2;
const ANY = 3;

/** A text, or a pattern, in parts. */
export type Glob = readonly Token[];

/** The characters with a meaning in other dialects of patterns: they are refused, because they would not have it here. */
export const UNSUPPORTED_IN_GLOB = /[[\]{}()!+@|\\]/;

/** The pattern that a text is: `*`, `**` and `?` stand for others. */
export function globOf(pattern: string): Glob {
  const parts = pattern.match(/\*+|[^*]/gu) ?? [];
  return parts.map((part) => {
    if (part === '?') return ONE;
    if (!part.startsWith('*')) return part;
    return part === '*' ? MANY : ANY;
  });
}

/** A text that stands for itself. */
export function plain(text: string): Glob {
  return [...text];
}

/**
 * Whether a pattern matches a text; or, given another pattern in place of the text, provably every text that this one matches. The
 * time grows with the product of both lengths, whatever is in them.
 */
export function isMatchedBy(subject: Glob, pattern: Glob): boolean {
  // One place more than the subject has parts: those at which the pattern can be.
  const reached = new Uint8Array(subject.length + 1);
  reached[0] = 1;
  for (const token of pattern) advance(reached, token, subject);
  return reached[subject.length] === 1;
}

/** Goes on to the places in the subject at which the pattern can be after one more token. */
function advance(reached: Uint8Array, token: Token, subject: Glob): void {
  const isRepeated = token === MANY || token === ANY;
  let before = reached[0]!;
  if (!isRepeated) reached[0] = 0;
  for (let place = 1; place < reached.length; place += 1) {
    const here = reached[place]!;
    const from = isRepeated ? reached[place - 1]! : before;
    const came = from === 1 && takes(token, subject[place - 1]!) ? 1 : 0;
    reached[place] = isRepeated ? here | came : came;
    before = here;
  }
}

function takes(token: Token, part: Token): boolean {
  if (token === ANY) return true;
  if (token === MANY) return part !== '/' && part !== ANY;
  if (token === ONE) return part === ONE || (typeof part === 'string' && part !== '/');
  return part === token;
}
