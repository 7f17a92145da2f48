import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api, ask, type Schemas } from '../client';
import { meQuery } from '../me';
import { Ago, Badge, Empty, Exactly, Facts, Failure, Field, Loading } from '../parts/basics';
import { Page, Section } from '../parts/page';
import { Table } from '../parts/table';

const POLL_MS = 15_000;

/** Whether every node is in step. */
export function Nodes() {
  const { data: me } = useQuery(meQuery);
  return (
    <Page title="Nodes">
      {me?.isInstanceAdmin === true && <AllNodes />}
      {me?.isInstanceAdmin === false && (
        <Empty title="Only instance administrators see all nodes.">
          <p>Below is the node that answers you.</p>
        </Empty>
      )}
      <ThisNode />
    </Page>
  );
}

type Node = Schemas['NodeDto'];

function AllNodes() {
  const [revision, setRevision] = useState('');
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ['nodes'],
    queryFn: ({ signal }) => ask(api.GET('/api/latchkey/v1/nodes', { signal })),
    refetchInterval: POLL_MS,
  });
  if (isPending) return <Loading rows={3} />;
  if (error) return <Failure error={error} again={() => void refetch()} />;
  const asked = Number(revision.trim());
  const isAsking = /^\d+$/.test(revision.trim());
  const live = data.nodes.filter(({ isGone }) => !isGone);
  const least = Math.min(...live.map(({ appliedRevision }) => appliedRevision));
  return (
    <>
      <Facts
        items={[
          ['Bound', `${data.revocationBoundMs} ms`],
          ['Clock of the database', <Exactly key="clock" time={data.databaseTime} />],
          ['All nodes have applied revision', Number.isFinite(least) ? String(least) : '–'],
        ]}
      />
      <Field
        label="A revision, such as that of a receipt"
        inputMode="numeric"
        value={revision}
        onChange={(event) => setRevision(event.target.value)}
        help="The table then says which nodes have applied it."
      />
      <Table
        caption="Nodes"
        rows={data.nodes}
        idOf={({ node, startedAt }) => `${node} ${startedAt}`}
        columns={[
          { name: 'Node', cell: ({ node, isThisNode }: Node) => `${node}${isThisNode ? ' (answers you)' : ''}` },
          { name: 'State', cell: (node: Node) => <State node={node} /> },
          { name: 'Last heard of', cell: ({ silentMs }: Node) => `${silentMs} ms ago`, isNumber: true },
          { name: 'Applied revision', cell: ({ appliedRevision }: Node) => appliedRevision, isNumber: true },
          ...(isAsking
            ? [
                {
                  name: `Has ${asked}`,
                  cell: ({ appliedRevision }: Node) => (appliedRevision >= asked ? '● yes' : '– not yet'),
                },
              ]
            : []),
          { name: 'Started', cell: ({ startedAt }: Node) => <Ago time={startedAt} /> },
        ]}
      />
    </>
  );
}

/** A node beats every two seconds. */
const LATE_MS = 5_000;

function State({ node: { isGone, silentMs } }: { node: Node }) {
  if (isGone)
    return (
      <Badge tone="neutral" shape="○">
        Gone
      </Badge>
    );
  return silentMs > LATE_MS ? (
    <Badge tone="warn" shape="▲">
      Silent
    </Badge>
  ) : (
    <Badge tone="good" shape="●">
      In step
    </Badge>
  );
}

/** Its refusal is a state, and not an error. */
function ThisNode() {
  const { data } = useQuery({
    queryKey: ['health'],
    queryFn: async ({ signal }) => {
      const { data: health, error } = await api.GET('/api/health', { signal });
      return { health, message: (error as { message?: string } | undefined)?.message };
    },
    refetchInterval: POLL_MS,
  });
  if (!data) return null;
  const { health, message } = data;
  return (
    <Section
      title="The node that answers you"
      aside={
        health ? (
          <Badge tone="good" shape="●">
            Ready
          </Badge>
        ) : (
          <Badge tone="warn" shape="▲">
            Not ready
          </Badge>
        )
      }
    >
      {health ? (
        <Facts
          items={[
            ['Knows every change up to', `${health.confirmedAgeMs} ms ago`],
            ['Bound', `${health.revocationBoundMs} ms`],
            ['Told of changes at once', health.push === 'on' ? 'yes' : health.push],
            ['Ahead of the clock of the database', `${health.clockSkewMs} ms`],
            ['Applied revision', String(health.appliedRevision)],
          ]}
        />
      ) : (
        <p>{message}</p>
      )}
    </Section>
  );
}
