import { appliedMigrations } from '../../database/inspection';
import { type Command, type Given, JSON_FLAG } from './command';
import { sayAll } from './shown-once';
import { loadMigrator, withHome } from './with-instance';

/** The migrations that a start would run, without a start: a step of its own before the nodes of a new release. */
export const MIGRATE: Command = {
  name: 'migrate',
  summary: 'bring the schema up to this release',
  help: `Runs the migrations that the database lacks, as the start of a server does, and starts no server.

Nodes of the release before keep answering meanwhile and afterwards. Any number of processes can run it at once: one of
them migrates, and the others wait for it.`,
  options: [{ flags: '--dry-run', help: 'say which migrations are missing, and run none' }, JSON_FLAG],
  exits: ['the schema is that of this release (with --dry-run: nothing is missing)', 'it is not'],
  run: migrate,
};

interface Outcome {
  readonly applied: readonly string[];
  readonly missing: readonly string[];
}

async function migrate(_say: unknown, { options }: Given): Promise<void> {
  const outcome = await withHome(({ url }) => migrateAt(url, options.dryRun === true));
  sayAll(options.json === true ? JSON.stringify(outcome) : inWords(outcome));
  if (outcome.missing.length > 0) process.exitCode = 1;
}

async function migrateAt(url: string, isDry: boolean): Promise<Outcome> {
  const { migrateLatchkey, migrationNames } = await loadMigrator();
  const before = await appliedMigrations(url);
  const missing = migrationNames().filter((name) => !before.includes(name));
  if (isDry) return { applied: [], missing };
  await migrateLatchkey({ url });
  return { applied: missing, missing: [] };
}

function inWords({ applied, missing }: Outcome): string {
  if (missing.length > 0) return ['Missing migrations:', ...missing].join('\n  ');
  if (applied.length > 0) return ['Migrations that were run:', ...applied].join('\n  ');
  return 'The schema is that of this release.';
}
