import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const ROOT = join(__dirname, '..');
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');
const filesIn = (...paths: string[]) =>
  execFileSync('git', ['ls-files', '-co', '--exclude-standard', '--deduplicate', ...paths], {
    cwd: ROOT,
    encoding: 'utf8',
  })
    .split('\n')
    .filter((file) => file !== '' && existsSync(join(ROOT, file)));

const DOCUMENTS = filesIn('README.md', 'docs/*.md');
const FILES = filesIn();
const SOURCES = filesIn('src/*.ts').filter((file) => !file.endsWith('.spec.ts'));
const SOURCE = SOURCES.map(read).join('\n');

/** Everything in the documents that matches, with the document. */
function named(pattern: RegExp, documents = DOCUMENTS): { document: string; name: string }[] {
  return documents.flatMap((document) =>
    [...read(document).matchAll(pattern)].map((match) => ({ document, name: match.slice(1).find(Boolean)! })),
  );
}

const quoted = (name: string) => SOURCE.includes(`'${name}'`) || SOURCE.includes(`\`${name}\``);

describe('what README and docs name', () => {
  it('exists: the targets of links', () => {
    const links = named(/\]\((?!https?:)([^)#\s]+)(?:#[^)]*)?\)/g);
    expect(links.length).toBeGreaterThan(30);
    expect(links.filter(({ document, name }) => !existsSync(join(ROOT, dirname(document), name)))).toEqual([]);
  });

  it('exists: the headings that links lead to', () => {
    const slugs = (document: string) =>
      [...read(document).matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
        heading!
          .toLowerCase()
          .replace(/[^\w\- ]/g, '')
          .replaceAll(' ', '-'),
      );
    const links = DOCUMENTS.flatMap((document) =>
      [...read(document).matchAll(/\]\((?!https?:)([^)#\s]*)#([^)]+)\)/g)].map(([, path, anchor]) => ({
        document: path === '' ? document : join(dirname(document), path!),
        anchor: anchor!,
      })),
    );
    expect(links.length).toBeGreaterThan(5);
    expect(links.filter(({ document, anchor }) => !slugs(document).includes(anchor))).toEqual([]);
  });

  it('exists: files and folders', () => {
    const paths = named(/`((?:src|test|docs|scripts|bench|examples|migrations|\.ci)\/[\w./-]*)`/g);
    expect(paths.length).toBeGreaterThan(40);
    const exists = (path: string) => FILES.some((file) => file.startsWith(path.replace(/\.js$/, '')));
    expect(paths.filter(({ name }) => !exists(name))).toEqual([]);
  });

  it('exists: the tests of failures and guarantees', () => {
    const rows = /^\|.*\| P\d[^|]*\|([^|]+)\|$|^\| (?:P\d+\w?|–) +\|.*\|([^|]+)\|$/gm;
    const tests = named(rows, ['docs/operations.md', 'docs/guarantees.md']).flatMap(({ document, name }) =>
      [...name.matchAll(/`((?:test\/)?[a-z-]+)`/g)].map(([, test]) => ({ document, test: test! })),
    );
    expect(tests.length).toBeGreaterThan(50);
    const exists = (test: string) =>
      FILES.some((file) => file.startsWith('test/') && file.includes(`/${test.replace('test/', '')}.`));
    expect(tests.filter(({ test }) => !exists(test))).toEqual([]);
  });

  it('exists: settings', () => {
    const settings = named(/\b(LATCHKEY_[A-Z_]+[A-Z])\b/g);
    expect(settings.length).toBeGreaterThan(30);
    // Kubernetes sets it beside a service of that name.
    const isKnown = (name: string) => name === 'LATCHKEY_PORT' || new RegExp(`\\b${name}\\b`).test(SOURCE);
    expect(settings.filter(({ name }) => !isKnown(name))).toEqual([]);
  });

  it('exists: log events', () => {
    const rows = named(/^\| ((?:`[a-z_]+\.[a-z_]+`(?:, )?)+) +\|/gm, ['docs/operations.md']);
    const events = rows.flatMap(({ name }) => [...name.matchAll(/`([^`]+)`/g)].map(([, event]) => event!));
    expect(events.length).toBeGreaterThan(20);
    expect(
      events.filter((event) => !SOURCE.includes(`'${event}'`) && !SOURCE.includes(`'${event.split('.')[0]}.`)),
    ).toEqual([]);
  });

  it('is complete: operations.md has every log event that is a warning or an error', () => {
    const events = [...SOURCE.matchAll(/\.(?:warn|error|failed)\(\{\s*event: '([^']+)'/g)].map(([, event]) => event!);
    expect(events.length).toBeGreaterThan(20);
    expect(events.filter((event) => !read('docs/operations.md').includes(`\`${event}\``))).toEqual([]);
  });

  it('exists: error codes and their classes', () => {
    const rows = [...read('docs/embedding.md').matchAll(/^\| `([a-z_]+)` +\| \d{3} +\| `(\w+)` +\|$/gm)];
    expect(rows.length).toBeGreaterThan(25);
    const hasCode = (code: string) =>
      quoted(code) ||
      quoted(code.replace(/^access_token_/, '')) ||
      SOURCE.includes(`${code.replace(/^access_token_/, '')}:`);
    expect(rows.filter(([, code]) => !hasCode(code!)).map(([, code]) => code)).toEqual([]);
    expect(rows.filter(([, , name]) => !SOURCE.includes(`class ${name} `)).map(([, , name]) => name)).toEqual([]);
  });
});
