/** What node-postgres reads, where the URL leaves it out. */
const HEEDED = [
  'PGHOST',
  'PGPORT',
  'PGUSER',
  'PGPASSWORD',
  'PGPASSFILE',
  'PGDATABASE',
  'PGOPTIONS',
  'PGSSLMODE',
  'PGSSLNEGOTIATION',
  'PGAPPNAME',
];
/** What libpq reads as well, or node-postgres by accident. Somebody who set one counts on it. */
const UNHEEDED = [
  'PGHOSTADDR',
  'PGSERVICE',
  'PGSERVICEFILE',
  'PGREQUIREAUTH',
  'PGCHANNELBINDING',
  'PGREQUIRESSL',
  'PGSSLCERT',
  'PGSSLKEY',
  'PGSSLCERTMODE',
  'PGSSLROOTCERT',
  'PGSSLCRL',
  'PGSSLCRLDIR',
  'PGSSLSNI',
  'PGSSLMINPROTOCOLVERSION',
  'PGSSLMAXPROTOCOLVERSION',
  'PGREQUIREPEER',
  'PGKRBSRVNAME',
  'PGGSSENCMODE',
  'PGGSSDELEGATION',
  'PGTARGETSESSIONATTRS',
  'PGLOADBALANCEHOSTS',
  'PGCLIENTENCODING',
  'PGCLIENT_ENCODING',
  'PGREPLICATION',
  'PGBINARY',
  'PGCONNECT_TIMEOUT',
  'PGTZ',
  'PGDATESTYLE',
  'PGGEQO',
  'PGLOCALEDIR',
  'PGSYSCONFDIR',
  'PGSSLCOMPRESSION',
  'PGGSSLIB',
  'PGMINPROTOCOLVERSION',
  'PGMAXPROTOCOLVERSION',
];
const SSL_MODES = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify'];

/** What is at fault with the PG… variables beside a `DATABASE_URL`: whatever is set is honoured, or refused. */
export function faultsOfPgVariables(source: NodeJS.ProcessEnv): string[] {
  const faults = UNHEEDED.filter((name) => source[name]).map(
    (name) => `${name} is not understood: leave it out, and say in DATABASE_URL what Latchkey should know`,
  );
  const { PGSSLMODE: mode } = source;
  if (mode && !SSL_MODES.includes(mode)) faults.push(`PGSSLMODE must be one of ${SSL_MODES.join(', ')}`);
  return faults;
}

/** Those that say where a database is; without a `DATABASE_URL` they are about another one than ours. */
export function pgVariablesOfAnother(source: NodeJS.ProcessEnv): string[] {
  return ['PGHOST', 'PGHOSTADDR', 'PGDATABASE', 'PGSERVICE'].filter((name) => source[name]);
}

/** So that what is meant for another database (`PGSSLMODE`, `PGOPTIONS`) does not reach that of our own. */
export function forgetPgVariables(environment: NodeJS.ProcessEnv): void {
  for (const name of [...HEEDED, ...UNHEEDED]) delete environment[name];
}
