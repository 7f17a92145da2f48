import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { isIP } from 'node:net';

// X.509 (RFC 5280) as far as a test needs it: Node reads certificates, but makes none.

const tlv = (tag: number, ...parts: Buffer[]): Buffer => {
  const content = Buffer.concat(parts);
  const { length } = content;
  const bytes = length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...(length < 128 ? [length] : bytes)]), content]);
};
const sequence = (...parts: Buffer[]) => tlv(0x30, ...parts);
const set = (...parts: Buffer[]) => tlv(0x31, ...parts);
const oid = (hex: string) => tlv(0x06, Buffer.from(hex, 'hex'));
const bits = (content: Buffer) => tlv(0x03, Buffer.from([0]), content);
const TRUE = Buffer.from([0x01, 0x01, 0xff]);

const ECDSA_SHA256 = sequence(oid('2a8648ce3d040302'));
const name = (text: string) => sequence(set(sequence(oid('550403'), tlv(0x0c, Buffer.from(text)))));
const time = (at: Date) => tlv(0x18, Buffer.from(at.toISOString().replace(/[-:T]|\.\d+/g, '')));
const extension = (id: string, ...value: Buffer[]) => sequence(oid(id), ...value);

const alternative = (host: string): Buffer => {
  if (isIP(host) === 4) return tlv(0x87, Buffer.from(host.split('.').map(Number)));
  return isIP(host) === 6
    ? tlv(0x87, Buffer.from('00000000000000000000000000000001', 'hex'))
    : tlv(0x82, Buffer.from(host));
};

interface Certificate {
  /** In PEM, like the key. */
  readonly cert: string;
  readonly key: string;
}

interface Wanted {
  readonly subject: string;
  readonly issuer: { readonly name: string; readonly key: KeyObject };
  readonly spki: Buffer;
  readonly extensions: Buffer[];
  readonly until: Date;
}

function certificate({ subject, issuer, spki, extensions, until }: Wanted): string {
  const serial = tlv(0x02, Buffer.from([0x01]), randomBytes(8));
  const validity = sequence(time(new Date(Date.now() - 86_400_000)), time(until));
  const version = tlv(0xa0, tlv(0x02, Buffer.from([2])));
  const body = sequence(
    ...[version, serial, ECDSA_SHA256, name(issuer.name), validity, name(subject), spki],
    tlv(0xa3, sequence(...extensions)),
  );
  const der = sequence(body, ECDSA_SHA256, bits(sign('sha256', body, issuer.key)));
  return `-----BEGIN CERTIFICATE-----\n${der.toString('base64').replace(/(.{64})/g, '$1\n')}\n-----END CERTIFICATE-----\n`;
}

const keys = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });
const spkiOf = (key: KeyObject) => key.export({ type: 'spki', format: 'der' });

/** A certificate authority of a test's own. */
export class TestAuthority {
  private readonly pair = keys();
  readonly name = `Test CA ${randomBytes(4).toString('hex')}`;
  readonly cert = certificate({
    subject: this.name,
    issuer: { name: this.name, key: this.pair.privateKey },
    spki: spkiOf(this.pair.publicKey),
    extensions: [extension('551d13', TRUE, tlv(0x04, sequence(TRUE)))],
    until: new Date(Date.now() + 86_400_000),
  });

  /** A certificate for a key that others have, in PEM. */
  certify(key: KeyObject, until = new Date(Date.now() + 86_400_000)): string {
    const issuer = { name: this.name, key: this.pair.privateKey };
    return certificate({ subject: 'key', issuer, spki: spkiOf(key), extensions: [], until });
  }

  /** The certificate of a server of these names and addresses. */
  issue(hosts: readonly string[], until = new Date(Date.now() + 86_400_000)): Certificate {
    const { publicKey, privateKey } = keys();
    const cert = certificate({
      subject: hosts[0]!,
      issuer: { name: this.name, key: this.pair.privateKey },
      spki: spkiOf(publicKey),
      extensions: [extension('551d11', tlv(0x04, sequence(...hosts.map(alternative))))],
      until,
    });
    return { cert, key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string };
  }
}
