import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(__dirname, '..');
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');
const DOCUMENTS = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '--deduplicate', 'docs/*.md'], {
  cwd: ROOT,
  encoding: 'utf8',
})
  .split('\n')
  .filter((file) => file !== '' && existsSync(join(ROOT, file)));

/** Prettier indents an excerpt in another way than the file. */
const unindented = (code: string) => code.replace(/^ +/gm, '');

/** Blocks of TypeScript, with the file that the comment before each names. */
const blocksOf = (document: string) =>
  [...read(document).matchAll(/(?:<!-- (\S+\.ts) -->\n\n)?```ts\n([^]*?)```/g)].map(([, file, code]) => ({
    document,
    file,
    code: code!,
  }));

describe('code in the documents', () => {
  it('that names a file of an example or a test stands there, word for word', () => {
    const quoted = DOCUMENTS.flatMap(blocksOf).filter(({ file }) => file !== undefined);
    expect(quoted.length).toBeGreaterThan(10);
    expect(quoted.filter(({ file, code }) => !unindented(read(file!)).includes(unindented(code)))).toEqual([]);
  });

  it('is always such a quotation on the pages for kinds of hosts', () => {
    const blocks = DOCUMENTS.filter((document) => document.startsWith('docs/hosts/')).flatMap(blocksOf);
    expect(blocks.filter(({ file }) => file === undefined)).toEqual([]);
    expect(new Set(blocks.map(({ document }) => document)).size).toBeGreaterThan(5);
  });
});
