import { ResponseInteger, ResponseText } from '../common/dto/response-fields';

/** The facts that a ready node reports. */
export class HealthDto {
  @ResponseText('Always `ready`. A node that is not ready answers 503.', 'ready', { enum: ['ready'] })
  status!: 'ready';

  @ResponseInteger(
    'The revision up to which this node has applied every change. A revocation answers the revision of its change. The value stays behind while an older transaction is open in the database, even if newer changes are applied. `wait=all` is exact.',
    4711,
  )
  appliedRevision!: number;

  @ResponseInteger('Milliseconds since the moment up to which this node knows every change.', 120)
  confirmedAgeMs!: number;

  @ResponseInteger('The longest time in milliseconds for which another node can still accept a revoked token.', 1000)
  revocationBoundMs!: number;

  @ResponseText(
    'Whether this node is told of changes at once. `silent` means a connection on which nothing arrives.',
    'on',
    {
      enum: ['off', 'connecting', 'on', 'silent'],
    },
  )
  push!: string;

  @ResponseInteger(
    "Milliseconds by which this machine's clock is ahead of the database's clock. Latchkey uses the database's clock.",
    0,
  )
  clockSkewMs!: number;

  @ResponseInteger(
    "Milliseconds by which the database's clock is behind the time that this node uses; 0 unless that clock was set back.",
    0,
  )
  databaseClockBehindMs!: number;
}
