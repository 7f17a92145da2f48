import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { api, ask } from '../client';
import { now } from '../clock';
import { Empty, Exactly, Facts, Failure, Id, Loading } from '../parts/basics';
import { Page, Section } from '../parts/page';
import { eventName, Events, OutcomeBadge, textOf } from './audit';

const WINDOW_MS = 92 * 86_400_000;

/** Why a request was refused, by the error code that the audit log has. */
const REASONS: Readonly<Record<string, string>> = {
  access_token_expired: 'The token had run out. Renew it before its end, or make another one.',
  access_token_revoked: 'The token had been revoked. Its events say when, and by which identity.',
  access_token_rotated: 'Another token has taken the place of this one, and its grace is over.',
  access_token_disabled: 'The token was disabled.',
  access_token_identity_gone: 'The identity or the row of the token is gone.',
  access_token_client_secret_gone: 'The client secret by which the token was issued was revoked.',
  access_token_auth_method_gone: 'The auth method that issued the token was removed from the identity.',
  access_token_not_a_member: 'The identity is not a member of the organization.',
  access_token_membership_inactive: 'The membership of the identity is inactive.',
  access_token_uses_exhausted: 'The token had been used as often as its use limit allows.',
  access_token_max_ttl_reached: 'The token has reached its longest life over all renewals.',
  access_token_rate_limited: 'The key had no request left by one of its rate limits.',
  address_not_trusted: 'The address that the server saw is not among the trusted networks of the token.',
  permission_denied: 'The role of the identity does not have the permission that the route needs.',
  permission_boundary: 'The target may do more than the caller: a caller changes only what it holds itself.',
  instance_admin_required: 'Only an instance administrator may do this to an instance administrator.',
  last_administrator: 'The organization would have been left without an administrator who can get in.',
  credentials_invalid:
    'The client id or the secret was wrong. After too many wrong ones the login is locked for a while.',
  locked_out: 'Too many wrong secrets had locked the login. It opens by itself, or is cleared at the client secrets.',
};

export function Explain() {
  const { id } = useParams({ from: '/shell/requests/$id' });
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ['request', id],
    queryFn: () => {
      const endDate = new Date(now() + 60_000).toISOString();
      const query = { reqId: id, limit: 20, endDate, startDate: new Date(now() - WINDOW_MS + 120_000).toISOString() };
      return ask(api.GET('/api/v1/organization/audit-logs', { params: { query } })).then(({ auditLogs }) => auditLogs);
    },
  });
  const event = data?.find(({ outcome }) => outcome !== 'success') ?? data?.[0];
  const tokenId = event && (textOf(event.event.metadata, 'tokenId') ?? textOf(event.actor.metadata, 'tokenId'));
  return (
    <Page title={`Request ${id}`} trail={[{ to: '/audit', text: 'Audit log' }]}>
      {isPending && <Loading />}
      {error && <Failure error={error} again={() => void refetch()} />}
      {data && !event && (
        <Empty title="The audit log has no event of this request in the last 92 days.">
          <p>
            Requests that never reached a token of your organization are not in it. An event follows its request within
            a second.
          </p>
        </Empty>
      )}
      {event && (
        <>
          <Section title={eventName(event.event.type)} aside={<OutcomeBadge event={event} />}>
            {event.reason && (
              <p>
                <strong>{REASONS[event.reason] ?? 'The server refused it.'}</strong> <code>{event.reason}</code>
              </p>
            )}
            <Facts
              items={[
                ['When', <Exactly key="when" time={event.createdAt} />],
                ['Address that was seen', event.ipAddress ?? '–'],
                ['Program', event.userAgent ?? '–'],
                ['Actor', textOf(event.actor.metadata, 'name') ?? event.actor.type],
                ['Method', textOf(event.actor.metadata, 'authMethod') ?? '–'],
                ['Event', <Id key="id" value={event.id} name="event id" />],
                ...(tokenId
                  ? [
                      [
                        'Token',
                        <Link key="token" to="/tokens/$id" params={{ id: tokenId }}>
                          its page
                        </Link>,
                      ] as const,
                    ]
                  : []),
              ]}
            />
          </Section>
          {tokenId && (
            <Section title="What happened to the token, last 30 days">
              <Events filter={{ token: tokenId, days: '30' }} limit={10} />
            </Section>
          )}
          <Section title="As the audit log has it">
            <pre tabIndex={0} aria-label="The event as JSON">
              {JSON.stringify(event, null, 2)}
            </pre>
          </Section>
        </>
      )}
    </Page>
  );
}
