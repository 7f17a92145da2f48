/** The longest text that is compared with a pattern that has wildcards: comparing must not take long. */
const MAX_VALUE = 2_048;
/** The most alternatives that the braces of one pattern may stand for. */
const MAX_ALTERNATIVES = 64;
/** The most characters of all alternatives together. */
const MAX_EXPANDED = 4_096;

/** A character of a pattern, and whether it stands for itself. */
interface Sign {
  readonly text: string;
  readonly isLiteral: boolean;
}

/**
 * A text that claims are compared with. `*` and `**` stand for any number of any characters, also for `/` and for no character. `?`
 * stands for one character, and `{a,b}` for `a` or `b`. After a backslash, `* ? { } , \` stand for themselves. So does every other
 * character, also `!`, brackets and parentheses: no pattern says what a claim must not be.
 */
export class ClaimPattern {
  private constructor(private readonly alternatives: readonly (readonly Sign[])[]) {}

  /** @returns undefined if the braces stand for too many alternatives, or too long ones. */
  static parse(text: string): ClaimPattern | undefined {
    const alternatives = expanded(signsOf(text));
    return alternatives && new ClaimPattern(alternatives);
  }

  matches(value: string): boolean {
    return this.alternatives.some((signs) => matches(signs, value));
  }

  /** Whether the pattern consists of wildcards only. Such a pattern binds nothing. */
  get isEverything(): boolean {
    return this.alternatives.some((signs) => signs.length > 0 && signs.every(isWildcard));
  }
}

const MEANINGFUL = new Set(['*', '?', '{', '}', ',', '\\']);

function signsOf(text: string): Sign[] {
  const characters = [...text];
  const signs: Sign[] = [];
  for (let i = 0; i < characters.length; i += 1) {
    const [character, next] = [characters[i]!, characters[i + 1]];
    const isEscape = character === '\\' && next !== undefined && MEANINGFUL.has(next);
    if (isEscape) i += 1;
    signs.push(isEscape ? { text: next, isLiteral: true } : { text: character, isLiteral: !MEANINGFUL.has(character) });
  }
  return signs;
}

const isSign = (sign: Sign | undefined, text: string) => sign !== undefined && !sign.isLiteral && sign.text === text;
const isRun = (sign: Sign) => isSign(sign, '*');
const isWildcard = (sign: Sign) => isRun(sign) || isSign(sign, '?');

/** The position of the closing brace and of the commas in between; undefined without a closing brace: it then stands for itself. */
function groupAt(signs: readonly Sign[], open: number): { close: number; commas: number[] } | undefined {
  const commas: number[] = [];
  let depth = 0;
  for (let i = open; i < signs.length; i += 1) {
    if (isSign(signs[i], '{')) depth += 1;
    else if (isSign(signs[i], ',') && depth === 1) commas.push(i);
    else if (isSign(signs[i], '}')) depth -= 1;
    if (depth === 0) return { close: i, commas };
  }
  return undefined;
}

/** All texts that the braces allow; undefined for too many, or too long ones. */
function expanded(signs: readonly Sign[]): Sign[][] | undefined {
  const done: Sign[][] = [];
  const open: (readonly Sign[])[] = [signs];
  let length = 0;
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const choices = firstChoices(next);
    if (choices) open.push(...choices);
    else {
      done.push([...next]);
      length += next.length;
    }
    if (done.length + open.length > MAX_ALTERNATIVES || length > MAX_EXPANDED) return undefined;
  }
  return done;
}

/** The pattern once for each choice of its first group of braces; undefined for a pattern without braces. */
function firstChoices(signs: readonly Sign[]): (readonly Sign[])[] | undefined {
  for (let i = 0; i < signs.length; i += 1) {
    const group = isSign(signs[i], '{') ? groupAt(signs, i) : undefined;
    // `{a}` stands for itself, as in a shell.
    if (!group || group.commas.length === 0) continue;
    const bounds = [i, ...group.commas, group.close];
    const [before, after] = [signs.slice(0, i), signs.slice(group.close + 1)];
    return bounds.slice(1).map((end, n) => [...before, ...signs.slice(bounds[n]! + 1, end), ...after]);
  }
  return undefined;
}

/** Searches from the left for each part between two `*`. The work is at most the product of the two lengths. */
function matches(signs: readonly Sign[], value: string): boolean {
  if (!signs.some(isWildcard)) return textOf(signs) === value;
  if (value.length > MAX_VALUE) return false;
  const characters = [...value];
  const [first = [], ...parts] = partsOf(signs);
  const last = parts.pop();
  if (!fits(first, characters, 0)) return false;
  if (!last) return first.length === characters.length;
  const from = parts.reduce((at, part) => endOf(part, characters, at), first.length);
  return characters.length - last.length >= from && fits(last, characters, characters.length - last.length);
}

/** The parts before, between and after each `*`. */
function partsOf(signs: readonly Sign[]): Sign[][] {
  const parts: Sign[][] = [[]];
  for (const sign of signs) {
    if (isRun(sign)) parts.push([]);
    else parts.at(-1)!.push(sign);
  }
  return parts;
}

function fits(part: readonly Sign[], characters: readonly string[], at: number): boolean {
  return part.every((sign, n) => {
    const character = characters[at + n];
    return character !== undefined && (sign.text === character || isSign(sign, '?'));
  });
}

/** Finds the first occurrence of a part at a position or after it. @returns the position of its end; Infinity without one. */
function endOf(part: readonly Sign[], characters: readonly string[], from: number): number {
  for (let at = from; at + part.length <= characters.length; at += 1) {
    if (fits(part, characters, at)) return at + part.length;
  }
  return Infinity;
}

function textOf(signs: readonly Sign[]): string {
  return signs.map(({ text }) => text).join('');
}
