import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Client } from 'pg';
import { faultOfDatabaseUrl } from './database-url';

describe('the URL of a database', () => {
  const dir = mkdtempSync(path.join(tmpdir(), 'latchkey-url-'));
  const ca = path.join(dir, 'ca.pem');
  const noPem = path.join(dir, 'ca.der');
  writeFileSync(ca, '-----BEGIN CERTIFICATE-----\n');
  writeFileSync(noPem, '0');

  it.each([
    ['postgres://user:p%40ss@db:5433/name', { host: 'db', port: 5433, user: 'user' }],
    ['postgresql://[::1]/name', { host: '::1' }],
    ['postgres://user@/name?host=/run/postgresql', { host: '/run/postgresql', user: 'user', database: 'name' }],
    ['postgres:///name?host=/run/postgresql&port=5434', { host: '/run/postgresql', port: 5434 }],
    ['postgres://u@%2Frun%2Fpostgresql/name', { host: '/run/postgresql' }],
    ['postgres://u@db/name?sslmode=verify-full', { ssl: {} }],
    [`postgres://u@db/name?sslmode=verify-full&sslrootcert=${ca}`, { ssl: { ca: '-----BEGIN CERTIFICATE-----\n' } }],
    ['postgres://u@db/name?sslmode=no-verify', { ssl: { rejectUnauthorized: false } }],
    ['postgres://u@db/name?sslmode=disable', { ssl: false }],
    ['postgres://u@db/name?options=-c%20work_mem%3D8MB', {}],
  ])('%s is taken, and node-postgres reads it as it was meant', (url, meant) => {
    expect(faultOfDatabaseUrl(url)).toBeUndefined();
    expect(new Client({ connectionString: url })).toMatchObject(meant);
  });

  it.each([
    ['postgres://a,b/name', /several hosts/],
    ['postgres://u:p@a:5432,b:5433/name', /several hosts/],
    ['postgres://u:p@/name?host=/a,/b', /several hosts/],
    ['postgres://u:p@a/name?port=5432,5433', /several hosts/],
    ['postgres://user@/name', /\?host=\/directory/],
    ['postgres://u@db/name?sslmode=verify_full', /one of verify-full, .* for sslmode/],
    ['postgres://u@db/name?ssl=false', /for ssl$/],
    ['postgres://u@db/name?sslmode=verify-full&sslmode=disable', /sslmode twice/],
    ['postgres://u@db/name?sslMode=require', /does not know \(sslMode\)/],
    ['postgres://u@db/name?target_session_attrs=read-write&channel_binding=require', /\(target_session_attrs, chan/],
    ['postgres://u@db/name?statement_timeout=0', /does not know \(statement_timeout\)/],
    [`postgres://u@db/name?sslmode=disable&sslrootcert=${ca}`, /sslrootcert, but switches TLS off/],
    [`postgres://u@db/name?sslrootcert=${ca}.none`, /sslrootcert, whose file cannot be read \(ENOENT\)/],
    ['postgres://u@db/name?sslrootcert=system', /cannot be read \(ENOENT\)/],
    [`postgres://u@db/name?sslrootcert=${dir}`, /sslrootcert, which is not a regular file/],
    ['postgres://u@db/name?sslkey=/dev/zero', /sslkey, which is not a regular file/],
    [`postgres://u@db/name?sslkey=${noPem}`, /sslkey, whose file is not in PEM format/],
    ['postgres://u:hunter2?hunter2@db/name', /^must be a URL like/],
    ['postgres://u:47?hunter2@db/name', /^must be a URL like/],
    ['mysql://u:hunter2@db/name', /^must be a URL like/],
    ['postgres://u:hunter2%zz@db/name', /^must be a URL like/],
    ['', /^must be a URL like/],
    [undefined, /^must be a URL like/],
    [{ url: 'postgres://db/name' }, /^must be a URL like/],
  ])('%s is refused with what is wrong, and never quoted', (url, fault) => {
    expect(faultOfDatabaseUrl(url)).toMatch(fault);
    expect(faultOfDatabaseUrl(url)).not.toMatch(/hunter2|47\?/);
  });
});
