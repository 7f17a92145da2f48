import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';

const ROOT = join(__dirname, '..');
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');

/** `decision 5`, `decisions 5 and 6`, `contract 3.5`, `contract 0 and 4`. */
const CITATION = /\b(decision|contract)s? (\d[\d.]*\d|\d)((?:(?:, | and | to )\d[\d.]*)*)/gi;
const FILES = execFileSync(
  'git',
  ['ls-files', 'src', 'migrations', 'test', 'scripts', 'bench', 'examples', 'docs', 'README.md'],
  {
    cwd: ROOT,
    encoding: 'utf8',
  },
)
  .split('\n')
  .filter((path) => /\.(ts|mjs|md)$/.test(path) && !path.startsWith('docs/design/wire-contract'));

interface Citation {
  readonly file: string;
  readonly document: 'decision' | 'contract';
  readonly number: string;
}

function citationsIn(file: string): Citation[] {
  return [...read(file).matchAll(CITATION)].flatMap(([, document, first, rest]) =>
    [first!, ...(rest!.match(/\d[\d.]*/g) ?? [])].map((number) => ({
      file,
      document: document!.toLowerCase() as Citation['document'],
      number: number.replace(/\.$/, ''),
    })),
  );
}

const KNOWN = {
  decision: new Set([...read('docs/design/decisions.md').matchAll(/^### Decision (\d+): /gm)].map(([, n]) => n!)),
  contract: new Set([...read('docs/design/wire-contract.md').matchAll(/^#+ (\d[\d.]*?)\.? /gm)].map(([, n]) => n!)),
};

describe('the architecture page', () => {
  it('names files that are there', () => {
    const named = [...read('docs/architecture.md').matchAll(/`([\w./-]+\.ts)`/g)].map(([, file]) => file!);
    const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard', 'src', 'test'], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    const isThere = (file: string) => files.split('\n').some((path) => path === file || path.endsWith(`/${file}`));
    expect(named.length).toBeGreaterThan(25);
    expect(named.filter((file) => !isThere(file))).toEqual([]);
  });
});

describe('the design documents', () => {
  const citations = FILES.flatMap(citationsIn);

  it('are cited from the code', () => {
    expect(citations.filter(({ file }) => file.startsWith('src/')).length).toBeGreaterThan(40);
    expect(new Set(citations.map(({ document }) => document))).toEqual(new Set(['decision', 'contract']));
  });

  it('have every number that is cited', () => {
    expect(citations.filter(({ document, number }) => !KNOWN[document].has(number))).toEqual([]);
  });

  it('number the decisions without a gap', () => {
    expect([...KNOWN.decision].map(Number)).toEqual(Array.from(KNOWN.decision, (_, index) => index + 1));
  });
});
