import { appliedMigrations } from '../../database/inspection';
import { readEnvironment, remarksOn } from '../environment';
import { explain, StartError } from '../start-error';
import { type Command, type Given, JSON_FLAG } from './command';
import { loadMigrator } from './with-instance';

/** The checks of a start, without a start. */
export const CHECK_CONFIG: Command = {
  name: 'check-config',
  summary: 'check the settings, and whether the database can be used',
  help: `Checks every setting in the environment and every file that a setting names, as the start of a server does.

With DATABASE_URL it also asks the database whether it can be used. The built-in database is not started. Nothing is
changed, and no value is printed.`,
  options: [{ flags: '--offline', help: 'do not ask the database' }, JSON_FLAG],
  exits: ['a server would start with these settings', 'it would not'],
  run: checkConfig,
};

interface Findings {
  readonly faults: readonly string[];
  /** Settings that are valid and have no effect. */
  readonly remarks: readonly string[];
  /** Null if the database was not asked. */
  readonly missingMigrations: readonly string[] | null;
}

async function checkConfig(say: (text: string) => void, { options }: Given): Promise<void> {
  const findings = await find(options.offline === true);
  say(options.json === true ? JSON.stringify(findings) : inWords(findings));
  if (findings.faults.length > 0) process.exitCode = 1;
}

async function find(isOffline: boolean): Promise<Findings> {
  try {
    const environment = readEnvironment();
    const { DATABASE_URL: url } = environment;
    const missingMigrations = url === undefined || isOffline ? null : await missingAt(url);
    return { faults: [], remarks: remarksOn(environment), missingMigrations };
  } catch (error) {
    return { faults: faultsIn(error), remarks: [], missingMigrations: null };
  }
}

async function missingAt(url: string): Promise<string[]> {
  const { migrationNames, requireFitAt } = await loadMigrator();
  await requireFitAt(url);
  const applied = await appliedMigrations(url);
  return migrationNames().filter((name) => !applied.includes(name));
}

/** A start names all of them in one message, each on a line. */
function faultsIn(error: unknown): string[] {
  const lines = explain(error).split('\n  ');
  return error instanceof StartError && lines.length > 1 ? lines.slice(1) : lines;
}

function inWords({ faults, remarks, missingMigrations }: Findings): string {
  if (faults.length > 0) return ['Latchkey cannot start:', ...faults].join('\n  ');
  const lines = ['The settings are valid.', ...remarks.map((remark) => `Note: ${remark}.`)];
  if (missingMigrations !== null && missingMigrations.length > 0)
    lines.push(`${missingMigrations.length} migrations are missing, which the next start or latchkey migrate runs.`);
  return lines.join('\n');
}
