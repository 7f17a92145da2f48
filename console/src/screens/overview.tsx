import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { api, ask, type Schemas } from '../client';
import { now } from '../clock';
import { Ago, Badge, Failure, Loading } from '../parts/basics';
import { Page, Section } from '../parts/page';
import { methodName } from '../parts/token-status';
import { Events } from './audit';
import { ClearLockout } from './client-secrets';

const POLL_MS = 15_000;
type Overview = Schemas['OverviewDto'];

/** What needs doing today. Each number is a link to what it counts. */
export function Overview() {
  const queries = useQueryClient();
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ['overview'],
    queryFn: ({ signal }) => ask(api.GET('/api/latchkey/v1/overview', { signal })),
    refetchInterval: POLL_MS,
  });
  return (
    <Page title="Overview" aside={<Step />}>
      {isPending && <Loading />}
      {error && <Failure error={error} again={() => void refetch()} />}
      {data && isFresh(data) && <FirstSteps />}
      {data && (
        <div className="grid">
          <Section title="Expiring">
            <Expiring overview={data} />
          </Section>
          <Section title="Standing">
            <div className="numbers">
              <Link to="/identities" search={{}}>
                <strong>{counted(data.identities)}</strong>
                <span>identities</span>
              </Link>
              <Link to="/tokens" search={{}}>
                <strong>{counted(data.liveTokens)}</strong>
                <span>live tokens</span>
              </Link>
            </div>
            <p>
              <Link to="/tokens" search={{ unused: '90' }}>
                Tokens that no program has used for 90 days
              </Link>
            </p>
          </Section>
          <Section title="Locked logins">
            {data.lockouts.length === 0 ? (
              <p className="muted">No login is locked.</p>
            ) : (
              data.lockouts.map((lockout) => (
                <div key={`${lockout.identityId} ${lockout.authMethod}`} className="stack">
                  <p>
                    <Link to="/identities/$id/secrets" params={{ id: lockout.identityId }} search={{}}>
                      {lockout.identityName}
                    </Link>{' '}
                    {methodName(lockout.authMethod)}{' '}
                    <Badge tone="warn" shape="◷">
                      {lockout.failures} wrong, open again <Ago time={lockout.until} />
                    </Badge>
                  </p>
                  {lockout.authMethod === 'universal-auth' && (
                    <ClearLockout
                      id={lockout.identityId}
                      onDone={() => queries.invalidateQueries({ queryKey: ['overview'] })}
                    />
                  )}
                </div>
              ))
            )}
          </Section>
        </div>
      )}
      <Section
        title="Refused in the last 24 hours"
        aside={
          <Link to="/audit" search={{ outcome: 'refused' }}>
            All refusals
          </Link>
        }
      >
        <Events filter={{ outcome: 'refused' }} limit={5} />
      </Section>
      <Section
        title="Revoked in the last 24 hours"
        aside={
          <Link to="/audit" search={{ event: REVOKED }}>
            All revocations
          </Link>
        }
      >
        <Events filter={{ event: REVOKED, outcome: 'success' }} limit={5} />
      </Section>
    </Page>
  );
}

const REVOKED = 'revoke-token-identity-token-auth,revoke-identity-access-token';

function counted({ count, isCapped }: Schemas['CappedCountDto']): string {
  return `${new Intl.NumberFormat('en').format(count)}${isCapped ? '+' : ''}`;
}

/** Only the administrator of the first start is there. */
function isFresh({ identities, liveTokens }: Overview): boolean {
  return identities.count <= 1 && liveTokens.count <= 1;
}

function FirstSteps() {
  return (
    <Section title="First steps">
      <ol>
        <li>
          <Link to="/identities" search={{}}>
            Make an identity
          </Link>{' '}
          for a program.
        </li>
        <li>Attach a way to get tokens: by hand, or by a login.</li>
        <li>Make a token, and give it to the program.</li>
      </ol>
    </Section>
  );
}

function Expiring({ overview: { expiring, expiries } }: { overview: Overview }) {
  const numbers = [
    ['1', expiring.day, 'in 24 hours'],
    ['7', expiring.week, 'in 7 days'],
    ['30', expiring.month, 'in 30 days'],
  ] as const;
  return (
    <>
      <div className="numbers">
        {numbers.map(([days, count, text]) => (
          <Link key={days} to="/tokens" search={{ expires: days }}>
            <strong>
              {days === '1' && count.count > 0 && <span aria-hidden="true">▲ </span>}
              {counted(count)}
            </strong>
            <span>{text}</span>
          </Link>
        ))}
      </div>
      <Calendar expiries={expiries} />
    </>
  );
}

const DAY_MS = 86_400_000;
const WEEKDAYS = ['Mo', 'Tu', 'We', 'Th', 'Fr', 'Sa', 'Su'];
const longDay = new Intl.DateTimeFormat('en-GB', { weekday: 'long', day: 'numeric', month: 'long', timeZone: 'UTC' });

/** The five weeks from this one on, in UTC. */
function Calendar({ expiries }: { expiries: Overview['expiries'] }) {
  const counts = new Map(expiries.map(({ day, tokens }) => [day, tokens]));
  const today = Math.floor(now() / DAY_MS) * DAY_MS;
  const monday = today - ((new Date(today).getUTCDay() + 6) % 7) * DAY_MS;
  const weeks = Array.from({ length: 5 }, (_, week) =>
    Array.from({ length: 7 }, (_day, day) => monday + (week * 7 + day) * DAY_MS),
  );
  return (
    <table className="calendar">
      <caption className="note">Tokens that run out on each day (UTC)</caption>
      <thead>
        <tr>
          {WEEKDAYS.map((day) => (
            <th key={day} scope="col">
              {day}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {weeks.map((days) => (
          <tr key={days[0]}>
            {days.map((day) => (
              <Day
                key={day}
                day={new Date(day)}
                count={counts.get(new Date(day).toISOString().slice(0, 10)) ?? 0}
                isToday={day === today}
              />
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Day({ day, count, isToday }: { day: Date; count: number; isToday: boolean }) {
  const iso = day.toISOString().slice(0, 10);
  if (count === 0)
    return (
      <td className="muted" aria-current={isToday ? 'date' : undefined}>
        {isToday ? <strong>{day.getUTCDate()}</strong> : day.getUTCDate()}
      </td>
    );
  return (
    <td aria-current={isToday ? 'date' : undefined}>
      <Link to="/tokens" search={{ expires: iso }} title={longDay.format(day)}>
        {day.getUTCDate()} <b>{count}</b>
        <span className="unseen">
          {count === 1 ? 'token' : 'tokens'} on {longDay.format(day)}
        </span>
      </Link>
    </td>
  );
}

/** Whether the node that answers knows every change. */
function Step() {
  const { data } = useQuery({
    queryKey: ['health-mark'],
    queryFn: async ({ signal }) => (await api.GET('/api/health', { signal })).data ?? null,
    refetchInterval: POLL_MS,
  });
  if (data === undefined) return null;
  return (
    <Link to="/nodes">
      <Badge tone={data ? 'good' : 'warn'} shape={data ? '●' : '▲'}>
        {data ? `In step, bound ${data.revocationBoundMs} ms` : 'This node is not ready'}
      </Badge>
    </Link>
  );
}
