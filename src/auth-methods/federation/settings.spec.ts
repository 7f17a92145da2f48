import { TestAuthority } from '../../../test/support/certificates';
import { issuesOfCertificates } from './settings';

const [authority, other] = [new TestAuthority(), new TestAuthority()];
const { cert, key } = authority.issue(['peer.test']);

describe('certificates in PEM', () => {
  it.each([
    ['one', authority.cert],
    ['two', authority.cert + other.cert],
    [
      'those of a bundle with comments',
      `# Test - one\n${authority.cert}\n=====\n\n${other.cert.replaceAll('\n', '\r\n')}`,
    ],
    ['none', ''],
  ])('may be %s', (_, pem) => {
    expect(issuesOfCertificates('caCert', pem)).toEqual([]);
  });

  // Seen red for all with a whole certificate in them: what is stored is shown to readers, and what is not read trusts nothing.
  it.each([
    ['a private key', authority.cert + key],
    ['the certificate of no authority', authority.cert + cert],
    ['a certificate that breaks off', authority.cert + other.cert.slice(0, 300)],
    ['a certificate with what is no Base64', authority.cert + other.cert.replace('\n', '\n*-')],
    ['a trusted certificate of OpenSSL', authority.cert + cert.replaceAll('CERTIFICATE', 'TRUSTED CERTIFICATE')],
    ['a certificate of an older name', authority.cert + cert.replaceAll('CERTIFICATE', 'X509 CERTIFICATE')],
    ['Base64 that is no certificate', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----'],
    ['white space', ' \n'],
    ['DER', authority.cert.replace(/-----[A-Z ]+-----/g, '')],
  ])('may not be %s', (_, pem) => {
    expect(issuesOfCertificates('caCert', pem)).toMatchObject([
      { path: ['caCert'], message: 'Expected certificates in PEM' },
    ]);
  });
});
