import { readFileSync, statSync } from 'node:fs';

/** A password with other characters in it is the usual reason why a text is not a URL. */
export const A_DATABASE_URL = 'a URL like postgres://user:password@host:5432/name, special characters as %xx';

/** The parameters that node-postgres obeys and that contradict nothing here. */
const PARAMETERS = [
  'host',
  'port',
  'user',
  'password',
  'ssl',
  'sslmode',
  'sslrootcert',
  'sslcert',
  'sslkey',
  'sslnegotiation',
  'uselibpqcompat',
  'options',
  'application_name',
  'fallback_application_name',
];
const CHOICES: Readonly<Record<string, readonly string[]>> = {
  ssl: ['true', '1', '0', 'no-verify'],
  sslmode: ['verify-full', 'verify-ca', 'require', 'prefer', 'no-verify', 'disable'],
  sslnegotiation: ['postgres', 'direct'],
  uselibpqcompat: ['true', 'false'],
};
const FILES = ['sslrootcert', 'sslcert', 'sslkey'];

/**
 * The fault of a database URL, as a sentence after its name; undefined for a valid one. Every part must be obeyed:
 * node-postgres silently ignores what it does not know, and a misspelt `sslmode` would connect without TLS.
 */
export function faultOfDatabaseUrl(text: unknown): string | undefined {
  const url = typeof text === 'string' ? parse(text) : undefined;
  if (url === undefined) return `must be ${A_DATABASE_URL}`;
  return faultOfHosts(text as string, url) ?? faultOfParameters(url.searchParams) ?? faultOfFiles(url.searchParams);
}

/** Whether node-postgres can read the URL: it decodes escapes, and takes a user without a host for a socket's. */
function parse(text: string): URL | undefined {
  if (!/^postgres(ql)?:\/\//.test(text)) return undefined;
  try {
    // Several hosts may have a port each, which no URL can express: they are told apart below.
    const url = new URL(
      text.replace('@/', '@socket/').replace(HOSTS, (_, before: string, hosts: string) => before + hosts.split(',')[0]),
    );
    decodeURIComponent(url.href);
    return url;
  } catch {
    return undefined;
  }
}

/** Hosts and ports, and before them possibly a user and password. */
const HOSTS = /^(postgres(?:ql)?:\/\/(?:[^/?#]*@)?)([^/?#@]+)/;

function faultOfHosts(text: string, { searchParams }: URL): string | undefined {
  const several = [HOSTS.exec(text)?.[2], searchParams.get('host'), searchParams.get('port')];
  if (several.some((part) => part?.includes(',')))
    return 'names several hosts, of which only one can be asked: name one that always leads to the primary';
  const isSocket = text.includes('@/') && !searchParams.has('host');
  return isSocket ? 'has a user but no host: name one, or the directory of a socket as ?host=/directory' : undefined;
}

function faultOfParameters(parameters: URLSearchParams): string | undefined {
  const names = [...new Set(parameters.keys())];
  const unknown = names.filter((name) => !PARAMETERS.includes(name));
  // A password with a question mark in it would be quoted.
  if (unknown.some((name) => !/^[a-z_]{2,40}$/i.test(name))) return `must be ${A_DATABASE_URL}`;
  if (unknown.length > 0)
    return `has parameters that Latchkey does not know (${unknown.join(', ')}): leave them out, it knows ${PARAMETERS.join(', ')}`;
  return faultOfChoices(parameters);
}

function faultOfChoices(parameters: URLSearchParams): string | undefined {
  const twice = PARAMETERS.find((name) => parameters.getAll(name).length > 1);
  if (twice !== undefined) return `has ${twice} twice`;
  const wrong = Object.entries(CHOICES).find(
    ([name, choices]) => !choices.includes(parameters.get(name) ?? choices[0]!),
  );
  if (wrong !== undefined) return `must have one of ${wrong[1].join(', ')} for ${wrong[0]}`;
  const isOff = parameters.get('sslmode') === 'disable' || parameters.get('ssl') === '0';
  const contrary = isOff && FILES.find((name) => parameters.has(name));
  return contrary ? `has ${contrary}, but switches TLS off: leave one of them out` : undefined;
}

/** node-postgres reads these files at every connection; a missing one is reported before the first. */
function faultOfFiles(parameters: URLSearchParams): string | undefined {
  for (const name of FILES) {
    const file = parameters.get(name);
    if (file === null) continue;
    try {
      // Read at every connection: a pipe would be waited for then.
      if (!statSync(file).isFile()) return `has ${name}, which is not a regular file: name one`;
      if (!readFileSync(file, 'utf8').includes('-----BEGIN')) return `has ${name}, whose file is not in PEM format`;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      return `has ${name}, whose file cannot be read (${code}): name one that this account can read, by its whole path`;
    }
  }
  return undefined;
}
