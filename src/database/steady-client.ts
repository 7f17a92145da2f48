import { Client, type ClientConfig } from 'pg';

/**
 * A connection whose loss ends no process. What breaks it is told by the statement that fails; but the word of a dying server
 * may also come when nobody listens, because a pool hands a connection over between two events: right after the greeting, in
 * the same packet, or when a statement has failed already and the connection is being thrown away.
 */
export class SteadyClient extends Client {
  constructor(config?: string | ClientConfig) {
    super(config);
    this.on('error', () => undefined);
  }
}
