import { createReadStream, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Checkpoint, CheckpointKey } from '../../audit-log/chain/checkpoint';
import { ExportVerifier, type Report } from '../../audit-log/chain/export-verifier';
import { StartError } from '../start-error';
import { type Command, type Given, UsageError } from './command';

/** The checker of an export. It needs no database, no settings and no network. */
export const AUDIT_VERIFY: Command = {
  name: 'audit-verify',
  help: `Checks an export of the audit log: that no event was changed, removed, inserted or moved.

  FILE                the export, as GET /api/latchkey/v1/audit-logs/export answers it
  --checkpoints FILE  signed checkpoints, as GET /api/latchkey/v1/audit-logs/checkpoints answers them
  --keys FILE         the public keys to trust, if not those beside the checkpoints: a file of the same form
  --json              the report as JSON

It exits with 0 when nothing is wrong, and with 1 when something is. Without checkpoints it proves that the file belongs
together, and not that it is the chain that Latchkey signed.`,
  options: { checkpoints: { type: 'string' }, keys: { type: 'string' }, json: { type: 'boolean' } },
  operands: ['the file of an export'],
  run: verify,
};

async function verify(say: (text: string) => void, { options, operands }: Given): Promise<void> {
  const signed = options.checkpoints === undefined ? NONE : signedIn(options.checkpoints as string);
  const keys = options.keys === undefined ? signed.publicKeys : signedIn(options.keys as string).publicKeys;
  const verifier = new ExportVerifier();
  try {
    for await (const line of createInterface({ input: createReadStream(operands[0]!), crlfDelay: Infinity }))
      if (line !== '') verifier.take(line);
  } catch (error) {
    throw new UsageError(`The export cannot be read: ${(error as Error).message}`);
  }
  const report = verifier.report(signed.checkpoints, keys);
  say(options.json === true ? JSON.stringify(report) : inWords(report));
  if (report.faults.length > 0) throw new StartError('The export is not what Latchkey sealed.');
}

interface Signed {
  readonly checkpoints: readonly Checkpoint[];
  readonly publicKeys: readonly CheckpointKey[];
}

const NONE: Signed = { checkpoints: [], publicKeys: [] };

function signedIn(file: string): Signed {
  try {
    const { checkpoints = [], publicKeys = [] } = JSON.parse(readFileSync(file, 'utf8')) as Partial<Signed>;
    return { checkpoints, publicKeys };
  } catch (error) {
    throw new UsageError(`${file} cannot be read as checkpoints: ${(error as Error).message}`);
  }
}

function inWords({ faults, remarks, events, batches, confirmed }: Report): string {
  return [
    `${events} events in ${batches} batches; ${confirmed} checkpoints agree.`,
    ...remarks.map((remark) => `Note: ${remark}.`),
    ...faults.map(({ line, message }) => (line === 0 ? `WRONG: ${message}.` : `WRONG, line ${line}: ${message}.`)),
    faults.length === 0 ? 'Nothing is wrong.' : `${faults.length} faults.`,
  ].join('\n');
}
