import * as fs from 'node:fs';
import * as path from 'node:path';

const SRC = path.join(__dirname, '../src');

interface Import {
  readonly from: string;
  readonly to: string;
  readonly isTypeOnly: boolean;
}

const files = (fs.readdirSync(SRC, { recursive: true }) as string[])
  .filter((file) => /(?<!\.spec)\.ts$/.test(file))
  .sort();
const text = (file: string) => fs.readFileSync(path.join(SRC, file), 'utf8');
const imports: Import[] = files.flatMap((from) =>
  [...text(from).matchAll(/^(?:import|export) (type )?[^;]*? from '(\.[^']+)';/gm)].map(([, type, target = '']) => ({
    from,
    to: path.relative(SRC, path.join(SRC, path.dirname(from), target)),
    isTypeOnly: type !== undefined,
  })),
);

/** The files a file imports, and those they import. Migrations lie outside of `src`: they import `database/` alone. */
function reachedFrom(entry: string): string[] {
  const seen = new Set<string>();
  const visit = (file: string): void => {
    if (seen.has(file) || file.startsWith('..')) return;
    seen.add(file);
    for (const { from, to, isTypeOnly } of imports) if (from === `${file}.ts` && !isTypeOnly) visit(to);
  };
  visit(entry);
  return [...seen].map((file) => `${file}.ts`);
}

const isIn = (file: string, ...folders: string[]) => folders.some((folder) => file.startsWith(`${folder}/`));
const said = (wrong: Import[]) => wrong.map(({ from, to }) => `${from} -> ${to}`);
const ROOT = /^(latchkey\.|latchkey-core)/;

describe('the arrows between folders', () => {
  it('leave common alone: it knows nothing of ours', () => {
    expect(said(imports.filter(({ from, to }) => isIn(from, 'common') && !isIn(to, 'common')))).toEqual([]);
  });

  it('lead from database to common, entities and migrations only', () => {
    const isAllowed = (to: string) =>
      isIn(to, 'common', 'database', '../migrations') || /\.entity$|^\.\.\/migrations$/.test(to);
    expect(said(imports.filter(({ from, to }) => isIn(from, 'database') && !isAllowed(to)))).toEqual([]);
  });

  it('lead from the watermark, which all rest on, to common and database only', () => {
    const isAllowed = (to: string) => isIn(to, 'common', 'database', 'watermark') || ROOT.test(to);
    expect(said(imports.filter(({ from, to }) => isIn(from, 'watermark') && !isAllowed(to)))).toEqual([]);
  });

  it('lead from the gate to no feature but its entities', () => {
    const isAllowed = (to: string) =>
      isIn(to, 'common', 'database', 'watermark', 'access-tokens', 'permissions') ||
      ROOT.test(to) ||
      /\.entity$/.test(to);
    expect(
      said(imports.filter(({ from, to }) => isIn(from, 'access-tokens', 'permissions') && !isAllowed(to))),
    ).toEqual([]);
  });

  it('lead to the server from the server and its entry only', () => {
    const wrong = imports.filter(({ from, to }) => isIn(to, 'server') && !isIn(from, 'server') && from !== 'main.ts');
    expect(said(wrong)).toEqual([]);
  });

  it('lead from no auth method to another, and to each from the list of them alone', () => {
    const methodOf = (file: string) => /^auth-methods\/([^/]+)\//.exec(file)?.[1];
    const isMethod = (file: string) => isIn(file, 'auth-methods') && !['dto', undefined].includes(methodOf(file));
    const wrong = imports.filter(
      ({ from, to }) =>
        isMethod(to) &&
        methodOf(from) !== methodOf(to) &&
        from !== 'auth-methods/auth-method-list.ts' &&
        !/\.entity$/.test(to),
    );
    expect(said(wrong)).toEqual([]);
  });

  it('lead to no controller but from its module', () => {
    expect(said(imports.filter(({ from, to }) => /\.controller$/.test(to) && !/\.module\.ts$/.test(from)))).toEqual([]);
  });

  it('carry DTOs into controllers as values: as a type a body would be validated against nothing, or against Function', () => {
    const isController = (file: string) => /\.controller\.ts$/.test(file);
    const wrong = imports.filter(
      ({ from, to, isTypeOnly }) => isController(from) && isTypeOnly && /(^|\/)dto\//.test(to),
    );
    expect(said(wrong)).toEqual([]);
    const inline = files.filter((file) => isController(file) && /\{[^}]*\btype \w+Dto\b[^}]*\} from/.test(text(file)));
    expect(inline).toEqual([]);
  });

  it('lead from what a package exports to no part of the server, and to no package its hosts need not have', () => {
    const manifest = JSON.parse(fs.readFileSync(path.join(SRC, '../package.json'), 'utf8')) as {
      dependencies: Record<string, string>;
      peerDependencies: Record<string, string>;
      peerDependenciesMeta: Record<string, { optional: boolean }>;
      exports: Record<string, { default: string }>;
    };
    const { dependencies, peerDependencies, peerDependenciesMeta, exports } = manifest;
    const everywhere = Object.keys({ ...dependencies, ...peerDependencies }).filter(
      (name) => !peerDependenciesMeta[name],
    );
    const wrong = (entry: string, ...more: string[]) => {
      const reached = reachedFrom(entry);
      const bare = reached.flatMap((file) =>
        [...text(file).matchAll(/^(?:import|export) (?!type )[^;]*? from '([^.'][^']*)';/gm)].map(([, name = '']) => ({
          file,
          name: name
            .split('/')
            .slice(0, name.startsWith('@') ? 2 : 1)
            .join('/'),
        })),
      );
      const isKnown = (name: string) => name.startsWith('node:') || [...everywhere, ...more].includes(name);
      return [
        ...reached.filter((file) => isIn(file, 'server') || file === 'main.ts'),
        ...bare.filter(({ name }) => !isKnown(name)).map(({ file, name }) => `${file} -> ${name}`),
      ];
    };
    expect(Object.keys(exports)).toEqual(['.', './testing', './passport', './package.json']);
    expect(wrong('index')).toEqual([]);
    expect(wrong('testing/index')).toEqual([]);
    expect(wrong('passport', '@nestjs/passport', 'passport-jwt')).toEqual([]);
  });

  it('close no circle', () => {
    const next = new Map(files.map((file) => [file.replace(/\.ts$/, ''), [] as string[]]));
    for (const { from, to, isTypeOnly } of imports) if (!isTypeOnly) next.get(from.replace(/\.ts$/, ''))?.push(to);
    const done = new Set<string>();
    const circles: string[] = [];
    const visit = (file: string, trail: string[]): void => {
      if (trail.includes(file)) circles.push([...trail.slice(trail.indexOf(file)), file].join(' -> '));
      if (done.has(file) || trail.includes(file)) return;
      for (const to of next.get(file) ?? []) visit(to, [...trail, file]);
      done.add(file);
    };
    for (const file of next.keys()) visit(file, []);
    expect(circles).toEqual([]);
  });

  it('read the environment in one place, and bind nothing globally', () => {
    const offenders = (pattern: RegExp, ...allowed: string[]) =>
      files.filter((file) => pattern.test(text(file)) && !allowed.some((prefix) => file.startsWith(prefix)));
    expect(offenders(/process\.env/, 'server/environment.ts', 'embedded-postgres/')).toEqual([]);
    expect(offenders(/APP_(GUARD|FILTER|PIPE|INTERCEPTOR)|forwardRef\(/)).toEqual([]);
  });
});
