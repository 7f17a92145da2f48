import type { TokenRecallService } from '../../access-tokens/issuing/token-recall.service';
import { StartError } from '../start-error';
import { type Command, type Given, JSON_FLAG, UsageError } from './command';
import { sayAll } from './shown-once';
import { withInstance } from './with-instance';

/** For use after a restore, or a leak of unknown extent. */
export const REFUSE_ISSUED_BEFORE: Command = {
  name: 'refuse-issued-before',
  summary: 'refuse every token issued before a time',
  help: `Refuses every token issued before a time, on every node.

It takes the settings of the server, whether the server is running or not. The time has a zone, as in
2030-01-31T12:00:00Z, and does not lie in the future. It can be moved forward, and never back.
If standard output cannot be written to, standard error says what was done.`,
  options: [{ flags: '--client-secrets', help: 'refuse client secrets made before that time, too' }, JSON_FLAG],
  operands: [{ flags: '<time>', help: 'a time with a zone: 2030-01-31T12:00:00Z' }],
  exits: ['it is done', 'it is not, or standard output cannot be written to'],
  run: refuseIssuedBefore,
};

async function refuseIssuedBefore(_say: unknown, given: Given): Promise<void> {
  const before = timeOf(given.operands[0]!);
  const recall = await withInstance((app, { FutureRecallError, TokenRecallService: recalls }) =>
    app
      .get(recalls)
      .refuseIssuedBefore(before, given.options.clientSecrets === true)
      .catch((error: unknown) => {
        throw error instanceof FutureRecallError ? new StartError(error.message) : error;
      }),
  );
  sayAll(given.options.json === true ? inJson(recall) : linesOn(recall).join('\n'));
}

type Outcome = Awaited<ReturnType<TokenRecallService['refuseIssuedBefore']>>;

function inJson({ tokensBefore, clientSecretsBefore, spread }: Outcome): string {
  return JSON.stringify({ tokensBefore, clientSecretsBefore, applied: spread.applied, pending: spread.pending });
}

function linesOn({ tokensBefore, clientSecretsBefore, spread }: Outcome): string[] {
  const lines = [`Tokens issued before ${tokensBefore?.toISOString()} are refused.`];
  if (clientSecretsBefore) lines.push(`Client secrets issued before ${clientSecretsBefore.toISOString()} are refused.`);
  const { pending } = spread;
  if (pending.length > 0) lines.push(`Not confirmed by ${pending.join(', ')}, which answer nothing from memory.`);
  return lines;
}

function timeOf(text: string): Date {
  const time = new Date(text);
  const isTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)$/.test(text);
  if (!isTime || Number.isNaN(time.getTime())) {
    throw new UsageError(
      'The time must have a zone, as in 2030-01-31T12:00:00Z. See latchkey refuse-issued-before --help.',
    );
  }
  if (!isInCalendar(text)) throw new UsageError(`There is no time ${text}. See latchkey refuse-issued-before --help.`);
  return time;
}

/**
 * `Date` takes 30 February for 2 March, and 24:00 for the next day. A refusal is final, so the time must be the intended one.
 */
function isInCalendar(text: string): boolean {
  const written = text.slice(0, 'YYYY-MM-DDThh:mm'.length);
  return new Date(`${written}Z`).toISOString().startsWith(written);
}
