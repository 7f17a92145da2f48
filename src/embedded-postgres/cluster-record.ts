/**
 * What is remembered, outside of the directory of the database, about the database that belongs into it. A directory that was
 * removed, moved or mounted elsewhere looks like one that has never been used; this tells them apart.
 */
export interface ClusterRecord {
  /**
   * Called before the database is used, with its system identifier, or without one where there is none.
   *
   * @throws EmbeddedPostgresError when another one belongs there
   */
  require(systemIdentifier: string | undefined, dataDir: string): void;
}
