/**
 * A record, outside of the database's directory, of the database that belongs into it. A directory that was removed, moved or
 * mounted elsewhere looks like one that was never used; the record tells them apart.
 */
export interface ClusterRecord {
  /**
   * Called before the database is used, with its system identifier, or without one if there is no database.
   *
   * @throws EmbeddedPostgresError when another database belongs there
   */
  require(systemIdentifier: string | undefined, dataDir: string): void;
}
