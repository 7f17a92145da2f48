import { Link } from '@tanstack/react-router';
import { Ago, Exactly, Name } from './basics';
import { Table, type Column } from './table';
import { methodName, TokenStatus, tokenName, usesOf, type Token } from './token-status';

interface TokenTableProps {
  readonly rows: readonly Token[];
  readonly caption: string;
  readonly hasIdentity?: boolean;
  readonly selection?: { readonly ids: ReadonlySet<string>; readonly change: (ids: ReadonlySet<string>) => void };
}

export function TokenTable({ rows, caption, hasIdentity = false, selection }: TokenTableProps) {
  const ofIdentity: Column<Token>[] = hasIdentity
    ? [
        {
          name: 'Identity',
          cell: ({ identityId, identityName }) => (
            <Link to="/identities/$id" params={{ id: identityId }} search={{}}>
              <Name text={identityName} />
            </Link>
          ),
        },
      ]
    : [];
  const columns: Column<Token>[] = [
    {
      name: 'Token',
      cell: (token) => (
        <Link to="/tokens/$id" params={{ id: token.id }}>
          <Name text={tokenName(token)} />
        </Link>
      ),
    },
    ...ofIdentity,
    { name: 'Status', cell: (token) => <TokenStatus token={token} /> },
    { name: 'Uses', isNumber: true, cell: usesOf },
    { name: 'Last used', cell: ({ accessTokenLastUsedAt }) => <Ago time={accessTokenLastUsedAt} /> },
    { name: 'Runs out', cell: ({ accessTokenExpiresAt }) => <Exactly time={accessTokenExpiresAt} none="never" /> },
    { name: 'Method', cell: ({ authMethod }) => methodName(authMethod) },
  ];
  return (
    <Table
      caption={caption}
      rows={rows}
      idOf={({ id }) => id}
      columns={columns}
      labelOf={tokenName}
      {...(selection ? { selection } : {})}
    />
  );
}
