import { QueryFailedError, QueryRunnerAlreadyReleasedError, QueryRunnerProviderAlreadyReleasedError } from 'typeorm';
import { isDatabaseUnavailable, loggable, noteWhileConnecting } from './database-errors';

const SECRET = 'hunter2-in-a-parameter';

/** What node-postgres throws. */
function driverError(code: string, more: object = {}): Error {
  const fields = {
    code,
    detail: `Key (email)=(${SECRET}) already exists.`,
    where: `unnamed portal parameter $1 = '${SECRET}'`,
    hint: SECRET,
    internalQuery: SECRET,
    ...more,
  };
  return Object.assign(new Error(`invalid input syntax for type uuid: "${SECRET}"`), fields);
}

function failedQuery(code: string, more: object = {}): QueryFailedError {
  return new QueryFailedError('SELECT 1 FROM users WHERE email = $1', [SECRET], driverError(code, more));
}

function systemError(code: string): Error {
  return Object.assign(new Error(`connect ${code} 10.0.0.1:5432`), { code });
}

describe('a database error as it may be logged', () => {
  it.each(['23505', '22P02', '22021', '42P01', '40001'])('never holds a value that was sent (%s)', (code) => {
    const text = JSON.stringify(loggable(failedQuery(code, { constraint: 'uq_users_email', table: 'users' })));
    expect(text).not.toContain(SECRET);
    expect(text).not.toMatch(/parameters|detail|where":|hint/);
  });

  it('says what helps: code, constraint, table, statement and where it happened', () => {
    expect(loggable(failedQuery('23505', { constraint: 'uq_users_email', table: 'users' }))).toEqual({
      name: 'QueryFailedError',
      code: '23505',
      constraint: 'uq_users_email',
      table: 'users',
      query: 'SELECT 1 FROM users WHERE email = $1',
      stack: expect.stringMatching(/^ {4}at /),
    });
  });

  it('holds no message even when the stack has no frames', () => {
    const error = failedQuery('22P02');
    error.stack = `QueryFailedError: invalid input syntax for type uuid: "${SECRET}"`;
    expect(JSON.stringify(loggable(error))).not.toContain(SECRET);
  });

  it('never holds a value when it comes from the driver itself, without TypeORM around it', () => {
    expect(JSON.stringify(loggable(driverError('23505', { severity: 'ERROR', schema: 'public' })))).not.toContain(
      SECRET,
    );
  });

  it('of something that is no error tells its type only', () => {
    expect(loggable(SECRET)).toEqual({ type: 'string' });
    expect(loggable(undefined)).toEqual({ type: 'undefined' });
    expect(loggable({ password: SECRET })).toEqual({ type: 'object' });
  });

  it('of any other error keeps name, message and stack', () => {
    expect(loggable(new TypeError('x is not a function'))).toEqual({
      name: 'TypeError',
      message: 'x is not a function',
      stack: expect.stringContaining('TypeError: x is not a function'),
    });
  });
});

describe('a database that cannot be asked', () => {
  it.each([
    ['refused', systemError('ECONNREFUSED')],
    ['reset', systemError('ECONNRESET')],
    ['timed out', systemError('ETIMEDOUT')],
    ['not found', systemError('ENOTFOUND')],
    ['no socket file', systemError('ENOENT')],
    ['broken pipe', systemError('EPIPE')],
    ['shutting down', failedQuery('57P01')],
    ['crashed', failedQuery('57P02')],
    ['starting up', failedQuery('57P03')],
    ['too many connections', failedQuery('53300')],
    ['disk full', failedQuery('53100')],
    ['connection failure', failedQuery('08006')],
    ['a standby', failedQuery('25006')],
    ['starting up, seen by the driver', driverError('57P03')],
    ['lost against another transaction', failedQuery('40001')],
    ['deadlock', failedQuery('40P01')],
    ['a lock not had in time', driverError('55P03')],
    ['idle for too long', driverError('25P03')],
    ['an error of the disk', failedQuery('58030')],
    ['database dropped or renamed', driverError('3D000')],
    ['schema dropped or renamed', failedQuery('3F000')],
    ['table missing', failedQuery('42P01')],
    ['column missing', failedQuery('42703')],
    ['function missing', failedQuery('42883')],
    ['type missing', failedQuery('42704')],
    ['index missing, as in the middle of a restore', failedQuery('42P10')],
    ['a column of another type', failedQuery('42804')],
    ['grants taken away', failedQuery('42501')],
    ['password rotated', driverError('28P01')],
    ['refused by pg_hba.conf', driverError('28000')],
    ['out of memory', failedQuery('53200')],
    ['no transaction ids left', failedQuery('54000')],
    ['text the encoding does not know', failedQuery('22P05')],
    ['a page that is corrupt', failedQuery('XX001')],
    ['something inside the server', failedQuery('XX000')],
    ['a plan that does not fit any more', failedQuery('0A000')],
    ['a transaction that failed before', failedQuery('25P02')],
    ['a broken settings file', failedQuery('F0000')],
    ['a word of a pooler', driverError('08P01')],
    ['a statement the pooler has forgotten', failedQuery('26000')],
    [
      'an answer that is no PostgreSQL',
      new QueryFailedError('SELECT 1', [], new Error('received invalid response: 48')),
    ],
    ['an answer that cannot be read', new QueryFailedError('SELECT 1', [], new SyntaxError('Unexpected token'))],
    ['a certificate that has expired', noteWhileConnecting(systemError('CERT_HAS_EXPIRED'))],
    ['no file descriptor left', noteWhileConnecting(systemError('EMFILE'))],
    ['a TypeError while connecting', noteWhileConnecting(new TypeError('Password must be a string'))],
    ['a syntax error while connecting', noteWhileConnecting(driverError('42601'))],
    ['lost', new Error('Connection terminated unexpectedly')],
    ['lost by timeout', new Error('Connection terminated due to connection timeout')],
    ['no connection in time', new Error('timeout exceeded when trying to connect')],
    ['no answer in time', new Error('Query read timeout')],
    ["a constraint of a hand's", failedQuery('23514', { constraint: 'names_are_short' })],
    ["a unique index of a hand's", driverError('23505', { constraint: 'identities_name_key' })],
    ["a foreign key of a hand's", failedQuery('23503', { constraint: 'tokens_identity_fkey' })],
    ["a column of a hand's that must be filled", failedQuery('23502')],
    ['a column that a hand shortened', failedQuery('22001')],
    ['a column that a hand narrowed', failedQuery('22003')],
    ['what a trigger raises', failedQuery('P0001')],
    ['a mistake of a trigger', failedQuery('22012', { where: 'PL/pgSQL function audit.note() line 3 at RAISE' })],
    [
      "a constraint in a trigger's way",
      failedQuery('23505', { where: 'SQL statement "INSERT"\nfonction PL/pgSQL f(), ligne 3' }),
    ],
    ['a mistake of a function in SQL', failedQuery('22012', { where: 'SQL function "audit" statement 1' })],
    ['lost between two statements', new QueryRunnerAlreadyReleasedError()],
    ['lost between two statements of a manager', new QueryRunnerProviderAlreadyReleasedError()],
    ['closed', new Error('Client has encountered a connection error and is not queryable')],
  ])('%s', (_, error) => {
    expect(isDatabaseUnavailable(error)).toBe(true);
  });

  it.each([
    ['unique violation', failedQuery('23505')],
    ['malformed uuid', failedQuery('22P02')],
    ['NUL in text', failedQuery('22021')],
    ['a constraint', failedQuery('23514', { constraint: 'ck_instance_singleton' })],
    ['a mistake in a statement', failedQuery('42601')],
    ['a parameter without a type', failedQuery('42P18')],
    ['a value in a list of parameters', failedQuery('22P02', { where: `unnamed portal with parameters: $1 = 'a(b)'` })],
    [
      'a value that cannot be sent',
      new QueryFailedError('SELECT $1', [], new TypeError('Converting circular structure')),
    ],
    ['a file that may not be read', systemError('EPERM')],
    ['a bug of ours', new TypeError('x is not a function')],
    ['a text', 'ECONNREFUSED'],
    ['nothing', undefined],
    ['null', null],
    ['something that looks like one', { code: 'ECONNREFUSED' }],
  ])('is not what %s means', (_, error) => {
    expect(isDatabaseUnavailable(error)).toBe(false);
  });
});
