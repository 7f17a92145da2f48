/** The name Latchkey's data source goes by, so that a host's default one stays its own. */
export const LATCHKEY_DATA_SOURCE = 'latchkey';
