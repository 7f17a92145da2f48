import { Effort } from './effort';

/** The longest pattern. */
export const MAX_PATTERN = 1_024;
/** The longest text that is compared with a pattern that has wildcards. */
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

/** The choices of a pair of braces. */
interface Group {
  readonly choices: readonly Sequence[];
}

type Sequence = readonly (Sign | Group)[];

/** One text that the braces of a pattern allow: the parts before, between and after each `*`. */
type Alternative = readonly (readonly Sign[])[];

/**
 * A text that claims are compared with. `*` and `**` stand for any number of any characters, also for `/` and for no character. `?`
 * stands for one character, and `{a,b}` for `a` or `b`. After a backslash, `* ? { } , \` stand for themselves. So does every other
 * character, also `!`, brackets and parentheses: no pattern says what a claim must not be.
 */
export class ClaimPattern {
  private constructor(
    private readonly alternatives: readonly Alternative[],
    /** The characters of all alternatives together. */
    readonly length: number,
  ) {}

  /** @returns undefined if the pattern is too long, or if its braces stand for too many alternatives or too long ones. */
  static parse(text: string, effort = new Effort()): ClaimPattern | undefined {
    if (text.length > MAX_PATTERN || !effort.spend(text.length)) return undefined;
    const sequence = sequenceOf(signsOf(text));
    const { count, length } = sizeOf(sequence);
    // Not the other way round: a size that is no number is too large as well.
    const isSmall = count <= MAX_ALTERNATIVES && length <= MAX_EXPANDED;
    if (!isSmall) return undefined;
    const alternatives = expanded(sequence, effort).map(partsOf);
    return effort.isSpent ? undefined : new ClaimPattern(alternatives, length);
  }

  /** @param value the text, or its characters where one text is compared with many patterns */
  matches(value: string | readonly string[], effort = new Effort()): boolean {
    const characters = typeof value === 'string' ? [...value] : value;
    return this.alternatives.some((parts) => !effort.isSpent && matches(parts, characters, effort));
  }

  /** Whether the pattern consists of wildcards only. Such a pattern binds nothing. */
  get isEverything(): boolean {
    return this.alternatives.some((parts) => (parts.length > 1 || parts[0]!.length > 0) && parts.flat().every(isOne));
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
const isOne = (sign: Sign) => isSign(sign, '?');
const isGroup = (node: Sign | Group): node is Group => 'choices' in node;

/** The braces of a pattern as groups. */
function sequenceOf(signs: readonly Sign[]): Sequence {
  const choices = choicesOf(signs, closingBraces(signs), [0, signs.length]);
  // Outside of braces, a comma stands for itself.
  return choices.flatMap((choice, n) => (n === 0 ? choice : [{ text: ',', isLiteral: true }, ...choice]));
}

type Range = readonly [from: number, to: number];

/** The parts of a range, which commas separate. */
function choicesOf(signs: readonly Sign[], closing: ReadonlyMap<number, number>, [from, to]: Range): Sequence[] {
  const choices: (Sign | Group)[][] = [[]];
  for (let i = from; i < to; i += 1) {
    const close = closing.get(i);
    if (close !== undefined) {
      const inner = choicesOf(signs, closing, [i + 1, close]);
      // `{a}` stands for itself, as in a shell.
      const isGroup = inner.length > 1;
      choices.at(-1)!.push(...(isGroup ? [{ choices: inner }] : [signs[i]!, ...inner[0]!, signs[close]!]));
      i = close;
    } else if (isSign(signs[i], ',')) choices.push([]);
    else choices.at(-1)!.push(signs[i]!);
  }
  return choices;
}

/** The position of the closing brace by that of its opening one. A brace without its other one stands for itself. */
function closingBraces(signs: readonly Sign[]): ReadonlyMap<number, number> {
  const closing = new Map<number, number>();
  const open: number[] = [];
  signs.forEach((sign, at) => {
    if (isSign(sign, '{')) open.push(at);
    else if (isSign(sign, '}') && open.length > 0) closing.set(open.pop()!, at);
  });
  return closing;
}

/** The number of alternatives that braces stand for, and the characters of all of them, without writing them out. */
function sizeOf(sequence: Sequence): { count: number; length: number } {
  let [count, length] = [1, 0];
  for (const node of sequence) {
    if (!isGroup(node)) length += count;
    else {
      const sizes = node.choices.map(sizeOf);
      const choices = sizes.reduce((sum, size) => sum + size.count, 0);
      length = length * choices + count * sizes.reduce((sum, size) => sum + size.length, 0);
      count *= choices;
    }
  }
  return { count, length };
}

/** All texts that the braces allow. */
function expanded(sequence: Sequence, effort: Effort): Sign[][] {
  let alternatives: Sign[][] = [[]];
  for (const node of sequence) {
    if (effort.isSpent) return [];
    if (isGroup(node)) {
      const choices = node.choices.flatMap((choice) => expanded(choice, effort));
      alternatives = alternatives.flatMap((before) => choices.map((choice) => joined(before, choice, effort)));
    } else {
      effort.spend(alternatives.length);
      for (const alternative of alternatives) alternative.push(node);
    }
  }
  return alternatives;
}

function joined(before: readonly Sign[], after: readonly Sign[], effort: Effort): Sign[] {
  effort.spend(before.length + after.length);
  return [...before, ...after];
}

function partsOf(signs: readonly Sign[]): Alternative {
  const parts: Sign[][] = [[]];
  for (const sign of signs) {
    if (isRun(sign)) parts.push([]);
    else parts.at(-1)!.push(sign);
  }
  return parts;
}

/** Searches from the left for each part between two `*`. The work is at most the product of the two lengths. */
function matches([first = [], ...parts]: Alternative, characters: readonly string[], effort: Effort): boolean {
  const last = parts.pop();
  if (!last) return first.length === characters.length && fits(first, characters, 0, effort);
  if (characters.length > MAX_VALUE || !fits(first, characters, 0, effort)) return false;
  const from = parts.reduce((at, part) => endOf(part, characters, at, effort), first.length);
  const end = characters.length - last.length;
  return end >= from && fits(last, characters, end, effort);
}

/** Whether a part stands at a position. */
function fits(part: readonly Sign[], characters: readonly string[], at: number, effort: Effort): boolean {
  let n = 0;
  while (n < part.length && stands(part[n]!, characters[at + n])) n += 1;
  return effort.spend(n + 1) && n === part.length;
}

function stands(sign: Sign, character: string | undefined): boolean {
  return character !== undefined && (sign.text === character || isOne(sign));
}

/** Finds the first occurrence of a part at a position or after it. @returns the position of its end; Infinity without one. */
function endOf(part: readonly Sign[], characters: readonly string[], from: number, effort: Effort): number {
  for (let at = from; at + part.length <= characters.length && !effort.isSpent; at += 1) {
    if (fits(part, characters, at, effort)) return at + part.length;
  }
  return Infinity;
}
