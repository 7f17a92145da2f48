import { createReadStream, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { checkpointsIn, type SignedFile } from '../../audit-log/chain/checkpoint-file';
import type { Expected, Report } from '../../audit-log/chain/export-conclusion';
import { ExportVerifier } from '../../audit-log/chain/export-verifier';
import { ExitError } from '../start-error';
import { type Command, type Given, JSON_FLAG, UsageError } from './command';

/** The exit codes of the two reports that are not good. */
const WRONG = 1;
const NOT_PROVED = 3;

/** The checker of an export. It needs no database, no settings and no network. */
export const AUDIT_VERIFY: Command = {
  name: 'audit-verify',
  summary: 'check an export of the audit log, offline',
  help: `Checks an export of the audit log: that no event was changed, removed, inserted or moved.

Without checkpoints it proves that the file belongs together, and not that it is the chain that Latchkey signed.`,
  options: [
    {
      flags: '--checkpoints <file>',
      help: 'signed checkpoints, as GET /api/latchkey/v1/audit-logs/checkpoints answers them',
    },
    {
      flags: '--keys <file>',
      help: 'the public keys to trust, if not those beside the checkpoints: a file of the same form',
    },
    { flags: '--start <time>', help: 'the start that you asked the export for' },
    { flags: '--end <time>', help: 'the end that you asked the export for, if it has passed' },
    { flags: '--retention-days <days>', help: 'for how many days events must have been kept' },
    JSON_FLAG,
  ],
  operands: [{ flags: '<file>', help: 'the export, as GET /api/latchkey/v1/audit-logs/export answers it' }],
  exits: ['the files prove that nothing is missing or changed', 'something is wrong'],
  furtherExits: { [NOT_PROVED]: 'nothing is wrong, and something is not proved' },
  run: verify,
};

async function verify(say: (text: string) => void, { options, operands }: Given): Promise<void> {
  const expected = expectedIn(options);
  const { checkpoints, publicKeys } = filesOf(options);
  const verifier = new ExportVerifier();
  try {
    for await (const line of createInterface({ input: createReadStream(operands[0]!), crlfDelay: Infinity }))
      verifier.take(line);
  } catch (error) {
    throw new UsageError(`The export cannot be read: ${(error as Error).message}`);
  }
  const report = verifier.report(checkpoints, publicKeys, expected);
  const areKeysApart = options.keys !== undefined || report.confirmed === 0;
  const whole = areKeysApart ? report : { ...report, notes: [...report.notes, SAME_SOURCE] };
  say(options.json === true ? JSON.stringify(whole) : inWords(whole));
  if (report.verdict === 'wrong') throw new ExitError('The export is not what Latchkey sealed.', WRONG);
  if (report.verdict === 'not proved') throw new ExitError('The files do not prove everything.', NOT_PROVED);
}

const SAME_SOURCE =
  'The public keys came with the checkpoints: a person who forged one could forge both. Compare the key ids with those that you kept, or name a file of your own with --keys';

function filesOf({ checkpoints, keys }: Given['options']): SignedFile {
  const signed = checkpoints === undefined ? NONE : signedIn(checkpoints as string);
  return keys === undefined ? signed : { ...signed, publicKeys: signedIn(keys as string).publicKeys };
}

const NONE: SignedFile = { checkpoints: [], publicKeys: new Map() };

function signedIn(file: string): SignedFile {
  try {
    return checkpointsIn(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new UsageError(`${file} cannot be read as checkpoints: ${(error as Error).message}`);
  }
}

function expectedIn({ start, end, retentionDays: days }: Given['options']): Expected {
  return {
    ...(start !== undefined && { from: timeIn('--start', start as string) }),
    ...(end !== undefined && { to: timeIn('--end', end as string) }),
    ...(days !== undefined && { retentionDays: daysIn(days as string) }),
  };
}

function timeIn(name: string, text: string): number {
  const time = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : NaN;
  if (Number.isNaN(time)) throw new UsageError(`${name} must be a time such as 2026-11-01 or 2026-11-01T12:00:00Z.`);
  return time;
}

function daysIn(text: string): number {
  if (!/^[1-9]\d{0,4}$/.test(text)) throw new UsageError('--retention-days must be a number of days.');
  return Number(text);
}

function inWords(report: Report): string {
  const { organizationId, startDate, endDate, firstBatch, lastBatch, events, batches, confirmed, keyIds } = report;
  const window = startDate === null ? 'unknown, since the end of the file is missing' : `${startDate} to ${endDate}`;
  const signers = keyIds.length === 0 ? '' : `, signed by ${keyIds.join(', ')}`;
  return [
    `Organization: ${organizationId ?? 'unknown'}`,
    `Window: ${window}`,
    `Content: ${events} events in ${batches} batches (${firstBatch ?? 'none'} to ${lastBatch ?? 'none'})`,
    `Checkpoints that agree: ${confirmed}${signers}`,
    ...report.notes.map((note) => `Note: ${note}.`),
    ...report.unproved.map((gap) => `NOT PROVED: ${gap}.`),
    ...report.faults.map(({ line, message }) => `WRONG${line === 0 ? '' : `, line ${line}`}: ${message}.`),
    verdictOf(report),
  ].join('\n');
}

function verdictOf({ verdict, faults, furtherFaults, organizationId, startDate, endDate }: Report): string {
  if (verdict === 'wrong') return `${faults.length + furtherFaults} faults.`;
  if (verdict === 'not proved') return 'No fault was found, and not everything is proved.';
  return `Proved: this is every event of organization ${organizationId} that was sealed from ${startDate} to ${endDate}, except for what a note names.`;
}
