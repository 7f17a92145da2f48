import { UnfitDatabaseError } from '../database/fitness';
import { explain } from './start-error';

/** As node-postgres and Node throw it. */
function failure(code: string, message = 'x'): Error {
  return Object.assign(new Error(message), { code });
}

describe('a failure to start is one sentence that says what to do:', () => {
  it.each([
    ['SELF_SIGNED_CERT_IN_CHAIN', 'x', /sslrootcert/],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'x', /sslrootcert/],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'x', /sslrootcert/],
    ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'x', /sslrootcert/],
    ['CERT_HAS_EXPIRED', 'x', /renew it/],
    ['CERT_NOT_YET_VALID', 'x', /clock/],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'x', /host name/],
    ['', 'The server does not support SSL connections', /sslmode=disable/],
    ['28000', 'no pg_hba.conf entry for host "1.2.3.4", user "u", database "d", no encryption', /sslmode=verify-full/],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'x', /TLS connection/],
    ['28P01', 'password authentication failed', /user or password/],
    ['3D000', 'x', /create it/],
    ['42501', 'permission denied for schema latchkey', /permission denied for schema latchkey.*GRANT/],
    ['ECONNREFUSED', 'x', /does not answer/],
  ])('%s %s', (code, message, sentence) => {
    const said = explain(failure(code, message));
    expect(said).toMatch(sentence);
    expect(said).not.toMatch(/\n/);
  });

  it('an unfit database says it itself', () => {
    expect(explain(new UnfitDatabaseError('Do this.'))).toBe('Do this.');
  });
});
