import { ResponseFlag, ResponseInteger, ResponseList, ResponseText, ResponseTime } from '../common/dto/response-fields';

export class NodeDto {
  @ResponseText('The host name and the process id of the node.', 'web-1:4711')
  node!: string;

  @ResponseFlag('Whether it is the node that answers.', true)
  isThisNode!: boolean;

  @ResponseTime('When the node started.')
  startedAt!: Date;

  @ResponseTime('When the node was last heard of. It writes a heartbeat every two seconds.')
  seenAt!: Date;

  @ResponseInteger('The revision up to which the node has applied every change.', 4711)
  appliedRevision!: number;

  @ResponseInteger('Milliseconds since it was last heard of, by the clock of the database.', 250)
  silentMs!: number;

  @ResponseFlag('Whether the others no longer wait for it.')
  isGone!: boolean;
}

export class NodeListDto {
  @ResponseInteger('The longest time in milliseconds for which another node can still accept a revoked token.', 1000)
  revocationBoundMs!: number;

  @ResponseTime('The time of the database.')
  databaseTime!: Date;

  @ResponseList(() => NodeDto, 'The nodes: 500 at most.')
  nodes!: NodeDto[];
}
