import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { TestAuthority } from './certificates';
import type { Answer } from './https-peer';

export const CERTS = '/oauth2/v1/certs';
export const ACCOUNTS = '/service_accounts/v1/metadata/x509';

/** An RSA key with a certificate. */
export interface GoogleKey {
  readonly kid: string;
  readonly key: KeyObject;
  readonly publicKey: KeyObject;
  readonly certificate: string;
}

const authority = new TestAuthority();

export function googleKey(kid: string, until?: Date): GoogleKey {
  const { privateKey: key, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { kid, key, publicKey, certificate: authority.certify(publicKey, until) };
}

/** The certificates of Google and of its service accounts, by key id, as Google publishes them. */
export class Google {
  keys: readonly GoogleKey[] = [];
  /** By e-mail address. Other accounts do not exist. */
  readonly accounts = new Map<string, readonly GoogleKey[]>();

  readonly answer: Answer = ({ url = '' }, response) => {
    const [, email] = new RegExp(`^${ACCOUNTS}/([^/?]+)$`).exec(url) ?? [];
    const keys = url === CERTS ? this.keys : this.accounts.get(decodeURIComponent(email ?? ''));
    const body = Object.fromEntries((keys ?? []).map(({ kid, certificate }) => [kid, certificate]));
    response.writeHead(keys ? 200 : 404, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
}

/** The options with which Latchkey finds Google at a place. */
export const googleAt = (url: string) => ({
  gcpCertsUrl: `${url}${CERTS}`,
  gcpServiceAccountCertsUrl: `${url}${ACCOUNTS}`,
});

/** The claims of an identity token of a virtual machine, but for its audience and its times. */
export const machineOf = (email: string, project: string, zone: string) => ({
  iss: 'https://accounts.google.com',
  azp: '104711',
  sub: '104711',
  email,
  email_verified: true,
  google: { compute_engine: { project_id: project, zone, instance_name: 'vm-1', project_number: 4711 } },
});
