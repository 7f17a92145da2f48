/** Variables that node-postgres reads if the URL leaves them out. */
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
/** Variables that libpq reads as well, or node-postgres by accident. An operator who sets one relies on it. */
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

/** The faults of the PG… variables beside a `DATABASE_URL`: each variable is either obeyed or refused. */
export function faultsOfPgVariables(source: NodeJS.ProcessEnv): string[] {
  const faults = UNHEEDED.filter((name) => source[name]).map(
    (name) => `${name} is not understood: leave it out, and say in DATABASE_URL what Latchkey should know`,
  );
  const { PGSSLMODE: mode } = source;
  if (mode && !SSL_MODES.includes(mode)) faults.push(`PGSSLMODE must be one of ${SSL_MODES.join(', ')}`);
  return faults;
}

/** The variables that say where a database is. Without a `DATABASE_URL` they are about another database. */
export function pgVariablesOfAnother(source: NodeJS.ProcessEnv): string[] {
  return ['PGHOST', 'PGHOSTADDR', 'PGDATABASE', 'PGSERVICE'].filter((name) => source[name]);
}

/** Settings for another database (`PGSSLMODE`, `PGOPTIONS`) must not reach the built-in one. */
export function removePgVariables(environment: NodeJS.ProcessEnv): void {
  for (const name of [...HEEDED, ...UNHEEDED]) delete environment[name];
}
