// Breaks the built server, or the source that a suite compiles, in one way after another, and expects the test of the promise
// to turn red: a promise counts only once that has been seen.
// `npm run build && node test/resilience/sabotage.mjs [part of a name] [--from number]`. Takes three quarters of an hour.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

const CHANGE_FEED = 'change-feed/change-feed.service.js';
const FRESHNESS = 'change-feed/freshness.js';
const INCARNATION = 'change-feed/database-incarnation.js';
const CACHE = 'access-tokens/verification/access-token.cache.js';

const NOTES = '../migrations/1764100000000-note-verdict-changes.js';
/** Makes the trigger of tokens again, with further columns. */
const KEY_NOTES = '../migrations/1766300000000-add-keys.js';
/** Makes that of memberships again. */
const ROLE_NOTES = '../migrations/1766800000000-add-roles.js';
const BELIEVED = [FRESHNESS, /isFresh\(readAt, now = [^{]*\{/, '$& return true;'];
const NOTHING_REMEMBERED = [CACHE, /remembered\(\{ claims, known \}, moment\) \{/, '$& return undefined;'];
const MACHINE_CLOCK = [
  'common/clock/clock.js',
  /synchronize\(databaseTime, sentAt, receivedAt, notedMs = -Infinity\) \{/,
  '$& return;',
];
const HIGHEST_SEEN = [
  'change-feed/change-feed-answer.js',
  / OR xid = ANY \(ARRAY\(SELECT pg_snapshot_xip\(\$1::pg_snapshot\)\)\)/,
  '',
];
const READ_THEN_WRITTEN = [
  'access-tokens/usage/usage.limiter.js',
  /const \[row\] = await this\.database\.write\(this\.spending\(\), parameters, party\)/,
  "const [read] = await this.database.query('SELECT num_uses::int AS n, num_uses_limit AS l FROM latchkey.identity_access_tokens WHERE id = $1', [tokenId]); const left = Math.max(0, Math.min(requests.length, read.l - read.n)); await this.database.query('UPDATE latchkey.identity_access_tokens SET num_uses = $2 WHERE id = $1', [tokenId, read.n + left]); const row = { granted: left }",
];
const GRANTED_FIRST = [
  'access-tokens/usage/usage.limiter.js',
  /const \[row\] = await this\.database\.write\(this\.spending\(\), parameters, party\)/,
  'requests.forEach(({ resolve }) => resolve(true)); $&',
];
const WRITTEN_AGAIN = [
  'access-tokens/usage/usage-batch-writer.js',
  /else\s+this\.uncertain = batch;/,
  'else this.part(uses);',
];
const COUNTED_OR_NOT = [
  'access-tokens/usage/usage.limiter.js',
  /for \(const \{ reject \} of requests\)\s*reject\(error\);/,
  'for (const { resolve } of requests) resolve(true);',
];
const CONFIRMED_UNREAD = [
  CHANGE_FEED,
  /void this\.catchUp\(\)\s*\.catch\(\(\) => undefined\)\s*\.then\(\(\) => this\.schedule\(\)\);/,
  'this.freshness.confirm(performance.now()); this.freshness.synchronize(Date.now() - performance.now()); this.schedule();',
];
const BROKEN_IS_A_FAULT = ['common/errors/database-errors.js', /return BUGS\.includes\(name\);/, 'return true;'];

/** What is broken, where, how, and the test that must notice. */
const SABOTAGES = [
  [
    'no change feed: what is remembered is always believed',
    ...BELIEVED,
    'revocation',
    'the change feed cannot be read',
  ],
  ['no change feed, for a frozen node', ...BELIEVED, 'revocation', 'revoked elsewhere while it was frozen'],
  ['no change feed, for a pooler that is away', ...BELIEVED, 'failover', 'the pooler is killed'],
  ['no change feed, for a database that is away', ...BELIEVED, 'failure', 'a black hole'],
  [
    'changes are not asked for',
    CACHE,
    /if \(changes\.hasChangedSince\(/,
    'if (false && changes.hasChangedSince(',
    'revocation',
    'revoked by its id',
  ],
  [
    'a changed role reaches no token that is remembered',
    CACHE,
    /, \.\.\.rolesOf\(known\)/,
    '',
    'revocation',
    'the rules of its role',
  ],
  [
    'a lower timeline is another life of the database',
    INCARNATION,
    /requireLatest\(\{ cluster, life \}\) \{/,
    '$& return;',
    'failover',
    'led back to it',
  ],
  [
    'the acting node does not catch up',
    'change-feed/change-receipts.service.js',
    /async applyLocally\(\) \{/,
    '$& return;',
    'revocation',
    'revoked by the token itself, under load',
  ],
  [
    'facts count from when they arrive',
    CACHE,
    /\.then\(\(facts\) => \(\{ facts, readAt: startedAt, changesAt,/,
    '.then((facts) => ({ facts, readAt: performance.now(), changesAt: this.changes.now,',
    'revocation',
    'P4',
  ],
  [
    'changes are read on from the highest transaction seen',
    ...HIGHEST_SEEN,
    'revocation',
    'its number was taken before',
  ],
  [
    'a crash is not noticed',
    INCARNATION,
    /return isUndone \|\|[^;]*;/,
    'return false;',
    'durability',
    'crash of the database',
  ],
  [
    'a renewal does not look whether the token was revoked',
    'access-tokens/issuing/access-token.store.js',
    /SET last_renewed_at = \$2,([^]*?)AND revoked_at IS NULL/,
    'SET last_renewed_at = $2, revoked_at = NULL,$1',
    'revocation',
    'P7',
  ],
  [
    'renaming a token revives it',
    'access-tokens/issuing/access-token.store.js',
    /SET name = coalesce\(\$3, t\.name\),/,
    '$& revoked_at = NULL,',
    'permanence',
    'P6',
  ],
  [
    'nothing makes a change durable',
    '../migrations/1764300000000-name-incarnations.js',
    /current_setting\('synchronous_commit'\) = 'off'/,
    'false',
    'durability',
    'alone',
  ],
  [
    'the error of a revocation is swallowed',
    'changes/changes.service.js',
    /const outcome = await this\.commit\(attempt, act\)/,
    '$&.catch(() => null)',
    'durability',
    'repeated safely',
  ],
  ['uses are read, then written', ...READ_THEN_WRITTEN, 'uses', 'P9.*exactly 100'],
  [
    'a use is spent before the address is looked at',
    'access-tokens/verification/access-token.verifier.js',
    /const good = this\.requireUsable\(known, epochMs, address, isCounted\);/,
    'if (known.facts?.numUsesLimit > 0) void this.limits.spend(known.facts.tokenId, new Date(epochMs)); $&',
    'uses',
    'from a foreign network',
  ],
  [
    'no flush at shutdown',
    'access-tokens/usage/usage.counter.js',
    /async (before|on)ApplicationShutdown\(\) \{/g,
    '$& return;',
    'uses',
    'SIGTERM under load',
  ],
  ['what may have been written is written again', ...WRITTEN_AGAIN, 'uses', 'not counted twice'],
  [
    'a failure is taken for a yes',
    'access-tokens/verification/access-token.verifier.js',
    /this\.cache\.lookUp\(credential, address\)/,
    "$&.catch(() => ({ facts: { tokenId: credential.claims.jti, organization: { id: credential.claims.orgId, name: 'x', slug: 'x' }, numUsesLimit: 0, expiresAt: null, revokedAt: null, clientSecretId: null, method: { trustedIps: [{ type: 'ipv4', ipAddress: '0.0.0.0', prefix: 0 }] }, membership: { isActive: true, role: 'admin' } } }))",
    'failure',
    'answer to a look-up',
  ],
  [
    'no deadline for an answer',
    'database/connections/verification-pools.js',
    /query_timeout: ANSWER_MS,/,
    '',
    'failure',
    'a black hole',
  ],
  [
    'what hangs is not given up',
    'database/connections/verification-pools.js',
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
    ['server/http-connections.js', /closeUnasked\(\) \{/, '$& return;'],
  ],
  ['the clock of the machine decides', ...MACHINE_CLOCK, 'time', 'off accepts nothing'],
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
    'change-feed/primary-reads.js',
    /isForeign\(\{ life \}, \{ incarnation \}\) \{/,
    '$& return false;',
    'failover',
    'former primary is no source',
    ['database/connections/verification-pools.js', /reconnect\(\) \{/, '$& return;'],
  ],
  [
    'a membership that changes is not noted',
    ROLE_NOTES,
    /noteMembership\('role, is_active, custom_role_id'\)/,
    "noteMembership('role')",
    'revocation',
    'its membership made inactive',
  ],
  [
    'a token that is revoked is not noted',
    KEY_NOTES,
    /'revoked_at', 'client_secret_id'/,
    "'client_secret_id'",
    'revocation',
    'its row revoked',
  ],
  [
    'a membership that is deleted is not noted',
    NOTES,
    /(CREATE TRIGGER note_delete AFTER DELETE ON latchkey\.organization_memberships\s+FOR EACH ROW) /,
    '$1 WHEN (false) ',
    'revocation',
    'its membership deleted',
  ],
  [
    'an earlier expiry is not noted',
    KEY_NOTES,
    /OR NEW\.expires_at < coalesce\(OLD\.expires_at, 'infinity'\)\)/,
    ')',
    'revocation',
    'its row made to expire',
  ],
  [
    'tokens that are deleted are not noted',
    NOTES,
    /(CREATE TRIGGER note_delete AFTER DELETE ON latchkey\.identity_access_tokens\s+REFERENCING OLD TABLE AS gone FOR EACH STATEMENT) /,
    '$1 WHEN (false) ',
    'revocation',
    'its row deleted',
  ],
  [
    'an auth method that is deleted is not noted',
    NOTES,
    /(CREATE TRIGGER note_delete AFTER DELETE ON latchkey\.identity_auth_methods\s+FOR EACH ROW) /,
    '$1 WHEN (false) ',
    'revocation',
    'its method deleted',
  ],
  ['the timer confirms without reading', ...CONFIRMED_UNREAD, 'revocation', 'the push is'],
  [
    'the timer confirms without reading, a LISTEN swallowed',
    ...CONFIRMED_UNREAD,
    'failover',
    'a LISTEN that the pooler swallows',
  ],
  [
    'changes are read on from the highest transaction seen, a commit held back',
    ...HIGHEST_SEEN,
    'revocation',
    'its COMMIT was held back',
  ],
  ['a use is granted before it is counted, a node killed', ...GRANTED_FIRST, 'uses', 'when a node is killed'],
  [
    'a use is granted before it is counted, the database killed',
    ...GRANTED_FIRST,
    'uses',
    'database is killed in the middle, synchronous_commit = on',
  ],
  ['a use is granted before it is counted, through a pooler', ...GRANTED_FIRST, 'failover', 'P9: uses are exact'],
  ['a use that could not be counted is granted', ...COUNTED_OR_NOT, 'uses', 'while the database could not be asked'],
  ['a use that may or may not be counted is granted', ...COUNTED_OR_NOT, 'failure', 'a use that is spent'],
  [
    'what may have been written is written again, the database frozen',
    ...WRITTEN_AGAIN,
    'uses',
    'frozen in the middle of a flush',
  ],
  [
    'what cannot be asked about is taken for unwritten',
    'access-tokens/usage/usage-batch-writer.js',
    /catch \(error\) \{\s*this\.say\(uses, error\);\s*return false;/,
    'catch (error) { this.uncertain = undefined; this.part(uses); return false;',
    'uses',
    'nor when the next attempt',
  ],
  [
    'uses are written at shutdown alone',
    'access-tokens/usage/usage.counter.js',
    /setInterval\(\(\) => void this\.flush\(\),/,
    'setInterval(() => undefined,',
    'uses',
    'kill -9 loses',
  ],
  [
    'the last use is the last that is written',
    'access-tokens/usage/usage-batch-writer.js',
    /greatest\(t\.last_used_at, used\.at\)/,
    'used.at',
    'uses',
    'the time of the last use',
  ],
  ['a broken connection is a fault of ours', ...BROKEN_IS_A_FAULT, 'failure', 'a use that is spent'],
  [
    'nobody listens when an idle connection breaks',
    'database/connections/verification-pools.js',
    /pool\.on\('error', /,
    'void (',
    'failure',
    'every idle connection broken off',
  ],
  ['nothing is remembered, a table locked', ...NOTHING_REMEMBERED, 'failure', 'what is remembered is answered as ever'],
  ['nothing is remembered, no connection free', ...NOTHING_REMEMBERED, 'failure', 'who is remembered does not notice'],
  ['nothing is remembered in a flood', ...NOTHING_REMEMBERED, 'overload', 'stays remembered'],
  [
    'who comes while a look-up is under way is turned away',
    CACHE,
    /const lookup = this\.lookups\.get\(claims\.jti\) \?\? /,
    'if (this.lookups.has(claims.jti)) throw new common_errors_1.DatabaseUnavailableError(); const lookup = ',
    'failure',
    'whoever asked first',
  ],
  [
    'an echo is not waited for',
    'change-feed/change.listener.js',
    /requireEcho\(\) \{/,
    '$& return;',
    'failover',
    'a LISTEN that the pooler swallows',
  ],
  ['what is remembered is believed through a fail-over', ...BELIEVED, 'failover', 'nothing but 200 by truth'],
  [
    'a standby is a database like any other',
    'access-tokens/verification/token-facts.reader.js',
    /if \(!row \|\| row\.life === null\)/,
    'if (!row)',
    'failover',
    'a standby that answers',
    ['change-feed/primary-reads.js', /isForeign\(\{ life \}, \{ incarnation \}\) \{/, '$& return false;'],
  ],
  [
    'tables that are others are taken for the same',
    INCARNATION,
    /isReplaced: this\.isReplaced\(contents\),/,
    'isReplaced: false,',
    'undone',
    'restored from a dump, in one transaction',
    [CHANGE_FEED, /isLost\(answer\.mark, mark\)/, 'isLost(answer.mark, 0)'],
  ],
  [
    'what is replicated is not noted',
    '../migrations/1765720000000-note-replicated-changes.js',
    /ENABLE REPLICA TRIGGER/,
    'DISABLE TRIGGER',
    'replication',
    'a token that was deleted',
    [INCARNATION, /\|\| !isWatched \|\|/, '||'],
  ],
  [
    'a copy of the database is taken for the database',
    '../migrations/1765100000000-read-token-state.js',
    /\|\| ' ' \|\| \(SELECT oid FROM pg_database WHERE datname = current_database\(\)\)/,
    '',
    'undone',
    'exchanged for a copy',
    [CHANGE_FEED, /isLost\(answer\.mark, mark\)/, 'isLost(answer.mark, 0)'],
  ],
  [
    'a database that was set back is not noticed: no start, no ids, no mark',
    '../migrations/1765100000000-read-token-state.js',
    /\|\| ' ' \|\| extract\(epoch FROM pg_postmaster_start_time\(\)\)/,
    '',
    'undone',
    'put back from a cold copy: its transaction ids beyond',
    [INCARNATION, /isBack: isBack\(snapshot, known\),/, 'isBack: false,'],
    [CHANGE_FEED, /isLost\(answer\.mark, mark\)/, 'isLost(answer.mark, 0)'],
  ],
  [
    'the clock follows the database wherever it goes',
    'common/clock/clock.js',
    /isSetBack\(heardMs\) \{/,
    '$& return false;',
    'time',
    'set back ten minutes, under a node that runs',
    ['common/clock/clock.js', /this\.floorOffsetMs = [^;]*;/, ''],
  ],
  [
    'a node that starts believes a clock that was set back',
    'common/clock/clock.js',
    /this\.floorOffsetMs = [^;]*;/,
    '',
    'time',
    'set back ten minutes, before a node starts',
  ],
  [
    'one clock is enough to remove what has run out',
    'maintenance/token.pruner.js',
    / \|\| !this\.clock\.isSteady\(\)/,
    '',
    'time',
    'a year ahead',
  ],
  [
    'settings of the role change how times are written, and what cannot be read is nothing',
    'database/connections/cancellable-client.js',
    /\.\.\.SETTINGS/,
    '',
    'failover',
    'a setting of the role',
    ['database/connections/value-types.js', /if \(parts === null\)\s*throw [^;]*;/, 'if (parts === null) return null;'],
  ],
  [
    'the clock of the machine signs',
    'access-tokens/issuing/access-token.issuer.js',
    /const createdAt = this\.clock\.now\(\);/,
    'const createdAt = new Date();',
    'time',
    'what such a node signs',
  ],
  [
    'garbage is looked up',
    CACHE,
    /this\.keyring\.verify\(token\)/,
    "JSON.parse(Buffer.from(token.split('.')[1] ?? 'e30', 'base64url').toString())",
    'overload',
    'garbage is asked of nobody',
  ],
  [
    'no end to what is remembered',
    CACHE,
    /SecondChanceCache\(settings\.cacheEntries\)/,
    'SecondChanceCache(1_000_000)',
    'overload',
    'the tokens that came last',
  ],
  [
    'tokens are matched by an expression that goes back',
    'access-tokens/issuing/access-token.keyring.js',
    /\^\[\\w-\]\+\\\./,
    '^[\\w-]*[\\w-]*[\\w-]+\\.',
    'overload',
    'of 64 KiB at most',
  ],
  [
    'documents are made on every request',
    'server/kept-documents.js',
    /this\.kept\.get\(url\)/,
    'undefined',
    'overload',
    'read the API documentation',
  ],
  [
    'a long list is one answer',
    'common/http/long-answer.js',
    /PART_SIZE = 200/,
    'PART_SIZE = 20_000',
    'overload',
    'twenty thousand',
  ],
  [
    'searches take any connection there is',
    'database/list-reads.js',
    /await this\.enter\(organizationId\)/,
    '() => undefined',
    'overload',
    'sixty searches',
  ],
  [
    'connections are counted, though nothing is asked on them',
    'server/http-adapter.js',
    /letGoOfConnections\(adapter\);/,
    '$& adapter.getInstance().server.maxConnections = 512;',
    'overload',
    'a thousand connections',
  ],
  [
    'who waits is not given up',
    'database/connections/verification-pools.js',
    /WAIT_MS = 400/,
    'WAIT_MS = 40_000',
    'overload',
    'whoever is let in',
    ['database/connections/verification-pools.js', /connectionTimeoutMillis: CONNECT_MS,/, ''],
  ],
  [
    'a spent use is no more durable than the default of the role',
    'database/durable.js',
    /WHEN 'off' THEN 'on'/,
    "WHEN 'off' THEN 'off'",
    'uses',
    'database is killed in the middle, synchronous_commit = off',
  ],
  [
    'a spent use does not wait for the standby',
    'database/durable.js',
    /CASE current_setting\('synchronous_commit'\) WHEN 'off' THEN 'on' ELSE current_setting\('synchronous_commit'\) END/,
    "'local'",
    'failover',
    'three nodes, PgBouncer',
  ],
  [
    'nothing is written when nothing is left to change',
    'access-tokens/issuing/access-token.store.js',
    /FOR NO KEY UPDATE OF t/,
    '',
    'failure',
    'given up while it waited',
  ],
  [
    'what is refused because it is gone is refused before the standby knows',
    'changes/changes.service.js',
    /await \(0, unit_of_work_1\.makeDurable\)\(work\.run\);/,
    '',
    'failure',
    'by removing its method',
  ],
  [
    'a statement that is given up is left behind',
    'database/connections/cancellable-client.js',
    /cancel\(\) \{/,
    '$& return Promise.resolve();',
    'failure',
    'leaves no connection behind',
  ],
  [
    'what is looked up waits behind what is written',
    'database/connections/verification-pools.js',
    /this\.ask\(this\.writingPool,/,
    'this.ask(this.pool,',
    'failure',
    'leaves no connection behind',
  ],
  [
    'a remembered token is not compared whole',
    CACHE,
    / \|\| credential\.token !== token\)/,
    ')',
    'overload',
    'comes close to a remembered token',
  ],
  [
    'administrators are not changed one after another',
    'permissions/last-administrator.service.js',
    /async function lock\(query, \{[^}]*\}\) \{/,
    '$& return;',
    'administrators',
    'demoting each other',
  ],
  [
    'nobody asks whether an administrator is left',
    'permissions/last-administrator.service.js',
    /return Object\.entries\(before\)/,
    'return false && Object.entries(before)',
    'administrators',
    'revoking their own tokens',
  ],
  [
    'a credential that is about to end stands in for the last one',
    'permissions/last-administrator.service.js',
    /MARGIN_MS = 3_?600_?000/,
    'MARGIN_MS = 0',
    'administrators',
    'ends within the hour',
  ],
  [
    'removing a method writes its tokens',
    'auth-methods/configuration/auth-method-configurations.service.js',
    /await this\.store\.delete\(run, configuration\.id\);/,
    "$& await run('UPDATE latchkey.identity_access_tokens SET revoked_at = now() WHERE identity_id = $1', [identity.id]);",
    'administrators',
    'removing a method',
  ],
  [
    'a full disk is a fault of ours',
    'common/errors/database-errors.js',
    /OWN_CLASS = \/\^\(21/,
    'OWN_CLASS = /^(53|21',
    'disk-full',
    'what cannot be written',
  ],
  [
    'what is missing in the database is a fault of ours',
    'common/errors/database-errors.js',
    /OWN_WORDING = \/\^42/,
    'OWN_WORDING = /^42...$|^42',
    'failure',
    'a table is missing',
  ],
  [
    'what takes rights away waits with the rest',
    'common/async/query-context.js',
    /isRevoking: true/,
    'isRevoking: false',
    'overload',
    'P17b',
    ['database/connections/fair-queue.js', /member: Math\.ceil\(all \/ 2\)/, 'member: all'],
    ['database/connections/fair-queue.js', /group: Math\.max\(1, all - Math\.floor\(all \/ 4\)\)/, 'group: all'],
  ],
  [
    'the last attempts to write uses end early',
    'access-tokens/usage/usage.counter.js',
    /LAST_MS = 8_000/,
    'LAST_MS = 1_000',
    'uses',
    'holds the row for four seconds',
  ],
  [
    'what is logged is written as the runtime does it',
    'main.js',
    /\(0, log_sink_1\.installLogSinks\)\(\)/,
    '{ flush: async () => undefined }',
    'process',
    'its reader goes away',
  ],
  [
    'lines wait for their reader without end',
    'server/log-sink.js',
    /MOST_WAITING_BYTES = [^;]*;/,
    'MOST_WAITING_BYTES = Infinity;',
    'process',
    'its reader stops reading',
  ],
  [
    'a revocation notifies in its own transaction',
    '../migrations/1765300000000-push-after-commit.js',
    /noting\(''\)/,
    "noting(\"PERFORM pg_notify('latchkey_verdict_changes', '');\")",
    'process',
    'queue of notifications is full',
  ],
  [
    'half a request is waited for',
    'server/http-connections.js',
    /closeUnasked\(\) \{/,
    '$& return;',
    'process',
    'half a head',
    ['server/http-connections.js', /closeAll\(\) \{/, '$& return;'],
  ],
  [
    'a signal opens a debugger',
    'server/shutdown.js',
    /process\.on\('SIGUSR1'/,
    "process.on('SIGCONT'",
    'process',
    'debugger',
  ],
  [
    'a request that is broken off is an outage',
    'common/http/latchkey-exception.filter.js',
    /if \(isBrokenOff\(thrown\)\)/,
    'if (false)',
    'process',
    'debugger',
  ],
  [
    'a second signal is one too many',
    'server/shutdown.js',
    /this\.isHurried = true;/,
    'return;',
    'process',
    'asked twice',
  ],
  [
    'a terminal that closes ends the process as it is',
    'server/shutdown.js',
    /'SIGHUP',/,
    '',
    'process',
    'SIGHUP loses no use',
  ],
  [
    'stopping has no end',
    'server/shutdown.js',
    /limit\(limitMs\) \{/,
    '$& return;',
    'e2e:server',
    'frozen, it holds nobody up',
  ],
  [
    'a connection for whoever wants one',
    'server/http-connections.js',
    /makePlace\(\) \{/,
    '$& return;',
    'process',
    'descriptors, silent',
    ['server/http-connections.js', /server\.maxConnections = [^;]*;/, ''],
  ],
  [
    'nobody stands in for a watchdog that was killed',
    'embedded-postgres/lifetime.js',
    /lives "\$main" \|\| break/,
    ':',
    'e2e:server',
    'its watchdog, and it killed',
  ],
  [
    'a server that cannot be seen is waited for',
    'embedded-postgres/embedded-postgres.js',
    /UNSEEN_MS = 3_000/,
    'UNSEEN_MS = 300_000',
    'e2e:server',
    'in a second container',
  ],
  [
    'npm may end alone',
    'server/parent.js',
    /process\.ppid === parent/,
    'true',
    'e2e:server',
    'run by npm, ends with it when that is ended by SIGKILL',
  ],
  [
    'root changes the owner of what a link leads to',
    'embedded-postgres/own-directory.js',
    /if \(fs\.lstatSync\(dir, [^;]*;/,
    '',
    'e2e:data-directory',
    'has root follow no link',
    ['embedded-postgres/own-directory.js', ' | O_NOFOLLOW', ''],
    ['embedded-postgres/own-directory.js', /requireKnownOwner\(dir, stats\.uid, account\);/, ''],
  ],
  [
    'root writes to what a link leads to',
    'embedded-postgres/own-directory.js',
    /requireOwnName\(file, isWanted\) \{/,
    '$& return;',
    'e2e:data-directory',
    'has root follow no link',
    ['embedded-postgres/server-log.js', ' | O_NOFOLLOW', ''],
    ['embedded-postgres/start-lock.js', ' | O_NOFOLLOW', ''],
  ],
  [
    'an empty database is made in the place of one that is gone',
    'server/database-record.js',
    /require\(found, dataDir\) \{/,
    '$& return;',
    'e2e:data-directory',
    'makes no empty database',
  ],
  [
    'an emptied database is set up once more',
    'server/database-record.js',
    /requireNotSetUp\(\) \{/,
    '$& return;',
    'e2e:data-directory',
    'sets up no second time',
  ],
  [
    'a second secret is made',
    'server/data-directory.js',
    /if \(this\.record\.hasDatabase\)/,
    'if (false)',
    'e2e:data-directory',
    'makes no other secret',
  ],
  [
    'short keys are stored under a hash that everyone can make',
    '../../src/access-tokens/issuing/short-key.keyring.ts',
    /createHmac\('sha256', hashing\)\.update\(digest\)\.digest\(\)/,
    '(void hashing, digest)',
    'e2e:short-keys',
    'stored as a keyed hash alone',
  ],
  [
    'a short key with a wrong checksum is looked up',
    '../../src/access-tokens/issuing/short-key.ts',
    /return checksumOf\(body\.slice\(0, end\)\) === body\.slice\(end\);/,
    'return end > 0;',
    'e2e:short-keys',
    'without a look-up',
  ],
  [
    'a key is not held to its rate limits',
    '../../src/access-tokens/verification/access-token.verifier.ts',
    /isCounted \|\| good\.rateLimits === null/,
    'true',
    'e2e:rate-limits',
    'exact on each node',
  ],
  [
    'a change is made without its event',
    '../../src/audit-log/audit-log.trail.ts',
    /await appendEvents\(run, \[eventOfChange\(change\)\]\);/,
    "await run('SAVEPOINT a'); await appendEvents(run, [eventOfChange(change)]).catch(() => run('ROLLBACK TO SAVEPOINT a'));",
    'e2e:audit-log',
    'is refused with 503, and is not made',
  ],
  [
    'events are taken out of the queue before their batch is kept',
    'audit-log/chain/audit-log.sealer.js',
    /\(tx\) => sealSome\(\(0, sql_runner_1\.sqlIn\)\(tx\), turn\)/,
    '() => sealSome((0, sql_runner_1.sqlOn)(this.dataSource, this.dataSource), turn)',
    'audit-log',
    'killed while they sealed',
  ],
  [
    'an export is believed that says what retention removed',
    '../../src/audit-log/chain/checkpoint-evidence.ts',
    /allowsRemoval\(sealedAt: string\): boolean \{/,
    '$& if (sealedAt) return true;',
    'unit:export-verifier',
    'is wrong when all events of a batch',
  ],
  [
    'the environment says whether the certificate of the database is verified',
    '../../src/database/connections/cancellable-client.ts',
    / = connection\.ssl = strict\(connection\.ssl\);/,
    ' = connection.ssl;',
    'unit:cancellable-client',
    'is verified, whatever the environment of the process says',
  ],
  [
    'a file that is too long is read in part',
    '../../src/server/small-file.ts',
    /return undefined;/,
    "return bytes.toString('utf8', 0, mostBytes);",
    'unit:small-file',
    'is read whole, up to its greatest size',
  ],
  [
    'a file that cannot be read counts as one that was not named',
    '../../src/server/variables.ts',
    /return contentOf\(file, name, form\);/,
    'try { return contentOf(file, name, form); } catch { return undefined; }',
    'unit:environment',
    'is refused when its file is not there',
  ],
  [
    'the time that was reached is not recorded',
    'common/clock/clock.js',
    /noteableMs\(\) \{/,
    '$& return undefined;',
    'time',
    'five minutes ahead',
  ],
  [
    'hooks: a handler that hangs holds up the others',
    '../../src/changes/hooks/token-event.queue.ts',
    /void this\.deliver\(told\);/,
    'await this.deliver(told);',
    'e2e:hooks',
    'that throws or hangs',
  ],
  [
    'hooks: an event whose handler failed counts as heard',
    '../../src/changes/hooks/outbox.courier.ts',
    /heard\.every\(Boolean\)/,
    'true',
    'e2e:hooks',
    'is repeated for the handler alone that failed',
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

const wanted = process.argv.slice(2).find((word) => !/^(--.*|\d+)$/.test(word)) ?? '';
/** A run takes long: it can be taken up where it stopped. */
const first = process.argv.includes('--from') ? Number(process.argv[process.argv.indexOf('--from') + 1]) : 0;
let missed = 0;
if (process.argv.includes('--check')) {
  // Only whether each still finds what it is to break.
  for (const [name, file, from, to, , , ...also] of SABOTAGES) {
    const undo = [];
    try {
      for (const edit of [[file, from, to], ...also]) undo.push(breakFile(name, ...edit));
    } catch (error) {
      missed += 1;
      console.log(error.message);
    }
    undo.toReversed().forEach((mend) => mend());
  }
  process.exit(missed === 0 ? 0 : 1);
}
for (const [name, file, from, to, suite, title, ...also] of SABOTAGES.slice(first).filter(([name]) =>
  name.includes(wanted),
)) {
  const mend = [[file, from, to], ...also].map((edit) => breakFile(name, ...edit));
  let run;
  try {
    const [pattern, project = 'resilience'] = suite.split(':').reverse();
    const args = [
      'jest',
      '--selectProjects',
      project,
      '--runInBand',
      '--forceExit',
      '--testPathPatterns',
      pattern,
      '-t',
      title,
    ];
    run = spawnSync('npx', args, { encoding: 'utf8' });
  } finally {
    // Backwards: two edits may be in one file.
    mend.toReversed().forEach((undo) => undo());
  }
  const red = [...run.stderr.matchAll(/✕ (.*?) \(/g)].map(([, test]) => test);
  const passed = (run.stderr.match(/✓/g) ?? []).length;
  const why = /● [^]*?\n\n([^]*?)\n\n/.exec(run.stderr)?.[1]?.trim().replace(/\s+/g, ' ').slice(0, 120) ?? '';
  // Red because the test saw it: not because nothing could be set up, and not only one of several it matches.
  const isSeen =
    /^expect\(|^Expected \d+, got|not within|^a node does not start: Migration/.test(why) ||
    (why.startsWith('Property failed') && / (?:Got|Cause:)[^]*?expect\(/.test(run.stderr));
  // Nothing ran, where nothing passed either.
  const result = red.length === 0 && passed > 0 ? 'GREEN' : isSeen && passed === 0 ? 'red ' : 'UNSURE';
  if (result !== 'red ') missed += 1;
  console.log(
    `${result} ${name}\n      ${red.length} red, ${passed} green: ${red[0] ?? title}${why && `\n      ${why}`}`,
  );
}
process.exit(missed === 0 ? 0 : 1);
