import type { Schemas } from '../client';
import { fromNow, now } from '../clock';
import { Badge } from './basics';

export type Token = Schemas['ManagedTokenDto'];

export const METHOD_NAMES: Readonly<Record<string, string>> = {
  'token-auth': 'Token Auth',
  'universal-auth': 'Universal Auth',
  'jwt-auth': 'JWT Auth',
  'oidc-auth': 'OIDC Auth',
  'kubernetes-auth': 'Kubernetes Auth',
  'aws-auth': 'AWS Auth',
  'gcp-auth': 'GCP Auth',
  'azure-auth': 'Azure Auth',
};

export function methodName(slug: string): string {
  return METHOD_NAMES[slug] ?? slug;
}

/** A login leaves its token without a name. */
export function tokenName({ name, authMethod }: Pick<Token, 'name' | 'authMethod'>): string {
  return name ?? (authMethod === 'token-auth' ? '(no name)' : '(login)');
}

const SOON_MS = 7 * 86_400_000;

/** Within a week of its end, or in the last tenth of its life. */
export function isEndingSoon({ status, accessTokenExpiresAt: end, createdAt }: Token): boolean {
  if (status !== 'live' || end === null) return false;
  const left = new Date(end).getTime() - now();
  const life = new Date(end).getTime() - new Date(createdAt).getTime();
  return left < SOON_MS && (life > SOON_MS || left < life / 10);
}

export function TokenStatus({ token }: { token: Token }) {
  const { status, accessTokenExpiresAt: end } = token;
  if (isEndingSoon(token))
    return (
      <Badge tone="warn" shape="▲">
        Expires {fromNow(end!)}
      </Badge>
    );
  if (status === 'live')
    return (
      <Badge tone="good" shape="●">
        Live
      </Badge>
    );
  const [shape, text] = ENDED[status];
  return (
    <Badge tone={status === 'revoked' ? 'danger' : 'neutral'} shape={shape}>
      {text}
    </Badge>
  );
}

const ENDED = {
  'used-up': ['◐', 'Used up'],
  disabled: ['◇', 'Disabled'],
  expired: ['○', 'Expired'],
  revoked: ['■', 'Revoked'],
} as const;

const counts = new Intl.NumberFormat('en');

export function usesOf({ accessTokenNumUses: uses, accessTokenNumUsesLimit: limit }: Token): string {
  return limit > 0 ? `${counts.format(uses)} / ${counts.format(limit)}` : counts.format(uses);
}
