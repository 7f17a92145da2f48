import { queryOptions, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { api, ask } from '../client';
import { fromNow, now } from '../clock';
import { useMissing } from '../me';
import { Ago, Button, Choice, Exactly, Facts, Failure, Field, Id, Loading } from '../parts/basics';
import { Box, Confirm } from '../parts/dialog';
import { Page, Section } from '../parts/page';
import { Receipt, type ReceiptFacts } from '../parts/receipt';
import { SecretOnce } from '../parts/secret';
import { methodName, tokenName, TokenStatus, usesOf, type Token as TokenData } from '../parts/token-status';
import { Events } from './audit';

const tokenQuery = (id: string) =>
  queryOptions({
    queryKey: ['token', id],
    queryFn: () =>
      ask(api.GET('/api/latchkey/v1/access-tokens/{tokenId}', { params: { path: { tokenId: id } } })).then(
        ({ accessToken }) => accessToken,
      ),
  });

type Open = 'revoke' | 'rename' | 'rotate' | null;

/** Whether a token is used, until when it lives, and its end. */
export function Token() {
  const { id } = useParams({ from: '/shell/tokens/$id' });
  const queries = useQueryClient();
  const missing = useMissing();
  const [open, setOpen] = useState<Open>(null);
  const [receipt, setReceipt] = useState<ReceiptFacts | null>(null);
  const [rotated, setRotated] = useState<{ secret: string; tokenId: string; endsAt: string } | null>(null);
  const { data: token, error, isPending, refetch } = useQuery(tokenQuery(id));
  const refresh = () =>
    Promise.all(['token', 'tokens', 'overview'].map((key) => queries.invalidateQueries({ queryKey: [key] })));
  if (isPending || error)
    return (
      <Page title="Token" trail={[{ to: '/tokens', text: 'Tokens' }]}>
        {isPending ? <Loading /> : <Failure error={error} again={() => void refetch()} />}
        {error && (
          <p>
            The token is no longer kept, or belongs to another organization.{' '}
            <Link to="/audit" search={{ token: id }}>
              The audit log may know it.
            </Link>
          </p>
        )}
      </Page>
    );
  const name = tokenName(token);
  const isByHand = token.authMethod === 'token-auth';
  const isDead = token.status === 'revoked' || token.status === 'expired';
  return (
    <Page
      title={name}
      trail={[
        { to: '/identities', text: 'Identities' },
        { to: `/identities/${token.identityId}`, text: token.identityName },
      ]}
      aside={
        <>
          {isByHand && (
            <Button missing={missing('identity:create-token')} onClick={() => setOpen('rename')}>
              Rename
            </Button>
          )}
          {isByHand && !isDead && (
            <Button missing={missing('identity:create-token')} onClick={() => setOpen('rotate')}>
              Rotate…
            </Button>
          )}
          {token.status !== 'revoked' && (
            <Button look="danger" missing={missing('identity:edit')} onClick={() => setOpen('revoke')}>
              Revoke…
            </Button>
          )}
        </>
      }
    >
      {receipt && <Receipt facts={receipt} onClose={() => setReceipt(null)} />}
      {rotated && (
        <>
          <SecretOnce
            what="new token"
            secret={rotated.secret}
            variable="LATCHKEY_TOKEN"
            onDone={() => {
              setRotated(null);
              void refresh();
            }}
          />
          <p>
            The old token is refused at the first use of the new one, or <Ago time={rotated.endsAt} /> at the latest.{' '}
            <Link to="/tokens/$id" params={{ id: rotated.tokenId }}>
              The page of the new token
            </Link>
          </p>
        </>
      )}
      <Section title="State" aside={<TokenStatus token={token} />}>
        <Lifetime token={token} />
        <Facts
          items={[
            ['Id of the token', <Id key="id" value={token.id} name="token id" />],
            [
              'Identity',
              <Link key="identity" to="/identities/$id" params={{ id: token.identityId }} search={{}}>
                {token.identityName}
              </Link>,
            ],
            ['Method', methodName(token.authMethod)],
            ['Uses', token.accessTokenNumUsesLimit === 0 ? `${usesOf(token)}, no limit` : usesOf(token)],
            ['Last used', <Ago key="used" time={token.accessTokenLastUsedAt} />],
            ['Made', <Exactly key="made" time={token.createdAt} />],
            ['Last renewed', <Ago key="renewed" time={token.accessTokenLastRenewedAt} />],
            ['Runs out', <Exactly key="end" time={token.accessTokenExpiresAt} none="never" />],
            ['Renewable until', <Exactly key="until" time={token.accessTokenRenewableUntil} none="no limit" />],
            ...(token.accessTokenRevokedAt
              ? [['Revoked', <Exactly key="revoked" time={token.accessTokenRevokedAt} />] as const]
              : []),
          ]}
        />
        <p className="note">Uses are counted every second.</p>
      </Section>
      <Section
        title="Refusals and changes, last 30 days"
        aside={
          <Link to="/audit" search={{ token: token.id, days: '30' }}>
            In the audit log
          </Link>
        }
      >
        <Events filter={{ token: token.id, days: '30' }} limit={10} />
      </Section>
      {open === 'revoke' && (
        <Revoke
          token={token}
          onClose={() => setOpen(null)}
          onDone={async (facts) => {
            setReceipt(facts);
            await refresh();
          }}
        />
      )}
      {open === 'rename' && <Rename token={token} onClose={() => setOpen(null)} onDone={refresh} />}
      {open === 'rotate' && (
        <Rotate
          token={token}
          onClose={() => setOpen(null)}
          onDone={(facts) => {
            setOpen(null);
            setRotated(facts);
          }}
        />
      )}
    </Page>
  );
}

/** From when it was made to the last moment it can reach, with now in between. */
function Lifetime({ token }: { token: TokenData }) {
  const { createdAt, accessTokenExpiresAt: end } = token;
  if (token.status === 'revoked') return null;
  if (end === null) return <p className="note">It has no end.</p>;
  const from = new Date(createdAt).getTime();
  const past = Math.min(1, Math.max(0, (now() - from) / (new Date(end).getTime() - from)));
  const text = `${Math.round(past * 100)} % of its life is over. It runs out ${fromNow(end)}.`;
  return (
    <div>
      <div className="life" role="img" aria-label={text}>
        <span style={{ width: `${past * 100}%` }} />
      </div>
      <p className="note">{text}</p>
    </div>
  );
}

interface ActProps<Facts> {
  readonly token: TokenData;
  readonly onClose: () => void;
  readonly onDone: (facts: Facts) => unknown;
}

function Revoke({ token, onClose, onDone }: ActProps<ReceiptFacts>) {
  const name = tokenName(token);
  const used = token.accessTokenLastUsedAt;
  return (
    <Confirm
      title={`Revoke ${name} of ${token.identityName}?`}
      action={`Revoke ${name}`}
      isDangerous
      onClose={onClose}
      act={async () => {
        const began = performance.now();
        const params = { path: { tokenId: token.id }, query: { wait: 'all' as const } };
        const answer = await ask(api.POST('/api/latchkey/v1/access-tokens/{tokenId}/revoke', { params }));
        const tookMs = Math.round(performance.now() - began);
        await onDone({ what: name, nodes: answer.nodes, revision: answer.revision, tookMs });
      }}
    >
      <p>
        {used ? (
          <>
            A program used it <Ago time={used} />. Its next use will be refused.
          </>
        ) : (
          'No program has used it.'
        )}
      </p>
      <p>A revocation is final.</p>
    </Confirm>
  );
}

function Rename({ token, onClose, onDone }: ActProps<void>) {
  const [name, setName] = useState(token.name ?? '');
  return (
    <Confirm
      title="Rename the token"
      action="Rename"
      onClose={onClose}
      act={async () => {
        const params = { path: { tokenId: token.id } };
        await ask(api.PATCH('/api/v1/auth/token-auth/tokens/{tokenId}', { params, body: { name } }));
        await onDone();
      }}
    >
      <Field label="Name" value={name} required maxLength={255} onChange={(event) => setName(event.target.value)} />
    </Confirm>
  );
}

const GRACES = [
  ['0', 'none: it ends at once'],
  ['3600', '1 hour'],
  ['86400', '1 day'],
  ['604800', '7 days'],
] as const;

function Rotate({ token, onClose, onDone }: ActProps<{ secret: string; tokenId: string; endsAt: string }>) {
  const [grace, setGrace] = useState('86400');
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  // A call that is repeated gets the same token again.
  const [key] = useState(() => crypto.getRandomValues(new Uint32Array(4)).join('-'));
  const run = async () => {
    setBusy(true);
    setError(undefined);
    try {
      const { accessToken, tokenId, replaced } = await ask(
        api.POST('/api/latchkey/v1/access-tokens/{tokenId}/rotate', {
          params: { path: { tokenId: token.id }, header: { 'Idempotency-Key': key } },
          body: { graceSeconds: Number(grace) },
        }),
      );
      onDone({ secret: accessToken, tokenId, endsAt: replaced.endsAt });
    } catch (thrown) {
      setError(thrown);
      setBusy(false);
    }
  };
  return (
    <Box title={`Rotate ${tokenName(token)}`} onClose={onClose}>
      <p>A new token with the same name and settings takes the place of this one.</p>
      <Choice
        label="The old token stays usable for"
        value={grace}
        options={GRACES}
        onChoose={setGrace}
        help="It ends earlier if the new one is used before."
      />
      {error !== undefined && <Failure error={error} />}
      <div className="actions">
        <Button onClick={onClose}>Cancel</Button>
        <Button look="main" aria-disabled={isBusy} onClick={() => !isBusy && void run()}>
          Rotate {tokenName(token)}
        </Button>
      </div>
    </Box>
  );
}
