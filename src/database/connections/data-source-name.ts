/** The name of Latchkey's data source, which leaves the default name to the host. */
export const LATCHKEY_DATA_SOURCE = 'latchkey';
