import type { Schemas } from '../client';
import { Button } from './basics';

export interface ReceiptFacts {
  readonly what: string;
  /** Absent if the revocation did not wait for them. */
  readonly nodes: Schemas['SpreadDto'] | undefined;
  readonly revision: number | null;
  /** From the click to the answer, in milliseconds. */
  readonly tookMs: number;
}

/** Where a revocation has arrived. It stays until it is closed. */
export function Receipt({ facts, onClose }: { facts: ReceiptFacts; onClose: () => void }) {
  const { what, nodes, revision, tookMs } = facts;
  const pending = nodes?.pending ?? [];
  const applied = nodes?.applied ?? [];
  return (
    <div className={pending.length > 0 ? 'receipt partly' : 'receipt'} role="status">
      <div>
        <strong>
          <span aria-hidden="true">{pending.length > 0 ? '▲ ' : '✓ '}</span>
          {what} revoked.
        </strong>{' '}
        {nodes === undefined
          ? 'Refused here at once. Which nodes have applied it was not asked: every node refuses it within the bound.'
          : pending.length === 0
            ? `Refused here at once, and applied on ${applied.length === 1 ? 'the only node' : `all ${applied.length} nodes`} when this was answered, after ${tookMs} ms.`
            : `Applied on ${applied.length} nodes. ${pending.join(', ')} has not confirmed within the bound, and answers nothing from memory until it has.`}
        <p className="note">
          {applied.length > 0 && <>Applied: {applied.join(', ')}. </>}
          {revision !== null && <>Revision {revision}.</>}
        </p>
      </div>
      <Button look="quiet" onClick={onClose} aria-label="Close the receipt">
        ✕
      </Button>
    </div>
  );
}
