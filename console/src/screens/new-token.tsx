import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate, useParams } from '@tanstack/react-router';
import { useState, type FormEvent } from 'react';
import { api, ask } from '../client';
import { lasting } from '../clock';
import { useMissing } from '../me';
import { Button, Facts, Failure, Field, Loading } from '../parts/basics';
import { Page } from '../parts/page';
import { SecretOnce } from '../parts/secret';
import { identityQuery } from './identity';

const configurationOf = (id: string) => ({
  queryKey: ['method', id, 'token-auth'],
  queryFn: () =>
    ask(api.GET('/api/v1/auth/token-auth/identities/{identityId}', { params: { path: { identityId: id } } })).then(
      ({ identityTokenAuth }) => identityTokenAuth,
    ),
});

/** A new token: what for, what it may, and the token itself, once. */
export function NewToken() {
  const { id } = useParams({ from: '/shell/identities/$id/tokens/new' });
  const navigate = useNavigate();
  const queries = useQueryClient();
  const missing = useMissing();
  const { data: identity } = useQuery(identityQuery(id));
  const { data: method, error: methodError } = useQuery(configurationOf(id));
  // Not through the cache of queries, which would keep the secret.
  const [made, setMade] = useState<{ secret: string; tokenId: string } | null>(null);
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const name = identity?.identity.name ?? '…';
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (isBusy) return;
    const given = String(new FormData(event.currentTarget).get('name') ?? '').trim();
    setBusy(true);
    setError(undefined);
    try {
      const { accessToken, tokenData } = await ask(
        api.POST('/api/v1/auth/token-auth/identities/{identityId}/tokens', {
          params: { path: { identityId: id } },
          body: given === '' ? {} : { name: given },
        }),
      );
      setMade({ secret: accessToken, tokenId: tokenData.id });
    } catch (thrown) {
      setError(thrown);
    } finally {
      setBusy(false);
    }
  };
  const leave = async () => {
    setMade(null);
    await queries.invalidateQueries({ queryKey: ['tokens'] });
    void navigate({ to: '/identities/$id', params: { id }, search: {}, replace: true });
  };
  return (
    <Page
      title={`New token for ${name}`}
      trail={[
        { to: '/identities', text: 'Identities' },
        { to: `/identities/${id}`, text: name },
      ]}
    >
      {made === null ? (
        <form className="card stack" onSubmit={(event) => void submit(event)}>
          <Field
            label="Name"
            name="name"
            maxLength={255}
            autoComplete="off"
            autoFocus
            help="What it is for: the program or the pipeline that will hold it."
          />
          {methodError && <Failure error={methodError} />}
          {method ? (
            <>
              <Facts
                items={[
                  ['Lives', method.accessTokenTTL === 0 ? 'as long as it may' : lasting(method.accessTokenTTL)],
                  ['Renewable up to', method.accessTokenMaxTTL === 0 ? 'no limit' : lasting(method.accessTokenMaxTTL)],
                  ['Uses', method.accessTokenNumUsesLimit === 0 ? 'no limit' : String(method.accessTokenNumUsesLimit)],
                  ['From', networksOf(method.accessTokenTrustedIps)],
                ]}
              />
              <Warnings
                isEndless={method.accessTokenTTL === 0 && method.accessTokenMaxTTL === 0}
                isOpen={method.accessTokenTrustedIps.some(({ prefix }) => prefix === 0)}
                isAdmin={identity?.role === 'admin'}
              />
            </>
          ) : (
            !methodError && <Loading rows={2} />
          )}
          {error !== undefined && <Failure error={error} />}
          <div className="actions">
            <Button type="submit" look="main" missing={missing('identity:create-token')} aria-disabled={isBusy}>
              {isBusy ? 'Creating…' : 'Create token'}
            </Button>
          </div>
        </form>
      ) : (
        <SecretOnce what="token" secret={made.secret} variable="LATCHKEY_TOKEN" onDone={() => void leave()} />
      )}
    </Page>
  );
}

export function networksOf(ips: readonly { readonly ipAddress: string; readonly prefix?: number }[]): string {
  const open = ips.some(({ prefix }) => prefix === 0);
  return open
    ? 'anywhere'
    : ips.map(({ ipAddress, prefix }) => (prefix === undefined ? ipAddress : `${ipAddress}/${prefix}`)).join(', ');
}

function Warnings({ isEndless, isOpen, isAdmin }: { isEndless: boolean; isOpen: boolean; isAdmin: boolean }) {
  const warnings = [
    isAdmin ? 'It will be an administrator: it can do everything in this organization.' : '',
    isEndless ? 'It lives as long as the server allows.' : '',
    isOpen ? 'It can be used from any address.' : '',
  ].filter(Boolean);
  if (warnings.length === 0) return null;
  return (
    <div className="warning">
      {warnings.map((text) => (
        <p key={text}>
          <span aria-hidden="true">▲ </span>
          {text}
        </p>
      ))}
      <p className="note">The settings are those of Token Auth of this identity.</p>
    </div>
  );
}
