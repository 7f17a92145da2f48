import type { Variable } from './environment-table';
import { readSmallFile } from './small-file';

const MAX_FILE_BYTES = 64 * 1024;
/** For a command that writes to a pipe. */
const PATIENCE_MS = 10_000;

type Table = Readonly<Record<string, Variable>>;

export interface Variables {
  /**
   * By name, trimmed, read from files where a file is named. A variable that is set but empty is left out, as in most shells.
   */
  readonly given: Readonly<Record<string, string>>;
  /** Sentences that name the variables at fault, and never a value. */
  readonly faults: readonly string[];
}

/** The settings among the variables of a process. */
export function variablesOf(source: NodeJS.ProcessEnv, table: Table): Variables {
  const faults = [...misnamed(source, Object.keys(table)), ...misplacedFiles(source, table)];
  const given: Record<string, string> = {};
  for (const [name, variable] of Object.entries(table)) {
    try {
      const value = valueOf(source, name, variable);
      if (value !== undefined) given[name] = value;
    } catch (error) {
      faults.push((error as Error).message);
    }
  }
  return { given, faults };
}

/** @throws Error whose message names the variable. */
function valueOf(source: NodeJS.ProcessEnv, name: string, { file: form, isVerbatim }: Variable): string | undefined {
  const file = form && source[`${name}_FILE`];
  const text = source[name];
  if (file) {
    if (text) throw new Error(`${name} and ${name}_FILE must not both be set: leave one of them out`);
    return contentOf(file, name, form);
  }
  if (!text) return undefined;
  return isVerbatim ? text : trimmed(text, name);
}

function trimmed(text: string, name: string): string {
  if (text.trim() === '') throw new Error(`${name} must not be blank: give it a value, or leave it out`);
  return text.trim();
}

function contentOf(file: string, name: string, form: Variable['file']): string {
  const text = read(file, name).trim();
  // An empty variable is a secret that was not mounted. If it counted as unset, the server would start a built-in database.
  if (text === '') throw new Error(`${name}_FILE must name a file that is not empty`);
  if (form !== 'lines' || text.startsWith('[')) return text;
  return JSON.stringify(text.split(/\r?\n/).flatMap((line) => line.trim() || []));
}

function read(file: string, name: string): string {
  try {
    const text = readSmallFile(file, MAX_FILE_BYTES, PATIENCE_MS);
    if (text !== undefined) return text;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Error(`${name}_FILE must name a file that this account can read (${code})`, { cause: error });
  }
  throw new Error(`${name}_FILE must name a file of 64 KiB at most`);
}

/** `PORT_FILE` and its like, which nothing reads. */
function misplacedFiles(source: NodeJS.ProcessEnv, table: Table): string[] {
  const names = Object.keys(table);
  const fromFiles = names.filter((name) => table[name]!.file).join(', ');
  return names
    .filter((name) => !table[name]!.file && source[`${name}_FILE`])
    .map((name) => `${name}_FILE is not understood: set ${name} itself, only ${fromFiles} come from files`);
}

/** Names that begin like Latchkey's variables and are not among them, each with the one that was probably meant. */
function misnamed(source: NodeJS.ProcessEnv, known: readonly string[]): string[] {
  const understood = new Set([...known, ...known.map((name) => `${name}_FILE`)]);
  return Object.keys(source)
    .filter((name) => /^latchkey_/i.test(name) && !understood.has(name) && source[name])
    .filter((name) => !isInjected(name, source[name]!) && !isOfLink(name, source))
    .map((name) => `${name} is not understood: did you mean ${nearest(name, [...understood])}?`);
}

/**
 * Kubernetes sets these in every container beside a service whose name begins with `latchkey`, as Docker did for links
 * (`LATCHKEY_SERVICE_HOST`, `LATCHKEY_API_PORT=tcp://10.0.0.1:80`, `LATCHKEY_PORT_80_TCP_ADDR`).
 */
function isInjected(name: string, value: string): boolean {
  const isOfService =
    /^LATCHKEY_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$/.test(name);
  return isOfService || isServiceAddress(name, value);
}

function isServiceAddress(name: string, value = ''): boolean {
  return /^LATCHKEY_(\w+_)?PORT$/.test(name) && /^(tcp|udp|sctp):\/\//.test(value);
}

/** `LATCHKEY_DB_NAME` and `LATCHKEY_DB_ENV_…`, which Docker sets for a link, and only beside `LATCHKEY_DB_PORT=tcp://…`. */
function isOfLink(name: string, source: NodeJS.ProcessEnv): boolean {
  return Object.keys(source)
    .filter((port) => isServiceAddress(port, source[port]))
    .map((port) => port.slice(0, -'PORT'.length))
    .some((prefix) => name === `${prefix}NAME` || name.startsWith(`${prefix}ENV_`));
}

function nearest(name: string, candidates: readonly string[]): string {
  const bare = (text: string) => text.toUpperCase().replace(/^LATCHKEY_/, '');
  const [best] = candidates
    .map((candidate) => ({ candidate, steps: distance(bare(name), bare(candidate)) }))
    .sort((one, other) => one.steps - other.steps);
  return best!.candidate;
}

/** The number of letters to insert, delete or change to make one word of another (Levenshtein distance). */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (const [at, letter] of [...one].entries()) {
    const next = [at + 1];
    for (const [index, against] of [...other].entries())
      next.push(Math.min(next[index]! + 1, row[index + 1]! + 1, row[index]! + (letter === against ? 0 : 1)));
    row = next;
  }
  return row.at(-1)!;
}
