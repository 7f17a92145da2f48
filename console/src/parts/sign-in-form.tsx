import { useState, type FormEvent } from 'react';
import { api, ask } from '../client';
import { session } from '../session';
import { Button, Failure, Field } from './basics';

/** Signs in with an access token, or with a client id and secret. The fields are emptied at once. */
export function SignInForm({ onDone }: { onDone: () => void }) {
  const [kind, setKind] = useState<'token' | 'secret'>('token');
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const given = Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value).trim()]));
    form.reset();
    setBusy(true);
    setError(undefined);
    try {
      if (kind === 'token') await withToken(given.token ?? '');
      else await withSecret(given.username ?? '', given.password ?? '');
      onDone();
    } catch (thrown) {
      setError(thrown);
    } finally {
      setBusy(false);
    }
  };
  return (
    <form className="card stack" onSubmit={(event) => void submit(event)} aria-label="Sign in">
      <div className="tabs" role="group" aria-label="Sign in with">
        <button type="button" aria-pressed={kind === 'token'} onClick={() => setKind('token')}>
          Access token
        </button>
        <button type="button" aria-pressed={kind === 'secret'} onClick={() => setKind('secret')}>
          Client id and secret
        </button>
      </div>
      {kind === 'token' ? (
        <Field
          key="token"
          label="Access token"
          name="token"
          type="password"
          autoComplete="off"
          required
          autoFocus
          help={
            <>
              The first one was printed at the first start, and is in <code>.latchkey/bootstrap.json</code>.
            </>
          }
        />
      ) : (
        <>
          <Field key="id" label="Client id" name="username" autoComplete="username" required autoFocus />
          <Field
            key="secret"
            label="Client secret"
            name="password"
            type="password"
            autoComplete="current-password"
            required
          />
        </>
      )}
      <div className="actions">
        <Button type="submit" look="main" aria-disabled={isBusy}>
          {isBusy ? 'Signing in…' : 'Sign in'}
        </Button>
      </div>
      {error !== undefined && <Failure error={error} />}
    </form>
  );
}

/** The server says whether it accepts the token, before the token is kept. */
async function withToken(token: string): Promise<void> {
  session.begin({ token, identityId: await identityOf(token), isOwn: false });
}

async function identityOf(token: string): Promise<string> {
  const headers = { authorization: `Bearer ${token}` };
  const { me } = await ask(api.GET('/api/latchkey/v1/me', { headers }));
  return me.identityId;
}

async function withSecret(clientId: string, clientSecret: string): Promise<void> {
  const body = { clientId, clientSecret };
  const { accessToken } = await ask(api.POST('/api/v1/auth/universal-auth/login', { body }));
  try {
    session.begin({ token: accessToken, identityId: await identityOf(accessToken), isOwn: true });
  } catch (error) {
    await revoke(accessToken);
    throw error;
  }
}

/** Ends the session, by hand or by its clocks. A token that was made for it is revoked. */
export async function signOut({ inAllTabs = true } = {}): Promise<void> {
  const current = session.get();
  session.end(inAllTabs);
  if (current?.isOwn === true) await revoke(current.token);
}

async function revoke(accessToken: string): Promise<void> {
  const headers = { authorization: `Bearer ${accessToken}` };
  await api.POST('/api/v1/auth/token/revoke', { headers, body: { accessToken } }).catch(() => undefined);
}

/** Renews a token of this session before it expires. */
export async function renew(): Promise<void> {
  const current = session.get();
  if (current?.isOwn !== true) return;
  const { accessToken } = await ask(api.POST('/api/v1/auth/token/renew', { body: { accessToken: current.token } }));
  session.replace(current.token, accessToken);
}
