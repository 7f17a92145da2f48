import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useParams, useSearch } from '@tanstack/react-router';
import { useState, type FormEvent } from 'react';
import { api, ask, type Schemas } from '../client';
import { lasting } from '../clock';
import { useMissing } from '../me';
import { Ago, Badge, Button, Choice, Empty, Exactly, Facts, Failure, Field, Id, Loading } from '../parts/basics';
import { Box, Confirm } from '../parts/dialog';
import { Section } from '../parts/page';
import { SecretOnce } from '../parts/secret';
import { Pager, Table, totalOf } from '../parts/table';
import { identityQuery } from './identity';

type Secret = Schemas['ClientSecretDto'];
const DAY_S = 86_400;
const LIVES = [
  [String(90 * DAY_S), '90 days'],
  [String(30 * DAY_S), '30 days'],
  [String(365 * DAY_S), '1 year'],
  ['0', 'never'],
] as const;

/** The client secrets of Universal Auth, and its lock-outs. */
export function ClientSecrets() {
  const { id } = useParams({ from: '/shell/identities/$id' });
  const { after } = useSearch({ from: '/shell/identities/$id/secrets' });
  const missing = useMissing();
  const queries = useQueryClient();
  const path = { identityId: id };
  const [isMaking, setMaking] = useState(false);
  const [ending, setEnding] = useState<Secret | null>(null);
  const [made, setMade] = useState<string | null>(null);
  const { data: identity } = useQuery(identityQuery(id));
  const { data: method, error: methodError } = useQuery({
    queryKey: ['method', id, 'universal-auth'],
    queryFn: () =>
      ask(api.GET('/api/v1/auth/universal-auth/identities/{identityId}', { params: { path } })).then(
        ({ identityUniversalAuth }) => identityUniversalAuth,
      ),
  });
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ['secrets', id, after],
    queryFn: ({ signal }) =>
      ask(
        api.GET('/api/v1/auth/universal-auth/identities/{identityId}/client-secrets', {
          params: { path, query: { limit: 50, ...(after ? { cursor: after } : {}) } },
          signal,
        }),
      ),
  });
  const refresh = () =>
    Promise.all(['secrets', 'identity'].map((key) => queries.invalidateQueries({ queryKey: [key, id] })));
  const isLocked = identity?.identity.activeLockoutAuthMethods.includes('universal-auth') === true;
  if (methodError) return <Failure error={methodError} />;
  return (
    <>
      {made !== null && method && (
        <SecretOnce
          what="client secret"
          secret={made}
          variable="LATCHKEY_CLIENT_SECRET"
          clientId={method.clientId}
          onDone={() => {
            setMade(null);
            void refresh();
          }}
        />
      )}
      {method && (
        <Section title="Login" aside={isLocked ? <LockedBadge /> : null}>
          <Facts
            items={[
              ['Client id', <Id key="id" value={method.clientId} name="client id" />],
              [
                'Locked after',
                method.lockoutEnabled
                  ? `${method.lockoutThreshold} wrong secrets, for ${lasting(method.lockoutDurationSeconds)}`
                  : 'never: lock-outs are off',
              ],
              ['A login lives', method.accessTokenTTL === 0 ? 'as long as it may' : lasting(method.accessTokenTTL)],
            ]}
          />
          {isLocked && <ClearLockout id={id} onDone={refresh} />}
        </Section>
      )}
      <Section
        title="Client secrets"
        aside={
          <Button look="main" missing={missing('identity:create-token')} onClick={() => setMaking(true)}>
            New secret
          </Button>
        }
      >
        {isPending && <Loading />}
        {error && <Failure error={error} again={() => void refetch()} />}
        {data?.clientSecretData.length === 0 && (
          <Empty title="There is no client secret.">
            <p>A program logs in with the client id and a secret.</p>
          </Empty>
        )}
        {data && data.clientSecretData.length > 0 && (
          <div>
            <Table
              caption="Client secrets"
              rows={data.clientSecretData}
              idOf={({ id: secretId }) => secretId}
              columns={[
                { name: 'Secret', cell: ({ clientSecretPrefix }: Secret) => <code>{clientSecretPrefix}…</code> },
                { name: 'For', cell: ({ description }: Secret) => description || '–' },
                { name: 'Status', cell: (secret: Secret) => <SecretStatus secret={secret} /> },
                { name: 'Uses', isNumber: true, cell: usesOf },
                {
                  name: 'Last used',
                  cell: ({ clientSecretLastUsedAt }: Secret) => <Ago time={clientSecretLastUsedAt} />,
                },
                {
                  name: 'Runs out',
                  cell: ({ clientSecretExpiresAt }: Secret) => <Exactly time={clientSecretExpiresAt} none="never" />,
                },
                {
                  name: 'Act',
                  cell: (secret: Secret) =>
                    secret.isClientSecretRevoked ? (
                      '–'
                    ) : (
                      <Button missing={missing('identity:delete-token')} onClick={() => setEnding(secret)}>
                        Revoke…
                      </Button>
                    ),
                },
              ]}
            />
            <Pager
              after={after}
              next={data.nextCursor}
              total={totalOf(data.totalCount, data.isTotalCountCapped, data.totalCount === 1 ? 'secret' : 'secrets')}
            />
          </div>
        )}
      </Section>
      {isMaking && (
        <NewSecret
          id={id}
          onClose={() => setMaking(false)}
          onMade={(secret) => {
            setMaking(false);
            setMade(secret);
          }}
        />
      )}
      {ending && (
        <Confirm
          title={`Revoke the secret ${ending.clientSecretPrefix}…?`}
          action="Revoke the secret"
          isDangerous
          onClose={() => setEnding(null)}
          act={async () => {
            const params = { path: { identityId: id, clientSecretId: ending.id } };
            await ask(
              api.POST('/api/v1/auth/universal-auth/identities/{identityId}/client-secrets/{clientSecretId}/revoke', {
                params,
              }),
            );
            await refresh();
          }}
        >
          <p>
            Last used: <Ago time={ending.clientSecretLastUsedAt} />. The tokens of its logins are refused from now on
            too.
          </p>
        </Confirm>
      )}
    </>
  );
}

function LockedBadge() {
  return (
    <Badge tone="warn" shape="◷">
      Locked
    </Badge>
  );
}

function usesOf({ clientSecretNumUses: uses, clientSecretNumUsesLimit: limit }: Secret): string {
  return limit > 0 ? `${uses} / ${limit}` : String(uses);
}

function SecretStatus({ secret }: { secret: Secret }) {
  const { isClientSecretRevoked, clientSecretExpiresAt: end, clientSecretNumUses: uses } = secret;
  if (isClientSecretRevoked)
    return (
      <Badge tone="danger" shape="■">
        Revoked
      </Badge>
    );
  if (end && Date.parse(end) <= Date.now())
    return (
      <Badge tone="neutral" shape="○">
        Expired
      </Badge>
    );
  if (secret.clientSecretNumUsesLimit > 0 && uses >= secret.clientSecretNumUsesLimit)
    return (
      <Badge tone="neutral" shape="◐">
        Used up
      </Badge>
    );
  return (
    <Badge tone="good" shape="●">
      Live
    </Badge>
  );
}

export function ClearLockout({ id, onDone }: { id: string; onDone: () => unknown }) {
  const missing = useMissing();
  const [said, setSaid] = useState('');
  const [error, setError] = useState<unknown>();
  const clear = async () => {
    setError(undefined);
    try {
      const params = { path: { identityId: id } };
      const { deleted } = await ask(
        api.POST('/api/v1/auth/universal-auth/identities/{identityId}/clear-lockouts', { params }),
      );
      setSaid(`${deleted} lock-out cleared.`);
      await onDone();
    } catch (thrown) {
      setError(thrown);
    }
  };
  return (
    <div className="actions">
      <Button missing={missing('identity:edit')} onClick={() => void clear()}>
        Clear the lock-out
      </Button>
      <span role="status" className="note">
        {said}
      </span>
      {error !== undefined && <Failure error={error} />}
    </div>
  );
}

interface NewSecretProps {
  readonly id: string;
  readonly onClose: () => void;
  readonly onMade: (secret: string) => void;
}

/** The secret goes to the page by hand, and not through the cache of queries. */
function NewSecret({ id, onClose, onMade }: NewSecretProps) {
  const [ttl, setTtl] = useState<string>(LIVES[0][0]);
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (isBusy) return;
    const form = new FormData(event.currentTarget);
    setBusy(true);
    try {
      const { clientSecret } = await ask(
        api.POST('/api/v1/auth/universal-auth/identities/{identityId}/client-secrets', {
          params: { path: { identityId: id } },
          body: {
            description: String(form.get('description') ?? ''),
            numUsesLimit: Number(form.get('uses') ?? 0) || 0,
            ttl: Number(ttl),
          },
        }),
      );
      onMade(clientSecret);
    } catch (thrown) {
      setError(thrown);
      setBusy(false);
    }
  };
  return (
    <Box title="New client secret" onClose={onClose}>
      <form className="stack" onSubmit={(event) => void submit(event)}>
        <Field label="What for" name="description" maxLength={255} autoComplete="off" autoFocus />
        <Choice label="Runs out after" value={ttl} options={LIVES} onChoose={setTtl} />
        <Field label="Most logins" name="uses" type="number" min={0} defaultValue={0} help="0 for no limit." />
        {error !== undefined && <Failure error={error} />}
        <div className="actions">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="main" aria-disabled={isBusy}>
            Create secret
          </Button>
        </div>
      </form>
    </Box>
  );
}
