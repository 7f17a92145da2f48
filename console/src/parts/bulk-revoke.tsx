import { useRef, useState } from 'react';
import { api, ApiError, ask, type Schemas } from '../client';
import { now } from '../clock';
import { Ago, Button, Field } from './basics';
import { Box } from './dialog';
import { Receipt } from './receipt';
import { tokenName, type Token } from './token-status';

const TYPED_ABOVE = 10;
const HOUR_MS = 3_600_000;

interface Outcome {
  readonly revoked: number;
  readonly dead: number;
  readonly refused: readonly { readonly token: Token; readonly message: string }[];
  readonly nodes?: Schemas['SpreadDto'] | undefined;
  readonly revision: number | null;
  readonly tookMs: number;
  readonly isStopped: boolean;
}

/** Revokes many tokens, one after the other. First it says what would be revoked; it can be stopped, and repeated without harm. */
export function BulkRevoke({
  tokens,
  filter,
  onClose,
}: {
  tokens: readonly Token[];
  filter: string;
  onClose: () => void;
}) {
  const [text, setText] = useState('');
  const [done, setDone] = useState<number | null>(null);
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const isStopped = useRef(false);
  const count = tokens.length;
  const isReady = count > 0 && (count <= TYPED_ABOVE || text.trim() === String(count));
  const run = async () => {
    const began = performance.now();
    let [revoked, dead] = [0, 0];
    let last: Schemas['RevokedDto'] | undefined;
    const refused: { token: Token; message: string }[] = [];
    for (const [at, token] of tokens.entries()) {
      if (isStopped.current) break;
      setDone(at);
      try {
        last = await revoke(token.id, at === count - 1);
        revoked += 1;
      } catch (error) {
        if (error instanceof ApiError && error.status === 404) dead += 1;
        else refused.push({ token, message: error instanceof Error ? error.message : String(error) });
        if (error instanceof ApiError && (error.status === 0 || error.status === 401)) break;
      }
    }
    const tookMs = Math.round(performance.now() - began);
    const revision = last?.revision ?? null;
    setOutcome({ revoked, dead, refused, nodes: last?.nodes, revision, tookMs, isStopped: isStopped.current });
    setDone(null);
  };
  const isRunning = done !== null;
  return (
    <Box title={`Revoke ${count} tokens`} isGuarded={isRunning} onClose={onClose} role="alertdialog">
      {outcome === null ? (
        <>
          <p>{filter}</p>
          <Trial tokens={tokens} />
          {count > TYPED_ABOVE && !isRunning && (
            <Field
              label={`Type ${count}`}
              value={text}
              autoComplete="off"
              onChange={(event) => setText(event.target.value)}
            />
          )}
          {isRunning && (
            <div role="status">
              <progress max={count} value={done} aria-label="Revoked so far" /> {done} of {count}
            </div>
          )}
          <div className="actions">
            {isRunning ? (
              <Button onClick={() => (isStopped.current = true)}>Stop</Button>
            ) : (
              <>
                <button type="button" className="button plain" onClick={onClose} autoFocus={count <= TYPED_ABOVE}>
                  Cancel
                </button>
                <Button look="danger" aria-disabled={!isReady} onClick={() => isReady && void run()}>
                  Revoke {count} tokens
                </Button>
              </>
            )}
          </div>
        </>
      ) : (
        <>
          {outcome.revoked > 0 && (
            <Receipt
              facts={{
                what: outcome.revoked === 1 ? '1 token' : `${outcome.revoked} tokens`,
                nodes: outcome.nodes,
                revision: outcome.revision,
                tookMs: outcome.tookMs,
              }}
              onClose={onClose}
            />
          )}
          <p role={outcome.revoked === 0 ? 'status' : undefined}>
            {outcome.revoked === 0 && 'No token was revoked. '}
            {outcome.dead} were dead before, {outcome.refused.length} were refused.
            {outcome.isStopped && ' Stopped: the others are as they were.'}
          </p>
          {outcome.refused.length > 0 && (
            <ul>
              {outcome.refused.slice(0, 10).map(({ token, message }) => (
                <li key={token.id}>
                  {tokenName(token)} of {token.identityName}: {message}
                </li>
              ))}
            </ul>
          )}
          <div className="actions">
            <Button onClick={onClose}>Close</Button>
          </div>
        </>
      )}
    </Box>
  );
}

async function revoke(tokenId: string, waits: boolean): Promise<Schemas['RevokedDto']> {
  const params = { path: { tokenId }, query: waits ? { wait: 'all' as const } : {} };
  return ask(api.POST('/api/latchkey/v1/access-tokens/{tokenId}/revoke', { params }));
}

/** What the revocation would meet: which of them are in use. Nothing is changed yet. */
function Trial({ tokens }: { tokens: readonly Token[] }) {
  const used = tokens
    .filter(({ accessTokenLastUsedAt }) => accessTokenLastUsedAt !== null)
    .sort((one, other) => other.accessTokenLastUsedAt!.localeCompare(one.accessTokenLastUsedAt!));
  const lately = used.filter(({ accessTokenLastUsedAt: time }) => now() - Date.parse(time!) < HOUR_MS).length;
  return (
    <div className={lately > 0 ? 'warning' : 'hint'}>
      <p>
        {lately === 0 ? 'None was used in the last hour.' : `${lately} were used in the last hour.`}{' '}
        {tokens.length - used.length} were never used.
      </p>
      {used.length > 0 && (
        <ul>
          {used.slice(0, 10).map((token) => (
            <li key={token.id}>
              {tokenName(token)} of {token.identityName}: used <Ago time={token.accessTokenLastUsedAt} />
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
