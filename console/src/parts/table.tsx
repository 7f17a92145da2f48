import { useNavigate } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { Button } from './basics';

export interface Column<Row> {
  readonly name: string;
  readonly cell: (row: Row) => ReactNode;
  readonly isNumber?: boolean;
}

interface TableProps<Row> {
  readonly caption: string;
  readonly rows: readonly Row[];
  readonly idOf: (row: Row) => string;
  readonly columns: readonly Column<Row>[];
  readonly selection?: { readonly ids: ReadonlySet<string>; readonly change: (ids: ReadonlySet<string>) => void };
  readonly labelOf?: (row: Row) => string;
}

/** A plain table. The first column names the row. */
export function Table<Row>({ caption, rows, idOf, columns, selection, labelOf }: TableProps<Row>) {
  const toggle = (id: string) => {
    const ids = new Set(selection?.ids);
    if (!ids.delete(id)) ids.add(id);
    selection?.change(ids);
  };
  return (
    <div className="scroll">
      <table>
        <caption className="unseen">{caption}</caption>
        <thead>
          <tr>
            {selection && (
              <td className="pick">
                <input
                  type="checkbox"
                  aria-label="Select all rows of this page"
                  checked={rows.length > 0 && rows.every((row) => selection.ids.has(idOf(row)))}
                  onChange={(event) => {
                    const ids = new Set(selection.ids);
                    for (const row of rows)
                      if (event.target.checked) ids.add(idOf(row));
                      else ids.delete(idOf(row));
                    selection.change(ids);
                  }}
                />
              </td>
            )}
            {columns.map(({ name, isNumber }) => (
              <th key={name} scope="col" className={isNumber ? 'number' : undefined}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={idOf(row)} data-selected={selection?.ids.has(idOf(row)) || undefined}>
              {selection && (
                <td className="pick">
                  <input
                    type="checkbox"
                    aria-label={`Select ${labelOf?.(row) ?? idOf(row)}`}
                    checked={selection.ids.has(idOf(row))}
                    onChange={() => toggle(idOf(row))}
                  />
                </td>
              )}
              {columns.map(({ name, cell, isNumber }, at) =>
                at === 0 ? (
                  <th key={name} scope="row">
                    {cell(row)}
                  </th>
                ) : (
                  <td key={name} data-name={name} className={isNumber ? 'number' : undefined}>
                    {cell(row)}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface PagerProps {
  readonly after: string | undefined;
  readonly next: string | null | undefined;
  readonly total: string;
}

/** The place in a list is in the address: Back leads to the page before. */
export function Pager({ after, next, total }: PagerProps) {
  const navigate = useNavigate();
  const go = (to: string | undefined) =>
    void navigate({ to: '.', search: ((old: object) => ({ ...old, after: to })) as never });
  return (
    <nav className="pager" aria-label="Pages">
      <span className="note">{total}</span>
      <Button aria-disabled={after === undefined} onClick={() => after !== undefined && go(undefined)}>
        ‹ First
      </Button>
      <Button aria-disabled={!next} onClick={() => next && go(next)}>
        Next ›
      </Button>
    </nav>
  );
}

export function totalOf(count: number, isCapped: boolean | undefined, what: string): string {
  const number = new Intl.NumberFormat('en').format(count);
  return `${number}${isCapped ? '+' : ''} ${what}`;
}
