/** The first 128 bits of a digest in the form of an id. The same digest gives the same id, and no row has been given it. */
export function uuidFromDigest(digest: Buffer): string {
  return digest.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5');
}
