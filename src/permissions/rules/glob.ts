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
  let reached = subject.map(() => false);
  reached.unshift(true);
  for (const token of pattern) reached = advance(reached, token, subject);
  return reached[subject.length]!;
}

/** The places in the subject at which the pattern can be after one more token. */
function advance(reached: readonly boolean[], token: Token, subject: Glob): boolean[] {
  const isRepeated = token === MANY || token === ANY;
  let canGoOn = false;
  return reached.map((isHere, place) => {
    const takesOne = place > 0 && takes(token, subject[place - 1]!);
    if (!isRepeated) return takesOne && reached[place - 1]!;
    canGoOn = isHere || (canGoOn && takesOne);
    return canGoOn;
  });
}

function takes(token: Token, part: Token): boolean {
  if (token === ANY) return true;
  if (token === MANY) return part !== '/' && part !== ANY;
  if (token === ONE) return part === ONE || (typeof part === 'string' && part !== '/');
  return part === token;
}
