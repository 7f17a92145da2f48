import { generateKeyPairSync, randomBytes } from 'node:crypto';
import Provider from 'oidc-provider';
import { IpNetwork } from '../../src/common/net/ip-network';
import { OutboundHttp } from '../../src/common/net/outbound-http';
import { HttpsPeer } from '../support/https-peer';

const AUDIENCE = 'https://latchkey.example';

/** The claims of a job, by the subject of its tokens. */
export type Jobs = Readonly<Record<string, object>>;

/** An issuer of OpenID Connect as it is published, certified by the OpenID Foundation, which signs tokens for CI jobs. */
export class CertifiedIssuer {
  private readonly http = new OutboundHttp({ allow: [IpNetwork.parse('127.0.0.0/8')!], timeoutMs: 30_000 });

  private constructor(
    private readonly peer: HttpsPeer,
    private readonly secret: string,
  ) {}

  static async start(jobs: Jobs): Promise<CertifiedIssuer> {
    const peer = await HttpsPeer.start();
    const secret = randomBytes(32).toString('hex');
    peer.answer = new Provider(peer.url, configurationFor(jobs, secret)).callback();
    return new CertifiedIssuer(peer, secret);
  }

  /** A configuration of OIDC Auth that believes it. */
  get place() {
    const { url, authority } = this.peer;
    return { oidcDiscoveryUrl: url, boundIssuer: url, boundAudiences: AUDIENCE, caCert: authority.cert };
  }

  /** The token that a job gets. */
  async tokenFor(job: string): Promise<string> {
    const form = { grant_type: 'client_credentials', client_id: job, client_secret: this.secret, resource: AUDIENCE };
    const { body } = await this.http.send({
      url: `${this.peer.url}/token`,
      ca: this.peer.authority.cert,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams(form).toString(),
      maxBytes: 100_000,
    });
    return (JSON.parse(body.toString()) as { access_token: string }).access_token;
  }

  stop(): Promise<void> {
    return this.peer.stop();
  }
}

function configurationFor(jobs: Jobs, secret: string): object {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const client = {
    client_secret: secret,
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
    token_endpoint_auth_method: 'client_secret_post',
    id_token_signed_response_alg: 'ES256',
  };
  const resource = { scope: '', audience: AUDIENCE, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } } };
  return {
    clients: Object.keys(jobs).map((job) => ({ ...client, client_id: job })),
    cookies: { keys: [randomBytes(32).toString('hex')] },
    extraTokenClaims: (_context: unknown, { clientId }: { clientId: string }) => jobs[clientId],
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: { enabled: true, getResourceServerInfo: () => resource },
    },
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), kid: 'one', use: 'sig', alg: 'ES256' }] },
    ttl: { ClientCredentials: 300 },
  };
}
