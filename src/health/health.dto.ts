import { ResponseInteger, ResponseText } from '../common/dto/response-fields';

/** What a node that is ready says of itself. */
export class HealthDto {
  @ResponseText('Always `ready`; a node that is not answers 503.', 'ready', { enum: ['ready'] })
  status!: 'ready';

  @ResponseInteger(
    'The revision up to which this node has learnt of every change; revoking a token answers the revision of that change. It stays behind while an older transaction is open in the database, though what is newer may be known: `wait=all` is exact.',
    4711,
  )
  appliedRevision!: number;

  @ResponseInteger('Milliseconds since the moment up to which every change is known.', 120)
  confirmedAgeMs!: number;

  @ResponseInteger('Milliseconds a revoked token may live on another node, at most.', 1000)
  revocationBoundMs!: number;

  @ResponseText('Whether changes of other nodes are pushed: `silent` is a connection nothing arrives on.', 'on', {
    enum: ['off', 'connecting', 'on', 'silent'],
  })
  push!: string;

  @ResponseInteger("How far this machine's clock is ahead of the database's, which is the one that counts.", 0)
  clockSkewMs!: number;

  @ResponseInteger("How far the database's clock is behind the time this node goes by: 0 unless it was set back.", 0)
  databaseClockBehindMs!: number;
}
