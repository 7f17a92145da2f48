import * as path from 'node:path';
import { appliedMigrations } from '../../database/inspection';
import { takeBaseBackup } from '../../embedded-postgres/base-backup';
import { ARCHIVE, type BackupFacts, NewBackup } from '../backup-directory';
import { SECRET } from '../data-directory';
import type { Home } from '../home';
import { StartError } from '../start-error';
import { type Command, type Given, JSON_FLAG } from './command';
import { sayAll } from './shown-once';
import { withHome } from './with-instance';

/** A copy of everything that the built-in installation is. */
export const BACKUP: Command = {
  name: 'backup',
  summary: 'copy the built-in database and its secret into a new directory',
  help: `Copies the built-in database and the signing secret into a new directory, while the server runs or not.

The copy is consistent: it has everything that was committed when the command ended. It holds the signing secret, also
where LATCHKEY_AUTH_SECRET gives it, and the first token. A reader of it can make tokens: keep it as you keep the secret.
Secrets of LATCHKEY_PREVIOUS_AUTH_SECRETS are not in it. For a database of your own (DATABASE_URL), use its own tools.`,
  options: [JSON_FLAG],
  operands: [{ flags: '<directory>', help: 'a directory that does not exist' }],
  exits: ['the backup is complete', 'there is no backup'],
  run: backup,
};

async function backup(_say: unknown, { options, operands }: Given): Promise<void> {
  const dir = path.resolve(operands[0]!);
  const facts = await withHome((home) => backUp(home, dir));
  sayAll(options.json === true ? JSON.stringify({ directory: dir, ...facts }) : inWords(dir, facts));
}

async function backUp({ directory, url, authSecret }: Home, dir: string): Promise<BackupFacts> {
  if (directory === undefined)
    throw new StartError(
      'backup copies the built-in database. For that of DATABASE_URL, use pg_dump or pg_basebackup.',
    );
  const target = new NewBackup(dir);
  try {
    const takenAt = new Date().toISOString();
    const schema = (await appliedMigrations(url)).at(-1) ?? null;
    const write = target.open(ARCHIVE);
    await takeBaseBackup(url, write);
    write(undefined);
    const files = { ...directory.keptFiles(), [SECRET]: authSecret };
    for (const [name, content] of Object.entries(files)) target.add(name, content);
    return target.finish({ takenAt, schema });
  } catch (error) {
    target.discard();
    throw error;
  }
}

function inWords(dir: string, { takenAt, files }: BackupFacts): string {
  const megabytes = Math.ceil(files[ARCHIVE]!.bytes / 1024 / 1024);
  return [
    `The backup is complete: ${dir} (${megabytes} MB, begun at ${takenAt}).`,
    'It holds the signing secret: keep it as you keep the secret.',
  ].join('\n');
}
