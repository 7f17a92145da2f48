import { parseArgs, type ParseArgsConfig } from 'node:util';

/** The command line of a command: the options of `node:util`'s `parseArgs`. */
export type CommandOptions = NonNullable<ParseArgsConfig['options']>;

/** The arguments of a command. */
export interface Given {
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
  /** One for each operand that the command names. */
  readonly operands: readonly string[];
}

/** A task that the built server performs instead of serving: `node dist/src/main.js <name>`. */
export interface Command {
  readonly name: string;
  readonly help: string;
  readonly options: CommandOptions;
  /** The operands of the command besides options: "a time". */
  readonly operands?: readonly string[];
  /** @param say writes to standard output. Nothing else is written there. */
  run(say: (text: string) => void, given: Given): Promise<void>;
}

/** The command line cannot be understood. The process ends with 2, as shells do. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** @throws UsageError for an unknown option, for an option without its value, and for a missing or surplus operand. */
export function readArguments(command: Command, args: readonly string[]): Given {
  const { name, operands: expected = [] } = command;
  const { values: options, positionals: operands } = parsed(command, args);
  if (options.help !== true && operands.length !== expected.length) {
    throw new UsageError(`${name} takes ${expected.join(' and ') || 'options only'}. See ${name} --help.`);
  }
  return { options, operands };
}

function parsed({ name, options }: Command, args: readonly string[]) {
  try {
    const known = { ...options, help: { type: 'boolean', short: 'h' } } as const;
    return parseArgs({ args: [...args], options: known, strict: true, allowPositionals: true });
  } catch (error) {
    throw new UsageError(`${(error as Error).message.split('. ')[0]}. See ${name} --help.`);
  }
}
