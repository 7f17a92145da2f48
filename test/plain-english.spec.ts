import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as ts from 'typescript';

/**
 * A word list for what people read: documents, comments, and the texts of the API. A sentence begins with the thing that acts
 * (the node, the query, the caller), not with a relative clause.
 */
const RULES: readonly (readonly [rule: string, pattern: RegExp])[] = [
  ['"anew": write "again"', /\banew\b/i],
  ['"is none": write "is not a …"', /(?<!there )\bis none\b/i],
  ['"of ours": name the owner', /\bof ours\b/i],
  ['"nobody", "somebody", "anybody": name the one that acts', /\b(?:no|some|any)body\b/i],
  ['a sentence, other than a heading or a question, begins with a noun', /^(?:Who|Whoever|What|Whatever|Of) (?!.*\?$)/],
];

const ROOT = join(__dirname, '..');
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');

function filesIn(...paths: string[]): string[] {
  const args = ['ls-files', '-co', '--exclude-standard', '--deduplicate', ...paths];
  return execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' }).split('\n').filter(Boolean);
}

/** Without code, which is quoted. A heading keeps its `#`. */
function sentencesOf(prose: string): string[] {
  return prose
    .replace(/^```[\s\S]*?^```/gm, '')
    .replace(/`[^`]*`|"\w+"/g, 'code')
    .split(/(?<=[.!?:;])\s+|\n\s*\n|\n(?=\s*(?:[-*|#>]|\d+\.) )|\|/)
    .map((sentence) =>
      sentence
        .replace(/^[\s>*_-]+/, '')
        .replace(/\s+/g, ' ')
        .trim(),
    )
    .filter(Boolean);
}

function faultsIn(prose: string): string[] {
  return sentencesOf(prose).flatMap((sentence) =>
    RULES.filter(([, pattern]) => pattern.test(sentence)).map(([rule]) => `${rule}: ${sentence}`),
  );
}

function commentRanges(source: string, tree: ts.SourceFile): ts.CommentRange[] {
  const ranges = new Map<number, ts.CommentRange>();
  const visit = (node: ts.Node): void => {
    const around = [
      ...(ts.getLeadingCommentRanges(source, node.getFullStart()) ?? []),
      ...(ts.getTrailingCommentRanges(source, node.getEnd()) ?? []),
    ];
    for (const range of around) ranges.set(range.pos, range);
    node.getChildren(tree).forEach(visit);
  };
  visit(tree);
  return [...ranges.values()].sort((one, other) => one.pos - other.pos);
}

/** Lines of `//` below one another are one comment. */
function commentsOf(source: string, tree: ts.SourceFile): string[] {
  const comments: string[] = [];
  let end = -1;
  for (const range of commentRanges(source, tree)) {
    const text = source.slice(range.pos, range.end).replace(/^\s*(?:\/\/|\/\*\*?|\*(?!\/))|\*\/$/gm, '');
    const continues = end >= 0 && /^\n *$/.test(source.slice(end, range.pos));
    if (range.kind === ts.SyntaxKind.SingleLineCommentTrivia && continues) comments.push(`${comments.pop()}\n${text}`);
    else comments.push(text);
    end = range.kind === ts.SyntaxKind.SingleLineCommentTrivia ? range.end : -1;
  }
  return comments;
}

function literalsOf(tree: ts.SourceFile): string[] {
  const literals: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteralLike(node) && node.text.includes(' ')) literals.push(node.text);
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return literals;
}

function textsOf(file: string): { comments: string[]; literals: string[] } {
  const source = read(file);
  const tree = ts.createSourceFile(file, source, ts.ScriptTarget.Latest, true);
  return { comments: commentsOf(source, tree), literals: literalsOf(tree) };
}

describe('the word list', () => {
  it.each([
    ['It is begun anew.', 1],
    ['A trusted address is none.', 1],
    ['The row is there. What the node remembers is older.', 1],
    ['A host of ours.', 1],
    ['Nobody reads `somebody`.', 1],
    ['# What happens when the database restarts?', 0],
    ['The account is `nobody`, and what it owns is listed.', 0],
  ])('%s', (prose, count) => {
    expect(faultsIn(prose)).toHaveLength(count);
  });

  it('finds comments, and those of several lines as one', () => {
    const source = "/** One.\n * Two. */\nconst a = '// no'; // three\n// four\nfoo(`}${/* five */ a}`);";
    const tree = ts.createSourceFile('a.ts', source, ts.ScriptTarget.Latest, true);
    expect(commentsOf(source, tree).map((text) => text.replace(/\s+/g, ' ').trim())).toEqual([
      'One. Two.',
      'three four',
      'five',
    ]);
  });
});

describe('plain English', () => {
  const documents = filesIn('*.md');
  const sources = filesIn('src/*.ts').filter((file) => !file.endsWith('.spec.ts'));
  const texts = sources.map((file) => ({ file, ...textsOf(file) }));
  const faultsOf = (file: string, prose: readonly string[]) =>
    prose.flatMap(faultsIn).map((fault) => `${file}: ${fault}`);

  it('is looked for in every document and source file', () => {
    expect(documents.length).toBeGreaterThan(14);
    expect(documents).toEqual(expect.arrayContaining(['README.md', 'docs/operations.md', 'docs/design/decisions.md']));
    expect(sources.length).toBeGreaterThan(200);
    expect(texts.flatMap(({ comments }) => comments).length).toBeGreaterThan(800);
  });

  it('is in every document', () => {
    expect(documents.flatMap((file) => faultsOf(file, [read(file)]))).toEqual([]);
  });

  it('is in every text of the code: summaries, descriptions, error messages', () => {
    expect(texts.flatMap(({ file, literals }) => faultsOf(file, literals))).toEqual([]);
  });

  it('is in every comment', () => {
    expect(texts.flatMap(({ file, comments }) => faultsOf(file, comments))).toEqual([]);
  });
});
