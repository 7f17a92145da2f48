import { COMMANDS } from '.';
import { UsageError } from './command';
import { Program } from './program';

const read = (...args: string[]) => new Program(COMMANDS).read(args);

describe('the command line', () => {
  it('lists every command, and explains each with its exit codes and an output in JSON', () => {
    const overview = read('--help');
    for (const { name, summary } of COMMANDS) {
      expect(overview).toMatch(new RegExp(`  ${name}\\b`));
      expect(summary).not.toMatch(/\.$/);
      const text = read(name, '--help') as string;
      expect(text).toMatch(/--json[\s\S]+Exit codes: 0: .*; 1: .*; 2: the command line is not understood[.;]/);
    }
  });

  it.each([
    [['bakcup'], "Unknown command 'bakcup' (Did you mean backup?) See latchkey --help."],
    [['backup'], "Missing required argument 'directory'. See latchkey backup --help."],
    [
      ['backup', 'a', 'b'],
      "Too many arguments for 'backup'. Expected 1 argument but got 2. See latchkey backup --help.",
    ],
    [
      ['issue-admin-token', '--tll'],
      "Unknown option '--tll' (Did you mean --ttl?) See latchkey issue-admin-token --help.",
    ],
    [['--nonsense'], "Unknown option '--nonsense'. See latchkey --help."],
  ])('is refused for %j with a sentence and the way to help', (args, sentence) => {
    expect(() => read(...args)).toThrow(new UsageError(sentence));
  });

  it('knows a command by its earlier name, and its options in camel case', () => {
    const { command, given } = read('refuse-issued-before', '2030-01-31T12:00:00Z', '--client-secrets') as Exclude<
      ReturnType<typeof read>,
      string
    >;
    expect([command.name, given]).toEqual([
      'refuse-issued-before',
      { options: { clientSecrets: true }, operands: ['2030-01-31T12:00:00Z'] },
    ]);
    expect(read('issue-admin-token')).toEqual(read('admin-token'));
  });
});
