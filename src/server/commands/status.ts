import { type InstallationState, installationState, type NodeState } from '../../database/inspection';
import { type Command, type Given, JSON_FLAG } from './command';
import { sayAll } from './shown-once';
import { loadMigrator, withHome } from './with-instance';

/** The state of an installation, read from its database. */
export const STATUS: Command = {
  name: 'status',
  summary: 'say what the installation is, which nodes serve it, and whether they know every change',
  help: `Reads the state of the installation from its database, and changes nothing.

A node that has every change accepts no token that was revoked so far. A node that lags behind is listed as such.`,
  options: [JSON_FLAG],
  exits: ['the database answers, is set up, and has the schema of this release', 'it does not, or is not'],
  run: status,
};

interface Report {
  readonly database: 'built-in' | 'DATABASE_URL';
  readonly postgres: string;
  readonly missingMigrations: readonly string[];
  /** Migrations of a later release. */
  readonly unknownMigrations: readonly string[];
  readonly contents: InstallationState['contents'];
}

async function status(_say: unknown, { options }: Given): Promise<void> {
  const report = await withHome(async ({ url, directory }) => {
    const known = (await loadMigrator()).migrationNames();
    const { postgres, migrations, contents } = await installationState(url, known);
    return {
      database: directory === undefined ? ('DATABASE_URL' as const) : ('built-in' as const),
      postgres,
      missingMigrations: known.filter((name) => !migrations.includes(name)),
      unknownMigrations: migrations.filter((name) => !known.includes(name)),
      contents,
    };
  });
  sayAll(options.json === true ? JSON.stringify(report) : inWords(report));
  if (report.contents?.isSetUp !== true) process.exitCode = 1;
}

function inWords(report: Report): string {
  const { database, postgres, missingMigrations, unknownMigrations, contents } = report;
  const lines = [`Database: PostgreSQL ${postgres} (${database}).`];
  if (missingMigrations.length > 0)
    lines.push(`${missingMigrations.length} migrations are missing: run latchkey migrate.`);
  if (unknownMigrations.length > 0) lines.push(`${unknownMigrations.length} migrations are those of a later release.`);
  if (contents !== null) lines.push(...linesOn(contents));
  return lines.join('\n');
}

function linesOn(contents: NonNullable<InstallationState['contents']>): string[] {
  const { isSetUp, organizations, identities, tokensEstimated, tokensRefusedBefore, auditEventsToSeal } = contents;
  if (!isSetUp) return ['It is not set up: run latchkey bootstrap.'];
  const lines = [
    `${organizations} organizations, ${identities} identities, about ${tokensEstimated} tokens.`,
    `${auditEventsToSeal} audit events are to be sealed.`,
  ];
  if (tokensRefusedBefore) lines.push(`Tokens issued before ${tokensRefusedBefore.toISOString()} are refused.`);
  if (contents.nodes.length === 0) lines.push('No node serves it.');
  return [...lines, ...contents.nodes.map(lineOn)];
}

function lineOn({ name, startedAt, secondsSinceHeartbeat, hasEveryChange }: NodeState): string {
  const knows = hasEveryChange ? 'has every change' : 'LAGS BEHIND';
  return `Node ${name}: since ${startedAt.toISOString()}, heard of ${secondsSinceHeartbeat} s ago, ${knows}.`;
}
