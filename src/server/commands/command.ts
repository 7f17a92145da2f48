/** One option of a command, as commander declares it: `--ttl <seconds>` takes a value, `--json` does not. */
export interface Flag {
  readonly flags: string;
  readonly help: string;
}

/** The arguments of a command. */
export interface Given {
  /** By name in camel case: `clientSecrets` for `--client-secrets`. */
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
  /** One for each operand that the command names. */
  readonly operands: readonly string[];
}

/** A task that the built server performs instead of serving: `latchkey <name>`. */
export interface Command {
  readonly name: string;
  /** An earlier name, which still works. */
  readonly alias?: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** The description of the command, with the warnings. */
  readonly help: string;
  readonly options?: readonly Flag[];
  /** The operands besides options: `<time>`. */
  readonly operands?: readonly Flag[];
  /** The meaning of the exit codes 0 and 1. */
  readonly exits: readonly [done: string, otherwise: string];
  /** The meaning of exit codes beyond 2. */
  readonly furtherExits?: Readonly<Record<number, string>>;
  /** @param say writes to standard output. Nothing else is written there. */
  run(say: (text: string) => void, given: Given): Promise<void>;
}

/** The command line cannot be understood. The process ends with 2, as shells do. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** For commands that answer with facts. */
export const JSON_FLAG: Flag = { flags: '--json', help: 'print the result as one JSON object' };
