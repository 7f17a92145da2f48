import { ClaimPattern, MAX_PATTERN } from './claim-pattern';
import { Effort } from './effort';

/** The most characters that all patterns of a configuration may stand for together. */
const MAX_EXPANDED = 16_384;

/**
 * The configured rules for the claims of a signed token. A list is a text with commas between its entries. An empty text binds
 * nothing.
 */
export interface ClaimRules {
  readonly boundIssuer: string;
  /** One pattern, not a list (decision 31). */
  readonly boundSubject: string;
  readonly boundAudiences: string;
  /** Lists of patterns, by the path of the claim. */
  readonly boundClaims: Readonly<Record<string, string>>;
}

/** The first rule that a token does not meet. */
export interface ClaimMismatch {
  readonly rule: 'issuer' | 'subject' | 'audience' | 'claim';
  /** The token does not have the claim at all. */
  readonly isMissing: boolean;
  /** The path of the claim. */
  readonly claim: string;
}

export type Claims = Readonly<Record<string, unknown>>;

/** @returns undefined if the token meets all rules. */
export function mismatchOf(claims: Claims, rules: ClaimRules, effort = new Effort()): ClaimMismatch | undefined {
  const { boundIssuer } = rules;
  if (boundIssuer !== '' && claims.iss !== boundIssuer) return mismatch('issuer', 'iss', false);
  for (const check of checksOf(rules)) {
    const found = checked(check, claims, effort);
    if (found) return found;
  }
  return undefined;
}

function checksOf({ boundSubject, boundAudiences, boundClaims }: ClaimRules): Check[] {
  const subject: Check = { rule: 'subject', path: 'sub', patterns: [boundSubject] };
  const audience: Check = { rule: 'audience', path: 'aud', patterns: entriesOf(boundAudiences) };
  const claims = Object.entries(boundClaims);
  return [
    ...(boundSubject === '' ? [] : [subject]),
    ...(boundAudiences === '' ? [] : [audience]),
    ...claims.map(([path, list]): Check => ({ rule: 'claim', path, patterns: entriesOf(list) })),
  ];
}

interface Check {
  readonly rule: ClaimMismatch['rule'];
  readonly path: string;
  readonly patterns: readonly string[];
}

function checked({ rule, path, patterns }: Check, claims: Claims, effort: Effort): ClaimMismatch | undefined {
  const texts = textsOf(claimAt(claims, path));
  if (texts.length === 0) return mismatch(rule, path, true);
  return matchesOne(patterns, texts, effort) ? undefined : mismatch(rule, path, false);
}

/** Whether one of the texts matches one of the patterns. */
export function matchesOne(patterns: readonly string[], texts: readonly string[], effort = new Effort()): boolean {
  // Parsed once: a claim may have thousands of elements.
  const parsed = patterns.map((pattern) => ClaimPattern.parse(pattern, effort));
  return texts.some((text) => {
    const characters = [...text];
    return parsed.some((pattern) => pattern?.matches(characters, effort));
  });
}

function mismatch(rule: ClaimMismatch['rule'], claim: string, isMissing: boolean): ClaimMismatch {
  return { rule, claim, isMissing };
}

/**
 * The claim with a name, or at a path of names with dots between them. A path leads through objects, never through lists, and only
 * to properties that the token itself has. A name may contain dots, such as a URL, so the whole text is tried as a name first.
 */
export function claimAt(claims: Claims, path: string): unknown {
  if (Object.hasOwn(claims, path)) return claims[path];
  return path.split('.').reduce<unknown>((value, name) => {
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject && Object.hasOwn(value, name) ? (value as Claims)[name] : undefined;
  }, claims);
}

/** The texts that a claim is compared by. A list has the texts of its elements, and a missing claim has none. */
export function textsOf(value: unknown): string[] {
  const values: unknown[] = Array.isArray(value) ? value : [value];
  return values.map(textOf).filter((text) => text !== undefined);
}

/** @returns undefined for a value without an exact text. Whole numbers that are too large are not exact: two may read alike. */
function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return String(value);
  const isExact = typeof value === 'number' && (Number.isSafeInteger(value) || !Number.isInteger(value));
  return isExact ? String(value) : undefined;
}

/**
 * The entries of a list. A comma between balanced braces separates nothing, an escaped brace does not count, empty entries are
 * left out.
 */
export function entriesOf(list: string): string[] {
  const bounds = [-1, ...commasOf(list), list.length];
  const entries = bounds.slice(1).map((end, n) => list.slice(bounds[n]! + 1, end).trim());
  return entries.filter((entry) => entry !== '');
}

/** The positions of the commas that separate the entries. */
function commasOf(list: string): number[] {
  const closed = closedBraces(list);
  const commas: number[] = [];
  let depth = 0;
  for (let i = 0; i < list.length; i += 1) {
    const character = list[i];
    if (character === '\\') i += 1;
    else if (character === '{' && closed.has(i)) depth += 1;
    else if (character === '}') depth = Math.max(0, depth - 1);
    else if (character === ',' && depth === 0) commas.push(i);
  }
  return commas;
}

/** The positions of opening braces that a later brace closes. One pass, because a list can be as long as a request. */
function closedBraces(list: string): Set<number> {
  const closed = new Set<number>();
  const open: number[] = [];
  for (let i = 0; i < list.length; i += 1) {
    if (list[i] === '\\') i += 1;
    else if (list[i] === '{') open.push(i);
    else if (list[i] === '}' && open.length > 0) closed.add(open.pop()!);
  }
  return closed;
}

/** A list as it is stored and answered: clients compare it with what they sent. */
export function normalList(list: string): string {
  return entriesOf(list).join(', ');
}

/** The fault of a pattern; undefined for a valid one. */
export function faultOfPattern(pattern: string): string | undefined {
  if (pattern.length > MAX_PATTERN) return `A pattern must not be longer than ${MAX_PATTERN} characters`;
  if (pattern.startsWith('!')) return 'A pattern must not begin with !: say what is allowed, not what is not';
  return ClaimPattern.parse(pattern) ? undefined : 'The braces of a pattern stand for too many alternatives';
}

/** The fault of all patterns of a configuration together; undefined if there is none. Comparing with them must not take long. */
export function faultOfPatterns(patterns: readonly string[]): string | undefined {
  const lengths = patterns.map((pattern) => ClaimPattern.parse(pattern)?.length ?? 0);
  if (lengths.reduce((sum, length) => sum + length, 0) <= MAX_EXPANDED) return undefined;
  return `All patterns together must not stand for more than ${MAX_EXPANDED} characters, each choice of their braces written out`;
}

/** Claims that say nothing about the workload: where a token comes from, which one it is, and when it is good. */
const CLAIMS_OF_EVERY_TOKEN = new Set(['iss', 'jti', 'iat', 'nbf', 'exp']);

/** The lists of patterns for claims that say something about the workload. */
export function listsOfWorkload(boundClaims: ClaimRules['boundClaims']): string[][] {
  const claims = Object.entries(boundClaims).filter(([path]) => !CLAIMS_OF_EVERY_TOKEN.has(path));
  return claims.map(([, list]) => entriesOf(list));
}

/** Whether the rules tell one workload of the issuer from another (decision 28). `*` does not. */
export function isBinding({ boundSubject, boundAudiences, boundClaims }: Omit<ClaimRules, 'boundIssuer'>): boolean {
  const lists = [[boundSubject], entriesOf(boundAudiences), ...listsOfWorkload(boundClaims)];
  return lists.some((entries) => entries.some((entry) => entry !== '') && !entries.some(isEverything));
}

function isEverything(pattern: string): boolean {
  return ClaimPattern.parse(pattern)?.isEverything ?? false;
}
