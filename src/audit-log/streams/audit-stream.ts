/** A place in the chain of an organization: a batch, and how many of its events were delivered. */
export interface StreamPlace {
  readonly batch: number;
  readonly sent: number;
}

/** Where the events of an organization are sent. */
export interface AuditStream {
  readonly id: string;
  readonly organizationId: string;
  readonly name: string;
  readonly url: string;
  /** In PEM; empty for the authorities of the system. */
  readonly caCert: string;
  readonly isEnabled: boolean;
  /** How often the next delivery has failed in a row. */
  readonly attempts: number;
  readonly deliveredAt: Date | null;
  readonly failingSince: Date | null;
  readonly lastFault: string | null;
  readonly deadLetterCount: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** Events of one batch that were given up. */
export interface DeadLetter {
  readonly id: string;
  readonly batch: number;
  /** The place of the first event in the batch, from 0. */
  readonly first: number;
  readonly count: number;
  readonly attempts: number;
  readonly lastFault: string;
  readonly isDue: boolean;
  /** When it was given up. */
  readonly createdAt: Date;
}

/** A stream that this node has taken over for a while. No other node delivers it meanwhile. */
export interface ClaimedStream extends StreamPlace {
  readonly id: string;
  readonly organizationId: string;
  readonly url: string;
  readonly caCert: string;
  readonly sealedSecret: Buffer;
  readonly attempts: number;
  readonly lease: string;
}
