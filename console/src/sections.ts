/** The pages of the navigation, each with the letter that follows `g`. */
export const SECTIONS = [
  ['/', 'Overview', 'o'],
  ['/identities', 'Identities', 'i'],
  ['/tokens', 'Tokens', 't'],
  ['/audit', 'Audit log', 'a'],
  ['/organization', 'Organization', 'r'],
  ['/nodes', 'Nodes', 'n'],
  ['/settings', 'Settings', 's'],
] as const;
