// Breaks the built server in one way after another, and expects the test of the promise to turn red: a promise counts only
// once that has been seen. `npm run build && node test/resilience/sabotage.mjs [part of a name]`. Takes a quarter of an hour.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

const WATERMARK = 'watermark/watermark.js';
const CACHE = 'access-tokens/access-token.cache.js';

/** What is broken, where, how, and the test that must notice. */
const SABOTAGES = [
  [
    'no watermark: what is remembered is always believed',
    WATERMARK,
    /covers\(readAt\) \{/,
    '$& return true;',
    'revocation',
    'the watermark cannot be read',
  ],
  [
    'no watermark, for a frozen node',
    WATERMARK,
    /covers\(readAt\) \{/,
    '$& return true;',
    'revocation',
    'revoked elsewhere while it was frozen',
  ],
  [
    'no watermark, for a database that is away',
    WATERMARK,
    /covers\(readAt\) \{/,
    '$& return true;',
    'failure',
    'a black hole',
  ],
  [
    'changes are not asked for',
    CACHE,
    /if \(changes\.hasChangedSince\(/,
    'if (false && changes.hasChangedSince(',
    'revocation',
    'revoked by its id',
  ],
  [
    'a lower timeline is another life of the database',
    WATERMARK,
    /requireLatest\(cluster, incarnation\) \{/,
    '$& return;',
    'failover',
    'led back to it',
  ],
  [
    'the acting node does not catch up',
    'watermark/receipts.js',
    /async settle\(\) \{/,
    '$& return;',
    'revocation',
    'P1',
  ],
  [
    'facts count from when they arrive',
    CACHE,
    /\.then\(\(facts\) => \(\{ facts, readAt: startedAt, changesAt,/,
    '.then((facts) => ({ facts, readAt: performance.now(), changesAt: this.watermark.changes.now,',
    'revocation',
    'P4',
  ],
  [
    'changes are read on from the highest transaction seen',
    WATERMARK,
    /AND NOT pg_visible_in_snapshot\(xid, \$1::pg_snapshot\)/,
    'AND xid >= pg_snapshot_xmax($1::pg_snapshot)',
    'revocation',
    'its number was taken before',
  ],
  [
    'a crash is not noticed',
    WATERMARK,
    /return former !== epoch \|\| isNameless;/,
    'return false;',
    'durability',
    'crash of the database',
  ],
  [
    'a renewal does not look whether the token was revoked',
    'access-tokens/access-tokens.service.js',
    /SET last_renewed_at = \$2,([^]*?)AND revoked_at IS NULL/,
    'SET last_renewed_at = $2, revoked_at = NULL,$1',
    'revocation',
    'P7',
  ],
  [
    'renaming a token revives it',
    'token-auth/tokens.service.js',
    /\{ name, updatedAt \}/,
    '{ name, updatedAt, revokedAt: null }',
    'permanence',
    'P6',
  ],
  [
    'nothing makes a change durable',
    '../migrations/1764300000000-name-incarnations.js',
    /current_setting\('synchronous_commit'\) = 'off'/,
    'false',
    'durability',
    'synchronous_commit = off',
  ],
  [
    'the error of a revocation is swallowed',
    'access-tokens/access-tokens.service.js',
    /const receipt = await this\.dataSource\.transaction\(([^]*?)\n {8}\}\);/,
    'const receipt = await this.dataSource.transaction($1\n        }).catch(() => null);',
    'durability',
    'repeated safely',
  ],
  [
    'uses are read, then written',
    'access-tokens/use-limits.js',
    /const \[row\] = await this\.database\.query\(SPEND, \[/,
    "const [read] = await this.database.query('SELECT num_uses::int AS n, num_uses_limit AS l FROM latchkey.identity_access_tokens WHERE id = $1', [tokenId]); const left = Math.max(0, Math.min(requests.length, read.l - read.n)); await this.database.query('UPDATE latchkey.identity_access_tokens SET num_uses = $2 WHERE id = $1', [tokenId, read.n + left]); const row = { granted: left }; void ([",
    'uses',
    'P9.*exactly 100',
  ],
  [
    'a use is spent before the address is looked at',
    'access-tokens/access-token.verifier.js',
    /const good = this\.requireGood\(known, now, address\);/,
    'if (known.facts?.numUsesLimit > 0) void this.limits.spend(known.facts.tokenId, now); $&',
    'uses',
    'from a foreign network',
  ],
  [
    'no flush at shutdown',
    'access-tokens/use-counter.js',
    /async (before|on)ApplicationShutdown\(\) \{/g,
    '$& return;',
    'uses',
    'SIGTERM under load',
  ],
  [
    'every attempt to write a batch has a new id',
    'access-tokens/use-counter.js',
    /query\(FLUSH, \[id,/,
    'query(FLUSH, [(0, node_crypto_1.randomUUID)(),',
    'uses',
    'not counted twice',
  ],
  [
    'a failure is taken for a yes',
    'access-tokens/access-token.verifier.js',
    /return this\.cache\.lookUp\(credential\)/,
    "$&.catch(() => ({ facts: { tokenId: credential.claims.jti, organization: { id: credential.claims.orgId, name: 'x', slug: 'x' }, numUsesLimit: 0, expiresAt: null, revokedAt: null, method: { trustedIps: [{ type: 'ipv4', ipAddress: '0.0.0.0', prefix: 0 }] }, membership: { isActive: true, role: 'admin' } } }))",
    'failure',
    'answer to a look-up',
  ],
  [
    'no deadline for an answer',
    'database/gate-database.js',
    /query_timeout: ANSWER_MS,/,
    '',
    'failure',
    'a black hole',
  ],
  [
    'what hangs is not given up',
    'database/gate-database.js',
    /this\.serving\.abandon\(askedAt\);/,
    '{}',
    'failure',
    'waiting for a change',
  ],
  [
    'every 503 is logged',
    'common/http/latchkey-exception.filter.js',
    /if \(now - saidAt < 1_000\)/,
    'if (false)',
    'failure',
    'killed',
  ],
  ['look-ups are not shared', CACHE, /this\.lookups\.get\(claims\.jti\) \?\? /, '', 'failure', 'a handful of look-ups'],
  [
    'connections are not let go of',
    'server/http-adapter.js',
    /instance\.server\.closeIdleConnections\(\)/,
    '0',
    'failure',
    'what is in flight',
  ],
  [
    'the clock of the machine decides',
    'common/clock/clock.js',
    /synchronize\(databaseTime, sentAt, receivedAt\) \{/,
    '$& return;',
    'time',
    'off accepts nothing',
  ],
  [
    'no lock for migrations',
    'database/migrator.js',
    /await tx\.query\('SELECT pg_advisory_xact_lock\(\$1\)', \[LOCK_KEY\]\);/,
    '',
    'failover',
    'P19',
  ],
  [
    'look-ups do not ask which database answers',
    'access-tokens/token-facts.js',
    /isForeign\(\{ incarnation \}\) \{/,
    '$& return false;',
    'failover',
    'former primary is no source',
    ['database/gate-database.js', /reconnect\(\) \{/, '$& return;'],
  ],
];

function breakFile(name, file, from, to) {
  const path = new URL(`../../dist/src/${file}`, import.meta.url);
  const sound = readFileSync(path, 'utf8');
  const broken = sound.replace(from, to);
  if (broken === sound) throw new Error(`Nothing to break in ${file}: ${name}`);
  writeFileSync(path, broken);
  return () => writeFileSync(path, sound);
}

const wanted = process.argv[2] ?? '';
let missed = 0;
for (const [name, file, from, to, suite, title, also] of SABOTAGES.filter(([name]) => name.includes(wanted))) {
  const mend = [[file, from, to], ...(also ? [also] : [])].map((edit) => breakFile(name, ...edit));
  let run;
  try {
    const args = [
      'jest',
      '--selectProjects',
      'resilience',
      '--runInBand',
      '--forceExit',
      '--testPathPatterns',
      suite,
      '-t',
      title,
    ];
    run = spawnSync('npx', args, { encoding: 'utf8' });
  } finally {
    mend.forEach((undo) => undo());
  }
  const red = [...run.stderr.matchAll(/✕ (.*?) \(/g)].map(([, test]) => test);
  const passed = (run.stderr.match(/✓/g) ?? []).length;
  const why = /● [^]*?\n\n([^]*?)\n\n/.exec(run.stderr)?.[1]?.trim().replace(/\s+/g, ' ').slice(0, 120) ?? '';
  const verdict = red.length > 0 ? 'red ' : 'GREEN';
  if (red.length === 0) missed += 1;
  console.log(
    `${verdict} ${name}\n      ${red.length} red, ${passed} green: ${red[0] ?? title}${why && `\n      ${why}`}`,
  );
}
process.exit(missed === 0 ? 0 : 1);
