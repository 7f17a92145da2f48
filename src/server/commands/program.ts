import { Command as Parser, CommanderError } from 'commander';
import { type Command, type Given, UsageError } from './command';

const OVERVIEW = `Without a command, or with "serve", the server starts. The commands take the settings of the server from the environment, whether a
server runs or not.`;

/** The arguments of the process, made of a list of commands. */
export class Program {
  private readonly parser = new Parser('latchkey');
  private chosen: { readonly command: Command; readonly given: Given } | undefined;
  private helped = '';

  constructor(commands: readonly Command[]) {
    this.parser
      .description(unwrapped(OVERVIEW))
      .helpOption('-h, --help', 'print this text')
      .helpCommand(false)
      .exitOverride();
    this.parser.configureOutput({ writeOut: (text) => (this.helped += text), writeErr: () => undefined });
    for (const command of commands) this.add(command);
  }

  /**
   * @returns the command and its arguments, or the text that was asked for.
   * @throws UsageError for an unknown command or option, for an option without its value, and for a missing or surplus operand.
   */
  read(args: readonly string[]): { readonly command: Command; readonly given: Given } | string {
    try {
      this.parser.parse(args, { from: 'user' });
      return this.chosen ?? this.parser.helpInformation();
    } catch (error) {
      if (!(error instanceof CommanderError)) throw error;
      if (error.exitCode === 0) return this.helped.trimEnd();
      throw new UsageError(`${sentenceOf(error)} See ${this.named(args)} --help.`);
    }
  }

  private add(command: Command): void {
    const { name, alias, summary, help, options = [], operands = [] } = command;
    const parser = this.parser.command(name).summary(summary).description(unwrapped(help));
    if (alias !== undefined) parser.alias(alias);
    for (const one of options) parser.option(one.flags, one.help);
    for (const one of operands) parser.argument(one.flags, one.help);
    parser.addHelpText('after', `\n${exitCodesOf(command)}`);
    parser.action(() => {
      this.chosen = { command, given: { options: parser.opts(), operands: parser.args } };
    });
  }

  private named([name]: readonly string[]): string {
    const isKnown = this.parser.commands.some((one) => one.name() === name || one.aliases().includes(name ?? ''));
    return isKnown ? `latchkey ${name}` : 'latchkey';
  }
}

function exitCodesOf({ exits, furtherExits = {} }: Command): string {
  const meanings = { 0: exits[0], 1: exits[1], 2: 'the command line is not understood', ...furtherExits };
  const codes = Object.entries(meanings).map(([code, meaning]) => `${code}: ${meaning}`);
  return `Exit codes: ${codes.join('; ')}.`;
}

/** Paragraphs of one line each: the library wraps them to the width of the terminal. */
function unwrapped(text: string): string {
  return text.replace(/(?<!\n)\n(?!\n)/g, ' ');
}

/** The library begins with "error: " and ends without a full stop. */
function sentenceOf({ message }: CommanderError): string {
  const text = message.replace(/^error: /, '').replaceAll('\n', ' ');
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.?)]$/.test(text) ? '' : '.'}`;
}
